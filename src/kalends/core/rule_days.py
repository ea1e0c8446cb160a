"""The wall times of one recurrence rule, in order, beginning near a given day rather than at the rule's own start.

Years, months, weeks and days are periods with a number; INTERVAL chooses every n-th. Within a period the days are those
that pass every BY part (RFC 5545, 3.3.10, the table of expansions and limitations), then the times of day, then
BYSETPOS. All times here are wall time without a zone.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import groupby

from kalends.core.rrule import BadRecurrence, Freq, Rule

_UNIT = {Freq.DAILY: 86_400, Freq.HOURLY: 3_600, Freq.MINUTELY: 60, Freq.SECONDLY: 1}
_ALL_DAYS = tuple((0, weekday) for weekday in range(7))
# No rule that people make comes near: it stops rules whose only purpose or effect is to burn time.
MOST_STEPS = 2_000_000


def walls(rule: Rule, start: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    """Wall times of `rule` that begins at `start`, ascending, from `low` on (or somewhat earlier) and below `high`.

    Never earlier than `start`; COUNT and UNTIL are the caller's. Raises BadRecurrence where it would take too long.
    """
    full = _with_defaults(rule, start)
    first = max(start, low)
    steps = 0
    for period in _periods(full, start, first, high):
        for wall in _in_period(full, start, period):
            if start <= wall < high:
                yield wall
        steps += _cost(full)
        if steps > MOST_STEPS:
            raise BadRecurrence("The recurrence takes too long to expand")


def _cost(rule: Rule) -> int:
    if rule.freq <= Freq.DAILY:
        return 1
    hours = len(rule.by_hour) or 24
    minutes = len(rule.by_minute) or 60
    return hours * minutes * (len(rule.by_second) or 60)


def _with_defaults(rule: Rule, start: datetime) -> Rule:
    """What the rule does not say comes from DTSTART: the day by FREQ, then the finer times."""
    changes: dict[str, object] = {}
    no_days = not (rule.by_day or rule.by_month_day or rule.by_year_day)
    if no_days and (rule.freq == Freq.WEEKLY or rule.by_week_no):
        changes["by_day"] = ((0, start.weekday()),)
    elif rule.freq <= Freq.MONTHLY and no_days:
        changes["by_month_day"] = (start.day,)
        if rule.freq == Freq.YEARLY and not rule.by_month:
            changes["by_month"] = (start.month,)
    if rule.freq < Freq.HOURLY and not rule.by_hour:
        changes["by_hour"] = (start.hour,)
    if rule.freq < Freq.MINUTELY and not rule.by_minute:
        changes["by_minute"] = (start.minute,)
    if rule.freq < Freq.SECONDLY and not rule.by_second:
        changes["by_second"] = (start.second,)
    return replace(rule, **changes)  # type: ignore[arg-type]


def _number(rule: Rule, wall: datetime) -> int:
    """The number of the period that holds `wall`; below a day, of its day."""
    if rule.freq == Freq.YEARLY:
        return wall.year
    if rule.freq == Freq.MONTHLY:
        return wall.year * 12 + wall.month - 1
    if rule.freq == Freq.WEEKLY:
        return (wall.toordinal() - 1 - rule.week_start) // 7
    return wall.toordinal()


def _periods(rule: Rule, start: datetime, low: datetime, high: datetime) -> range:
    step = rule.interval if rule.freq <= Freq.DAILY else 1
    origin, first, last = (_number(rule, wall) for wall in (start, low, high))
    return range(origin + max(0, (first - origin) // step * step), last + 1, step)


def _in_period(rule: Rule, start: datetime, period: int) -> Iterator[datetime]:
    days = _days(rule, period)
    if rule.freq > Freq.DAILY:
        for day in days:
            yield from _below_a_day(rule, start, day)
        return
    times = _times(rule)
    found = [datetime.combine(day, at) for day in days for at in times]
    yield from _chosen(rule, found)


def _chosen(rule: Rule, found: list[datetime]) -> list[datetime]:
    if not rule.by_set_pos:
        return found
    size = len(found)
    places = {pos - 1 if pos > 0 else size + pos for pos in rule.by_set_pos}
    return [found[place] for place in sorted(places) if 0 <= place < size]


def _times(rule: Rule) -> list[time]:
    # A leap second is the second before it: no clock of ours shows it.
    seconds = sorted({min(second, 59) for second in rule.by_second})
    return [time(h, m, s) for h in rule.by_hour for m in rule.by_minute for s in seconds]


def _below_a_day(rule: Rule, start: datetime, day: date) -> Iterator[datetime]:
    unit = _UNIT[rule.freq]
    origin = _seconds(start) // unit
    every = replace(
        rule,
        by_hour=rule.by_hour or tuple(range(24)),
        by_minute=rule.by_minute or tuple(range(60)),
        by_second=rule.by_second or tuple(range(60)),
    )
    found = (datetime.combine(day, at) for at in _times(every))
    for number, group in groupby(found, key=lambda wall: _seconds(wall) // unit):
        if (number - origin) % rule.interval == 0:
            yield from _chosen(rule, list(group))


def _seconds(wall: datetime) -> int:
    return wall.toordinal() * 86_400 + wall.hour * 3_600 + wall.minute * 60 + wall.second


# -- days -------------------------------------------------------------------------------------------------------


def _days(rule: Rule, period: int) -> list[date]:
    if rule.freq == Freq.YEARLY:
        return _days_of_year(rule, period)
    if rule.freq == Freq.MONTHLY:
        return _days_of_month(rule, *divmod(period, 12))
    if rule.freq == Freq.WEEKLY:
        monday = period * 7 + 1 + rule.week_start
        days = [date.fromordinal(monday + offset) for offset in range(7) if _in_calendar(monday + offset)]
        weekdays = {weekday for _, weekday in rule.by_day or _ALL_DAYS}
        return [day for day in days if day.weekday() in weekdays and _passes(rule, day)]
    if not _in_calendar(period):
        return []
    day = date.fromordinal(period)
    weekdays = {weekday for _, weekday in rule.by_day or _ALL_DAYS}
    return [day] if day.weekday() in weekdays and _passes(rule, day) else []


def _in_calendar(ordinal: int) -> bool:
    return 1 <= ordinal <= date.max.toordinal()


def _days_of_month(rule: Rule, year: int, month_index: int) -> list[date]:
    month = month_index + 1
    if (rule.by_month and month not in rule.by_month) or not 1 <= year <= 9999:
        return []
    length = monthrange(year, month)[1]
    numbers = {n if n > 0 else length + 1 + n for n in rule.by_month_day} if rule.by_month_day else range(1, length + 1)
    days = [date(year, month, number) for number in sorted(numbers) if 1 <= number <= length]
    return [day for day in days if _weekday_fits(rule, day, day.day, length) and _passes(rule, day)]


def _days_of_year(rule: Rule, year: int) -> list[date]:
    if not 1 <= year <= 9999:
        return []
    if rule.by_month and not rule.by_week_no:
        return [day for month in rule.by_month for day in _days_of_month(rule, year, month - 1)]
    length = 366 if isleap(year) else 365
    first = date(year, 1, 1)
    days = (first + timedelta(days=offset) for offset in range(length))
    return [day for day in days if _weekday_fits(rule, day, (day - first).days + 1, length) and _passes(rule, day)]


def _weekday_fits(rule: Rule, day: date, number: int, length: int) -> bool:
    """BYDAY with its ordinals, where `day` is the `number`-th of `length` days; with BYWEEKNO ordinals mean nothing."""
    if not rule.by_day:
        return True
    nth = (number - 1) // 7 + 1
    nth_from_end = -((length - number) // 7 + 1)
    weekday = day.weekday()
    return any(wanted == weekday and (rule.by_week_no or n in (0, nth, nth_from_end)) for n, wanted in rule.by_day)


def _passes(rule: Rule, day: date) -> bool:
    """The parts that limit in every frequency. BYDAY is the caller's: what its ordinals count depends on FREQ."""
    return (
        (not rule.by_month or day.month in rule.by_month)
        and (not rule.by_month_day or _month_day_fits(rule, day))
        and (not rule.by_year_day or _year_day_fits(rule, day))
        and (not rule.by_week_no or _week_no_fits(rule, day))
    )


def _month_day_fits(rule: Rule, day: date) -> bool:
    return day.day in rule.by_month_day or day.day - monthrange(day.year, day.month)[1] - 1 in rule.by_month_day


def _year_day_fits(rule: Rule, day: date) -> bool:
    number = day.timetuple().tm_yday
    return number in rule.by_year_day or number - (367 if isleap(day.year) else 366) in rule.by_year_day


def _week_no_fits(rule: Rule, day: date) -> bool:
    """Weeks begin on WKST; week 1 is the first with four days in the year (ISO 8601 for Monday)."""
    begin = day.toordinal() - (day.weekday() - rule.week_start) % 7
    year = date.fromordinal(begin + 3).year
    first = _first_week(year, rule.week_start)
    number = (begin - first) // 7 + 1
    weeks = (_first_week(year + 1, rule.week_start) - first) // 7
    return number in rule.by_week_no or number - weeks - 1 in rule.by_week_no


def _first_week(year: int, week_start: int) -> int:
    fourth = date(year, 1, 4)
    return fourth.toordinal() - (fourth.weekday() - week_start) % 7
