"""Requests to Microsoft Graph, and what each failure means.

`failure` is the one place that looks at a status code. The error's code decides where there is one: a 404 is an event
that is not there only if Exchange says so, and may otherwise be a mailbox that Graph cannot reach.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from kalends.net.errors import NetError
from kalends.net.http import HttpClient, Response
from kalends.providers.errors import Deadline, from_net, json_object, retry_at
from kalends.providers.grants import Grants
from kalends.providers.settings import ProviderSettings, Seat
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

# What Microsoft itself bounds: requests of one application in flight against one mailbox (G12).
MAILBOX_REQUESTS = 4
PREFER = 'IdType="ImmutableId", outlook.timezone="UTC"'
# The person has to sign in again: password changed, consent withdrawn, conditional access.
DEAD_GRANT = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
_GONE = frozenset({"ErrorItemNotFound", "ErrorFolderNotFound"})
_NO_SUBSCRIPTION = _GONE | {"ResourceNotFound", "itemNotFound", "NotFound"}
_UNSAFE = frozenset({"POST", "PATCH", "DELETE"})
_PATIENCE = 30.0
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Unsupported(Permanent):
    """The server does not take this kind of request; another way to ask may serve."""


class GraphClient:
    """One account, for one thread. `clock` gives the present instant: when a token is due, when to come back."""

    def __init__(
        self,
        kind: str,
        credentials: Credentials,
        settings: ProviderSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._http: HttpClient = settings.http()
        self._grants = Grants(credentials, settings.microsoft.oauth(kind), self._http, clock, DEAD_GRANT)
        self._root = settings.microsoft.graph_url
        self._clock = clock
        self._deadline = Deadline()
        self._mailbox = ""
        self._new_seat = settings.seat
        self._seat: Seat | None = None

    def now(self) -> datetime:
        return self._clock()

    def close(self) -> None:
        """Gives the seat at the mailbox back."""
        if self._seat is not None:
            self._seat.leave()

    def until(self, seconds: float | None) -> None:
        """From now on all requests together end within `seconds`; None: each has the usual time."""
        self._deadline.set(seconds)

    def stored(self) -> Mapping[str, str]:
        return self._grants.stored()

    def mailbox(self) -> str:
        """The same for all connections to one mailbox, and for no other."""
        if not self._mailbox:
            self._mailbox = f"{self._root} {self.stored().get('subject', '')}"
        return self._mailbox

    def call(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        tag: str = "",
        prefer: str = "",
    ) -> dict[str, Any]:
        """One call of Graph; {} for an empty answer. Raises ProviderError only."""
        url = f"{self._root}/v1.0/{'/'.join(quote(part, safe='') for part in path)}"
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote)}"
        return self._ask(method, url, body=body, tag=tag, prefer=prefer)

    def follow(self, link: str, *, prefer: str = "") -> dict[str, Any]:
        """The page behind a nextLink or deltaLink, used as it was given, but nowhere else than at Graph."""
        if not self.is_ours(link):
            raise Permanent("link_elsewhere")
        return self._ask("GET", link, prefer=prefer)

    def is_ours(self, link: str) -> bool:
        """Whether a link that Graph gave leads to Graph."""
        root, given = urlsplit(self._root), urlsplit(link)
        return (given.scheme, given.netloc) == (root.scheme, root.netloc)

    def _ask(
        self, method: str, url: str, *, body: Mapping[str, Any] | None = None, tag: str = "", prefer: str = ""
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Prefer": f"{PREFER}, {prefer}" if prefer else PREFER}
        if tag:
            headers["If-Match"] = tag
        content = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        response = self._grants.authorized(lambda token: self._send(method, url, headers, content, token))
        write = method in _UNSAFE
        if response.status in (200, 201, 202, 204):
            return json_object(response, write=write) if response.body else {}
        raise failure(response, method=method, now=self._clock())

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes, token: str) -> Response:
        headers = {**headers, "Authorization": f"Bearer {token}"}
        self._take_seat()
        try:
            return self._http.request(method, url, headers=headers, body=content, timeout=self._deadline.left())
        except NetError as error:
            raise from_net(error, write=method in _UNSAFE) from error

    def _take_seat(self) -> None:
        """Kept until `close`: what one client asks comes one after the other, so that a seat is a request (G12)."""
        if self._seat is None and self._new_seat is not None:
            self._seat = self._new_seat(self.mailbox(), MAILBOX_REQUESTS)
        left = self._deadline.left()
        if self._seat is not None and not self._seat.hold(_PATIENCE if left is None else left):
            raise Temporary("mailbox_busy")


def failure(response: Response, *, method: str, now: datetime) -> ProviderError:
    """The port's error for an answer of Graph's that is not a success."""
    code, write = _code(response), method in _UNSAFE
    status = response.status
    detail = f"{status} {code}".strip()
    wait = response.headers.get("retry-after", "")
    if status == 429 or (wait and status in (503, 509) and not write):
        return Throttled(detail, retry_at(wait, now))
    if status == 501:
        return Unsupported(detail)
    if status >= 500:
        return Ambiguous(detail) if write else Temporary(detail)
    if status == 401:
        claims = "insufficient_claims" in response.headers.get("www-authenticate", "")
        return AuthRevoked("claims_challenge") if claims else AuthTransient(detail)
    if not code:
        return Temporary(f"{status} not from Microsoft")
    if status == 410 or "syncstate" in code.lower() or code.lower().startswith("resync"):
        return CursorExpired(detail)
    return _typed(status, code, detail, method, response.url)


def _typed(status: int, code: str, detail: str, method: str, url: str) -> ProviderError:
    if status == 404:
        missing = _NO_SUBSCRIPTION if "/v1.0/subscriptions/" in url else _GONE
        return NotFound(detail) if code in missing else Permanent(detail)
    if status == 409 and method == "POST":
        # Only a taken transactionId says that nothing was made; Exchange also answers 409 to what it half did (F02).
        return Conflict(detail) if "transactionid" in code.lower() else Ambiguous(detail)
    if status in (409, 412):
        return Conflict(detail)
    if status in (400, 405):
        return Unsupported(detail)
    return Forbidden(detail) if status == 403 else Permanent(detail)


def _code(response: Response) -> str:
    """The error's code, "MailboxConcurrency" where only the text names it; "" for an answer that is not Graph's."""
    try:
        error = response.json()["error"]
        code, message = error["code"], error.get("message", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    if isinstance(message, str) and "MailboxConcurrency" in message:
        return "MailboxConcurrency"
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unnamed"
