"""Reading a calendar of Graph's: rounds of calendarView/delta, and windowed lists where no delta can be trusted.

* A delta belongs to the window of its first request; the cursor carries it. When the present window has moved away
  from it, or Microsoft has forgotten it, everything is read again.
* The documents disagree whether calendars other than the default one have a delta. Theirs is compared with a windowed
  list at each full read; where it says something else, or is refused, every pull lists the window.
* A delta may leave out that an occurrence was cancelled (F25): on any sign of a series it is expanded as a whole.
* `@removed` may only mean "left the window": it is a hint, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from json import dumps, loads
from typing import Any

from kalends.core.span import Span
from kalends.providers.microsoft.client import GraphClient, Unsupported
from kalends.providers.microsoft.known import found
from kalends.providers.microsoft.translate import (
    EXPAND,
    SELECT,
    completed,
    is_abridged,
    is_master,
    op_key_of,
    to_event,
    to_master,
)
from kalends.sync.port import (
    CursorExpired,
    Deleted,
    NotFound,
    Page,
    PageItem,
    Quarantined,
    RemoteEvent,
    Series,
    Temporary,
)

# The engine reads everything once in eight days at the latest, which slides the window; this is for other callers.
_SLIDES = timedelta(days=14)
_DELTA_PAGE = "odata.maxpagesize=200"
_LIST_PAGE = "500"

Json = Mapping[str, Any]


def pull(client: GraphClient, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
    """See kalends.sync.port.Provider.pull. Without a trusted delta the last page has no cursor."""
    if cursor:
        link, read = _read_cursor(client, cursor, window)
        return _Round(client, calendar_id, read).changes(link)
    info = client.call("GET", ("me", "calendars", calendar_id), query={"$select": "id,isDefaultCalendar"})
    if info.get("isDefaultCalendar"):
        return _Round(client, calendar_id, window).everything()
    return _doubtful(client, calendar_id, window)


def listed(client: GraphClient, calendar_id: str, window: Span) -> Iterator[tuple[Json, ...]]:
    """The occurrences that overlap the window, page by page, without their texts."""
    query = {**_span(window), "$select": SELECT, "$expand": EXPAND, "$top": _LIST_PAGE}
    yield from pages(client, ("me", "calendars", calendar_id, "calendarView"), query)


def pages(client: GraphClient, path: tuple[str, ...], query: Mapping[str, str]) -> Iterator[tuple[Json, ...]]:
    """The pages of a collection, by its own links."""
    page = client.call("GET", path, query=query)
    while True:
        yield tuple(page.get("value", ()))
        if "@odata.nextLink" not in page:
            return
        page = client.follow(page["@odata.nextLink"])


def _span(window: Span) -> dict[str, str]:
    return {"startDateTime": _iso(window.start), "endDateTime": _iso(window.end)}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


# -- the cursor -------------------------------------------------------------------------------------------------


def _cursor(link: str, window: Span) -> str:
    return dumps({"link": link, "start": window.start.isoformat(), "end": window.end.isoformat()})


def _read_cursor(client: GraphClient, cursor: str, window: Span) -> tuple[str, Span]:
    """The link and the window it belongs to. Raises CursorExpired for one that is not ours or lies too far back."""
    try:
        kept = loads(cursor)
        link = str(kept["link"])
        read = Span(datetime.fromisoformat(kept["start"]), datetime.fromisoformat(kept["end"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CursorExpired("unreadable") from error
    if not client.is_ours(link):
        raise CursorExpired("another server's")
    if abs(window.start - read.start) > _SLIDES:
        raise CursorExpired("window moved")
    return link, read


# -- calendars whose delta is in doubt --------------------------------------------------------------------------


def _doubtful(client: GraphClient, calendar_id: str, window: Span) -> Iterator[Page]:
    """The delta's first round if it says what a list of the same window says, else the list."""
    where = f"{client.mailbox()} {calendar_id}"
    if found.get("delta", where) is not False:
        told = _first_round(client, calendar_id, window)
        ids = {event["id"] for page in listed(client, calendar_id, window) for event in page}
        trusted = told is not None and ids == _occurrences(told)
        found.set("delta", where, trusted)
        if trusted and told is not None:
            yield from told
            return
    yield from _window_pages(client, calendar_id, window)


def _first_round(client: GraphClient, calendar_id: str, window: Span) -> list[Page] | None:
    try:
        return list(_Round(client, calendar_id, window).everything())
    except (Unsupported, NotFound):
        return None


def _occurrences(told: Iterable[Page]) -> set[str]:
    items = [item for page in told for item in page.items]
    gone = {item.id for item in items if isinstance(item, Deleted)}
    masters = {item.id for item in items if isinstance(item, RemoteEvent) and item.recurrence}
    return {item.id for item in items} - gone - masters


def _window_pages(client: GraphClient, calendar_id: str, window: Span) -> Iterator[Page]:
    for events in listed(client, calendar_id, window):
        yield Page(tuple(_item(event) for event in events), complete=True)
    yield Page((), complete=True, last=True)


# -- one round of a delta ---------------------------------------------------------------------------------------


class _Round:
    """Follows the links of one round. `window` is that of the round's first request."""

    def __init__(self, client: GraphClient, calendar_id: str, window: Span) -> None:
        self._client, self._calendar_id, self._window = client, calendar_id, window
        self._masters: dict[str, Json] = {}
        self._expanded: set[str] = set()

    def everything(self) -> Iterator[Page]:
        path = ("me", "calendars", self._calendar_id, "calendarView", "delta")
        page = self._client.call("GET", path, query=_span(self._window), prefer=_DELTA_PAGE)
        return self._follow(page, full=True)

    def changes(self, link: str) -> Iterator[Page]:
        return self._follow(self._client.follow(link, prefer=_DELTA_PAGE), full=False)

    def _follow(self, page: dict[str, Any], *, full: bool) -> Iterator[Page]:
        while True:
            onward, end = page.get("@odata.nextLink", ""), page.get("@odata.deltaLink", "")
            if not (onward or end):
                raise Temporary("the last page has no delta link")
            # The same event may come several times: the last one counts.
            events = {str(event.get("id", "")): event for event in page.get("value", ())}
            items, series = (list(self._whole(events)), []) if full else self._changed(events)
            cursor = "" if onward else _cursor(end, self._window)
            yield Page(tuple(items), cursor, complete=full, last=not onward, series=tuple(series))
            if not onward:
                return
            page = self._client.follow(onward, prefer=_DELTA_PAGE)

    def _whole(self, events: Mapping[str, Json]) -> Iterator[PageItem]:
        self._masters.update({event_id: event for event_id, event in events.items() if is_master(event)})
        for event in events.values():
            if is_abridged(event) and "@removed" not in event:
                event = completed(event, self._master(event["seriesMasterId"]))
            yield _item(event)

    def _master(self, event_id: str) -> Json:
        if event_id not in self._masters:
            path = ("me", "calendars", self._calendar_id, "events", event_id)
            try:
                self._masters[event_id] = self._client.call("GET", path)
            except NotFound:
                self._masters[event_id] = {}
        return self._masters[event_id]

    def _changed(self, events: Mapping[str, Json]) -> tuple[list[PageItem], list[Series]]:
        """What changed, with every series that is touched as a whole. Its abridged occurrences are of no use then."""
        items: list[PageItem] = []
        series: list[Series] = []
        masters: dict[str, None] = {}
        for event_id, event in events.items():
            master = event_id if is_master(event) else event.get("seriesMasterId") or ""
            if "@removed" not in event and master:
                masters[master] = None
            if "@removed" in event or not event.get("seriesMasterId"):
                items.append(_item(event))
            if not master and op_key_of(event):
                # It may have been made a series and put back: no occurrence of it is left.
                series.append(Series(event_id, frozenset()))
        for master in masters:
            if master not in self._expanded:
                self._expanded.add(master)
                self._expand(master, items, series)
        return items, series

    def _expand(self, master: str, items: list[PageItem], series: list[Series]) -> None:
        """What the series has in the window now; whatever else was known of it is gone."""
        query = {**_span(self._window), "$select": SELECT, "$expand": EXPAND, "$top": _LIST_PAGE}
        path = ("me", "events", master, "instances")
        try:
            events = [event for page in pages(self._client, path, query) for event in page]
        except NotFound:
            items.append(Deleted(master))
            return
        except Unsupported:
            events = []  # no series any more
        items += [_item(event) for event in events]
        series.append(Series(master, frozenset(str(event.get("id", "")) for event in events)))


def _item(event: Json) -> PageItem:
    event_id = str(event.get("id", ""))
    try:
        if "@removed" in event:
            return Deleted(event_id)
        return to_master(event) if is_master(event) else to_event(event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Quarantined(event_id, type(error).__name__)
