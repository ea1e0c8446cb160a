"""An OAuth grant in use: one access token that is good, refreshed when due, stored by compare-and-set.

Shared by all providers that are connected by a consent page. A server may rotate refresh tokens (Microsoft does at
every use) and take each only once, so a grant is refreshed by one thread of this process at a time, and what another
process stored meanwhile is believed before any verdict.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from kalends.net import oauth
from kalends.net.http import HttpClient, Response
from kalends.providers.errors import retry_at
from kalends.sync.port import (
    AuthRevoked,
    AuthTransient,
    Credentials,
    Permanent,
    ProviderError,
    Temporary,
    Throttled,
)

_EARLY = timedelta(seconds=60)
_PATIENCE = 10.0
_TRIES = 10
_DEAD = frozenset({"invalid_grant"})


class Grants:
    """The grant behind one connection. `dead` are the error codes that say that it is over."""

    def __init__(
        self,
        credentials: Credentials,
        config: oauth.OAuthConfig,
        http: HttpClient,
        clock: Callable[[], datetime],
        dead: frozenset[str] = _DEAD,
    ) -> None:
        self._credentials = credentials
        self._config = config
        self._http = http
        self._clock = clock
        self._dead = dead

    def stored(self) -> Mapping[str, str]:
        return self._credentials.read()

    def access_token(self, stale: str = "") -> str:
        """A token that is not `stale` and good for a minute more, refreshed if need be. Raises ProviderError."""
        stored = self._credentials.read()
        while not self._fresh(stored, stale):
            with _one_at_a_time(stored.get("refresh_token", "")):
                now = self._credentials.read()
                if now.get("refresh_token") == stored.get("refresh_token") and not self._fresh(now, stale):
                    return self._refreshed(now)["access_token"]
            stored = now
        return stored["access_token"]

    def authorized(self, send: Callable[[str], Response]) -> Response:
        """What `send` answers with a good token. A 401 was not carried out, so the same goes once more with a new one."""
        token = self.access_token()
        response = send(token)
        return send(self.access_token(stale=token)) if response.status == 401 else response

    def _fresh(self, stored: Mapping[str, str], stale: str) -> bool:
        token, expires = stored.get("access_token", ""), stored.get("expires_at", "")
        if not token or token == stale or not expires:
            return False
        return datetime.fromisoformat(expires) - _EARLY > self._clock()

    def _refreshed(self, stored: Mapping[str, str]) -> Mapping[str, str]:
        if not stored.get("refresh_token"):
            raise AuthRevoked("no_refresh_token")
        try:
            grant = oauth.refresh(self._http, self._config, refresh_token=stored["refresh_token"])
        except oauth.OAuthDenied as error:
            return self._denied(stored, error)
        except oauth.OAuthUnavailable as error:
            raise unavailable(error, self._clock()) from error
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
        if error.code in self._dead:
            raise AuthRevoked(error.code) from error
        raise Permanent(error.code) from error

    def revoke(self) -> None:
        """Give the whole grant back. Raises ProviderError."""
        stored = self._credentials.read()
        token = stored.get("refresh_token") or stored.get("access_token")
        if not token:
            return
        try:
            oauth.revoke(self._http, self._config, token=token)
        except oauth.OAuthUnavailable as error:
            raise unavailable(error, self._clock()) from error
        except oauth.OAuthDenied as error:
            raise Permanent(error.code) from error


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
    """What is stored of a grant; where a refresh repeats no refresh token, none replaces the old one."""
    kept = {
        "access_token": grant.access_token,
        "expires_at": (now + timedelta(seconds=grant.expires_in)).isoformat(),
    }
    return {**kept, "refresh_token": grant.refresh_token} if grant.refresh_token else kept


def unavailable(error: oauth.OAuthUnavailable, now: datetime) -> ProviderError:
    """A token endpoint that gave no typed answer: nothing is said about the grant."""
    if error.code == "http_429":
        return Throttled(error.code, retry_at(error.retry_after, now))
    return Temporary(error.code)
