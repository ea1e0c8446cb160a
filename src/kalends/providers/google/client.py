"""Requests to Google's calendar API: the access token, and what each failure means.

`failure` is the one place that looks at a status code. Google's reasons decide, not its statuses: a 403 may be a
quota, a missing right or a forbidden change.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from weakref import WeakValueDictionary

from kalends.net import oauth
from kalends.net.errors import NetError
from kalends.net.http import HttpClient, Response
from kalends.providers.errors import from_net, retry_at
from kalends.providers.settings import GoogleSettings
from kalends.sync.port import (
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    Conflict,
    Credentials,
    CursorExpired,
    Forbidden,
    NotFound,
    Permanent,
    ProviderError,
    Temporary,
    Throttled,
)

_EARLY = timedelta(seconds=60)
_PATIENCE = 10.0
_TRIES = 10
_RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
_STALE_CURSOR = frozenset({"fullSyncRequired", "updatedMinTooLongAgo"})
_BY_STATUS: Mapping[int, type[ProviderError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: Conflict,
}
_UNSAFE = frozenset({"POST", "PATCH", "PUT", "DELETE"})


class GoogleClient:
    """One account. `clock` gives the present instant; it decides when a token is due and when to come back."""

    def __init__(
        self, credentials: Credentials, settings: GoogleSettings, http: HttpClient, clock: Callable[[], datetime]
    ) -> None:
        self._credentials = credentials
        self._settings = settings
        self._http = http
        self._clock = clock
        self._deadline: float | None = None

    def until(self, seconds: float | None) -> None:
        """From now on all requests together end within `seconds`; None: each has the usual time."""
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def call(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        etag: str = "",
    ) -> dict[str, Any]:
        """One call of the calendar API; {} for an empty answer. Raises ProviderError only."""
        url = f"{self._settings.api_url}/calendar/v3/{'/'.join(quote(part, safe='') for part in path)}"
        if query:
            url = f"{url}?{urlencode(query)}"
        headers = {"Accept": "application/json", **({"If-Match": etag} if etag else {})}
        content = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        response = self._authorized(method, url, headers, content)
        if response.status == 204 or (response.status == 200 and not response.body):
            return {}
        if response.status == 200:
            return _object(response, write=method in _UNSAFE)
        raise failure(response, write=method in _UNSAFE, now=self._clock())

    def _authorized(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Response:
        """A 401 was not carried out, so the same request goes once more with a new token."""
        token = self._access_token(stale="")
        response = self._send(method, url, {**headers, "Authorization": f"Bearer {token}"}, content)
        if response.status == 401:
            token = self._access_token(stale=token)
            response = self._send(method, url, {**headers, "Authorization": f"Bearer {token}"}, content)
        return response

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Response:
        timeout = None if self._deadline is None else self._deadline - time.monotonic()
        if timeout is not None and timeout <= 0:
            raise Temporary("deadline")
        try:
            return self._http.request(method, url, headers=headers, body=content, timeout=timeout)
        except NetError as error:
            raise from_net(error, write=method in _UNSAFE) from error

    # -- the grant --------------------------------------------------------------------------------------------

    def _access_token(self, stale: str) -> str:
        """A token that is not `stale` and good for a minute more, refreshed if need be."""
        stored = self._credentials.read()
        while not self._fresh(stored, stale):
            with _one_at_a_time(stored.get("refresh_token", "")):
                now = self._credentials.read()
                if now.get("refresh_token") == stored.get("refresh_token") and not self._fresh(now, stale):
                    return self._refreshed(now)["access_token"]
            stored = now
        return stored["access_token"]

    def _fresh(self, stored: Mapping[str, str], stale: str) -> bool:
        token, expires = stored.get("access_token", ""), stored.get("expires_at", "")
        if not token or token == stale or not expires:
            return False
        return datetime.fromisoformat(expires) - _EARLY > self._clock()

    def _refreshed(self, stored: Mapping[str, str]) -> Mapping[str, str]:
        if not stored.get("refresh_token"):
            raise AuthRevoked("no_refresh_token")
        try:
            grant = oauth.refresh(self._http, self._settings.oauth(), refresh_token=stored["refresh_token"])
        except oauth.OAuthDenied as error:
            return self._denied(stored, error)
        except oauth.OAuthUnavailable as error:
            raise self._unavailable(error) from error
        return self._kept(stored, grant)

    def _kept(self, stored: Mapping[str, str], grant: oauth.TokenGrant) -> Mapping[str, str]:
        """Store what was granted. As long as nobody replaced the grant it came from, a lost race is tried again: a
        refresh token that was rotated and not stored would be the end of the connection.
        """
        now = stored
        for _ in range(_TRIES):
            new = {**now, **granted(grant, self._clock())}
            if self._credentials.replace(now, new):
                return new
            now = self._credentials.read()
            if now.get("refresh_token") != stored["refresh_token"]:
                break
        if self._fresh(now, ""):
            return now
        raise AuthTransient("credentials_changed")

    def _denied(self, stored: Mapping[str, str], error: oauth.OAuthDenied) -> Mapping[str, str]:
        """Another worker may have used up this refresh token: only if nobody stored a new one is the grant dead."""
        now = self._credentials.read()
        if dict(now) != dict(stored):
            return now if self._fresh(now, "") else self._refreshed(now)
        if error.code == "invalid_grant":
            raise AuthRevoked(error.code) from error
        raise Permanent(error.code) from error

    def _unavailable(self, error: oauth.OAuthUnavailable) -> ProviderError:
        if error.code == "http_429":
            return Throttled(error.code, retry_at(error.retry_after, self._clock()))
        return Temporary(error.code)

    def revoke(self) -> None:
        """Give the whole grant back. Raises ProviderError."""
        stored = self._credentials.read()
        token = stored.get("refresh_token") or stored.get("access_token")
        if not token:
            return
        try:
            oauth.revoke(self._http, self._settings.oauth(), token=token)
        except oauth.OAuthUnavailable as error:
            raise self._unavailable(error) from error
        except oauth.OAuthDenied as error:
            raise Permanent(error.code) from error

    def stored(self) -> Mapping[str, str]:
        return self._credentials.read()


_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_locks_guard = threading.Lock()


@contextmanager
def _one_at_a_time(refresh_token: str) -> Iterator[None]:
    """Threads of this process refresh a grant one after the other: a server that rotates refresh tokens takes each
    only once. Other processes are told apart by compare-and-set. A lock that is not had in time is done without.
    """
    with _locks_guard:
        lock = _locks.setdefault(refresh_token, threading.Lock())
    had = lock.acquire(timeout=_PATIENCE)
    try:
        yield
    finally:
        if had:
            lock.release()


def granted(grant: oauth.TokenGrant, now: datetime) -> dict[str, str]:
    """What is stored of a grant; Google repeats no refresh token on a refresh, so none replaces the old one."""
    kept = {
        "access_token": grant.access_token,
        "expires_at": (now + timedelta(seconds=grant.expires_in)).isoformat(),
    }
    return {**kept, "refresh_token": grant.refresh_token} if grant.refresh_token else kept


def failure(response: Response, *, write: bool, now: datetime) -> ProviderError:
    """The port's error for an answer of Google's that is not a success."""
    reason, location = _reason(response)
    status = response.status
    detail = f"{status} {reason}".strip()
    if reason in _RATE or status == 429:
        return Throttled(detail, retry_at(response.headers.get("retry-after", ""), now))
    if status >= 500:
        return Ambiguous(detail) if write else Temporary(detail)
    if status == 401:
        return AuthTransient(detail)
    if not reason:
        return Temporary(f"{status} not from Google")
    if reason in _STALE_CURSOR or (status in (400, 410) and location == "syncToken"):
        return CursorExpired(detail)
    if reason == "accessNotConfigured":
        return Permanent(detail)
    return _BY_STATUS.get(status, Permanent)(detail)


def _reason(response: Response) -> tuple[str, str]:
    """(reason, location) of the first error; ("", "") for an answer that is not Google's."""
    try:
        first = response.json()["error"]["errors"][0]
        reason, location = first.get("reason", ""), first.get("location", "")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return "", ""
    reason = reason if isinstance(reason, str) and reason.isalnum() else ""
    return reason[:64], location if isinstance(location, str) else ""


def _object(response: Response, *, write: bool) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise (Ambiguous if write else Temporary)("not_json") from error
    if not isinstance(answer, dict):
        raise (Ambiguous if write else Temporary)("not_an_object")
    return answer
