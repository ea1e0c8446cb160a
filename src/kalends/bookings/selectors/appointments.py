"""Reads of appointments for pages, the API, feeds and customers. Each names the company it reads for, or a secret."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Min, Prefetch, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from kalends.bookings.models import Appointment, AppointmentStaff, Attendee, Customer, HistoryEntry, Status
from kalends.companies.models import Company, Staff
from kalends.core.errors import NotFound
from kalends.core.ids import token_digest
from kalends.core.span import Span
from kalends.jobs.secrets import unseal

MANAGE_FIELD = "bookings.Attendee.manage_sealed"


def appointments_of(
    company: Company,
    *,
    span: Span | None = None,
    staff_ids: Iterable[UUID] | None = None,
    status: str = "",
    flagged: bool = False,
    search: str = "",
) -> QuerySet[Appointment]:
    """In order of time, with service, staff and attendees loaded. Pages cut it."""
    rows = with_people(Appointment.objects.filter(company=company))
    if span is not None:
        rows = rows.filter(start__lt=span.end, end__gt=span.start)
    if staff_ids is not None:
        rows = rows.filter(pk__in=Appointment.objects.filter(assigned__staff_id__in=list(staff_ids)).values("pk"))
    if status:
        rows = rows.filter(status=status)
    if flagged:
        rows = rows.exclude(flag="")
    if search:
        found = Attendee.objects.filter(appointment__company=company)
        matching = found.filter(name__icontains=search) | found.filter(email__icontains=search)
        rows = rows.filter(pk__in=matching.values("appointment_id"))
    return rows.order_by("start", "id")


def with_people(rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
    """Service, place, staff and attendees of each, in a constant number of queries."""
    return rows.select_related("company", "service", "service__location").prefetch_related(
        Prefetch("staff", queryset=Staff.objects.order_by("position", "id")),
        Prefetch("attendees", queryset=Attendee.objects.order_by("id")),
    )


def appointment_of(company: Company, appointment_id: UUID | str) -> Appointment:
    try:
        ident = appointment_id if isinstance(appointment_id, UUID) else UUID(str(appointment_id))
    except ValueError:
        raise NotFound(_("There is no such appointment.")) from None
    found = with_people(Appointment.objects.filter(company=company, pk=ident)).first()
    if found is None:
        raise NotFound(_("There is no such appointment."))
    return found


def attendee_by_manage_token(token: str) -> Attendee:
    """The customer's place behind the secret of a manage link, with its appointment. Raises NotFound."""
    attendee = Attendee.objects.filter(manage_digest=token_digest(token)).first()
    if attendee is None:
        raise NotFound(_("There is no appointment at this address."))
    attendee.appointment = with_people(Appointment.objects.filter(pk=attendee.appointment_id)).get()
    return attendee


def appointment_by_manage_token(token: str) -> Appointment:
    return attendee_by_manage_token(token).appointment


def manage_url(attendee: Attendee) -> str:
    """The customer's secret address, opened for sending or showing it again."""
    token = unseal(attendee.manage_sealed, row=attendee.pk, field=MANAGE_FIELD)
    return f"{settings.KALENDS.base_url}/a/{token}"


def history_of(appointment: Appointment) -> list[HistoryEntry]:
    """Oldest first; `bookings.history.entry_text` reads a line."""
    return list(HistoryEntry.objects.filter(appointment=appointment).order_by("at", "id"))


def customers_of(company: Company, *, search: str = "") -> QuerySet[Customer]:
    rows = Customer.objects.filter(company=company)
    if search:
        rows = rows.filter(name__icontains=search) | rows.filter(email__icontains=search)
    return rows.order_by("name", "id")


def customer_of(company: Company, customer_id: UUID | str) -> Customer:
    try:
        found = Customer.objects.filter(company=company, pk=UUID(str(customer_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(_("There is no such customer."))
    return found


class FeedRow(NamedTuple):
    """A confirmed appointment as a feed needs it. `version` rises and `changed_at` moves with each change of it."""

    id: UUID
    start: datetime
    end: datetime
    timezone: str
    service: str
    location: str
    notes: str
    version: int
    created_at: datetime
    changed_at: datetime
    customers: tuple[str, ...]
    staff: tuple[str, ...]


class FeedEntry(NamedTuple):
    """What tells whether the text that a feed kept of an appointment is still right, and the zone it is written in."""

    id: UUID
    version: int
    changed_at: datetime
    timezone: str


def feed_index(
    *, company: Company, span: Span, staff_ids: Iterable[UUID] | None = None
) -> tuple[list[FeedEntry], Span | None]:
    """Confirmed appointments that overlap `span`, in order of time, and the time that they take from first to last.

    Two queries whatever the number.
    """
    rows = _for_feed(company, span, staff_ids)
    found = rows.order_by("start", "id").values_list("id", "version", "changed_at", "timezone")
    entries = list(map(FeedEntry._make, found))
    ends = rows.order_by().aggregate(first=Min("start"), last=Max("end")) if entries else {}
    return entries, Span(ends["first"], ends["last"]) if ends and ends["first"] else None


def names_for_feeds(company: Company) -> tuple[object, ...]:
    """The names that texts of feeds borrow from services, places and staff members: equal while none of them changed."""
    services = company.services.order_by("pk").values_list("pk", "name", "location__name")
    return (*services, *company.staff.order_by("pk").values_list("pk", "name", "position"))


def appointments_for_feed(
    *, company: Company, span: Span, staff_ids: Iterable[UUID] | None = None, only: Iterable[UUID] | None = None
) -> list[FeedRow]:
    """Confirmed appointments that overlap `span`, in order of time; of some staff, or of the whole company.

    `only` these, which may be some hundreds. Three queries whatever the number.
    """
    rows = _for_feed(company, span, staff_ids).annotate(place=Coalesce("service__location__name", Value("")))
    if only is not None:
        rows = rows.filter(pk__in=list(only))
    ids = rows.order_by().values("pk")
    customers = _names(
        Attendee.objects.filter(appointment_id__in=ids, status=Status.CONFIRMED).order_by("id"),
        "appointment_id",
        "name",
    )
    assigned = AppointmentStaff.objects.filter(appointment_id__in=ids).order_by("staff__position", "staff_id")
    staff = _names(assigned, "appointment_id", "staff__name")
    columns = (
        "id", "start", "end", "timezone", "service__name", "place", "notes", "version", "created_at",
        "changed_at",
    )  # fmt: skip
    found = rows.order_by("start", "id").values_list(*columns)
    return [FeedRow._make((*row, customers[row[0]], staff[row[0]])) for row in found]


def _for_feed(company: Company, span: Span, staff_ids: Iterable[UUID] | None) -> QuerySet[Appointment]:
    rows = Appointment.objects.filter(company=company, status=Status.CONFIRMED, start__lt=span.end, end__gt=span.start)
    if staff_ids is None:
        return rows
    return rows.filter(pk__in=Appointment.objects.filter(assigned__staff_id__in=list(staff_ids)).values("pk"))


def _names(rows: QuerySet[Any], key: str, name: str) -> defaultdict[UUID, tuple[str, ...]]:
    found: defaultdict[UUID, tuple[str, ...]] = defaultdict(tuple)
    for ident, text in rows.values_list(key, name):
        found[ident] += (text,)
    return found
