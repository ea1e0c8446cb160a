"""Working hours between the page's fields and the values that the service takes. Minutes from local midnight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.http import QueryDict
from django.utils.dates import WEEKDAYS as WEEKDAYS_IN_WORDS
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from kalends.companies.models import Staff
from kalends.companies.values import DayOverride, Hours, MinuteRange, WeeklyRange
from kalends.core.errors import InvalidInput

WEEKDAYS = range(7)
_MOST_RANGES = 12


def clock(minute: int) -> str:
    """As a time field takes it, such as 09:30; the day's end is 00:00."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def minute_of(text: str) -> int | None:
    """The minute of "9:30" or "09:30"; None for anything else."""
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isascii() and minutes.isascii() and hours.isdigit() and minutes.isdigit()):
        return None
    value = int(hours) * 60 + int(minutes) if len(hours) <= 2 and len(minutes) == 2 and int(minutes) < 60 else -1
    return value if 0 <= value <= 1440 else None


def ranges_of(starts: Sequence[str], ends: Sequence[str]) -> list[MinuteRange]:
    """The ranges typed; empty rows are left out, an end of 00:00 is the day's end. Raises InvalidInput."""
    ranges = []
    for start_text, end_text in list(zip(starts, ends, strict=False))[:_MOST_RANGES]:
        if not start_text.strip() and not end_text.strip():
            continue
        start, end = minute_of(start_text), minute_of(end_text)
        if start is None or end is None:
            raise InvalidInput(_("Give both times of a range, such as 09:00 and 17:00."))
        ranges.append(MinuteRange(start, end or 1440))
    return ranges


@dataclass
class DayRows:
    """One weekday of the editor: what is typed there, as text, and what is wrong with it."""

    weekday: int
    rows: list[tuple[str, str]]
    error: str = ""

    @property
    def shown(self) -> list[tuple[str, str]]:
        """One spare row, so that a range can be added without a script."""
        return [*self.rows, ("", "")]

    @property
    def name(self) -> str:
        return capfirst(WEEKDAYS_IN_WORDS[self.weekday])


def rows_of_staff(staff: Staff) -> list[DayRows]:
    stored = list(staff.working_hours.all())
    return [
        DayRows(day, [(clock(r.start_minute), clock(r.end_minute)) for r in stored if r.weekday == day])
        for day in WEEKDAYS
    ]


def rows_of_post(data: QueryDict) -> list[DayRows]:
    days = []
    for day in WEEKDAYS:
        pairs = zip(data.getlist(f"from_{day}"), data.getlist(f"to_{day}"), strict=False)
        days.append(DayRows(day, [pair for pair in pairs if any(text.strip() for text in pair)][:_MOST_RANGES]))
    return days


def weekly_of(days: Iterable[DayRows]) -> list[WeeklyRange] | None:
    """The weekly ranges typed, or None with the error noted at its day."""
    weekly: list[WeeklyRange] = []
    failed = False
    for day in days:
        try:
            ranges = ranges_of([start for start, _end in day.rows], [end for _start, end in day.rows])
            _refuse_overlap(ranges)
        except InvalidInput as error:
            day.error, failed = error.message, True
            continue
        weekly += [WeeklyRange(day.weekday, item.start, item.end) for item in ranges]
    return None if failed else weekly


def _refuse_overlap(ranges: Sequence[MinuteRange]) -> None:
    """The service checks this too; here it is said at the day it happened on."""
    ordered = sorted(ranges, key=lambda item: item.start)
    if any(item.end <= item.start for item in ordered):
        raise InvalidInput(_("A range must end after it starts, within one day."))
    if any(second.start < first.end for first, second in pairwise(ordered)):
        raise InvalidInput(_("Two ranges of one day overlap."))


def copy_monday(days: list[DayRows]) -> None:
    for day in days[1:5]:
        day.rows = list(days[0].rows)


def hours_of(staff: Staff) -> Hours:
    """As stored: the service replaces everything, so a change of one part carries the others along."""
    return Hours(
        timezone=staff.timezone,
        weekly=[WeeklyRange(row.weekday, row.start_minute, row.end_minute) for row in staff.working_hours.all()],
        overrides=[
            DayOverride(row.date, tuple(MinuteRange(start, end) for start, end in row.ranges))
            for row in staff.overrides.all()
        ],
    )


def with_override(hours: Hours, override: DayOverride) -> Hours:
    others = [item for item in hours.overrides if item.date != override.date]
    return Hours(hours.timezone, hours.weekly, [*others, override])


def without_override(hours: Hours, day: date) -> Hours:
    return Hours(hours.timezone, hours.weekly, [item for item in hours.overrides if item.date != day])
