"""The wall times of one recurrence rule, in order, beginning near a given day rather than at the rule's own start.

INTERVAL chooses every n-th period; the days of a period come first (`rule_days`), then the times of day, then BYSETPOS.
What comes out are batches: some days, and the times of day that hold on each of them. A wall time as one number is its
day in seconds plus the seconds of that day.

COUNT becomes a last wall time. Where each period gives equally many it is arithmetic; else the past is walked once and
the result kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple, TypeVar

from kalends.core.rrule import BadRecurrence, Freq, Rule
from kalends.core.rule_days import LAST_DAY, days_of, period_of
from kalends.core.wall_clock import DAY

_T = TypeVar("_T")
Batch = tuple[Sequence[int], Sequence[int]]
_UNIT = {Freq.HOURLY: 3_600, Freq.MINUTELY: 60, Freq.SECONDLY: 1}
_AT_ONCE = 256
# No rule that people make comes near: it stops rules whose only purpose or effect is to burn time.
MOST_STEPS = 2_000_000
_YEAR = 366


def batches(rule: Rule, start: int, low: int, high: int) -> Iterator[Batch]:
    """The wall times of `rule` that lie after its beginning at wall time `start`, on the days from `low` to before `high`
    and perhaps on some around. COUNT is kept, UNTIL is the caller's.

    Raises BadRecurrence where it would take too long.
    """
    series = Series.of(rule, start)
    low = max(low, start // DAY)
    if rule.count is None:
        return _uncounted(series, low, high)
    last = last_counted(series, rule.count, high)
    if last is None:
        return _uncounted(series, low, high)
    return _cut(_uncounted(series, low, min(high, last // DAY + 1)), start, last)


def gives_its_start(rule: Rule, start: int) -> bool:
    """Whether DTSTART is a time of the rule; with COUNT it is one anyhow."""
    day, time = divmod(start, DAY)
    found = _whole(Series.of(rule, start), day, day + 1)
    return rule.count is not None or any(day in days and time in times for days, times in found)


def up_to(found: Iterable[Batch], last: int) -> Iterator[Batch]:
    """What of the batches lies not beyond a wall time."""
    return _cut(found, -1, last)


class Series(NamedTuple):
    """A rule with all that DTSTART says for it; `times` of day, or below a day those within each unit."""

    rule: Rule
    start: int
    times: tuple[int, ...]

    @classmethod
    def of(cls, rule: Rule, start: int) -> Series:
        day, time = divmod(start, DAY)
        return cls(_with_days(rule, day), start, _times(rule, time))


def _with_days(rule: Rule, day: int) -> Rule:
    """What the rule does not say about days comes from DTSTART's."""
    if rule.freq == Freq.DAILY and rule.by_day and rule.interval == 1 and not rule.by_set_pos:
        return _weekly(rule)
    if rule.freq >= Freq.DAILY or rule.by_day or rule.by_month_day or rule.by_year_day:
        return rule
    if rule.freq == Freq.WEEKLY or rule.by_week_no:
        return _on_weekday(rule, (day - 1) % 7)
    month, number = _month_and_day(day)
    return _on_date(rule, month if rule.freq == Freq.YEARLY and not rule.by_month else 0, number)


@lru_cache(maxsize=1_024)
def _weekly(rule: Rule) -> Rule:
    """Every Monday and Tuesday, said by weeks: these have equally many, so that COUNT is arithmetic."""
    return replace(rule, freq=Freq.WEEKLY)


@lru_cache(maxsize=1_024)
def _on_weekday(rule: Rule, weekday: int) -> Rule:
    return replace(rule, by_day=((0, weekday),))


@lru_cache(maxsize=1_024)
def _on_date(rule: Rule, month: int, number: int) -> Rule:
    return replace(rule, by_month_day=(number,), by_month=(month,) if month else rule.by_month)


def _month_and_day(day: int) -> tuple[int, int]:
    here = date.fromordinal(day)
    return here.month, here.day


def _times(rule: Rule, time: int) -> tuple[int, ...]:
    """Seconds of the day, ascending; below a day, seconds of the hour or minute. What is not said is that of `time`."""
    if not (rule.by_hour or rule.by_minute or rule.by_second) and rule.freq <= Freq.DAILY:
        return (time,)
    hours: Sequence[int] = (0,) if rule.freq >= Freq.HOURLY else rule.by_hour or (time // 3_600,)
    minutes: Sequence[int] = (0,) if rule.freq >= Freq.MINUTELY else rule.by_minute or (time // 60 % 60,)
    seconds: Sequence[int] = (0,) if rule.freq == Freq.SECONDLY else _seconds(rule) or (time % 60,)
    return tuple(h * 3_600 + m * 60 + s for h in hours for m in minutes for s in seconds)


def _seconds(rule: Rule) -> list[int]:
    # A leap second is the second before it: no clock of ours shows it.
    return sorted({min(second, 59) for second in rule.by_second})


# -- period by period ---------------------------------------------------------------------------------------------


def _uncounted(series: Series, low: int, high: int) -> Iterator[Batch]:
    origin = series.start // DAY
    for batch in _whole(series, low, high):
        if batch[0] and batch[0][0] <= origin:
            yield from _cut([batch], series.start, LAST_DAY * DAY)
        else:
            yield batch


def _whole(series: Series, low: int, high: int) -> Iterator[Batch]:
    return _below_a_day(series, low, high) if series.rule.freq > Freq.DAILY else _by_days(series, low, high)


def _by_days(series: Series, low: int, high: int) -> Iterator[Batch]:
    rule, steps = series.rule, 0
    origin, first = period_of(rule, series.start // DAY), period_of(rule, low)
    begin = origin + max(0, (first - origin) // rule.interval * rule.interval)
    periods = range(begin, period_of(rule, min(high, LAST_DAY)) + 1, rule.interval)
    for at in range(0, len(periods), _AT_ONCE):
        chunk = periods[at : at + _AT_ONCE]
        if rule.by_set_pos:
            yield from _with_positions(series, chunk)
        else:
            yield days_of(rule, chunk), series.times
        steps += len(chunk)
        if steps > MOST_STEPS:
            raise BadRecurrence("The recurrence takes too long to expand")


def _with_positions(series: Series, periods: Sequence[int]) -> Iterator[Batch]:
    rule, times = series.rule, series.times
    days_each = (days_of(rule, (period,)) for period in periods)
    if len(times) == 1:
        yield [day for days in days_each for day in _chosen(rule, days)], times
        return
    for days in days_each:
        # By number, not by list: every second of a year is more than fits a moment.
        for place in _chosen(rule, range(len(days) * len(times))):
            day, time = divmod(place, len(times))
            yield (days[day],), (times[time],)


def _chosen(rule: Rule, found: Sequence[_T]) -> Sequence[_T]:
    if not rule.by_set_pos:
        return found
    size = len(found)
    places = {pos - 1 if pos > 0 else size + pos for pos in rule.by_set_pos}
    return [found[place] for place in sorted(places) if 0 <= place < size]


def _below_a_day(series: Series, low: int, high: int) -> Iterator[Batch]:
    """A unit is an hour, a minute or a second; each holds the same times, of which BYSETPOS chooses the same."""
    rule, unit, steps = series.rule, _UNIT[series.rule.freq], 0
    a_day, origin = DAY // unit, series.start // unit
    within = _chosen(rule, series.times)
    hours, minutes, seconds = frozenset(rule.by_hour), frozenset(rule.by_minute), frozenset(_seconds(rule))
    for chunk in range(low, high if within else low, _AT_ONCE):
        for day in days_of(rule, range(chunk, min(chunk + _AT_ONCE, high))):
            units = range((origin - day * a_day) % rule.interval, a_day, rule.interval)
            begins = [number * unit for number in units]
            if hours:
                begins = [begin for begin in begins if begin // 3_600 in hours]
            if minutes and unit <= 60:
                begins = [begin for begin in begins if begin // 60 % 60 in minutes]
            if seconds and unit == 1:
                begins = [begin for begin in begins if begin % 60 in seconds]
            yield (day,), [begin + time for begin in begins for time in within]
            # To pass a unit over costs little beside what it gives.
            steps += len(units) // 8 + len(begins) * len(within)
            if steps > MOST_STEPS:
                raise BadRecurrence("The recurrence takes too long to expand")
        steps += _AT_ONCE


def _cut(found: Iterable[Batch], after: int, last: int) -> Iterator[Batch]:
    """What of the batches lies after one wall time and not beyond another."""
    (first_day, begin), (last_day, end) = divmod(after, DAY), divmod(last, DAY)
    for days, times in found:
        if first_day in days:
            yield (first_day,), [time for time in times if time > begin and (first_day < last_day or time <= end)]
        yield days[bisect_right(days, first_day) : bisect_left(days, last_day)], times
        if first_day < last_day and last_day in days:
            yield (last_day,), [time for time in times if time <= end]


# -- COUNT --------------------------------------------------------------------------------------------------------


def last_counted(series: Series, count: int, high: int) -> int | None:
    """The wall time at which COUNT ends the series, DTSTART being the first; None if that is on day `high` or later."""
    if count == 1:
        return series.start
    each = _each_gives(series)
    if each:
        return _by_arithmetic(series, count - 1, each)
    return by_walking(series, count - 1, (high // _YEAR + 1) * _YEAR)


@lru_cache(maxsize=4_096)
def by_walking(series: Series, left: int, high: int) -> int | None:
    """The wall time of the `left`-th occurrence after DTSTART, if it comes before day `high`. Kept: the past stays."""
    for days, times in _uncounted(series, series.start // DAY, high):
        size = len(days) * len(times)
        if left <= size:
            day, time = divmod(left - 1, len(times))
            return days[day] * DAY + times[time]
        left -= size
    return None


def _by_arithmetic(series: Series, left: int, each: int) -> int | None:
    rule, start = series.rule, series.start
    unit = _UNIT.get(rule.freq)
    origin = start // unit if unit else period_of(rule, start // DAY)
    first = [wall for wall in _walls_of(series, origin) if wall > start]
    if left <= len(first):
        return first[left - 1]
    further, place = divmod(left - len(first) - 1, each)
    period = origin + (further + 1) * rule.interval
    beyond = LAST_DAY * DAY // unit if unit else period_of(rule, LAST_DAY - _YEAR)
    return None if period >= beyond else _walls_of(series, period)[place]


def _walls_of(series: Series, period: int) -> list[int]:
    """The wall times of one period; below a day, of one unit."""
    rule, times = series.rule, series.times
    if rule.freq > Freq.DAILY:
        return [period * _UNIT[rule.freq] + time for time in _chosen(rule, times)]
    days = days_of(rule, (period,))
    if len(days) * len(times) > MOST_STEPS:
        raise BadRecurrence("The recurrence takes too long to expand")
    return list(_chosen(rule, [day * DAY + time for day in days for time in times]))


def _each_gives(series: Series) -> int:
    """How many wall times every period gives; 0 where that differs or is not told this easily."""
    rule = series.rule
    days, steady = _fewest_days(rule)
    least = days * len(series.times)
    if steady:
        return len(_chosen(rule, range(least)))
    one_sided = rule.by_set_pos and (rule.by_set_pos[0] > 0 or rule.by_set_pos[-1] < 0)
    return len(rule.by_set_pos) if one_sided and max(map(abs, rule.by_set_pos)) <= least else 0


def _fewest_days(rule: Rule) -> tuple[int, bool]:
    """How many days every period has at least, and whether exactly; 0 where that is not told easily."""
    if rule.by_week_no or rule.by_year_day or (rule.by_month and rule.freq != Freq.YEARLY):
        return 0, False
    if rule.freq <= Freq.MONTHLY:
        fewest, steady = _fewest_of_month(rule)
        return fewest * (1 if rule.freq == Freq.MONTHLY else len(rule.by_month)), steady
    if rule.by_month_day:
        return 0, False
    if rule.freq == Freq.WEEKLY:
        return len({weekday for _, weekday in rule.by_day}), True
    limited = rule.freq > Freq.DAILY and (rule.by_hour or rule.by_minute or rule.by_second)
    return (0, False) if rule.by_day or limited else (1, True)


def _fewest_of_month(rule: Rule) -> tuple[int, bool]:
    ordinals = {nth for nth, _ in rule.by_day}
    if ordinals == {0} and not rule.by_month_day:
        return 4 * len(rule.by_day), False
    numbers = ordinals or set(rule.by_month_day)
    if rule.by_day and rule.by_month_day:
        return 0, False
    # Counted from one end, so that no two fall together, and no farther than the shortest month goes.
    most = 4 if ordinals else 28
    steady = 1 <= min(numbers) <= max(numbers) <= most or -most <= min(numbers) <= max(numbers) <= -1
    return (len(rule.by_day) or len(numbers), True) if steady else (0, False)
