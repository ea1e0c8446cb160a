"""VTIMEZONE components for IANA zones, as plain as every reader understands them (RFC 5545, 3.6.5).

One STANDARD for a zone that does not change; else yearly rules for what goes on and one observance for each change
that follows no yearly rule. No COMMENT, no lists in RDATE: some readers fail on them (failure case F64). Everything is
found by asking the zone itself, so that the text and our own conversions never differ.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from kalends.core.rrule import WEEKDAYS
from kalends.core.span import Span
from kalends.core.zones import zone
from kalends.ics.text import CRLF

# The Gregorian calendar's weekdays repeat after 28 years: a rule that holds that long is the rule.
_CYCLE = 28
_STEP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Change:
    at: datetime
    before: timedelta
    after: timedelta
    name: str
    summer: bool

    @property
    def wall(self) -> datetime:
        """The onset on the clock before the change, as DTSTART of an observance wants it."""
        return (self.at + self.before).replace(tzinfo=None)


def vtimezone(tzid: str, span: Span) -> str:
    """The component with its line ends, right for every instant of `span` and, where the zone has rules, after it.

    The text changes with the years of `span` only. Raises UnknownZone.
    """
    zone(tzid)
    return _vtimezone(tzid, span.start.year - 1, span.end.year + 1)


@lru_cache(maxsize=1024)
def _vtimezone(tzid: str, first: int, last: int) -> str:
    begin, end = _new_year(first), _new_year(last + 1)
    changes = list(_changes(zone(tzid), begin, _new_year(last + 1 + _CYCLE)))
    blocks = list(_observances(changes, last))
    earliest = min((change.at for change in changes), default=end)
    if earliest >= _new_year(first + 1):
        blocks.insert(0, _standing(zone(tzid), begin))
    return "".join([f"BEGIN:VTIMEZONE{CRLF}TZID:{tzid}{CRLF}", *blocks, f"END:VTIMEZONE{CRLF}"])


def _new_year(year: int) -> datetime:
    return datetime(min(year, 9998), 1, 1, tzinfo=UTC)


def _changes(clock: ZoneInfo, begin: datetime, end: datetime) -> Iterator[_Change]:
    at, before = begin, _offset(clock, begin)
    while at < end:
        following = at + _STEP
        after = _offset(clock, following)
        if after != before:
            yield _change(clock, at, following)
        at, before = following, after


def _change(clock: ZoneInfo, low: datetime, high: datetime) -> _Change:
    before = _offset(clock, low)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if _offset(clock, middle) == before:
            low = middle
        else:
            high = middle
    old, new = low.astimezone(clock), high.astimezone(clock)
    # In a zone whose winter is the exception (Dublin), its summer is what others call daylight time.
    summer = (new.dst() or timedelta()) > timedelta() or (old.dst() or timedelta()) < timedelta()
    return _Change(high, before, _offset(clock, high), new.tzname() or "", summer)


def _offset(clock: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(clock).utcoffset() or timedelta()


def _observances(changes: list[_Change], last: int) -> Iterator[str]:
    groups: dict[tuple[object, ...], list[_Change]] = defaultdict(list)
    for change in changes:
        wall = change.wall
        groups[change.before, change.after, wall.month, wall.weekday(), wall.time()].append(change)
    ruled: dict[_Change, str] = {}
    covered: set[_Change] = set()
    for group in groups.values():
        run, rule = _yearly(group, changes[-1].at.year)
        if rule:
            ruled[run[0]] = rule
            covered.update(run)
    for change in changes:
        if change in ruled or (change not in covered and change.at.year <= last):
            yield _observance(change, ruled.get(change, ""))


def _yearly(group: list[_Change], final: int) -> tuple[list[_Change], str]:
    """The longest run of years up to the `final` one that a yearly rule describes, and the rule; "" if none does."""
    run = [group[-1]]
    for change in reversed(group[:-1]):
        if change.wall.year != run[0].wall.year - 1:
            break
        run.insert(0, change)
    while len(run) >= _CYCLE and run[-1].at.year >= final:
        rule = _rule(change.wall for change in run)
        if rule:
            return run, rule
        run = run[1:]
    return run, ""


def _rule(walls: Iterable[datetime]) -> str:
    onsets = list(walls)
    weekday, month = WEEKDAYS[onsets[0].weekday()], onsets[0].month
    days = sorted({wall.day for wall in onsets})
    from_end = {(monthrange(wall.year, month)[1] - wall.day) // 7 for wall in onsets}
    nth = {(day - 1) // 7 + 1 for day in days}
    if len(nth) == 1:
        return f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={nth.pop()}{weekday}"
    if from_end == {0}:
        return f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY=-1{weekday}"
    if days[-1] - days[0] == 6:
        listed = ",".join(map(str, range(days[0], days[-1] + 1)))
        return f"RRULE:FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={listed};BYDAY={weekday}"
    return ""


def _observance(change: _Change, rule: str) -> str:
    kind = "DAYLIGHT" if change.summer else "STANDARD"
    lines = [
        f"BEGIN:{kind}",
        f"DTSTART:{change.wall:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{_written(change.before)}",
        f"TZOFFSETTO:{_written(change.after)}",
        f"TZNAME:{change.name}",
        *([rule] if rule else []),
        f"END:{kind}",
    ]
    return CRLF.join(lines) + CRLF


def _standing(clock: ZoneInfo, at: datetime) -> str:
    """What holds before the first change, if there is one at all."""
    offset = _offset(clock, at)
    start = datetime(1970, 1, 1, tzinfo=UTC)
    name = at.astimezone(clock).tzname() or ""
    return _observance(_Change(start - offset, offset, offset, name, summer=False), "")


def _written(offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    text = f"{sign}{seconds // 3600:02d}{seconds // 60 % 60:02d}"
    return text + (f"{seconds % 60:02d}" if seconds % 60 else "")
