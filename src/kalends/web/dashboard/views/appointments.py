"""Appointments: list, one with its history, a new one; move, cancel, notes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.bookings import selectors, services
from kalends.bookings.models import ActorKind, Appointment
from kalends.bookings.values import Actor, CustomerInput, SlotTaken
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError, NotFound
from kalends.core.zones import zone
from kalends.web.dashboard import reads
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.forms.appointments import (
    CancelForm,
    FilterForm,
    MoveForm,
    NewAppointmentForm,
    NotesForm,
    instant,
)
from kalends.web.dashboard.forms.base import posted
from kalends.web.dashboard.story import story_of

PER_PAGE = 25


def manager(request: MemberRequest) -> Actor:
    return Actor(ActorKind.MANAGER, str(request.user.pk), str(request.user) or actor_of(request))


@member
def appointment_list(request: MemberRequest) -> HttpResponse:
    today = timezone.localtime(utc_now()).date()
    data = request.GET if request.GET.get("filtered") else {"from_date": today.isoformat()}
    form = FilterForm(data, company=request.company)
    rows = selectors.appointments_of(request.company, **form.selection())
    if service := form.cleaned_data.get("service"):
        rows = rows.filter(service=service)
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "query": f"{query.urlencode()}&" if query else "",
        "filtered": bool(request.GET.get("filtered")),
    }
    return render(request, "dashboard/appointments/list.html", context)


@member
def appointment_page(request: MemberRequest, appointment_id: UUID) -> HttpResponse:
    return _page(request, selectors.appointment_of(request.company, appointment_id))


def _page(request: MemberRequest, appointment: Appointment, **given: Any) -> HttpResponse:
    start = timezone.localtime(appointment.start)
    staff = list(appointment.staff.all())
    first = {"version": appointment.version, "staff": staff[0].pk if staff else None}
    refused = any(form.errors for form in given.values() if hasattr(form, "errors"))
    now = utc_now()
    context = {
        "appointment": appointment,
        "staff": staff,
        "there": _for_the_customer(appointment),
        "ahead": appointment.end > now,
        "history": story_of(appointment, selectors.history_of(appointment), now=now),
        "sync": reads.sync_of_appointment(appointment.pk),
        "journal": reads.journal_of_appointment(appointment),
        "move_form": MoveForm(company=request.company, initial={**first, "date": start.date(), "time": start.time()}),
        "cancel_form": CancelForm(initial=first),
        "notes_form": NotesForm(initial={**first, "notes": appointment.notes}),
        **given,
    }
    return render(request, "dashboard/appointments/page.html", context, status=422 if refused else 200)


def _for_the_customer(appointment: Appointment) -> tuple[datetime, datetime] | None:
    """The times on the customer's clock, where it shows others than the company's."""
    tz = zone(appointment.timezone)
    start, end = appointment.start.astimezone(tz), appointment.end.astimezone(tz)
    same = start.utcoffset() == timezone.localtime(start).utcoffset()
    return None if same else (start, end)


@member
@require_POST
def move(request: MemberRequest, appointment_id: UUID) -> HttpResponse:
    appointment = selectors.appointment_of(request.company, appointment_id)
    form = MoveForm(request.POST, company=request.company)
    if not form.is_valid():
        return _page(request, appointment, move_form=form)
    data = form.cleaned_data
    start = instant(data["date"], data["time"], request.company.timezone)
    same_staff = data["staff"].pk in {member.pk for member in appointment.staff.all()}
    try:
        services.move_appointment(
            appointment_id=appointment.pk,
            company=request.company,
            start=start,
            staff=None if same_staff else data["staff"],
            by=manager(request),
            expected_version=data["version"],
            now=utc_now(),
        )
    except KalendsError as error:
        _refuse(form, error, request.company.timezone)
        return _page(request, selectors.appointment_of(request.company, appointment_id), move_form=form)
    messages.success(request, _("The appointment was moved. The customer is told."))
    return redirect("dashboard:appointment", appointment.pk)


def _refuse(form: Any, error: KalendsError, tz_name: str) -> None:
    form.refuse(error, start="time")
    if isinstance(error, SlotTaken) and error.alternatives:
        words = [_when(item.start, tz_name) for item in error.alternatives]
        form.add_error(None, _("Free near it: %(times)s.") % {"times": "; ".join(words)})


def _when(at: datetime, tz_name: str) -> str:
    return date_format(at.astimezone(zone(tz_name)), "D j N, H:i")


@member
@require_POST
def cancel(request: MemberRequest, appointment_id: UUID) -> HttpResponse:
    appointment = selectors.appointment_of(request.company, appointment_id)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _page(request, appointment, cancel_form=form)
    try:
        services.cancel_appointment(
            appointment_id=appointment.pk,
            company=request.company,
            by=manager(request),
            reason=form.cleaned_data["reason"],
            expected_version=form.cleaned_data["version"],
            now=utc_now(),
        )
    except KalendsError as error:
        form.refuse(error)
        return _page(request, selectors.appointment_of(request.company, appointment_id), cancel_form=form)
    messages.success(request, _("The appointment was cancelled. The customer is told."))
    return redirect("dashboard:appointment", appointment.pk)


@member
@require_POST
def notes(request: MemberRequest, appointment_id: UUID) -> HttpResponse:
    appointment = selectors.appointment_of(request.company, appointment_id)
    form = NotesForm(request.POST)
    if not form.is_valid():
        return _page(request, appointment, notes_form=form)
    try:
        services.set_notes(
            appointment_id=appointment.pk,
            company=request.company,
            notes=form.cleaned_data["notes"],
            by=manager(request),
            expected_version=form.cleaned_data["version"],
            now=utc_now(),
        )
    except KalendsError as error:
        form.refuse(error)
        return _page(request, appointment, notes_form=form)
    messages.success(request, _("Saved."))
    return redirect("dashboard:appointment", appointment.pk)


@member
@require_POST
def seen(request: MemberRequest, appointment_id: UUID) -> HttpResponse:
    """A flagged move was looked at."""
    appointment = selectors.appointment_of(request.company, appointment_id)
    services.clear_flag(appointment_id=appointment.pk, company=request.company, by=manager(request), now=utc_now())
    return _back(request, appointment)


def _back(request: MemberRequest, appointment: Appointment) -> HttpResponse:
    """To the list where the button was pressed, or to the appointment."""
    if request.POST.get("next") == "attention":
        return redirect("dashboard:attention")
    return redirect("dashboard:appointment", appointment.pk)


@member
@require_POST
def undo(request: MemberRequest, appointment_id: UUID) -> HttpResponse:
    """What was done in an outside calendar: a move goes back, a cancelled one is booked again."""
    appointment = selectors.appointment_of(request.company, appointment_id)
    again = request.POST.get("do") == "booking"
    try:
        changed = (services.book_again if again else services.undo_outside_move)(
            appointment_id=appointment.pk,
            company=request.company,
            by=manager(request),
            expected_version=whole_number(request.POST.get("version")),
            now=utc_now(),
        )
    except NotFound:
        raise
    except KalendsError as error:
        messages.error(request, error.message)
        return _back(request, appointment)
    if again:
        messages.success(request, _("Booked again. The customer gets a confirmation."))
        return redirect("dashboard:appointment", changed.pk)
    messages.success(request, _("The appointment is back at its old time. The customer is told."))
    return _back(request, appointment)


def whole_number(text: str | None) -> int:
    """A version that cannot be read is none that an appointment has."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


@member
def new_appointment(request: MemberRequest) -> HttpResponse:
    soon = timezone.localtime(utc_now() + timedelta(hours=1)).replace(minute=0)
    first = {"date": soon.date(), "time": soon.time(), "staff": request.GET.get("staff")}
    form = NewAppointmentForm(posted(request), company=request.company, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            booked = _book(request, form.cleaned_data)
        except KalendsError as error:
            _refuse(form, error, request.company.timezone)
        else:
            messages.success(request, _("Booked. The customer gets a confirmation."))
            return redirect("dashboard:appointment", booked.pk)
    return render(request, "dashboard/appointments/new.html", {"form": form}, status=422 if form.errors else 200)


def _book(request: MemberRequest, data: dict[str, Any]) -> Appointment:
    booked = services.book_appointment(
        company=request.company,
        service=data["service"],
        start=instant(data["date"], data["time"], request.company.timezone),
        customer=CustomerInput(data["name"], data["email"], data["phone"]),
        staff=data["staff"],
        timezone=request.company.timezone,
        source="dashboard",
        by=manager(request),
        notes=data["notes"],
        now=utc_now(),
    )
    return booked.appointment
