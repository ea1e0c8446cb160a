"""External iCalendar URLs: adding one, removing it, reading it again, and what it blocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.calendars import selectors, services
from kalends.companies.models import Staff
from kalends.companies.selectors import staff_member
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError
from kalends.core.span import Span
from kalends.web.connect.words import error_words
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.external_block import days_of, page_of
from kalends.web.dashboard.forms.sync import ExternalCalendarForm
from kalends.web.dashboard.views.company import render_closings
from kalends.web.dashboard.views.staff import render_staff

_PREVIEWED = timedelta(days=30)


def _staff(request: MemberRequest, staff_id: UUID | None) -> Staff | None:
    return staff_member(request.company, staff_id) if staff_id else None


@member
@require_POST
def add(request: MemberRequest, staff_id: UUID | None = None) -> HttpResponse:
    """One more address. It is read once before it is kept, so that a wrong one is refused with what is there."""
    staff = _staff(request, staff_id)
    form = ExternalCalendarForm(request.POST)
    if form.is_valid() and not form.cleaned_data["url"]:
        form.add_error("url", _("Enter the address of a calendar."))
    if form.is_valid():
        try:
            services.add_external_calendar(
                company=request.company,
                staff=staff,
                url=form.cleaned_data["url"],
                by=actor_of(request),
                now=utc_now(),
            )
        except KalendsError as error:
            form.add_error("url", error_words(error))
        else:
            messages.success(request, _("The address is kept. Its calendar is being read."))
            return redirect(page_of(staff))
    given: dict[str, Any] = {"external_form": form, "external_address": request.POST.get("url", "")[:2000]}
    return render_staff(request, staff, **given) if staff else render_closings(request, **given)


@member
@require_POST
def act(request: MemberRequest, external_id: UUID, staff_id: UUID | None = None) -> HttpResponse:
    """Remove it, or read it now."""
    staff = _staff(request, staff_id)
    company, now = request.company, utc_now()
    if request.POST.get("do") == "remove":
        services.delete_external_calendar(
            company=company, staff=staff, calendar_id=external_id, by=actor_of(request), now=now
        )
        messages.success(request, _("The address was removed. Its busy times block no more."))
    else:
        services.read_external_calendar(company=company, staff=staff, calendar_id=external_id, now=now)
        messages.success(request, _("The calendar is being read."))
    if request.POST.get("next") == "attention":
        return redirect("dashboard:attention")
    return redirect(page_of(staff))


@member
def preview(request: MemberRequest, external_id: UUID, staff_id: UUID | None = None) -> HttpResponse:
    """What it blocks in the next 30 days, as last read: times only."""
    staff = _staff(request, staff_id)
    row = services.external_calendar(company=request.company, staff=staff, calendar_id=external_id)
    now = utc_now()
    spans = selectors.blocked_by_external(row=row, span=Span(now, now + _PREVIEWED))
    timezone = staff.timezone if staff else request.company.timezone
    context = {
        "staff": staff,
        "facts": selectors.external_facts(row),
        "days": days_of(spans, timezone),
        "timezone": timezone,
        "back_url": page_of(staff),
    }
    return render(request, "dashboard/sync/external_preview.html", context)
