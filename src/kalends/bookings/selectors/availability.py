"""Which times are offered: the engine of `kalends.scheduling` over the rows of the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from kalends.bookings.diary import Member, members_for, rules_of, staff_days
from kalends.bookings.values import Alternative, Explained, SlotDays
from kalends.calendars.selectors import stale_staff
from kalends.companies.models import Company, Service, Staff, StaffGroup
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.span import Span
from kalends.core.zones import zone
from kalends.scheduling.busy import StaffDays
from kalends.scheduling.explain import explain_slot
from kalends.scheduling.rules import ServiceRules
from kalends.scheduling.slots import SlotQuery, all_of, any_of, data_span, find_slots, near_span, nearest_free
from kalends.scheduling.zones import dates_span

MOST_DAYS = 400
_AROUND = timedelta(days=14)


def slots(
    *,
    company: Company,
    service: Service,
    from_date: date,
    to_date: date,
    tz: str,
    now: datetime,
    staff: Staff | None = None,
    group: StaffGroup | None = None,
    reschedule_of: UUID | None = None,
) -> SlotDays:
    """Bookable starts on the dates `from_date` to `to_date` (both included) of the reader's zone `tz`.

    With neither `staff` nor `group`: any member who gives the service. `reschedule_of`: that appointment does not stand
    in its own way. Raises InvalidInput (timezone, from, to) and NotFound.
    """
    zone(tz)
    _check_owner(company, service)
    window = dates_span(from_date, to_date, tz)
    if (to_date - from_date).days >= MOST_DAYS:
        raise InvalidInput(_("Ask for %(days)d days at the most.") % {"days": MOST_DAYS}, field="to")
    members = members_for(service=service, staff=staff, group=group)
    not_offered = stale_staff(staff_ids=[member.id for member in members], now=now)
    query = slot_query(
        company=company,
        service=service,
        members=[member for member in members if member.id not in not_offered],
        window=window,
        now=now,
        ignore=[str(reschedule_of)] if reschedule_of else (),
    )
    return SlotDays(timezone=tz, found=find_slots(query, window), not_offered=not_offered)


def month_overview(
    *,
    company: Company,
    service: Service,
    first: date,
    tz: str,
    now: datetime,
    staff: Staff | None = None,
    group: StaffGroup | None = None,
    reschedule_of: UUID | None = None,
) -> dict[date, int]:
    """How many starts each date of the month of `first` has, as the reader's clock shows it; dates without are left out."""
    beginning = first.replace(day=1)
    last = (beginning + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    answer = slots(
        company=company,
        service=service,
        staff=staff,
        group=group,
        from_date=beginning,
        to_date=last,
        tz=tz,
        now=now,
        reschedule_of=reschedule_of,
    )
    return answer.counts()


def alternatives(
    *,
    company: Company,
    service: Service,
    wanted: datetime,
    now: datetime,
    staff: Staff | None = None,
    group: StaffGroup | None = None,
    reschedule_of: UUID | None = None,
    count: int = 3,
) -> list[Alternative]:
    """The nearest bookable starts to `wanted`, nearest first, within two weeks on either side."""
    members = members_for(service=service, staff=staff, group=group)
    stale = stale_staff(staff_ids=[member.id for member in members], now=now)
    around = Span(max(wanted - _AROUND, now - timedelta(days=1)), max(wanted, now) + _AROUND)
    query = slot_query(
        company=company,
        service=service,
        members=[member for member in members if member.id not in stale],
        window=around,
        now=now,
        ignore=[str(reschedule_of)] if reschedule_of else (),
    )
    return [
        Alternative(slot.start, tuple(UUID(ident) for ident in slot.staff))
        for slot in nearest_free(query, wanted, around, count)
    ]


def explain(
    *, company: Company, service: Service, staff: Staff, at: datetime, now: datetime, reschedule_of: UUID | None = None
) -> Explained:
    """Each rule for one staff member at one instant, with what stands in the way. Raises NotFound.

    Beside the engine's rules: a staff member whose calendar is too old to be trusted is not offered at all.
    """
    _check_owner(company, service)
    window = Span(at, at + timedelta(minutes=service.duration))
    query = slot_query(
        company=company,
        service=service,
        members=members_for(service=service, staff=staff),
        window=window,
        now=now,
        ignore=[str(reschedule_of)] if reschedule_of else (),
    )
    explained = explain_slot(query, at)
    reason = stale_staff(staff_ids=[staff.pk], now=now).get(staff.pk)
    return Explained(explained, stale_reason=reason or "")


def slot_query(
    *,
    company: Company,
    service: Service,
    members: Sequence[Member],
    window: Span,
    now: datetime,
    ignore: Collection[str] = (),
    rules: ServiceRules | None = None,
    together: bool = False,
    only: datetime | None = None,
) -> SlotQuery:
    """The engine's question for a window, with all rows that can bear on the answer.

    `together`: all members are needed at once, not any of them. `rules`: other than the service's own. `only`: the
    question is for `check_slot` at this start, and at no other.
    """
    asked = rules or rules_of(service)
    days: list[StaffDays] = []
    if members:
        span = data_span(asked, window, now, company.timezone)
        days = staff_days(members, span=span, now=now, near=(near_span(asked, only) or span) if only else None)
    needs = all_of(days) if together else any_of(days)
    return SlotQuery(asked, needs, now, company.timezone, ignore=frozenset(ignore))


def _check_owner(company: Company, service: Service) -> None:
    if service.company_id != company.pk or not service.active:
        raise NotFound(_("There is no such service."))
