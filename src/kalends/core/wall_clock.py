"""Wall times of a zone as instants, many at a time.

A wall time is a day (a proleptic ordinal, `date.toordinal`) and seconds since its midnight. One that does not exist is
read with the offset before the gap, one that comes twice is the first (RFC 5545, 3.3.5). On all but a few days a year the
offset stands still: there an instant is the day's beginning plus the time of day, and the zone is asked once a day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from kalends.core.zones import zone

DAY = 86_400
_NOON = timedelta(hours=12)
_ONE_DAY = timedelta(days=1)
# Two windows of busy time and more; a table that grew beyond is begun anew.
_MOST_DAYS = 4_000


@lru_cache(maxsize=128)
def wall_clock(name: str) -> WallClock:
    """The clock of an IANA zone; kept, with the days it has been asked about. Raises UnknownZone."""
    return WallClock(zone(name))


class WallClock:
    """The clock on the walls of one zone."""

    __slots__ = ("_begins", "_moving", "zone")

    def __init__(self, tz: ZoneInfo) -> None:
        self.zone = tz
        self._moving: set[int] = set()
        self._begins = _Begins(tz, self._moving)

    def seconds(self, instant: datetime) -> int:
        """What the clock shows at an aware instant: its day in seconds plus the seconds of that day."""
        return wall_seconds(instant.astimezone(self.zone))

    def instants(self, days: Sequence[int], times: Sequence[int]) -> list[datetime]:
        """The instants in UTC of each of `times` on each of `days`, ascending; two are equal where a gap makes them so."""
        begins = self._midnights(days)
        if len(times) == 1:
            since = timedelta(0, times[0])
            found = [begin + since for begin in begins]
        else:
            since_each = [timedelta(0, time) for time in times]
            found = [begin + since for begin in begins for since in since_each]
        if self._moving.isdisjoint(days):
            return found
        size = len(times)
        for day in self._moving.intersection(days):
            at = bisect_left(days, day) * size
            found[at : at + size] = [self._asked(day, time) for time in times]
        return sorted(found)

    def shows_once(self, local: datetime) -> bool:
        """Whether the clock shows this time of its own only once: not so for an hour at the end of summer time."""
        day = local.toordinal()
        if self._midnights((day,)) and day not in self._moving:
            return True
        return not local.fold and local.replace(fold=1).utcoffset() == local.utcoffset()

    def _midnights(self, days: Sequence[int]) -> list[datetime]:
        if len(self._begins) > _MOST_DAYS:
            self._begins.clear()
            self._moving.clear()
        return [self._begins[day] for day in days]

    def _asked(self, day: int, time: int) -> datetime:
        return (datetime.fromordinal(day) + timedelta(0, time)).replace(tzinfo=self.zone).astimezone(UTC)


class _Begins(dict[int, datetime]):
    """Midnights in UTC by the offset that holds all day; days on which none does are noted in `moving`."""

    def __init__(self, tz: ZoneInfo, moving: set[int]) -> None:
        super().__init__()
        self._zone = tz
        self._moving = moving

    def __missing__(self, day: int) -> datetime:
        midnight = datetime.fromordinal(day).replace(tzinfo=self._zone)
        offset = midnight.utcoffset()
        assert offset is not None
        following = midnight + _ONE_DAY
        others = (midnight.replace(fold=1), midnight + _NOON, following, following.replace(fold=1))
        if any(other.utcoffset() != offset for other in others):
            self._moving.add(day)
        begin = self[day] = midnight.replace(tzinfo=UTC) - offset
        return begin


def wall_seconds(wall: datetime) -> int:
    """The day in seconds plus the seconds of the day of what stands in `wall`, its zone aside."""
    return wall.toordinal() * DAY + wall.hour * 3_600 + wall.minute * 60 + wall.second
