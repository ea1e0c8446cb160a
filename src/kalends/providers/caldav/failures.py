"""What an answer that is not a success means: `failure` is the one place that looks at a status code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kalends.net.http import Response
from kalends.providers.caldav.multistatus import CAL, DAV, names_condition
from kalends.providers.errors import retry_at
from kalends.sync.port import (
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    Conflict,
    CursorExpired,
    Forbidden,
    NotFound,
    Permanent,
    ProviderError,
    Temporary,
    Throttled,
)

WRITES = frozenset({"PUT", "DELETE"})
_BY_STATUS: Mapping[int, type[ProviderError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    423: Temporary,
    408: Temporary,
    425: Temporary,
}
_CANNOT_SIGN_IN = "no_basic_authentication"


class OtherServer(Permanent):
    """The server sends us to another site, to which the password was not given: the person enters `address`."""

    def __init__(self, address: str) -> None:
        super().__init__("other_server")
        self.address = address


class CutShort(Temporary):
    """The server lists only so many at once: to be asked for less at a time."""


def failure(response: Response, *, method: str, with_cursor: bool, now: datetime) -> ProviderError:
    """The port's error for the answer to a request of that method, which may have carried a cursor."""
    status, detail, write = response.status, str(response.status), method in WRITES
    if with_cursor and _cursor_refused(response):
        return CursorExpired(detail)
    if method == "REPORT" and _too_many(response):
        return CutShort("507 listing cut short")
    if method == "PUT" and names_condition(response.body, f"{CAL}no-uid-conflict"):
        return Conflict(f"{detail} UID stands elsewhere")
    if status == 401:
        return _refused(response)
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        return Throttled(detail, retry_at(response.headers.get("retry-after", ""), now))
    if status == 507 and write:
        return Permanent("507 no space")
    if status >= 500:
        return Ambiguous(detail) if write and status != 501 else Temporary(detail)
    return _BY_STATUS.get(status, Permanent)(detail)


def cannot_sign_in() -> Permanent:
    """The server wants a way of signing in that we do not have (Negotiate, Bearer, a hash that is not known)."""
    return Permanent(_CANNOT_SIGN_IN)


def _refused(response: Response) -> ProviderError:
    """A 401 that came twice. With a challenge it is the server's own word on the password (RFC 9110, 11.6.1), without
    one it may be anybody's in between.
    """
    offered = response.headers.get("www-authenticate", "").lower()
    if "basic" in offered or "digest" in offered:
        return AuthRevoked("401")
    return cannot_sign_in() if offered else AuthTransient("401")


def _cursor_refused(response: Response) -> bool:
    """How servers say that a sync token is no good: RFC 6578 asks for a 403 or 409 with valid-sync-token, others
    answer 410, 412, 415, and an old Nextcloud 418 (F26, F28).
    """
    if response.status in (409, 410, 412, 415, 418):
        return True
    return response.status in (400, 403) and names_condition(response.body, f"{DAV}valid-sync-token")


def _too_many(response: Response) -> bool:
    """RFC 4791, 7.8: too many matches are 507, or a refusal that names its reason."""
    conditions = (f"{DAV}number-of-matches-within-limits", f"{CAL}number-of-matches-within-limits")
    return response.status == 507 or (
        response.status == 403 and any(names_condition(response.body, condition) for condition in conditions)
    )
