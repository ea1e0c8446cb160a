"""Wall time to instants and back, in epoch seconds; what `datetime` cannot say about gaps and folds.

An instant is an int: seconds since 1970-01-01T00:00Z. A wall time is the same count read off a local clock,
as if that clock were UTC. A day is a date's proleptic ordinal (`date.toordinal`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kalends.core.errors import InvalidInput
from kalends.core.span import Span, as_utc

MINUTE = 60
DAY = 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()

Period = Literal["day", "week", "month", "year"]


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises InvalidInput (field `timezone`) where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"there is no time zone named {name!r}", code="unknown_zone", field="timezone") from error


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970 of an aware moment, a fraction dropped. Raises ValueError for a naive one."""
    since = as_utc(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * DAY + since.seconds


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def span(start: int, end: int) -> Span:
    return Span(moment(start), moment(end))


def up_to_minute(seconds: int) -> int:
    return -(-seconds // MINUTE) * MINUTE


def offset_at(seconds: int, tz: ZoneInfo) -> int:
    """Seconds that the zone's clock is ahead of UTC at an instant."""
    return _seconds(datetime.fromtimestamp(seconds, tz))


def opening_instant(wall: int, tz: ZoneInfo) -> int:
    """Where a range that begins at `wall` begins: after a gap if in one, at the first copy if in a fold."""
    early, late = _offsets(wall, tz)
    return wall - early if early >= late else _transition(wall - late, wall - early, tz)


def closing_instant(wall: int, tz: ZoneInfo) -> int:
    """Where a range that ends at `wall` (not included) ends: after the second copy of its last second in a fold.

    The last second decides, so that a range up to 01:00 stops at the first 01:00 where 01:00 to 02:00 comes twice.
    """
    early, late = _offsets(wall - 1, tz)
    return wall - late if early >= late else _transition(wall - 1 - late, wall - 1 - early, tz)


@lru_cache(maxsize=16_384)
def day_bounds(day: int, tz_name: str) -> tuple[int, int]:
    """First instant of a local day and of the next one; 23, 24 or 25 hours apart on most days, 0 on a skipped one."""
    tz = zone(tz_name)
    wall = (day - EPOCH_DAY) * DAY
    return opening_instant(wall, tz), opening_instant(wall + DAY, tz)


def local_day(seconds: int, tz_name: str) -> int:
    """The ordinal of the date that a clock in the zone shows at an instant."""
    return datetime.fromtimestamp(seconds, zone(tz_name)).toordinal()


def dates_span(first: date, last: date, tz_name: str) -> Span:
    """From the first instant of date `first` to the end of date `last` (included) in a zone.

    Raises InvalidInput where `last` is before `first`, or outside the years 1901 to 2200.
    """
    if not (1901 <= first.year <= 2200 and 1901 <= last.year <= 2200):
        raise InvalidInput("dates must lie between 1901 and 2200", field="from")
    if last < first:
        raise InvalidInput(f"the last date {last} is before the first {first}", field="to")
    return span(day_bounds(first.toordinal(), tz_name)[0], day_bounds(last.toordinal(), tz_name)[1])


def period_days(day: int, period: Period) -> tuple[int, int]:
    """First day of the calendar period a day lies in, and of the next period. Weeks begin on Monday (ISO 8601)."""
    if period == "day":
        return day, day + 1
    if period == "week":
        monday = day - (day - 1) % 7
        return monday, monday + 7
    here = date.fromordinal(day)
    if period == "month":
        first = here.replace(day=1)
        return first.toordinal(), (first + timedelta(days=32)).replace(day=1).toordinal()
    return date(here.year, 1, 1).toordinal(), date(here.year + 1, 1, 1).toordinal()


def period_bounds(seconds: int, period: Period, tz_name: str) -> tuple[int, int]:
    """The instants between which the zone's calendar period around an instant lies."""
    first, after = period_days(local_day(seconds, tz_name), period)
    return day_bounds(first, tz_name)[0], day_bounds(after, tz_name)[0]


def _seconds(local: datetime) -> int:
    offset = local.utcoffset()
    assert offset is not None
    return offset.days * DAY + offset.seconds


def _offsets(wall: int, tz: ZoneInfo) -> tuple[int, int]:
    """The zone's offset for both readings of a wall time: equal, falling in a fold, rising in a gap."""
    local = datetime(1970, 1, 1, tzinfo=tz) + timedelta(seconds=wall)
    return _seconds(local), _seconds(local.replace(fold=1))


def _transition(before: int, after: int, tz: ZoneInfo) -> int:
    """The first instant in (before, after] at which the offset is no longer the one at `before`."""
    old = offset_at(before, tz)
    while after - before > 1:
        middle = (before + after) // 2
        if offset_at(middle, tz) == old:
            before = middle
        else:
            after = middle
    return after
