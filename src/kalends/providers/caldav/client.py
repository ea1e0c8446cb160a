"""Requests to a CalDAV server, as one account of it.

The password goes with every request (Basic), so that a server needs no extra round; a server that wants Digest instead
is answered so from its first challenge on. It goes to the site that a person named and to no other: hrefs and
redirects that lead elsewhere end in OtherServer.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from kalends.net.digest import Digest
from kalends.net.errors import NetError
from kalends.net.http import HttpClient, Response
from kalends.net.xml import BadXml
from kalends.providers.caldav.failures import WRITES, OtherServer, cannot_sign_in, failure
from kalends.providers.caldav.multistatus import Multistatus, read_multistatus
from kalends.providers.caldav.site import origin, same_site
from kalends.providers.errors import Deadline, from_net
from kalends.sync.port import Temporary

_NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"'


class DavClient:
    """One account of one server. `site` is the URL that a person named; `clock` gives the instant, for Retry-After."""

    def __init__(
        self, http: HttpClient, site: str, username: str, password: str, clock: Callable[[], datetime]
    ) -> None:
        self._http = http
        self._site = site
        self._clock = clock
        self._deadline = Deadline()
        self._basic = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._digest = Digest(username, password)

    def trusts(self, url: str) -> bool:
        """Whether the password may go there."""
        return same_site(self._site, url)

    def until(self, seconds: float | None) -> None:
        """From now on all requests together end within `seconds`; None: each has the usual time."""
        self._deadline.set(seconds)

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
        if response.status == 401 and self._asks_otherwise(method, url, response):
            url = response.url
            response = self._once(method, url, headers or {}, body)
        if response.status == 401:
            # Servers refuse a good password while what they ask about it is busy; a 401 was not carried out.
            self._asks_otherwise(method, url, response)
            response = self._once(method, response.url, headers or {}, body)
        if 200 <= response.status < 300:
            return response
        raise failure(response, method=method, with_cursor=with_cursor, now=self._clock())

    def _asks_otherwise(self, method: str, url: str, response: Response) -> bool:
        """Whether a 401 came because a redirect left the password behind, or because the server wants Digest.

        Raises OtherServer if the redirect led to another site, Permanent if we know no way that the server takes.
        """
        if not self.trusts(response.url):
            raise OtherServer(response.url)
        offered = response.headers.get("www-authenticate", "")
        if not offered or "basic" in offered.lower():
            return origin(response.url) != origin(url)
        if not self._digest.challenged(method, response.url, offered):
            raise cannot_sign_in()
        return True

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        if not self.trusts(url):
            raise OtherServer(url)
        timeout = self._deadline.left()
        try:
            sent = {**headers, "Authorization": self._digest.header(method, url) or self._basic}
            return self._http.request(method, url, headers=sent, body=body, timeout=timeout)
        except NetError as error:
            raise from_net(error, write=method in WRITES) from error


def _multistatus(response: Response) -> Multistatus:
    if response.status != 207:
        raise Temporary(f"{response.status} where a multistatus was expected")
    try:
        return read_multistatus(response.body, response.url)
    except BadXml as error:
        raise Temporary(f"unreadable answer: {error}") from error
