"""Who takes an any-staff booking: what the policy of `kalends.scheduling.assign` wants to know, from the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery

from kalends.bookings.models import AppointmentStaff, Claim
from kalends.companies.models import Company, Staff
from kalends.scheduling.assign import Candidate, rank_staff
from kalends.scheduling.zones import MINUTE, epoch, period_bounds


def ranked_staff(*, company: Company, staff_ids: Sequence[UUID], start: datetime) -> list[UUID]:
    """Those who are free at `start`, who should take it first first; days and weeks are the company's.

    Fewest minutes booked that day, then that week, then least recently booked, then the company's order.
    """
    if len(staff_ids) < 2:
        return list(staff_ids)
    minutes_day, minutes_week = _minutes(company, staff_ids, epoch(start))
    latest = _latest(staff_ids)
    candidates = [
        Candidate(str(ident), minutes_day[ident], minutes_week[ident], latest.get(ident)) for ident in staff_ids
    ]
    return [UUID(candidate.id) for candidate in rank_staff(candidates)]


def _minutes(
    company: Company, staff_ids: Sequence[UUID], start: int
) -> tuple[defaultdict[UUID, int], defaultdict[UUID, int]]:
    day, week = period_bounds(start, "day", company.timezone), period_bounds(start, "week", company.timezone)
    rows = Claim.objects.filter(
        staff_id__in=staff_ids,
        appointment__isnull=False,
        start__gte=datetime.fromtimestamp(week[0], UTC),
        start__lt=datetime.fromtimestamp(week[1], UTC),
    )
    in_day: defaultdict[UUID, int] = defaultdict(int)
    in_week: defaultdict[UUID, int] = defaultdict(int)
    for staff_id, begins, ends in rows.values_list("staff_id", "start", "end"):
        length = (epoch(ends) - epoch(begins)) // MINUTE
        in_week[staff_id] += length
        if day[0] <= epoch(begins) < day[1]:
            in_day[staff_id] += length
    return in_day, in_week


def _latest(staff_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    newest = AppointmentStaff.objects.filter(staff=OuterRef("pk")).order_by("-id")
    rows = Staff.objects.filter(pk__in=staff_ids).values_list(
        "pk", Subquery(newest.values("appointment__created_at")[:1])
    )
    return {ident: moment for ident, moment in rows if moment}
