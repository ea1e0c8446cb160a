"""The days of one recurrence rule (RFC 5545, 3.3.10, the table of expansions and limitations).

Years, months, weeks and days are periods with a number. Within a period the days are those that pass every BY part; the
time of day and BYSETPOS are no concern of this module. A day is a proleptic ordinal (`date.toordinal`), ascending in
every list.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

from kalends.core.rrule import Freq, Rule

LAST_DAY = date.max.toordinal()


def period_of(rule: Rule, day: int) -> int:
    """The number of the period that holds `day`; for rules below a day, the day itself."""
    if rule.freq >= Freq.DAILY:
        return day
    if rule.freq == Freq.WEEKLY:
        return (day - 1 - rule.week_start) // 7
    here = date.fromordinal(day)
    return here.year if rule.freq == Freq.YEARLY else here.year * 12 + here.month - 1


def days_of(rule: Rule, periods: Sequence[int]) -> list[int]:
    """All days of ascending periods. `rule` must say which: what DTSTART adds has been filled in."""
    if rule.freq >= Freq.DAILY:
        return _limited(rule, _on_weekdays(rule, periods))
    if rule.freq == Freq.WEEKLY:
        offsets = _offsets_in_week(rule)
        first = 1 + rule.week_start
        return _limited(rule, [first + 7 * week + offset for week in periods for offset in offsets])
    days = _days_of_year if rule.freq == Freq.YEARLY else _days_of_month
    return [day for period in periods for day in days(rule, period)]


def _on_weekdays(rule: Rule, days: Sequence[int]) -> Sequence[int]:
    if not rule.by_day:
        return days
    weekdays = {weekday for _, weekday in rule.by_day}
    return [day for day in days if (day - 1) % 7 in weekdays]


def _offsets_in_week(rule: Rule) -> list[int]:
    weekdays = {weekday for _, weekday in rule.by_day} or range(7)
    return sorted((weekday - rule.week_start) % 7 for weekday in weekdays)


# -- months -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _month(period: int) -> tuple[int, int]:
    """The day before the first, and how many days."""
    year, index = divmod(period, 12)
    return date(year, index + 1, 1).toordinal() - 1, monthrange(year, index + 1)[1]


def _days_of_month(rule: Rule, period: int) -> list[int]:
    if rule.by_month and period % 12 + 1 not in rule.by_month:
        return []
    before, length = _month(period)
    days = [before + number for number in _numbers(rule, before, length)]
    return _limited(rule, days) if rule.by_year_day or rule.by_week_no else days


def _numbers(rule: Rule, before: int, length: int) -> Iterable[int]:
    """The days by BYMONTHDAY and BYDAY, counted from 1, of `length` days after the day `before`."""
    if not rule.by_day:
        return _counted(rule.by_month_day, length) if rule.by_month_day else range(1, length + 1)
    named = _named(rule, before, length)
    return [n for n in named if n in _counted(rule.by_month_day, length)] if rule.by_month_day else named


def _counted(numbers: Iterable[int], length: int) -> list[int]:
    """Numbers from the beginning or (negative) from the end, as ascending numbers from the beginning."""
    found = {number if number > 0 else length + 1 + number for number in numbers}
    return sorted(number for number in found if 1 <= number <= length)


def _named(rule: Rule, before: int, length: int) -> list[int]:
    """The numbers that BYDAY names; an ordinal counts within the `length` days."""
    found: set[int] = set()
    for nth, weekday in rule.by_day:
        first = (weekday - before) % 7 + 1
        if nth == 0:
            found.update(range(first, length + 1, 7))
            continue
        last = first + (length - first) // 7 * 7
        number = first + 7 * (nth - 1) if nth > 0 else last + 7 * (nth + 1)
        if 1 <= number <= length:
            found.add(number)
    return sorted(found)


# -- years --------------------------------------------------------------------------------------------------------


def _days_of_year(rule: Rule, year: int) -> list[int]:
    if rule.by_week_no:
        return _limited(rule, _on_weekdays(rule, _days_of_weeks(rule, year)))
    if rule.by_month:
        return [day for month in rule.by_month for day in _days_of_month(rule, year * 12 + month - 1)]
    before, length = date(year, 1, 1).toordinal() - 1, 366 if isleap(year) else 365
    if rule.by_day:
        return _limited(rule, [before + number for number in _named(rule, before, length)])
    if rule.by_year_day:
        return _limited(rule, [before + number for number in _counted(rule.by_year_day, length)])
    return [day for month in range(12) for day in _days_of_month(rule, year * 12 + month)]


def _days_of_weeks(rule: Rule, year: int) -> list[int]:
    """The days of a calendar year in the weeks of BYWEEKNO, those that its first and last days share with others too."""
    first, end = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1
    found: set[int] = set()
    for of_year in (year - 1, year, year + 1):
        begin, after = _first_week(of_year, rule.week_start), _first_week(of_year + 1, rule.week_start)
        for number in _counted(rule.by_week_no, (after - begin) // 7):
            week = begin + 7 * (number - 1)
            found.update(range(max(week, first), min(week + 7, end)))
    return sorted(found)


@lru_cache(maxsize=1_024)
def _first_week(year: int, week_start: int) -> int:
    """Weeks begin on WKST; week 1 is the first with four days in the year (ISO 8601 for Monday)."""
    fourth = date(min(max(year, 1), 9999), 1, 4)
    return fourth.toordinal() - (fourth.weekday() - week_start) % 7


# -- parts that limit ---------------------------------------------------------------------------------------------


def _limited(rule: Rule, days: Sequence[int]) -> list[int]:
    """The days that the parts allow which limit in every frequency. BYDAY is the caller's: it depends on FREQ."""
    if not (rule.by_month or rule.by_month_day or rule.by_year_day or rule.by_week_no):
        return list(days)
    return [day for day in days if _passes(rule, date.fromordinal(day))]


def _passes(rule: Rule, day: date) -> bool:
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
    begin = day.toordinal() - (day.weekday() - rule.week_start) % 7
    year = date.fromordinal(begin + 3).year
    first = _first_week(year, rule.week_start)
    number = (begin - first) // 7 + 1
    weeks = (_first_week(year + 1, rule.week_start) - first) // 7
    return number in rule.by_week_no or number - weeks - 1 in rule.by_week_no
