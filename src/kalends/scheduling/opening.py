"""Schedules as open time: sorted lists of instants, computed once per schedule and day and then kept.

Hours of one local day that touch are one stretch. A stretch that goes on over midnight is one stretch too, and keeps
its grid, unless the day before was open from midnight to midnight: then midnight begins a new stretch. So a schedule
that never closes has a grid that begins anew each local midnight, and no answer depends on where a question begins.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise
from math import gcd
from typing import NamedTuple

from kalends.scheduling.hours import Schedule
from kalends.scheduling.rules import ServiceRules
from kalends.scheduling.zones import DAY, EPOCH_DAY, MINUTE, closing_instant, day_bounds, opening_instant, zone

Ranges = tuple[tuple[int, int], ...]


class Stretch(NamedTuple):
    """Open time [start, end), and how far it is open without a break beyond `end`. Instants in epoch seconds."""

    start: int
    end: int
    reach: int


class Grid(NamedTuple):
    """Starts in order, and a table that tells the place of any instant among them.

    `below[k]` is the number of starts before `origin + k * unit`; every start lies on such an instant. The table saves
    a bisection for both ends of every busy row, most of a search's time.
    """

    starts: list[int]
    length: int
    origin: int
    unit: int
    below: list[int]

    @property
    def over(self) -> int:
        """The instant at which the table ends."""
        return self.origin + self.unit * (len(self.below) - 2)


TABLE_MARGIN = 8 * DAY
"""Busy rows are loaded for some days around a window (`data_span`); within the table they need no second look."""


@lru_cache(maxsize=32_768)
def day_ranges(schedule: Schedule, day: int) -> Ranges:
    """Open instants of one local date (an ordinal), touching ranges merged, each end converted on its own."""
    local = date.fromordinal(day)
    tz = zone(schedule.zone_on(local))
    wall = (day - EPOCH_DAY) * DAY
    merged: list[tuple[int, int]] = []
    for part in schedule.ranges_on(local):
        start, end = opening_instant(wall + part.opens, tz), closing_instant(wall + part.closes, tz)
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


@lru_cache(maxsize=1024)
def open_stretches(schedules: tuple[Schedule, ...], first: int, last: int) -> tuple[Stretch, ...]:
    """Where all schedules are open at once, complete for the instants of local days first+1 to last-1.

    A duration longer than the days asked for cannot be judged: ask for days enough after the last one of interest.
    """
    common = _ranges(schedules[0], first - 1, last)
    for schedule in schedules[1:]:
        common = _intersection(common, _ranges(schedule, first - 1, last))
    stretches: list[Stretch] = []
    beyond, reach = None, 0
    for start, end in reversed(common):
        reach = reach if end == beyond else end
        stretches.append(Stretch(start, end, reach))
        beyond = start
    return tuple(reversed(stretches))


@lru_cache(maxsize=128)
def fixed_grid(schedules: tuple[Schedule, ...], first: int, last: int, rules: ServiceRules) -> Grid:
    """The fixed grid: each stretch's start + offset + k * step whose appointment ends within open time."""
    starts: list[int] = []
    for start, end, reach in open_stretches(schedules, first, last):
        starts.extend(range(start + rules.offset * MINUTE, min(reach - rules.length, end - MINUTE) + 1, rules.step))
    return _grid(starts, rules.length)


def _grid(starts: list[int], length: int) -> Grid:
    if not starts:
        return Grid(starts, length, 0, DAY, [0, 0])
    unit = gcd(*(later - earlier for earlier, later in pairwise(starts)), DAY)
    margin = -(-(TABLE_MARGIN + length) // unit)
    origin = starts[0] - margin * unit
    marks = bytearray((starts[-1] - origin) // unit + margin + 2)
    for start in starts:
        marks[(start - origin) // unit + 1] = 1
    return Grid(starts, length, origin, unit, list(accumulate(marks)))


def _ranges(schedule: Schedule, first: int, last: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    whole_day_before = False
    for day in range(first, last + 1):
        today = day_ranges(schedule, day)
        for start, end in today:
            # Days overlap only where a journey changes the zone between them.
            if found and (start < found[-1][1] or (start == found[-1][1] and not whole_day_before)):
                found[-1] = (min(start, found[-1][0]), max(end, found[-1][1]))
            else:
                found.append((start, end))
        whole_day_before = today == (day_bounds(day, schedule.zone_on(date.fromordinal(day))),)
    return found


def _intersection(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> list[tuple[int, int]]:
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            common.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return common
