"""A customer's own appointment, behind the secret in its address. A GET shows; only a POST acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kalends.bookings.models import ActorKind, Attendee
from kalends.bookings.selectors import attendee_by_manage_token, manage_url
from kalends.bookings.services import cancel_appointment, move_appointment
from kalends.bookings.values import Actor, NotOffered, SlotTaken
from kalends.core.clock import utc_now
from kalends.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from kalends.core.span import Span
from kalends.ics.feed import CONTENT_TYPE
from kalends.web.booking.access import speak
from kalends.web.booking.choosing import Question, picker_for
from kalends.web.booking.download import calendar_file
from kalends.web.booking.forms import CancelForm
from kalends.web.booking.picker import Links, format_start_param, read_start_param
from kalends.web.booking.views.shown import When, appointment_page, may_change, may_move
from kalends.web.booking.zones import visitor_zone, zone_options

AttendeeView = Callable[..., HttpResponse]
CHANGED = gettext_lazy("The appointment had changed meanwhile. This is how it stands now.")


def for_attendee(view: AttendeeView) -> AttendeeView:
    """The view gets the place that the address opens. Search engines are told to leave it alone."""

    @wraps(view)
    def wrapper(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponse:
        try:
            attendee = attendee_by_manage_token(token)
            speak(request, attendee.locale)
            response = view(request, attendee, token, **kwargs)
        except NotFound:
            response = _unknown(request)
        response["X-Robots-Tag"] = "noindex"
        return response

    return wrapper


@require_safe
@never_cache
@for_attendee
def manage(request: HttpRequest, attendee: Attendee, token: str) -> HttpResponse:
    return appointment_page(request, attendee, token, template="booking/manage.html")


@require_safe
@never_cache
@for_attendee
def calendar_download(request: HttpRequest, attendee: Attendee, token: str) -> HttpResponse:
    response = HttpResponse(calendar_file(attendee, manage_url=manage_url(attendee)), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_attendee
def cancel(request: HttpRequest, attendee: Attendee, token: str) -> HttpResponse:
    if not may_change(attendee, utc_now()):
        return redirect("manage", token)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return appointment_page(request, attendee, token, template="booking/cancel.html", form=form)
    try:
        cancel_appointment(
            appointment_id=attendee.appointment_id,
            company=attendee.appointment.company,
            by=_actor(attendee),
            reason=form.cleaned_data["reason"],
            now=utc_now(),
            # Where others share the time, only this customer leaves.
            attendee_id=attendee.pk,
        )
    except (Conflict, NotAllowed):
        messages.info(request, CHANGED)
    return redirect("manage", token)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_attendee
def reschedule(request: HttpRequest, attendee: Attendee, token: str) -> HttpResponse:
    """Choose another time, look at both, move."""
    if not may_move(attendee, utc_now()):
        return redirect("manage", token)
    start = read_start_param(request.GET.get("start", ""))
    try:
        if request.method == "POST":
            return _move(request, attendee, token)
        if start is not None:
            return _confirm_move(request, attendee, token, start)
        return _choose_time(request, attendee, token)
    except NotFound:
        # The service, or this member's part in it, is not offered any more.
        messages.info(request, _("This appointment cannot be moved online any more. Get in touch with the company."))
        return redirect("manage", token)


def _choose_time(
    request: HttpRequest, attendee: Attendee, token: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    appointment = attendee.appointment
    zone = visitor_zone(request, attendee.timezone)
    # The same people as before: who was chosen stays chosen.
    members = list(appointment.staff.all())
    question = Question(
        appointment.company,
        appointment.service,
        zone,
        utc_now(),
        staff=members[0] if len(members) == 1 else None,
        reschedule_of=appointment.pk,
    )
    here = reverse("reschedule", args=[token])
    links = Links(here, here, {"tz": zone.name} if zone.asked else {})
    context: dict[str, Any] = {
        "picker": picker_for(request, question, links),
        "zone": zone.name,
        "zone_options": zone_options(zone.name, appointment.company.timezone),
        "kept": {},
    }
    return appointment_page(
        request, attendee, token, template="booking/reschedule.html", status=status, **context, **more
    )  # fmt: skip


def _confirm_move(request: HttpRequest, attendee: Attendee, token: str, start: datetime, **more: Any) -> HttpResponse:
    appointment = attendee.appointment
    zone = visitor_zone(request, attendee.timezone)
    new = When.of(Span(start, start + (appointment.end - appointment.start)), zone.name)
    context: dict[str, Any] = {"new": new, "start": format_start_param(start), "zone": zone.name}
    return appointment_page(request, attendee, token, template="booking/move.html", **context, **more)


def _move(request: HttpRequest, attendee: Attendee, token: str) -> HttpResponse:
    start = read_start_param(request.POST.get("start", ""))
    version = request.POST.get("version", "")
    if start is None:
        return redirect("reschedule", token)
    try:
        move_appointment(
            appointment_id=attendee.appointment_id,
            company=attendee.appointment.company,
            start=start,
            by=_actor(attendee),
            expected_version=int(version) if version.isdecimal() and len(version) < 10 else None,
            now=utc_now(),
        )
    except SlotTaken as taken:
        near = _alternatives(request, attendee, token, taken)
        why = taken.message if isinstance(taken, NotOffered) else ""
        return _choose_time(request, attendee, token, status=409, alternatives=near, not_offered=why)
    except (Conflict, InvalidInput, NotAllowed):
        messages.info(request, CHANGED)
        return redirect("manage", token)
    except Unavailable:
        problem = _(
            "The calendar cannot be asked at the moment. The appointment stands as before; try again in a minute."
        )
        return _confirm_move(request, attendee, token, start, problem=problem, status=503)
    messages.success(request, _("Your appointment has been moved. A confirmation is on its way to you."))
    return redirect("manage", token)


def _alternatives(request: HttpRequest, attendee: Attendee, token: str, taken: SlotTaken) -> list[tuple[str, When]]:
    zone = visitor_zone(request, attendee.timezone)
    length = attendee.appointment.end - attendee.appointment.start
    here = reverse("reschedule", args=[token])
    links = Links(here, here, {"tz": zone.name})
    return [
        (links.slot(other.start), When.of(Span(other.start, other.start + length), zone.name))
        for other in taken.alternatives
    ]


def _actor(attendee: Attendee) -> Actor:
    return Actor(ActorKind.CUSTOMER, str(attendee.customer_id), attendee.name)


def _unknown(request: HttpRequest) -> HttpResponse:
    context = {
        "title": _("This link opens no appointment"),
        "text": _(
            "It may be incomplete, or the appointment is long past. Use the link in your newest mail, or ask the company."
        ),
        "picture": "link",
    }
    return render(request, "booking/problem.html", context, status=404)
