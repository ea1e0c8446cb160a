"""Staff: list, one member's details, working hours, other days, time off, services."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.companies import services
from kalends.companies.models import Staff, TimeOff
from kalends.companies.selectors import staff_member, staff_of
from kalends.companies.values import DayOverride, Hours
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound
from kalends.web.dashboard import hours as editor
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.forms.base import SpanForm, posted
from kalends.web.dashboard.forms.settings import NewStaffForm, StaffForm, StaffServicesForm
from kalends.web.dashboard.sync_block import sync_block


@member
def staff_list(request: MemberRequest) -> HttpResponse:
    form = NewStaffForm(posted(request), initial={"timezone": request.company.timezone})
    if request.method == "POST" and form.is_valid():
        try:
            staff = services.create_staff(
                company=request.company, actor=actor_of(request), now=utc_now(), **form.changes
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("%(name)s was added. Now set the working hours.") % {"name": staff.name})
            return redirect("dashboard:staff", staff.pk)
    rows = staff_of(request.company).annotate(
        service_count=Count("services", distinct=True), range_count=Count("working_hours", distinct=True)
    )
    context = {"form": form, "rows": rows}
    return render(request, "dashboard/settings/staff_list.html", context, status=422 if form.errors else 200)


@member
def staff_page(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    staff = staff_member(request.company, staff_id)
    form = StaffForm(request.POST) if request.method == "POST" else StaffForm.of(staff)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_staff(staff=staff, actor=actor_of(request), now=utc_now(), **form.changes)
        except InvalidInput as error:
            form.refuse(error)
            staff = staff_member(request.company, staff_id)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:staff", staff.pk)
    return render_staff(request, staff, form=form)


def render_staff(request: MemberRequest, staff: Staff, **given: Any) -> HttpResponse:
    """The whole page, with whichever of its forms was just refused."""
    failed = any(form.errors for form in given.values() if hasattr(form, "errors")) or given.pop("failed", False)
    context: dict[str, Any] = {
        "staff": staff,
        "form": StaffForm.of(staff),
        "days": editor.rows_of_staff(staff),
        "time_off_form": SpanForm(),
        "services_form": StaffServicesForm(
            company=request.company, initial={"services": list(staff.services.values_list("pk", flat=True))}
        ),
        "overrides": [
            (row.date, [(editor.clock(start), editor.clock(end)) for start, end in row.ranges])
            for row in staff.overrides.filter(date__gte=utc_now().date())
        ],
        "time_off": staff.time_off.filter(end__gt=utc_now()),
        **sync_block(request, staff),
        **given,
    }
    return render(request, "dashboard/settings/staff.html", context, status=422 if failed else 200)


@member
@require_POST
def staff_hours(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    staff = staff_member(request.company, staff_id)
    days = editor.rows_of_post(request.POST)
    if request.POST.get("do") == "copy":
        editor.copy_monday(days)
        return render_staff(request, staff, days=days, hours_unsaved=True)
    weekly = editor.weekly_of(days)
    if weekly is None:
        return render_staff(request, staff, days=days, failed=True)
    return _save_hours(request, staff, Hours(staff.timezone, weekly, editor.hours_of(staff).overrides))


def _save_hours(request: MemberRequest, staff: Staff, hours: Hours) -> HttpResponse:
    try:
        services.set_hours(staff=staff, hours=hours, actor=actor_of(request), now=utc_now())
    except InvalidInput as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The hours were saved. What is booked stays as it is."))
    return redirect("dashboard:staff", staff.pk)


@member
@require_POST
def staff_override(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    """Other hours, or none, on one day; `remove` names a day that goes back to its weekly hours."""
    staff = staff_member(request.company, staff_id)
    stored = editor.hours_of(staff)
    try:
        if removed := request.POST.get("remove"):
            hours = editor.without_override(stored, _day(removed))
        else:
            ranges = editor.ranges_of(request.POST.getlist("from"), request.POST.getlist("to"))
            hours = editor.with_override(stored, DayOverride(_day(request.POST.get("date", "")), tuple(ranges)))
    except InvalidInput as error:
        messages.error(request, error.message)
        return redirect("dashboard:staff", staff.pk)
    return _save_hours(request, staff, hours)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(_("Choose a date."), field="date") from error


@member
@require_POST
def staff_time_off(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    staff = staff_member(request.company, staff_id)
    form = SpanForm(request.POST)
    if not form.is_valid():
        return render_staff(request, staff, time_off_form=form)
    start, end = form.span(staff.timezone)
    try:
        services.add_time_off(
            staff=staff,
            start=start,
            end=end,
            label=form.cleaned_data["label"],
            actor=actor_of(request),
            now=utc_now(),
        )
    except InvalidInput as error:
        form.refuse(error, start="from_date", end="to_date")
        return render_staff(request, staff, time_off_form=form)
    messages.success(request, _("The time off was added. What is booked then stays: look at the appointments."))
    return redirect("dashboard:staff", staff.pk)


@member
@require_POST
def delete_time_off(request: MemberRequest, staff_id: UUID, time_off_id: UUID) -> HttpResponse:
    staff = staff_member(request.company, staff_id)
    row = TimeOff.objects.filter(staff=staff, pk=time_off_id).select_related("staff__company").first()
    if row is None:
        raise NotFound("There is no such time off.")
    services.delete_time_off(time_off=row, actor=actor_of(request), now=utc_now())
    messages.success(request, _("The time off was removed."))
    return redirect("dashboard:staff", staff.pk)


@member
@require_POST
def staff_services(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    staff = staff_member(request.company, staff_id)
    form = StaffServicesForm(request.POST, company=request.company)
    if not form.is_valid():
        return render_staff(request, staff, services_form=form)
    services.set_staff_services(
        staff=staff, services=form.cleaned_data["services"], actor=actor_of(request), now=utc_now()
    )
    messages.success(request, _("Saved."))
    return redirect("dashboard:staff", staff.pk)
