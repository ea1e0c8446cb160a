"""The port for a calendar at an address. One calendar, read only; whatever would write is Forbidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NoReturn

from kalends.core.span import Span
from kalends.providers.channels import WithoutChannels
from kalends.providers.icsfeed import cursor as cursors
from kalends.providers.icsfeed.cursor import Cursor
from kalends.providers.icsfeed.fetch import TIMEOUT_SECONDS, Fetched, fetch
from kalends.providers.icsfeed.pace import next_pause, stated_interval
from kalends.providers.icsfeed.reading import Read, read_units
from kalends.providers.icsfeed.units import Cut, cut
from kalends.providers.settings import ProviderSettings
from kalends.sync.plan import implausible_drop
from kalends.sync.port import (
    Account,
    CalendarInfo,
    Capabilities,
    Credentials,
    CursorExpired,
    Deleted,
    Forbidden,
    Guard,
    Intent,
    NotFound,
    Page,
    PageItem,
    Receipt,
    RemoteEvent,
    Temporary,
)

CALENDAR_ID = "feed"
CAPABILITIES = Capabilities(tags=False, own_ids=False, guards=False, stable_ids=False)
_PAGE = 500


class IcsFeedProvider(WithoutChannels):
    """The address comes with the credentials, and with it the zone for times that have none: {"url", "floating"}."""

    kind = "ics"

    def __init__(self, credentials: Credentials, settings: ProviderSettings, clock: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._http = settings.http()
        self._clock = clock
        # What was just read and did not fit the cursor is read from here when everything is asked for.
        self._unread: Fetched | None = None

    def identify(self) -> Account:
        url = self._credentials.read()["url"]
        return Account(blake2b(url.encode(), digest_size=32).hexdigest(), url.split("/")[2])

    def calendars(self) -> list[CalendarInfo]:
        return [self.calendar(CALENDAR_ID)]

    def calendar(self, calendar_id: str) -> CalendarInfo:
        """Asks nobody: an address that cannot be read just now is no calendar that is gone."""
        if calendar_id != CALENDAR_ID:
            raise NotFound("calendar")
        return CalendarInfo(CALENDAR_ID, "", writable=False, capabilities=CAPABILITIES)

    def pull(self, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
        self.calendar(calendar_id)
        known = cursors.read(cursor) if cursor else None
        if cursor and known is None:
            raise CursorExpired("form")
        secret = self._credentials.read()
        fetched = self._fetch(secret, known)
        if known is None:
            return self._everything(fetched, secret["floating"], window)
        if fetched is None or (known.body == fetched.digest and known.floating == secret["floating"]):
            return iter([self._unchanged(known, fetched)])
        return self._changes(fetched, secret["floating"], window, known)

    def _fetch(self, secret: Mapping[str, str], known: Cursor | None) -> Fetched | None:
        if known is None and self._unread is not None:
            fetched, self._unread = self._unread, None
            return fetched
        # The zone of floating times is no part of what the server knows to be unchanged.
        same_zone = known is not None and known.floating == secret["floating"]
        return fetch(
            self._http,
            secret["url"],
            etag=known.etag if known and same_zone else "",
            modified=known.modified if known and same_zone else "",
            known=known.body if known and same_zone else "",
            now=self._clock(),
        )

    # -- pages ------------------------------------------------------------------------------------------------

    def _unchanged(self, known: Cursor, fetched: Fetched | None) -> Page:
        pause = next_pause(known.pause, changed=False, stated=known.stated)
        etag, modified = (fetched.etag, fetched.modified) if fetched else (known.etag, known.modified)
        after = replace(known, etag=etag, modified=modified, pause=pause)
        return Page((), cursors.write(after), last=True, again_in=pause)

    def _everything(self, fetched: Fetched | None, floating: str, window: Span) -> Iterator[Page]:
        if fetched is None:
            raise Temporary("status_304")
        whole = cut(fetched.text, floating=floating)
        read = read_units(whole, whole.units, floating=floating, window=window)
        return self._pages(read.items, read, fetched, floating, whole, None)

    def _changes(self, fetched: Fetched, floating: str, window: Span, known: Cursor) -> Iterator[Page]:
        whole = cut(fetched.text, floating=floating)
        now = set(whole.units)
        vanished = known.units - now
        shrunk = max(0, len(known.units) - len(now))
        if implausible_drop(missing=shrunk, mirrored=len(known.units)):
            # A feed that lost much at once is suspected: the engine reads all of it, twice, before it believes that.
            self._unread = fetched
            raise CursorExpired("shrunk")
        read = read_units(whole, now - known.units, floating=floating, window=window)
        read.bad.update({unit: reason for unit, reason in known.bad.items() if unit in now})
        # What is new comes first: in between, nobody is free who was not before or will not be after.
        items: list[PageItem] = [*read.items, *(Deleted(unit) for unit in sorted(vanished))]
        return self._pages(items, read, fetched, floating, whole, known)

    def _pages(
        self,
        items: Sequence[PageItem],
        read: Read,
        fetched: Fetched,
        floating: str,
        whole: Cut,
        known: Cursor | None,
    ) -> Iterator[Page]:
        stated = stated_interval(whole.outside)
        changed = known is None or bool(items)
        pause = next_pause(known.pause if known else None, changed=changed, stated=stated)
        after = cursors.write(
            Cursor(
                fetched.etag,
                fetched.modified,
                fetched.digest,
                floating,
                frozenset(whole.units),
                read.bad,
                pause,
                stated,
            )
        )
        info = CalendarInfo(CALENDAR_ID, read.name, writable=False, timezone=read.timezone, capabilities=CAPABILITIES)
        pages = list(_in_pages(items))
        for number, page in enumerate(pages, start=1):
            last = number == len(pages)
            yield Page(
                page,
                next_cursor=after if last else "",
                complete=known is None,
                last=last,
                info=info,
                again_in=pause if last else None,
            )

    # -- questions --------------------------------------------------------------------------------------------

    def get(self, calendar_id: str, remote_ids: Sequence[str]) -> dict[str, RemoteEvent | None]:
        self.calendar(calendar_id)
        now = self._clock()
        found = {event.id: event for event in self._all(Span(now, now + timedelta(days=1)), TIMEOUT_SECONDS)}
        return {remote_id: found.get(remote_id) for remote_id in remote_ids}

    def busy(self, calendar_ids: Sequence[str], span: Span, timeout: float) -> dict[str, list[RemoteEvent]]:
        for calendar_id in calendar_ids:
            self.calendar(calendar_id)
        return {calendar_id: self._all(span, timeout) for calendar_id in set(calendar_ids)}

    def _all(self, span: Span, timeout: float) -> list[RemoteEvent]:
        secret = self._credentials.read()
        fetched = fetch(self._http, secret["url"], timeout=timeout, now=self._clock())
        if fetched is None:
            raise Temporary("status_304")
        whole = cut(fetched.text, floating=secret["floating"])
        read = read_units(whole, whole.units, floating=secret["floating"], window=span)
        return [item for item in read.items if isinstance(item, RemoteEvent)]

    # -- what a feed cannot do --------------------------------------------------------------------------------

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        return _read_only()

    def remove(self, calendar_id: str, guard: Guard) -> None:
        _read_only()

    def find(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        """Nothing of ours ever stood in a feed."""
        return None

    def revoke(self) -> None:
        """There is no grant to give back."""

    def close(self) -> None:
        """Connections are the process's."""


def _in_pages(items: Sequence[PageItem]) -> Iterator[tuple[PageItem, ...]]:
    """At least one page; a series and its exceptions ("<digest>#...", after it) come on one."""
    page: list[PageItem] = []
    for item in items:
        if len(page) >= _PAGE and "#" not in item.id:
            yield tuple(page)
            page = []
        page.append(item)
    yield tuple(page)


def _read_only() -> NoReturn:
    raise Forbidden("read_only")
