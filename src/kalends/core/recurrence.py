"""Occurrences of a series inside a window (RFC 5545, 3.8.5 and 3.3.10).

The author's wall time is kept: a rule runs on the clock of the series' zone and each wall time becomes an instant on
its own. A wall time that does not exist is read with the offset before the gap, one that comes twice is the first
(3.3.5, to which 3.3.10 refers). The cost is that of the window; only COUNT makes the past be walked.

DTSTART is always an occurrence and the first that COUNT counts, whether or not the rule would give it (3.8.5.3).
Exceptions (RECURRENCE-ID) are the caller's.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import eq
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from kalends.core.rrule import BadRecurrence, Freq, Rule, Until, parse_moment, parse_rule
from kalends.core.rule_days import LAST_DAY
from kalends.core.rule_walls import Batch, batches, gives_its_start, up_to
from kalends.core.span import Span, as_utc
from kalends.core.wall_clock import DAY, WallClock, wall_clock, wall_seconds
from kalends.core.zones import resolve_tzid

DEFAULT_LIMIT = 20_000
_T = TypeVar("_T", date, datetime)
_INSTANT = timedelta(microseconds=1)
_BEGIN_OF_TIME = datetime.min.replace(tzinfo=UTC)
# Days with room on both sides, so that giving them a zone stays inside the calendar.
_FIRST_DAY, _END_DAY = 366, LAST_DAY - 366
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

    `start` is DTSTART as an aware datetime (in that zone, if it is to keep a wall time that does not exist), `timezone` the IANA zone in which the rules run (None: UTC), `rules` whole
    RRULE, RDATE, EXDATE and EXRULE lines. Raises BadRecurrence, TooManyOccurrences, UnknownZone.
    """
    clock = wall_clock(timezone or "UTC")
    first = as_utc(start)
    length = max(duration, _INSTANT)
    # An occurrence overlaps the window if it starts after this and before the window's end.
    after = window.start - min(length, window.start - _BEGIN_OF_TIME)
    view = _View(clock, first, _wall(start, clock), after, window.end, limit)
    lines = _read(rules)
    found = [first] if after < first < window.end else []
    for rule in lines.rules:
        found += view.instants(rule)
    if lines.added:
        found += [at for at in view.moments(lines.added) if after < at < window.end]
    if lines.exrules or lines.removed:
        found = _without(found, lines, view)
    found.sort()
    if any(map(eq, found, found[1:])):
        found = list(dict.fromkeys(found))
    return _within(limit, found)


def expand_days(
    *, start: date, days: int, rules: Sequence[str], first: date, end: date, limit: int = DEFAULT_LIMIT
) -> list[date]:
    """First days (ascending) of the all-day occurrences of `days` days that touch [first, end).

    Days stay days: which instants they are is for the reader's zone to say. Raises BadRecurrence, TooManyOccurrences.
    """
    begin, low, high = start.toordinal(), first.toordinal() - max(days, 1) + 1, end.toordinal()
    lines = _read(rules)
    found = {begin, *(moment.day.toordinal() for moment in lines.added)}
    for rule in lines.rules:
        found.update(_days(_daily(rule), begin, low, high, limit))
    for rule in lines.exrules:
        found.difference_update(_days(_daily(rule), begin, low, high, limit))
        if gives_its_start(_daily(rule), begin * DAY):
            found.discard(begin)
    found.difference_update(moment.day.toordinal() for moment in lines.removed)
    return _within(limit, [date.fromordinal(day) for day in sorted(found) if low <= day < high])


def _wall(start: datetime, clock: WallClock) -> int:
    """What the wall shows at the start. Clocks that are put forward leave a time out: who wrote it means it of all days."""
    own = not start.fold and getattr(start.tzinfo, "key", None) == clock.zone.key
    return wall_seconds(start) if own else clock.seconds(as_utc(start))


# -- rules --------------------------------------------------------------------------------------------------------


class _View(NamedTuple):
    """The instants asked for, later than `after` and before `end`, of a series that begins at `first`, on its clock `begin`."""

    clock: WallClock
    first: datetime
    begin: int
    after: datetime
    end: datetime
    limit: int

    def instants(self, rule: Rule) -> list[datetime]:
        """Those of a rule but for DTSTART's. Two may be equal."""
        after, end = self.after, self.end
        # A wall time is less than two days off the same time in UTC.
        low, high = after.toordinal() - 2, end.toordinal() + 3
        until = rule.until
        if until and until.moment and until.moment.tzinfo:
            end, high = min(end, until.moment + _INSTANT), min(high, until.day.toordinal() + 3)
            until = None
        found: list[datetime] = []
        for days, times in _batches(rule, self.begin, low, high, until):
            batch = self.clock.instants(days, times)
            found += batch[bisect_right(batch, after) : bisect_left(batch, end)]
            if len(found) > self.limit:
                raise _too_many(self.limit)
        return found

    def moments(self, moments: Iterable[_Moment]) -> list[datetime]:
        time_of_day = time(*divmod(self.begin % DAY // 60, 60), self.begin % 60)
        return [_timed(moment, time_of_day, self.clock.zone) for moment in moments]


def _batches(rule: Rule, begin: int, low: int, high: int, until: Until | None) -> Iterator[Batch]:
    """The batches on the days from `low` to before `high`, no farther than a local UNTIL."""
    low, high = max(low, _FIRST_DAY), min(high, _END_DAY)
    if until is None:
        return batches(rule, begin, low, high)
    last = wall_seconds(until.moment) if until.moment else (until.day.toordinal() + 1) * DAY - 1
    return up_to(batches(rule, begin, low, min(high, last // DAY + 1)), last)


def _without(found: list[datetime], lines: _Lines, view: _View) -> list[datetime]:
    """The instants that no EXDATE and no EXRULE takes away."""
    gone = set(view.moments(lines.removed))
    for rule in lines.exrules:
        gone.update(view.instants(rule))
        if gives_its_start(rule, view.begin):
            gone.add(view.first)
    days = {moment.value for moment in lines.removed if not isinstance(moment.value, datetime)}
    clock = view.clock.zone
    return [at for at in found if at not in gone and not (days and at.astimezone(clock).date() in days)]


def _days(rule: Rule, begin: int, low: int, high: int, limit: int) -> Iterator[int]:
    number = 0
    for days, _ in _batches(rule, begin * DAY, low, high, rule.until):
        inside = days[bisect_left(days, low) : bisect_left(days, high)]
        number += len(inside)
        if number > limit:
            raise _too_many(limit)
        yield from inside


@lru_cache(maxsize=1_024)
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


class _Lines(NamedTuple):
    rules: list[Rule]
    exrules: list[Rule]
    added: list[_Moment]
    removed: list[_Moment]


def _read(lines: Iterable[str]) -> _Lines:
    read = _Lines([], [], [], [])
    for line in lines:
        name, value = _line(line)
        if isinstance(value, Rule):
            (read.rules if name == "RRULE" else read.exrules).append(value)
        else:
            (read.added if name == "RDATE" else read.removed).extend(value)
    return read


@lru_cache(maxsize=4_096)
def _line(line: str) -> tuple[str, Rule | tuple[_Moment, ...]]:
    if line.startswith("RRULE:"):
        return "RRULE", parse_rule(line[6:])
    match = _LINE.match(line.strip())
    if not match:
        raise BadRecurrence(f"Not a recurrence line: {line[:40]!r}")
    name = match["name"].upper()
    if name in ("RRULE", "EXRULE"):
        return name, parse_rule(match["value"])
    return name, tuple(_moments(match["params"], match["value"]))


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
    return value.replace(tzinfo=(moment.tzid and _named(moment.tzid)) or clock).astimezone(UTC)


@lru_cache(maxsize=1_024)
def _named(tzid: str) -> ZoneInfo | None:
    return resolve_tzid(tzid)


def _within(limit: int, kept: list[_T]) -> list[_T]:
    if len(kept) > limit:
        raise _too_many(limit)
    return kept


def _too_many(limit: int) -> TooManyOccurrences:
    return TooManyOccurrences(f"More than {limit} occurrences")
