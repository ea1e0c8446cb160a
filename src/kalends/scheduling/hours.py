"""When somebody works: weekly hours, single dates, journeys. Local wall time with an IANA zone, never UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from kalends.core.errors import InvalidInput
from kalends.scheduling.zones import DAY, MINUTE, zone

WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")

_TIME = re.compile(r"([0-9]{2}):([0-5][0-9])(?::([0-5][0-9]))?")


def parse_wall_time(text: str, *, field: str = "time") -> int:
    """Seconds since local midnight of "09:00", "22:59:59" or "24:00". Raises InvalidInput naming `field`."""
    found = _TIME.fullmatch(text)
    seconds = -1 if found is None else int(found[1]) * 3600 + int(found[2]) * MINUTE + int(found[3] or 0)
    if not 0 <= seconds <= DAY:
        raise InvalidInput(f"{text!r} is not a time between 00:00 and 24:00", code="not_a_time", field=field)
    return seconds


def format_wall_time(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, MINUTE)
    return f"{hours:02}:{minutes:02}:{left:02}" if left else f"{hours:02}:{minutes:02}"


@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """[start, end) of one local day in seconds since midnight, 0 to 86,400. Raises InvalidInput if empty or reversed.

    An end written with the second 59 ("22:59:59") means the end of that minute.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= DAY:
            raise InvalidInput(f"a time range ends before it starts: {self}", code="end_before_start", field="to")

    @classmethod
    def of(cls, start: str, end: str) -> TimeRange:
        return cls(parse_wall_time(start, field="from"), parse_wall_time(end, field="to"))

    @property
    def opens(self) -> int:
        """The first whole minute, in seconds."""
        return -(-self.start // MINUTE) * MINUTE

    @property
    def closes(self) -> int:
        """The minute at which it is over, in seconds."""
        return (self.end + 1) // MINUTE * MINUTE

    def __str__(self) -> str:
        return f"{format_wall_time(self.start)}-{format_wall_time(self.end)}"


Weekly = tuple[tuple[TimeRange, ...], ...]
"""Seven tuples of ranges, Monday first."""

CLOSED: Weekly = ((),) * 7


def weekly_hours(days: Mapping[str, Iterable[tuple[str, str]]]) -> Weekly:
    """Weekly hours from {"mo": [("09:00", "12:00"), ("13:00", "17:00")], ...}; a weekday left out is closed."""
    unknown = sorted(set(days) - set(WEEKDAYS))
    if unknown:
        raise InvalidInput(f"{unknown[0]!r} is not a weekday", field="day")
    return tuple(tuple(sorted(TimeRange.of(*pair) for pair in days.get(day, ()))) for day in WEEKDAYS)


@dataclass(frozen=True, slots=True)
class DateOverride:
    """The hours of one date, instead of the weekly ones; without ranges that date is closed."""

    day: date
    ranges: tuple[TimeRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Travel:
    """From date `first` to date `last` (included; None: for good) the same wall hours hold in another zone."""

    first: date
    last: date | None
    tz: str

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours of a staff member, a service or a company, in an IANA zone. Raises InvalidInput for an unknown zone."""

    tz: str
    weekly: Weekly = CLOSED
    overrides: tuple[DateOverride, ...] = ()
    travel: tuple[Travel, ...] = ()
    # Schedules are keys of caches on every question; their nested tuples are hashed once.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.weekly) != len(WEEKDAYS):
            raise InvalidInput("weekly hours need seven days", field="weekly")
        for name in (self.tz, *(journey.tz for journey in self.travel)):
            zone(name)
        object.__setattr__(self, "_hash", hash((self.tz, self.weekly, self.overrides, self.travel)))

    def __hash__(self) -> int:
        return self._hash

    def zone_on(self, day: date) -> str:
        """The zone whose clock the hours of a date follow: the last journey listed that covers it, else the own one."""
        for journey in reversed(self.travel):
            if journey.covers(day):
                return journey.tz
        return self.tz

    def ranges_on(self, day: date) -> tuple[TimeRange, ...]:
        special = [override.ranges for override in self.overrides if override.day == day]
        if not special:
            return self.weekly[day.weekday()]
        return tuple(sorted(part for ranges in special for part in ranges))


def always_open(tz: str) -> Schedule:
    return Schedule(tz, ((TimeRange(0, DAY),),) * 7)


def validate_weekly(rows: Sequence[Mapping[str, object]], *, field: str = "weekly", at_least: int = 0) -> Weekly:
    """Weekly hours from rows {"day": "mo", "from": "09:00", "to": "17:00"} in any order.

    Raises InvalidInput whose `field` names the part at fault, as `weekly[1].to`: an unknown weekday, a time that is
    none, an end before its start, ranges of one weekday that overlap or lie within each other, a range shorter than
    `at_least` minutes. Ranges that touch are fine (design/scheduling.md, range validation).
    """
    days: list[list[tuple[TimeRange, int]]] = [[] for _ in WEEKDAYS]
    for index, row in enumerate(rows):
        place = f"{field}[{index}]"
        if row.get("day") not in WEEKDAYS:
            raise InvalidInput(f"{row.get('day')!r} is not a weekday", code="not_a_weekday", field=f"{place}.day")
        days[WEEKDAYS.index(str(row["day"]))].append((_read_range(row, place, at_least), index))
    return tuple(_without_overlaps(ranges, field) for ranges in days)


def validate_ranges(
    rows: Sequence[Mapping[str, object]], *, field: str = "ranges", at_least: int = 0
) -> tuple[TimeRange, ...]:
    """The same rules for the ranges {"from", "to"} of one date. No ranges: closed."""
    ranges = [(_read_range(row, f"{field}[{index}]", at_least), index) for index, row in enumerate(rows)]
    return _without_overlaps(ranges, field)


def _read_range(row: Mapping[str, object], place: str, at_least: int) -> TimeRange:
    start = parse_wall_time(str(row.get("from", "")), field=f"{place}.from")
    end = parse_wall_time(str(row.get("to", "")), field=f"{place}.to")
    if end <= start:
        raise InvalidInput("the end is not after the start", code="end_before_start", field=f"{place}.to")
    read = TimeRange(start, end)
    if read.closes - read.opens < at_least * MINUTE:
        raise InvalidInput(f"{read} is shorter than {at_least} minutes", code="too_short", field=place)
    return read


def _without_overlaps(ranges: list[tuple[TimeRange, int]], field: str) -> tuple[TimeRange, ...]:
    ranges.sort()
    for (earlier, _), (later, index) in pairwise(ranges):
        if later.start < earlier.end:
            raise InvalidInput(f"{later} overlaps {earlier}", code="overlap", field=f"{field}[{index}]")
    return tuple(part for part, _ in ranges)
