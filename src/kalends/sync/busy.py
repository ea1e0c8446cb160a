"""Foreign events -> busy spans over a window. One table over all providers' flags; series expanded by us.

An event blocks unless it is cancelled, declined, free or "working elsewhere", or all-day for a staff member who does
not want all-day events to block. Exceptions are keyed by the start they replace: the master's occurrence there is
dropped whatever became of the exception. Days are expanded in the calendar's zone if it states one, else in the staff
member's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kalends.core.recurrence import expand, expand_days
from kalends.core.rrule import BadRecurrence
from kalends.core.span import Span
from kalends.core.zones import UnknownZone, zone
from kalends.sync.port import AllDay, RemoteEvent, Timed

BACK = timedelta(days=30)
AHEAD = timedelta(days=400)


class Unexpandable(Exception):
    """A series whose rules nobody can follow; its first occurrence still blocks. `event_id` names the master."""

    def __init__(self, event_id: str, spans: list[Span]) -> None:
        super().__init__(event_id)
        self.event_id = event_id
        self.spans = spans


@dataclass(frozen=True, slots=True)
class Reading:
    """How days become instants, and whether they block. `zone` is an IANA name."""

    zone: str
    all_day_blocks: bool = True


def rolling_window(now: datetime) -> Span:
    """What is mirrored: 30 days back, 400 ahead."""
    return Span(now - BACK, now + AHEAD)


def event_blocks(event: RemoteEvent, *, all_day_blocks: bool) -> bool:
    """The busy table."""
    if event.cancelled or event.declined or event.when is None or not event.busy.blocks:
        return False
    return all_day_blocks or isinstance(event.when, Timed)


def event_spans(event: RemoteEvent, exceptions: Iterable[RemoteEvent], window: Span, reading: Reading) -> list[Span]:
    """The busy spans of one single event, exception or master inside `window`; `exceptions` are those of a master.

    Raises Unexpandable with the spans that can be told.
    """
    if not event_blocks(event, all_day_blocks=reading.all_day_blocks):
        return []
    replaced = {e.original_start for e in exceptions if e.original_start is not None}
    spans = _occurrences(event, window, reading, replaced)
    return [span for span in spans if span.duration and span.overlaps(window)]


def group_series(events: Sequence[RemoteEvent]) -> Iterator[tuple[RemoteEvent, list[RemoteEvent]]]:
    """Each event that makes busy time by itself, with the exceptions that belong to it."""
    by_series: dict[str, list[RemoteEvent]] = {}
    for event in events:
        if event.series_id:
            by_series.setdefault(event.series_id, []).append(event)
    for event in events:
        yield event, ([] if event.series_id else by_series.get(event.id, []))


def spans_of(events: Sequence[RemoteEvent], window: Span, reading: Reading) -> list[Span]:
    """All busy spans of a list that is complete for the window; what cannot be expanded blocks where it can be told."""
    found: list[Span] = []
    for event, exceptions in group_series(events):
        try:
            found += event_spans(event, exceptions, window, reading)
        except Unexpandable as error:
            found += error.spans
    return sorted(found)


def _occurrences(event: RemoteEvent, window: Span, reading: Reading, replaced: set[datetime | date]) -> list[Span]:
    when = event.when
    if isinstance(when, AllDay):
        return _days(event, when, window, reading, replaced)
    assert when is not None
    if not event.recurrence:
        return [when.span]
    length = when.span.duration
    try:
        starts = expand(
            start=when.span.start, duration=length, timezone=when.timezone, rules=event.recurrence, window=window
        )
    except (BadRecurrence, UnknownZone) as error:
        raise Unexpandable(event.id, [when.span]) from error
    return [Span(start, start + length) for start in starts if start not in replaced]


def _days(
    event: RemoteEvent, when: AllDay, window: Span, reading: Reading, replaced: set[datetime | date]
) -> list[Span]:
    if not event.recurrence:
        return [day_span(when.start, when.end, reading.zone)]
    length = when.end - when.start
    margin = timedelta(days=1)
    try:
        days = expand_days(
            start=when.start,
            days=length.days,
            rules=event.recurrence,
            first=(window.start - margin).date(),
            end=(window.end + margin).date(),
        )
    except BadRecurrence as error:
        raise Unexpandable(event.id, [day_span(when.start, when.end, reading.zone)]) from error
    return [day_span(day, day + length, reading.zone) for day in days if day not in replaced]


def day_span(first: date, end: date, zone_name: str) -> Span:
    """Local days [first, end) as instants: from midnight to midnight on the clock of the zone."""
    clock = zone(zone_name)
    # A midnight that does not exist is read with the offset before the gap: the first instant after it.
    start = datetime.combine(first, time(), tzinfo=clock).astimezone(UTC)
    return Span(start, max(start, datetime.combine(end, time(), tzinfo=clock).astimezone(UTC)))
