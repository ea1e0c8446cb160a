"""Units of a feed as page items: what can be read as events, what cannot set aside with the reason (F44)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import thread_time

from kalends.core.errors import InvalidInput
from kalends.core.recurrence import TooManyOccurrences
from kalends.core.rrule import BadRecurrence
from kalends.core.span import Span
from kalends.ics.event import ParsedEvent, parse_calendar
from kalends.providers.icsfeed.translate import events_of, numbered
from kalends.providers.icsfeed.units import Cut
from kalends.sync.busy import Reading, Unexpandable, event_spans, group_series
from kalends.sync.port import PageItem, Quarantined, RemoteEvent, Temporary

# A whole council's year, several times over; and ten seconds of one core.
_MOST_OCCURRENCES, _MOST_SECONDS = 300_000, 10.0


@dataclass(frozen=True, slots=True)
class Read:
    """`bad` says why, for each unit that was not read, or not all of it; `name` and `timezone` as the feed states them."""

    name: str
    timezone: str
    items: list[PageItem] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)


def read_units(whole: Cut, wanted: Collection[str], *, floating: str, window: Span) -> Read:
    """The wanted units of a feed. Raises Temporary for a text that is no calendar after all."""
    try:
        parsed = parse_calendar(whole.only(wanted), floating=floating)
    except InvalidInput as error:
        raise Temporary("not_calendar") from error
    read = Read(parsed.name, parsed.timezone)
    read.bad.update({problem.key: problem.reason for problem in parsed.problems})
    by_unit: dict[str, list[ParsedEvent]] = {}
    for event in parsed.events:
        by_unit.setdefault(event.key, []).append(event)
    effort = _Effort()
    for unit, events in by_unit.items():
        found, reason = _events(unit, events, window, effort)
        read.items.extend(found)
        if reason:
            read.bad.setdefault(unit, reason)
    read.items.extend(Quarantined(unit, reason) for unit, reason in read.bad.items())
    return read


@dataclass(slots=True)
class _Effort:
    """What the series of one reading may cost together: each rule is bounded, but a feed may hold thousands."""

    occurrences: int = 0
    begun: float = field(default_factory=thread_time)

    @property
    def spent(self) -> bool:
        return self.occurrences > _MOST_OCCURRENCES or thread_time() - self.begun > _MOST_SECONDS


def _events(unit: str, events: Sequence[ParsedEvent], window: Span, effort: _Effort) -> tuple[list[RemoteEvent], str]:
    """A series that nobody can follow still blocks where it was said to begin."""
    recurring = any(event.recurrence for event in events)
    if recurring and effort.spent:
        return _once(unit, events), "too_many"
    try:
        found = events_of(unit, events, window)
        for reason in _unexpandable(found, window, effort):
            return _once(unit, events), reason
    except BadRecurrence as error:
        return _once(unit, events), _reason(error)
    return found, ""


def _once(unit: str, events: Sequence[ParsedEvent]) -> list[RemoteEvent]:
    return numbered(unit, [replace(event, recurrence=()) for event in events])


def _unexpandable(found: Sequence[RemoteEvent], window: Span, effort: _Effort) -> Iterator[str]:
    for event, exceptions in group_series(found):
        if event.recurrence:
            try:
                effort.occurrences += len(event_spans(event, exceptions, window, Reading("UTC")))
            except Unexpandable as error:
                yield _reason(error.__cause__)


def _reason(error: BaseException | None) -> str:
    return "too_many" if isinstance(error, TooManyOccurrences) else "bad_rule"
