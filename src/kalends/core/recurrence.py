"""Occurrences of a series inside a window (RFC 5545, 3.8.5 and 3.3.10).

The author's wall time is kept: a rule runs on the clock of the series' zone and each wall time becomes an instant on
its own. A wall time that does not exist is read with the offset before the gap, one that comes twice is the first
(3.3.5, to which 3.3.10 refers). The cost is that of the window; only COUNT makes the past be walked.

DTSTART is always an occurrence and the first that COUNT counts, whether or not the rule would give it (3.8.5.3).
Exceptions (RECURRENCE-ID) are the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from typing import TypeVar
from zoneinfo import ZoneInfo

from kalends.core.rrule import BadRecurrence, Freq, Rule, Until, parse_moment, parse_rule
from kalends.core.rule_days import walls
from kalends.core.span import Span, as_utc
from kalends.core.zones import resolve_tzid, zone

DEFAULT_LIMIT = 20_000
_T = TypeVar("_T", date, datetime)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
# Wall times with room on both sides, so that widening them or giving them a zone stays inside the calendar.
_EARLIEST, _LATEST = datetime(2, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001
_LINE = re.compile(
    r'^(?P<name>RRULE|RDATE|EXDATE|EXRULE)(?P<params>(?:;[^=;:]+=(?:"[^"]*"|[^;:"]*))*):(?P<value>.*)$', re.IGNORECASE
)
_TZID = re.compile(r';TZID=("[^"]*"|[^;:"]*)', re.IGNORECASE)


class TooManyOccurrences(BadRecurrence):
    """More occurrences in the window than the limit. Nothing is cut off: half a series would look like free time."""

    code = "too_many_occurrences"


def expand(
    *,
    start: datetime,
    duration: timedelta,
    timezone: str | None,
    rules: Sequence[str],
    window: Span,
    limit: int = DEFAULT_LIMIT,
) -> list[datetime]:
    """Starts (UTC, ascending) of the occurrences that overlap `window`; one without length counts by its start.

    `start` is DTSTART as an aware datetime, `timezone` the IANA zone in which the rules run (None: UTC), `rules` whole
    RRULE, RDATE, EXDATE and EXRULE lines. Raises BadRecurrence, TooManyOccurrences, UnknownZone.
    """
    clock = zone(timezone or "UTC")
    first = as_utc(start)
    wall_start = first.astimezone(clock).replace(tzinfo=None, fold=0)
    length = max(duration, _INSTANT)

    def instant(wall: datetime) -> datetime:
        # DTSTART may be the second of two equal wall times; a rule always means the first.
        return first if wall == wall_start else wall.replace(tzinfo=clock).astimezone(UTC)

    lines = _read(rules)
    view = _View(wall_start, _on_clock(window.start, clock, -length - _DAY), _on_clock(window.end, clock, _DAY), limit)
    found = {first, *(instant(wall) for rule in lines.rules for wall in _walls_of(rule, view, instant))}
    found |= {_timed(moment, wall_start.time(), clock) for moment in lines.added}
    found -= {instant(wall) for rule in lines.exrules for wall in _walls_of(rule, view, instant)}
    found -= {_timed(moment, wall_start.time(), clock) for moment in lines.removed}
    days = {moment.value for moment in lines.removed if not isinstance(moment.value, datetime)}
    return _within(
        limit,
        [
            at
            for at in found
            if at < window.end and at + length > window.start and not (days and at.astimezone(clock).date() in days)
        ],
    )


def expand_days(
    *, start: date, days: int, rules: Sequence[str], first: date, end: date, limit: int = DEFAULT_LIMIT
) -> list[date]:
    """First days (ascending) of the all-day occurrences of `days` days that touch [first, end).

    Days stay days: which instants they are is for the reader's zone to say. Raises BadRecurrence, TooManyOccurrences.
    """
    length = timedelta(days=max(days, 1))
    lines = _read(rules)
    view = _View(_midnight(start), _moved(_midnight(first), -length), _midnight(end), limit)
    found = {start, *(wall.date() for rule in lines.rules for wall in _walls_of(_daily(rule), view, _as_if_utc))}
    found |= {moment.day for moment in lines.added}
    found -= {wall.date() for rule in lines.exrules for wall in _walls_of(_daily(rule), view, _as_if_utc)}
    found -= {moment.day for moment in lines.removed}
    return _within(limit, [day for day in found if day < end and day + length > first])


# -- rules --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    """The wall times asked for: from `low`, below `high`, of a series that begins at `start`."""

    start: datetime
    low: datetime
    high: datetime
    limit: int


def _walls_of(rule: Rule, view: _View, instant: Callable[[datetime], datetime]) -> Iterator[datetime]:
    high = view.high
    if rule.until:
        high = min(high, _moved(_midnight(rule.until.day), 2 * _DAY))
    if rule.count:
        after_start = (wall for wall in walls(rule, view.start, view.start, high) if wall != view.start)
        counted = islice(chain([view.start], after_start), rule.count)
        found: Iterator[datetime] = (wall for wall in counted if wall >= view.low)
    else:
        found = walls(rule, view.start, view.low, high)
    for number, wall in enumerate(found):
        if number > view.limit:
            raise TooManyOccurrences(f"More than {view.limit} occurrences")
        if _until_allows(rule.until, wall, instant):
            yield wall


def _until_allows(until: Until | None, wall: datetime, instant: Callable[[datetime], datetime]) -> bool:
    if until is None:
        return True
    if until.moment is None:
        return wall.date() <= until.day
    return (instant(wall) if until.moment.tzinfo else wall) <= until.moment


def _daily(rule: Rule) -> Rule:
    """`rule` for an all-day series: parts finer than a day say nothing there, and UNTIL is a day."""
    if rule.freq > Freq.DAILY:
        raise BadRecurrence(f"An all-day event cannot recur {rule.freq.name}")
    until = Until(rule.until.day) if rule.until else None
    return replace(rule, by_hour=(), by_minute=(), by_second=(), until=until)


# -- lines --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moment:
    """A value of an RDATE or EXDATE line as written: a day, an instant in UTC, or a wall time in the zone `tzid`."""

    value: datetime | date
    tzid: str

    @property
    def day(self) -> date:
        return self.value.date() if isinstance(self.value, datetime) else self.value


@dataclass(frozen=True, slots=True)
class _Lines:
    rules: list[Rule] = field(default_factory=list)
    exrules: list[Rule] = field(default_factory=list)
    added: list[_Moment] = field(default_factory=list)
    removed: list[_Moment] = field(default_factory=list)


def _read(lines: Iterable[str]) -> _Lines:
    read = _Lines()
    for line in lines:
        match = _LINE.match(line.strip())
        if not match:
            raise BadRecurrence(f"Not a recurrence line: {line[:40]!r}")
        name = match["name"].upper()
        if name in ("RRULE", "EXRULE"):
            (read.rules if name == "RRULE" else read.exrules).append(parse_rule(match["value"]))
        else:
            (read.added if name == "RDATE" else read.removed).extend(_moments(match["params"], match["value"]))
    return read


def _moments(params: str, value: str) -> Iterator[_Moment]:
    tzid = _TZID.search(params)
    for text in value.split(","):
        if text.strip():
            # Of a PERIOD the start counts: the length of an occurrence is the event's.
            yield _Moment(parse_moment(text.strip().partition("/")[0]), tzid[1].strip('"') if tzid else "")


def _timed(moment: _Moment, of_day: time, clock: ZoneInfo) -> datetime:
    """The instant of a value in a timed series. A TZID that no table knows is the series' own, which its reader knew."""
    value = moment.value
    if not isinstance(value, datetime):
        return datetime.combine(value, of_day, clock).astimezone(UTC)
    if value.tzinfo:
        return value
    return value.replace(tzinfo=(moment.tzid and resolve_tzid(moment.tzid)) or clock).astimezone(UTC)


# -- helpers ------------------------------------------------------------------------------------------------------


def _within(limit: int, kept: list[_T]) -> list[_T]:
    if len(kept) > limit:
        raise TooManyOccurrences(f"More than {limit} occurrences")
    return sorted(kept)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _as_if_utc(wall: datetime) -> datetime:
    return wall.replace(tzinfo=UTC)


def _on_clock(instant: datetime, clock: ZoneInfo, shift: timedelta) -> datetime:
    return _moved(instant.astimezone(clock).replace(tzinfo=None), shift)


def _moved(wall: datetime, shift: timedelta) -> datetime:
    if shift < _EARLIEST - wall:
        return _EARLIEST
    return min(wall + min(shift, _LATEST - wall), _LATEST)
