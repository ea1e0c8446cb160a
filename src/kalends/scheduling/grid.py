"""Starts in open time that nothing forbids. All times are epoch seconds; all lists are sorted.
Nothing here reads a clock, nor a zone but for the clean clock times of the grids that snap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import compress

from kalends.scheduling.busy import Forbidden
from kalends.scheduling.opening import Grid, Stretch
from kalends.scheduling.rules import ServiceRules
from kalends.scheduling.zones import MINUTE, offset_at, up_to_minute, zone

QUARTER = 15 * MINUTE


def free_of(grid: Grid, forbidden: Forbidden, low: int, high: int) -> list[int]:
    """The starts of a grid in [low, high) whose appointment touches nothing forbidden."""
    here, stop = bisect_left(grid.starts, low), bisect_left(grid.starts, high)
    lost = format(_lost(grid, forbidden) >> here, "b").encode()[::-1]
    free = lost.translate(_FREE)[: stop - here].ljust(stop - here, b"\x01")
    return list(compress(grid.starts[here:stop], free))


# The digits of a binary number as flags: what is not lost is free.
_FREE = bytes.maketrans(b"01", b"\x01\x00")


def _lost(grid: Grid, forbidden: Forbidden) -> int:
    """One bit a start, the first one lowest: set where begin - length < start < over for any of the forbidden times.

    The innermost loop of every search: numbers of some hundred bits are joined faster than flags in a list are written.
    """
    below, unit = grid.below, grid.unit
    after_begin = grid.origin + grid.length - unit
    up_to_over = grid.origin - unit + 1
    lost = 0
    for begin, over in zip(*_within(grid, forbidden), strict=True):
        lost |= (1 << below[(over - up_to_over) // unit]) - (1 << below[(begin - after_begin) // unit])
    return lost


def _within(grid: Grid, forbidden: Forbidden) -> Forbidden:
    """The same time, as far as the grid's table reaches; mostly all of it."""
    begins, overs = forbidden
    first, last = grid.origin + grid.length, grid.over
    if not begins or (first <= min(begins) and max(overs) <= last):
        return forbidden
    both = [(max(begin, first), min(over, last)) for begin, over in zip(begins, overs, strict=True)]
    return [begin for begin, over in both if begin < over], [over for begin, over in both if begin < over]


def anchored_starts(
    rules: ServiceRules,
    stretches: Sequence[Stretch],
    forbidden: Forbidden,
    low: int,
    high: int,
    cutoff: int,
    tz_name: str,
) -> list[int]:
    """Starts in [low, high) of the grids that begin anew in each free range; none lies before `cutoff`."""
    starts: list[int] = []
    for begin, end, limit in _free_ranges(stretches, sorted(zip(*forbidden, strict=True)), low, high, cutoff):
        last = min(end - rules.length, limit - MINUTE)
        first = up_to_minute(begin) + rules.lead_in * MINUTE
        if first > last:
            continue
        first = _snapped(rules, first, last, tz_name) + rules.offset * MINUTE
        starts.extend(range(first, last + 1, rules.step))
    return starts[bisect_left(starts, low) : bisect_left(starts, high)]


def is_free(stretches: Sequence[Stretch], forbidden: Forbidden, start: int, length: int) -> bool:
    """Whether an appointment at `start` lies in open time and touches nothing forbidden, on a grid or not."""
    end = start + length
    taken = any(begin < end and start < over for begin, over in zip(*forbidden, strict=True))
    return fits(stretches, start, end) and not taken


def fits(stretches: Sequence[Stretch], start: int, end: int) -> bool:
    return any(stretch.start <= start < stretch.end and end <= stretch.reach for stretch in stretches)


def _free_ranges(
    stretches: Sequence[Stretch], blocked: list[tuple[int, int]], low: int, high: int, cutoff: int
) -> Iterator[tuple[int, int, int]]:
    """(begin, end, limit): free time, and where its stretch stops giving starts."""
    index, count = 0, len(blocked)
    for opens, closes, reach in stretches:
        if closes <= low:
            continue
        if opens >= high:
            return
        here = max(opens, cutoff)
        while here < closes:
            while index < count and blocked[index][1] <= here:
                index += 1
            if index == count:
                yield here, reach, closes
                break
            begin, over = blocked[index]
            if begin > here:
                yield here, min(reach, begin), closes
            here = max(here, over)


def _snapped(rules: ServiceRules, first: int, last: int, tz_name: str) -> int:
    """Where the grid of a free range begins, for a first possible start and the last one that fits."""
    if rules.grid == "opening":
        return first
    clean = rules.clean_step * MINUTE
    wall = first + _offset_of_quarter(first // QUARTER, tz_name)
    to_clean = -wall % clean
    if rules.grid == "clock" or to_clean == 0:
        return first + to_clean
    # fit: only minutes that no start needs may be given away.
    spare = (last - first - rules.offset * MINUTE) % rules.step
    if spare >= to_clean:
        return first + to_clean
    to_quarter = -wall % QUARTER
    return first + to_quarter if spare >= to_quarter else first


@lru_cache(maxsize=16_384)
def _offset_of_quarter(quarter: int, tz_name: str) -> int:
    """Zones change their offset on quarters of an hour only."""
    return offset_at(quarter * QUARTER, zone(tz_name))
