"""Booking: choose a time, say who you are, done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kalends.bookings.selectors import attendee_by_manage_token
from kalends.bookings.services import book_appointment
from kalends.bookings.values import Booked, CustomerInput, NotOffered, SlotTaken
from kalends.companies.models import Company
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound, Unavailable
from kalends.web.booking import catalogue
from kalends.web.booking.access import for_company, too_many
from kalends.web.booking.choosing import Question, picker_for
from kalends.web.booking.embedding import PARAM, embeddable, is_embedded
from kalends.web.booking.forms import DetailsForm
from kalends.web.booking.once import booked_before, remember_booked
from kalends.web.booking.picker import Links, format_start_param, read_start_param
from kalends.web.booking.views.shown import When, appointment_page
from kalends.web.booking.zones import VisitorZone, visitor_zone, zone_options
from kalends.web.limits import within_limit

MOST_ATTEMPTS = 30
MINUTES = 10


@require_safe
@never_cache
@embeddable
@for_company
def book(request: HttpRequest, company: Company) -> HttpResponse:
    """Choose a time."""
    if not request.GET.get("service"):
        return redirect("company_start", company.slug)
    chosen = _choice(request, company)
    zone = visitor_zone(request, company.timezone)
    question = Question(company, chosen.service, zone, utc_now(), chosen.staff, chosen.group)
    links = Links(
        here=reverse("book", args=[company.slug]),
        onward=reverse("book_details", args=[company.slug]),
        kept=chosen.params() | ({"tz": zone.name} if zone.asked else {}),
        framed=PARAM if is_embedded(request) else {},
    )
    picker = picker_for(request, question, links)
    context = {
        "company": company,
        "choice": chosen,
        "picker": picker,
        "zone": zone.name,
        "zone_options": zone_options(zone.name, company.timezone),
        "kept": {**chosen.params(), **links.framed},
        "never_opens": picker.has_none_at_all and not catalogue.has_hours(chosen),
    }
    return render(request, "booking/book.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_company
def book_details(request: HttpRequest, company: Company) -> HttpResponse:
    """Say who you are. Only a POST books."""
    chosen = _choice(request, company)
    zone = visitor_zone(request, company.timezone)
    start = read_start_param(request.POST.get("start") or request.GET.get("start", ""))
    if start is None:
        return redirect(_time_page(company, chosen, zone))
    if request.method != "POST":
        return _details(request, company, chosen, zone, start, DetailsForm())
    form = DetailsForm(request.POST)
    if not within_limit(request, scope=f"book:{company.pk}", limit=MOST_ATTEMPTS, seconds=MINUTES * 60):
        return too_many(request, company, MINUTES)
    if form.is_by_a_program:
        return _refused(request, company)
    if not form.is_valid():
        return _details(request, company, chosen, zone, start, form, status=422)
    return _book(request, company, chosen, zone, start, form)


@require_safe
@never_cache
@for_company
def book_done(request: HttpRequest, company: Company, reference: str) -> HttpResponse:
    attendee = attendee_by_manage_token(reference)
    if attendee.appointment.company_id != company.pk:
        raise NotFound("There is no appointment at this address.")
    return appointment_page(request, attendee, reference, template="booking/done.html")


def _choice(request: HttpRequest, company: Company) -> catalogue.Choice:
    # The form keeps the address it was shown at, so that a change of language comes back to it.
    return catalogue.choice(
        company,
        service_id=request.GET.get("service", ""),
        staff_id=request.GET.get("staff", ""),
        group_id=request.GET.get("group", ""),
    )


def _book(
    request: HttpRequest,
    company: Company,
    chosen: catalogue.Choice,
    zone: VisitorZone,
    start: datetime,
    form: DetailsForm,
) -> HttpResponse:
    once = form.cleaned_data["once"]
    if once and (token := booked_before(company, once)):
        return redirect("book_done", company.slug, token)
    try:
        booked = _call(company, chosen, zone, start, form)
    except SlotTaken as taken:
        # The same form sent twice at once: the other one has it.
        if once and (token := booked_before(company, once)):
            return redirect("book_done", company.slug, token)
        return _details(request, company, chosen, zone, start, form, status=409, taken=taken)
    except Unavailable:
        text = _(
            "The calendar cannot be asked at the moment. Nothing was booked and nothing you typed is lost; try again in a minute."
        )
        return _details(request, company, chosen, zone, start, form, status=503, problem=text)
    except InvalidInput as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _details(request, company, chosen, zone, start, form, status=422)
    token = booked.manage_url.rpartition("/")[2]
    if once:
        remember_booked(company, once, token)
    return redirect("book_done", company.slug, token)


def _call(company: Company, chosen: catalogue.Choice, zone: VisitorZone, start: datetime, form: DetailsForm) -> Booked:
    data = form.cleaned_data
    customer = CustomerInput(
        name=data["name"],
        email=data["email"],
        phone=data["phone"],
        locale=(translation.get_language() or company.locale)[:2],
        timezone=zone.name,
    )
    return book_appointment(
        company=company,
        service=chosen.service,
        start=start,
        customer=customer,
        staff=chosen.staff,
        group=chosen.group,
        timezone=zone.name,
        source="web",
        notes=data["notes"],
        now=utc_now(),
    )


def _details(
    request: HttpRequest,
    company: Company,
    chosen: catalogue.Choice,
    zone: VisitorZone,
    start: datetime,
    form: DetailsForm,
    *,
    status: int = 200,
    taken: SlotTaken | None = None,
    problem: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {
        "company": company,
        "choice": chosen,
        "form": form,
        "zone": zone.name,
        "start": format_start_param(start),
        "when": When.of_start(start, chosen.service.duration, zone.name),
        "address": _address(company, chosen, zone, start),
        "time_page": _time_page(company, chosen, zone),
        "problem": problem,
    }
    if taken is not None:
        context["taken"] = True
        context["not_offered"] = taken.message if isinstance(taken, NotOffered) else ""
        context["alternatives"] = [
            (format_start_param(other.start), When.of_start(other.start, chosen.service.duration, zone.name))
            for other in taken.alternatives
        ]
    return render(request, "booking/details.html", context, status=status)


def _time_page(company: Company, chosen: catalogue.Choice, zone: VisitorZone) -> str:
    params = chosen.params() | ({"tz": zone.name} if zone.asked else {})
    return Links(reverse("book", args=[company.slug]), "", params).page()


def _address(company: Company, chosen: catalogue.Choice, zone: VisitorZone, start: datetime) -> str:
    return Links("", reverse("book_details", args=[company.slug]), chosen.params() | {"tz": zone.name}).slot(start)


def _refused(request: HttpRequest, company: Company) -> HttpResponse:
    context = {
        "company": company,
        "title": _("This form looks as if a program filled it"),
        "text": _("A field that people do not see was filled. Go back, leave it empty, and send the form again."),
    }
    return render(request, "booking/problem.html", context, status=400)
