"""Working hours, time off, closings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.companies.models import (
    Closing,
    Company,
    HoursOverride,
    Staff,
    TimeOff,
    WorkingHours,
)
from kalends.companies.services.shared import raise_schedule_revision, record_audit, save_row
from kalends.companies.values import Hours, MinuteRange
from kalends.core.errors import InvalidInput
from kalends.core.span import within_reach
from kalends.core.zones import zone


def _check_ranges(ranges: Sequence[MinuteRange], field: str) -> None:
    """Refuses what cannot be meant: an end before its start, overlaps (touching is fine), hours outside the day."""
    for item in ranges:
        if not (0 <= item.start < item.end <= 1440):
            raise InvalidInput(_("A range must end after it starts, within one day."), field=field)
    ordered = sorted(ranges, key=lambda item: item.start)
    for first, second in pairwise(ordered):
        if second.start < first.end:
            raise InvalidInput(_("Two ranges of one day overlap."), field=field)


@transaction.atomic
def set_hours(*, staff: Staff, hours: Hours, actor: str, now: datetime) -> None:
    """Replaces zone, weekly ranges and overrides as one. Raises InvalidInput and changes nothing."""
    zone(hours.timezone)
    for weekday in range(7):
        _check_ranges([MinuteRange(r.start, r.end) for r in hours.weekly if r.weekday == weekday], "weekly")
    if any(not 0 <= item.weekday <= 6 for item in hours.weekly):
        raise InvalidInput(_("There is no such weekday."), field="weekly")
    for override in hours.overrides:
        within_reach(override.date, "overrides")
        _check_ranges(override.ranges, "overrides")
    if len({override.date for override in hours.overrides}) != len(hours.overrides):
        raise InvalidInput(_("One date is overridden twice."), field="overrides")
    Staff.objects.filter(pk=staff.pk).update(timezone=hours.timezone)
    staff.timezone = hours.timezone
    staff.working_hours.all().delete()
    WorkingHours.objects.bulk_create(
        WorkingHours(staff=staff, weekday=item.weekday, start_minute=item.start, end_minute=item.end)
        for item in hours.weekly
    )
    staff.overrides.all().delete()
    HoursOverride.objects.bulk_create(
        HoursOverride(staff=staff, date=item.date, ranges=[[r.start, r.end] for r in item.ranges])
        for item in hours.overrides
    )
    raise_schedule_revision([staff.pk])
    record_audit(company=staff.company, actor=actor, action="staff.hours", target=staff.name, now=now)


@transaction.atomic
def add_time_off(
    *, staff: Staff, start: datetime, end: datetime, label: str = "", actor: str, now: datetime
) -> TimeOff:
    if end <= start:
        raise InvalidInput(_("It must end after it starts."), field="end")
    time_off = TimeOff(staff=staff, start=start, end=end, label=label.strip())
    save_row(time_off)
    raise_schedule_revision([staff.pk])
    record_audit(company=staff.company, actor=actor, action="staff.time_off", target=staff.name, now=now)
    return time_off


@transaction.atomic
def delete_time_off(*, time_off: TimeOff, actor: str, now: datetime) -> None:
    raise_schedule_revision([time_off.staff_id])
    record_audit(
        company=time_off.staff.company,
        actor=actor,
        action="staff.time_off_removed",
        target=time_off.staff.name,
        now=now,
    )
    time_off.delete()


@transaction.atomic
def add_closing(
    *, company: Company, start: datetime, end: datetime, label: str = "", actor: str, now: datetime
) -> Closing:
    if end <= start:
        raise InvalidInput(_("It must end after it starts."), field="end")
    closing = Closing(company=company, start=start, end=end, label=label.strip())
    save_row(closing)
    raise_schedule_revision(company.staff.values_list("pk", flat=True))
    record_audit(company=company, actor=actor, action="closing.added", target=label, now=now)
    return closing


@transaction.atomic
def delete_closing(*, closing: Closing, actor: str, now: datetime) -> None:
    raise_schedule_revision(closing.company.staff.values_list("pk", flat=True))
    record_audit(company=closing.company, actor=actor, action="closing.removed", target=closing.label, now=now)
    closing.delete()
