"""Requests to Google's calendar API, and what each failure means.

`failure` is the one place that looks at a status code. Google's reasons decide, not its statuses: a 403 may be a
quota, a missing right or a forbidden change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from kalends.net.errors import NetError
from kalends.net.http import HttpClient, Response
from kalends.providers.errors import Deadline, from_net, json_object, retry_at
from kalends.providers.grants import Grants
from kalends.providers.settings import GoogleSettings
from kalends.sync.port import (
    Ambiguous,
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
        self._grants = Grants(credentials, settings.oauth(), http, clock)
        self._settings = settings
        self._http = http
        self._clock = clock
        self._deadline = Deadline()

    def until(self, seconds: float | None) -> None:
        """From now on all requests together end within `seconds`; None: each has the usual time."""
        self._deadline.set(seconds)

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
        response = self._grants.authorized(lambda token: self._send(method, url, headers, content, token))
        if response.status == 204 or (response.status == 200 and not response.body):
            return {}
        if response.status == 200:
            return json_object(response, write=method in _UNSAFE)
        raise failure(response, write=method in _UNSAFE, now=self._clock())

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes, token: str) -> Response:
        headers = {**headers, "Authorization": f"Bearer {token}"}
        timeout = self._deadline.left()
        try:
            return self._http.request(method, url, headers=headers, body=content, timeout=timeout)
        except NetError as error:
            raise from_net(error, write=method in _UNSAFE) from error

    def revoke(self) -> None:
        """Give the whole grant back. Raises ProviderError."""
        self._grants.revoke()

    def stored(self) -> Mapping[str, str]:
        return self._grants.stored()


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
