"""Requests to a CalDAV server, and what each failure means: `failure` is the one place that looks at a status code.

The password goes with every request (Basic), so that a server needs no extra round; after a redirect it follows only
to the same site.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from kalends.net.errors import NetError
from kalends.net.http import HttpClient, Response
from kalends.net.xml import BadXml
from kalends.providers.caldav.multistatus import DAV, Multistatus, names_condition, read_multistatus
from kalends.providers.errors import from_net, retry_at
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

_WRITES = frozenset({"PUT", "DELETE"})
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
_NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"'


class OtherServer(Permanent):
    """The server sends us to another site, to which the password was not given: the person enters that address."""

    def __init__(self, host: str) -> None:
        super().__init__("other_server")
        self.host = host


class DavClient:
    """One account of one server. `clock` gives the present instant, for Retry-After."""

    def __init__(self, http: HttpClient, username: str, password: str, clock: Callable[[], datetime]) -> None:
        self._http = http
        self._clock = clock
        self._deadline: float | None = None
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._authorization = {"Authorization": f"Basic {token}"}

    def until(self, seconds: float | None) -> None:
        """From now on all requests together end within `seconds`; None: each has the usual time."""
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def propfind(self, url: str, props: Sequence[str], depth: int = 0) -> tuple[Multistatus, str]:
        """Properties by their prefixed names ("d:sync-token"), and the URL after redirects."""
        wanted = "".join(f"<{prop}/>" for prop in props)
        body = f"<d:propfind {_NAMESPACES}><d:prop>{wanted}</d:prop></d:propfind>"
        response = self._xml("PROPFIND", url, body, depth)
        return _multistatus(response), response.url

    def report(self, url: str, name: str, body: str, depth: int = 0, *, with_cursor: bool = False) -> Multistatus:
        """The report `name` with its inner XML. Raises CursorExpired where `with_cursor` and the token is refused."""
        document = f"<{name} {_NAMESPACES}>{body}</{name}>"
        return _multistatus(self._xml("REPORT", url, document, depth, with_cursor=with_cursor))

    def _xml(self, method: str, url: str, body: str, depth: int, *, with_cursor: bool = False) -> Response:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        document = f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode()
        return self.send(method, url, headers=headers, body=document, with_cursor=with_cursor)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        with_cursor: bool = False,
    ) -> Response:
        """A request whose answer is a success. Raises ProviderError only."""
        response = self._once(method, url, headers or {}, body)
        if response.status == 401 and _host(response.url) != _host(url):
            if not _same_site(_host(url), _host(response.url)):
                raise OtherServer(_host(response.url))
            url = response.url
            response = self._once(method, url, headers or {}, body)
        if response.status == 401:
            # Servers refuse a good password while what they ask about it is busy; a 401 was not carried out.
            response = self._once(method, url, headers or {}, body)
        if 200 <= response.status < 300:
            return response
        raise failure(response, write=method in _WRITES, with_cursor=with_cursor, now=self._clock())

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        timeout = None if self._deadline is None else self._deadline - time.monotonic()
        if timeout is not None and timeout <= 0:
            raise Temporary("deadline")
        try:
            sent = {**headers, **self._authorization}
            return self._http.request(method, url, headers=sent, body=body, timeout=timeout)
        except NetError as error:
            raise from_net(error, write=method in _WRITES) from error


def failure(response: Response, *, write: bool, with_cursor: bool, now: datetime) -> ProviderError:
    """The port's error for an answer that is not a success."""
    status, detail = response.status, str(response.status)
    if with_cursor and _cursor_refused(response):
        return CursorExpired(detail)
    if status == 401:
        return _refused(response)
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        return Throttled(detail, retry_at(response.headers.get("retry-after", ""), now))
    if status == 507 and write:
        return Permanent("507 no space")
    if status >= 500:
        return Ambiguous(detail) if write and status != 501 else Temporary(detail)
    return _BY_STATUS.get(status, Permanent)(detail)


def _refused(response: Response) -> ProviderError:
    """A 401 that came twice. With a challenge it is the server's own word on the password (RFC 9110, 11.6.1), without
    one it may be anybody's in between.
    """
    offered = response.headers.get("www-authenticate", "").lower()
    if "basic" in offered:
        return AuthRevoked("401")
    return Permanent("no_basic_authentication") if offered else AuthTransient("401")


def _cursor_refused(response: Response) -> bool:
    """How servers say that a sync token is no good: RFC 6578 asks for a 403 or 409 with valid-sync-token, others
    answer 410, 412, 415, and an old Nextcloud 418 (F26, F28).
    """
    if response.status in (409, 410, 412, 415, 418):
        return True
    return response.status in (400, 403) and names_condition(response.body, f"{DAV}valid-sync-token")


def _multistatus(response: Response) -> Multistatus:
    if response.status != 207:
        raise Temporary(f"{response.status} where a multistatus was expected")
    try:
        return read_multistatus(response.body, response.url)
    except BadXml as error:
        raise Temporary(f"unreadable answer: {error}") from error


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _same_site(asked: str, answered: str) -> bool:
    """Whether the second host belongs to the first, which the person named: itself, or below it."""
    return answered == asked or answered.endswith("." + asked.removeprefix("www."))
