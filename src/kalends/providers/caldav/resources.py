"""Reading the resources of a calendar: one directly, many at once, all of a window, or what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin

from kalends.core.span import Span
from kalends.providers.caldav import collection
from kalends.providers.caldav.client import DavClient
from kalends.providers.caldav.failures import CutShort
from kalends.providers.caldav.multistatus import CAL, DAV, Multistatus, Resource, canonical
from kalends.providers.errors import AnswerTooLarge
from kalends.sync.port import NotFound, Temporary

BATCH = 100
# Where the pieces of an open listing end, in years from its start, and the shortest span that is still halved.
_PIECES, _SHORTEST = (1, 2, 4, 8, 16, 32), timedelta(hours=1)
_DATA = f"{CAL}calendar-data"
_ETAG = f"{DAV}getetag"
# Web servers that compress on the way weaken or rename the ETag, and then no guard ever holds.
_PLAIN = {"Accept": "text/calendar", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """One resource as it was read; `etag` is "" where the server gives none, `given` is the tag as it was written."""

    href: str
    etag: str
    text: str
    given: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sync report said. `more`: the server cut it short, the next report with `token` goes on."""

    changed: list[str]
    removed: list[str]
    token: str
    more: bool


class Resources:
    """The resources of one calendar, whose URL ends in a slash. Raises ProviderError only."""

    def __init__(self, client: DavClient, url: str) -> None:
        self._client = client
        self._url = url
        self._path = canonical(url, url)

    def state(self) -> Resource:
        """The collection itself. Raises NotFound if there is no calendar (any more)."""
        answer, _ = self._client.propfind(self._url, collection.CALENDAR_PROPS)
        own = next((resource for resource in answer.resources if self._is_self(resource)), None)
        if own is None or own.status in (404, 410) or not collection.is_calendar(own):
            raise NotFound("no calendar")
        return own

    def tag(self) -> str:
        """The collection's tag now, "" if it has none."""
        answer, _ = self._client.propfind(self._url, ("cs:getctag",))
        return next((collection.ctag(resource) for resource in answer.resources if self._is_self(resource)), "")

    def read(self, href: str) -> Fetched | None:
        """A direct read; None only for the resource's own 404 or 410."""
        try:
            response = self._client.send("GET", urljoin(self._url, href), headers=_PLAIN)
        except NotFound:
            return None
        given = response.headers.get("etag", "").strip()
        return Fetched(href, strong(given), response.text, given)

    def read_many(self, hrefs: Sequence[str]) -> dict[str, Fetched | None]:
        """Many direct reads, 100 a request. What the answer leaves out is asked for by itself."""
        if len(hrefs) == 1:
            return {hrefs[0]: self._single(hrefs[0])}
        found: dict[str, Fetched | None] = {}
        for batch in batches(hrefs):
            given = {item.href: item for item in self._batch(batch)}
            found.update({href: given.get(href) or self.read(href) for href in batch})
        return found

    def _batch(self, hrefs: Sequence[str]) -> list[Fetched]:
        """Halved while the answer is too large. A single resource that is (an attachment inside) cannot be read."""
        try:
            answer = self._client.report(self._url, "c:calendar-multiget", collection.texts_of(hrefs))
        except AnswerTooLarge:
            if len(hrefs) == 1:
                return [Fetched(hrefs[0], "", "")]
            middle = len(hrefs) // 2
            return [*self._batch(hrefs[:middle]), *self._batch(hrefs[middle:])]
        return list(self._fetched(answer))

    def _single(self, href: str) -> Fetched | None:
        try:
            return self.read(href)
        except AnswerTooLarge:
            return Fetched(href, "", "")

    def tags_from(self, start: datetime) -> dict[str, str]:
        """The tag of every resource with an event that touches [start, ever).

        Where the server cuts that short, it is asked for piece by piece, and what comes after the last piece.
        """
        try:
            return self._tags(start, None)
        except CutShort:
            ends = [start + years * timedelta(days=365) for years in _PIECES]
            found = self._tags(ends[-1], None)
            for span in map(Span, [start, *ends], ends):
                found |= self.tags_within(span)
            return found

    def tags_within(self, span: Span) -> dict[str, str]:
        """The tag of every resource with an event that touches the span."""
        try:
            return self._tags(span.start, span.end)
        except CutShort:
            return {href: tag for half in _halves(span) for href, tag in self.tags_within(half).items()}

    def _tags(self, start: datetime, end: datetime | None) -> dict[str, str]:
        answer = self._query(collection.events_in(start, end, data=False))
        return {r.href: strong(r.text(_ETAG)) for r in answer.resources if r.status < 300 and not self._is_self(r)}

    def between(self, span: Span) -> Iterator[Fetched]:
        """What touches a span, each once however many requests the server makes of it."""
        try:
            return self._fetched(self._query(collection.events_in(span.start, span.end, data=True)))
        except (CutShort, AnswerTooLarge):
            found = {item.href: item for half in _halves(span) for item in self.between(half)}
            return iter(found.values())

    def with_uid(self, uid: str) -> Iterator[Fetched]:
        return self._fetched(self._query(collection.events_with_uid(uid)))

    def changes(self, token: str) -> Changes:
        """Raises CursorExpired for a token that the server does not take."""
        body = collection.changes_since(token)
        answer = self._client.report(self._url, "d:sync-collection", body, with_cursor=True)
        if not answer.sync_token:
            raise Temporary("a sync report without a token")
        items = [resource for resource in answer.resources if not self._is_self(resource)]
        return Changes(
            changed=[resource.href for resource in items if resource.status < 300],
            removed=[resource.href for resource in items if resource.status in (404, 410)],
            token=answer.sync_token,
            more=self._cut_short(answer),
        )

    def _query(self, body: str) -> Multistatus:
        """A listing that the server cut short proves nothing (F62): raises CutShort."""
        answer = self._client.report(self._url, "c:calendar-query", body, depth=1)
        if self._cut_short(answer):
            raise CutShort("507 listing cut short")
        return answer

    def _cut_short(self, answer: Multistatus) -> bool:
        return any(resource.status == 507 for resource in answer.resources)

    def _fetched(self, answer: Multistatus) -> Iterator[Fetched]:
        for resource in answer.resources:
            if resource.status < 300 and _DATA in resource.props:
                given = resource.text(_ETAG)
                yield Fetched(resource.href, strong(given), resource.props[_DATA].text or "", given)

    def _is_self(self, resource: Resource) -> bool:
        return resource.href.rstrip("/") == self._path.rstrip("/")


def strong(etag: str) -> str:
    """An ETag in the form of RFC 9110, 8.8.3: in quotation marks, and not weak, for such a one never matches."""
    bare = etag.strip().removeprefix("W/").strip('"')
    return f'"{bare}"' if bare else ""


def _halves(span: Span) -> tuple[Span, Span]:
    """Raises CutShort where a span is not worth halving any more."""
    if span.end - span.start < _SHORTEST:
        raise CutShort("507 listing cut short")
    middle = span.start + (span.end - span.start) / 2
    return Span(span.start, middle), Span(middle, span.end)


def digest(tags: dict[str, str]) -> str:
    """One value for a whole listing, for servers whose collections have no tag."""
    lines = "\n".join(f"{href} {tags[href]}" for href in sorted(tags))
    return hashlib.sha256(lines.encode()).hexdigest()


def batches(hrefs: Iterable[str]) -> Iterator[list[str]]:
    listed = list(hrefs)
    for start in range(0, len(listed), BATCH):
        yield listed[start : start + BATCH]
