"""A CalDAV server in a few lines whose habits a test chooses: those of servers that cannot run here."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from kalends.providers.caldav.provider import CalDavProvider, found
from kalends.providers.settings import ProviderSettings
from tests.net.servers import answer, serve

PATH = "/cal/ada/"
HREF = re.compile(r"<d:href>([^<]*)</d:href>")
RANGE = re.compile(r'time-range start="(\d{8}T\d{6}Z)"(?: end="(\d{8}T\d{6}Z)")?')
UID = re.compile(r"^UID:(.*?)\r?$", re.MULTILINE)


@dataclass
class Habits:
    """What this server does. `stale_token` is (status, body) for a token that it does not take.

    `tag_form` is how it writes and compares its tags; `limit` how many rows a listing may have, and `says_so` whether
    the excess is told by a row (else by the status of the whole answer); `same_uid` refuses a UID at another name.
    """

    sync: bool = True
    ctag: bool = True
    etags: bool = True
    etag_on_put: bool = True
    rewrites: bool = False
    weak: bool = False  # a proxy in front weakens the tags of headers
    stale_token: tuple[str, str] = ("403 Forbidden", '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>')
    page: int = 0
    cut_short: bool = False
    leaves_out: frozenset[str] = frozenset()
    full_on_stale: bool = False
    takes_no_token: bool = False
    tag_form: str = '"{}"'
    no_match: bool = False
    limit: int = 0
    says_so: bool = True
    same_uid: tuple[str, str] | None = None
    dav: str = "1, 2, 3, calendar-access"
    timezone: str = ""
    phantoms: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)


@dataclass
class DavServer:
    habits: Habits
    resources: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def store(self, name: str, text: str) -> str:
        href = f"{PATH}{name}"
        self.resources[href] = text
        self.log.append(href)
        return href

    def drop(self, href: str) -> None:
        del self.resources[href]
        self.log.append(href)

    def etag(self, href: str) -> str:
        return self.habits.tag_form.format(hashlib.sha256(self.resources[href].encode()).hexdigest()[:12])

    def tag_header(self, href: str) -> str:
        return f"ETag: {'W/' if self.habits.weak else ''}{self.etag(href)}\r\n"

    # -- answering ----------------------------------------------------------------------------------------------

    def handle(self, connection: socket.socket, request: bytes) -> None:
        head, _, body = request.decode().partition("\r\n\r\n")
        method, path, _ = head.split("\r\n")[0].split(" ")
        report = re.search(r"<c?d?:?(sync-collection|calendar-query|calendar-multiget) ", body)
        name = report[1] if report else method
        self.requests.append(name)
        if name in self.habits.answers:
            connection.sendall(answer(self.habits.answers[name]))
            return
        connection.sendall(self._answer(name, path, head, body))

    def _answer(self, name: str, path: str, head: str, body: str) -> bytes:
        match name:
            case "PROPFIND":
                return self._multistatus(self._collection())
            case "OPTIONS":
                return answer(headers=f"DAV: {self.habits.dav}\r\n")
            case "sync-collection":
                return self._changes(body)
            case "calendar-query":
                return self._listing(body)
            case "calendar-multiget":
                wanted = [href for href in HREF.findall(body) if href not in self.habits.leaves_out]
                return self._multistatus("".join(self._row(href, data=True) for href in wanted))
            case "GET":
                return self._get(path)
            case "PUT":
                return self._put(path, head, body)
        return self._delete(path, head)

    def _listing(self, body: str) -> bytes:
        hrefs = [href for href in self.resources if self._within(href, body)]
        short = f"<d:response><d:href>{PATH}</d:href><d:status>HTTP/1.1 507 No</d:status></d:response>"
        cut = self.habits.cut_short
        if self.habits.limit and len(hrefs) > self.habits.limit:
            hrefs, cut = hrefs[: self.habits.limit], True
            if not self.habits.says_so:
                return answer("507 Insufficient Storage")
        rows = "".join(self._row(href, data="calendar-data" in body) for href in hrefs)
        return self._multistatus(rows + (short if cut else ""))

    def _within(self, href: str, body: str) -> bool:
        """By where the event begins, as far as the server looks at the range at all."""
        wanted, begins = RANGE.search(body), re.search(r"DTSTART:(\w+)", self.resources[href])
        if not self.habits.limit or wanted is None or begins is None:
            return True
        return wanted[1] <= begins[1] < (wanted[2] or "9")

    def _multistatus(self, rows: str) -> bytes:
        names = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"'
        return answer("207 Multi-Status", f"<d:multistatus {names}>{rows}</d:multistatus>".encode())

    def _collection(self) -> str:
        sync, ctag = self.habits.sync, self.habits.ctag
        props = [
            "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Work</d:displayname>",
            f"<d:sync-token>t{len(self.log)}</d:sync-token>" if sync else "",
            "<d:supported-report-set><d:report><d:sync-collection/></d:report></d:supported-report-set>"
            if sync
            else "",
            f"<cs:getctag>{len(self.log)}</cs:getctag>" if ctag else "",
            f"<c:calendar-timezone>{escape(self.habits.timezone)}</c:calendar-timezone>"
            if self.habits.timezone
            else "",
        ]
        return self._response(PATH, "".join(props))

    def _response(self, href: str, props: str) -> str:
        missing = "<d:propstat><d:prop><d:getlastmodified/></d:prop><d:status>HTTP/1.1 404 No</d:status></d:propstat>"
        found = f"<d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
        return f"<d:response><d:href>{href}</d:href>{missing}{found}</d:response>"

    def _row(self, href: str, *, data: bool) -> str:
        if href not in self.resources:
            return f"<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
        etag = f"<d:getetag>{escape(self.etag(href))}</d:getetag>" if self.habits.etags else ""
        text = f"<c:calendar-data>{escape(self.resources[href])}</c:calendar-data>" if data else ""
        return self._response(href, etag + text)

    def _changes(self, body: str) -> bytes:
        token = re.search(r"<d:sync-token>t(\d+)</d:sync-token>", body)
        if self.habits.full_on_stale and (token is None or int(token[1]) > len(self.log)):
            rows = "".join(self._row(href, data=False) for href in self.resources)
            return self._multistatus(f"{rows}<d:sync-token>t{len(self.log)}</d:sync-token>")
        if token is None or int(token[1]) > len(self.log) or self.habits.takes_no_token:
            status, error = self.habits.stale_token
            return answer(status, error.encode())
        begin = int(token[1])
        end = min(len(self.log), begin + self.habits.page) if self.habits.page else len(self.log)
        rows = "".join(self._row(href, data=False) for href in dict.fromkeys(self.log[begin:end]))
        for href in self.habits.phantoms:
            rows += f"<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
        if end < len(self.log):
            rows += f"<d:response><d:href>{PATH}</d:href><d:status>HTTP/1.1 507 More</d:status></d:response>"
        return self._multistatus(f"{rows}<d:sync-token>t{end}</d:sync-token>")

    def _get(self, path: str) -> bytes:
        if path not in self.resources:
            return answer("404 Not Found")
        tag = self.tag_header(path) if self.habits.etags else ""
        return answer(body=self.resources[path].encode(), headers=f"Content-Type: text/calendar\r\n{tag}")

    def _put(self, path: str, head: str, body: str) -> bytes:
        if not self._guard_holds(path, head):
            return answer("412 Precondition Failed")
        others = [text for href, text in self.resources.items() if href != path]
        if self.habits.same_uid and any(UID.findall(text) == UID.findall(body) for text in others):
            return answer(self.habits.same_uid[0], self.habits.same_uid[1].encode())
        text = body.replace("SUMMARY:", "SUMMARY:Re: ") if self.habits.rewrites else body
        self.store(path.removeprefix(PATH), text)
        tag = self.tag_header(path) if self.habits.etag_on_put and self.habits.etags else ""
        return answer("201 Created", headers=tag)

    def _delete(self, path: str, head: str) -> bytes:
        if path not in self.resources:
            return answer("404 Not Found")
        if not self._guard_holds(path, head):
            return answer("412 Precondition Failed")
        self.drop(path)
        return answer("204 No Content")

    def _guard_holds(self, path: str, head: str) -> bool:
        if "If-None-Match: *" in head:
            return path not in self.resources
        guard = re.search(r"If-Match: (.*)", head)
        if guard and self.habits.no_match:
            return False
        return guard is None or (path in self.resources and guard[1].strip() == self.etag(path))


@dataclass
class Account:
    """Credentials that never change."""

    secret: dict[str, str]

    def read(self) -> dict[str, str]:
        return self.secret

    def replace(self, old: object, new: object) -> bool:
        raise AssertionError("a password is not replaced")


@contextmanager
def dav_server(habits: Habits | None = None) -> Iterator[tuple[DavServer, CalDavProvider, str]]:
    """(server, provider, calendar id)."""
    # A port may come again, and what was found out is remembered by the calendar's address.
    found.clear()
    dav = DavServer(habits or Habits())
    with serve(dav.handle) as running:
        url = f"{running.url}{PATH}"
        secret = {"url": url, "username": "ada@example.org", "password": "secret", "principal": "", "addresses": ""}
        yield dav, CalDavProvider(Account(secret), ProviderSettings(allow_hosts=(running.host,))), url
