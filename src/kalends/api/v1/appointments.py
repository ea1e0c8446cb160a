"""Appointments: book, read, move, annotate, cancel, history."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from ninja import Field, Query, Schema

from kalends.api.auth import CompanyRequest
from kalends.api.idempotency import answer
from kalends.api.models import IdempotencyKey
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.routing import answers, instant, router
from kalends.api.v1.schemas import AppointmentIn, AppointmentOut, AppointmentPatch, CancelIn, HistoryOut, Text
from kalends.bookings import selectors, services
from kalends.bookings.history import entry_text
from kalends.bookings.models import ActorKind, Appointment
from kalends.bookings.shown import shown
from kalends.bookings.values import Actor, Booked, CustomerInput
from kalends.calendars.selectors import sync_state_of_appointment, sync_states_of_appointments
from kalends.companies import selectors as companies
from kalends.companies.models import Company, Service, Staff
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput
from kalends.core.span import Span, within_reach
from kalends.core.zones import zone

routes = router("appointments")


class AppointmentPage(Schema):
    items: list[AppointmentOut]
    next: str | None


class HistoryPage(Schema):
    items: list[HistoryOut]
    next: str | None


class AppointmentQuery(PageQuery):
    from_: date | None = Field(None, alias="from", description="First day, by the company's clock")
    to: date | None = Field(None, description="Last day, included")
    staff: UUID | None = None
    status: Text = ""


def appointment_json(
    appointment: Appointment, sync: list[dict[str, Any]], booked: Booked | None = None
) -> dict[str, Any]:
    """`booked` has the people of an appointment that was booked a moment ago; else they are read."""
    staff, attendees = (
        (booked.staff, booked.attendees) if booked else (appointment.staff.all(), appointment.attendees.all())
    )
    return {**shown(appointment, staff, list(attendees)), "sync": sync}


def _read(request: CompanyRequest, appointment_id: UUID | str) -> dict[str, Any]:
    appointment = selectors.appointment_of(request.company, appointment_id)
    return appointment_json(appointment, sync_state_of_appointment(appointment.pk))


def _with_tag(body: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(body)
    response["ETag"] = f'"{body["version"]}"'
    return response


def _actor(request: CompanyRequest) -> Actor:
    return Actor(ActorKind.API, id=str(request.auth.pk), label=request.auth.name)


def _expected(request: CompanyRequest) -> int | None:
    """The version in If-Match: `"3"`. Anything else that is not `*` is an error, for silence would drop a guard."""
    tag = request.headers.get("If-Match", "").strip()
    if tag in ("", "*"):
        return None
    number = tag.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise InvalidInput('If-Match takes the version in quotes, as in "3".', field="If-Match")
    return int(number)


@routes.get("/appointments", response=answers(ok=AppointmentPage), summary="List appointments")
def list_appointments(request: CompanyRequest, query: Query[AppointmentQuery]) -> Any:
    company = request.company
    rows = selectors.appointments_of(
        company,
        span=_days(query, company.timezone),
        staff_ids=[query.staff] if query.staff else None,
        status=query.status,
    )
    page = page_of(rows, query, lambda row: row)
    states = sync_states_of_appointments([row.pk for row in page["items"]])
    return {"items": [appointment_json(row, states[row.pk]) for row in page["items"]], "next": page["next"]}


def _days(query: AppointmentQuery, timezone: str) -> Span | None:
    if query.from_ is None and query.to is None:
        return None
    clock = zone(timezone)
    first, last = query.from_ or date(1970, 1, 2), query.to or date(2199, 12, 30)
    within_reach(first, "from")
    within_reach(last, "to")
    if last < first:
        raise InvalidInput("The last day lies before the first.", field="to")
    after = last + timedelta(days=1)
    return Span(
        datetime(first.year, first.month, first.day, tzinfo=clock),
        datetime(after.year, after.month, after.day, tzinfo=clock),
    )


@routes.post("/appointments", response=answers(created=AppointmentOut), summary="Book an appointment")
def book_appointment(request: CompanyRequest, payload: AppointmentIn) -> Any:
    """201, or 409 with the nearest free times as `alternatives`: `slot_taken` where somebody has the time, `not_offered`
    where a rule does not offer it (`reason`: past, horizon, notice, calendar, minute, grid, hours, staff).
    Without staff and group: anybody free.
    """
    company = request.company
    customer = payload.customer
    start = instant(payload.start, "start")

    def work(key: IdempotencyKey | None) -> tuple[int, Any]:
        service, staff, gives = _whom(company, payload)
        booked = services.book_appointment(
            company=company,
            service=service,
            staff=staff,
            gives=gives,
            group=companies.group_of(company, payload.group) if payload.group else None,
            start=start,
            customer=CustomerInput(**customer.dict()),
            timezone=customer.timezone or company.timezone,
            notes=payload.notes,
            source="api",
            by=_actor(request),
            attendee_id=key.pk if key else None,
            now=utc_now(),
        )
        sync = sync_state_of_appointment(booked.appointment.pk) if booked.in_calendars else []
        return 201, appointment_json(booked.appointment, sync, booked)

    return answer(request, work, atomic=False)


def _whom(company: Company, payload: AppointmentIn) -> tuple[Service, Staff | None, bool]:
    """The service, the staff member if one was named, and whether that one is known to give it."""
    if not payload.staff:
        return companies.service_of(company, payload.service), None, False
    if given := companies.service_and_giver(company, payload.service, payload.staff):
        return *given, True
    return companies.service_of(company, payload.service), companies.staff_member(company, payload.staff), False


@routes.get("/appointments/{appointment_id}", response=answers(ok=AppointmentOut), summary="One appointment")
def get_appointment(request: CompanyRequest, appointment_id: str) -> Any:
    """The ETag is the version in quotes; send it as If-Match with a change."""
    return _with_tag(_read(request, appointment_id))


@routes.patch("/appointments/{appointment_id}", response=answers(ok=AppointmentOut), summary="Move or annotate")
def change_appointment(request: CompanyRequest, appointment_id: str, payload: AppointmentPatch) -> Any:
    """A new `start`, other `staff`, new `notes`; 412 where If-Match names an older version."""
    company = request.company
    appointment = selectors.appointment_of(company, appointment_id)
    expected = _expected(request)
    if payload.start is not None or payload.staff is not None:
        appointment = services.move_appointment(
            appointment_id=appointment.pk,
            company=company,
            start=instant(payload.start, "start") if payload.start else None,
            staff=companies.staff_member(company, payload.staff) if payload.staff else None,
            by=_actor(request),
            expected_version=expected,
            now=utc_now(),
        )
        expected = appointment.version if expected is not None else None
    if payload.notes is not None:
        services.set_notes(
            appointment_id=appointment.pk,
            company=company,
            notes=payload.notes,
            by=_actor(request),
            expected_version=expected,
            now=utc_now(),
        )
    return _with_tag(_read(request, appointment.pk))


@routes.post("/appointments/{appointment_id}/cancel", response=answers(ok=AppointmentOut), summary="Cancel")
def cancel_appointment(request: CompanyRequest, appointment_id: str, payload: CancelIn | None = None) -> Any:
    """The customer is told. Cancelling a cancelled appointment changes nothing."""
    appointment = selectors.appointment_of(request.company, appointment_id)

    def work(_key: object) -> tuple[int, Any]:
        services.cancel_appointment(
            appointment_id=appointment.pk,
            company=request.company,
            by=_actor(request),
            reason=payload.reason if payload else "",
            expected_version=_expected(request),
            now=utc_now(),
        )
        return 200, _read(request, appointment.pk)

    return answer(request, work)


@routes.get("/appointments/{appointment_id}/history", response=answers(ok=HistoryPage), summary="What happened to it")
def get_history(request: CompanyRequest, appointment_id: str) -> Any:
    appointment = selectors.appointment_of(request.company, appointment_id)
    items = [
        {
            "at": entry.at,
            "kind": entry.kind,
            "text": entry_text(entry),
            "by": entry.by_kind,
            "version": entry.version,
            "detail": entry.detail,
        }
        for entry in selectors.history_of(appointment)
    ]
    return {"items": items, "next": None}
