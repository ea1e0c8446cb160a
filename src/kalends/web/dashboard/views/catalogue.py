"""Groups of staff and services."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.companies import services
from kalends.companies.models import Location, Service, StaffGroup
from kalends.companies.selectors import group_of, location_of, service_of
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.drawing import buffer_drawing
from kalends.web.dashboard.forms.base import posted
from kalends.web.dashboard.forms.settings import GroupForm, LocationForm, ServiceForm


@member
def group_list(request: MemberRequest) -> HttpResponse:
    rows = StaffGroup.objects.filter(company=request.company).prefetch_related("staff")
    return render(request, "dashboard/settings/groups.html", {"rows": rows})


@member
def new_group(request: MemberRequest) -> HttpResponse:
    form = GroupForm(posted(request), company=request.company)
    if request.method == "POST" and form.is_valid():
        try:
            services.create_group(company=request.company, actor=actor_of(request), now=utc_now(), **form.changes)
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("The group was added."))
            return redirect("dashboard:groups")
    return render(request, "dashboard/settings/group.html", {"form": form}, status=422 if form.errors else 200)


@member
def group_page(request: MemberRequest, group_id: UUID) -> HttpResponse:
    group = group_of(request.company, group_id)
    form = GroupForm(request.POST, company=request.company) if request.method == "POST" else GroupForm.of(group)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_group(group=group, actor=actor_of(request), now=utc_now(), **form.changes)
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:groups")
    context = {"form": form, "group": group}
    return render(request, "dashboard/settings/group.html", context, status=422 if form.errors else 200)


@member
@require_POST
def delete_group(request: MemberRequest, group_id: UUID) -> HttpResponse:
    """Reached from a confirmation on the group's page; its members and their appointments stay."""
    group = group_of(request.company, group_id)
    services.delete_group(group=group, actor=actor_of(request), now=utc_now())
    messages.success(request, _("The group was deleted. Its members stay."))
    return redirect("dashboard:groups")


@member
def service_list(request: MemberRequest) -> HttpResponse:
    rows = Service.objects.filter(company=request.company).annotate(staff_count=Count("staff"))
    return render(request, "dashboard/settings/services.html", {"rows": rows})


@member
def new_service(request: MemberRequest) -> HttpResponse:
    first = {
        "duration": 30,
        "buffer_before": 0,
        "buffer_after": 0,
        "grid": "fixed",
        "notice": 60,
        "horizon": 60,
        "capacity": 1,
        "color": "#2563eb",
        "active": True,
        "staff": list(request.company.staff.filter(active=True).values_list("pk", flat=True)),
    }
    form = ServiceForm(posted(request), company=request.company, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            service = services.create_service(
                company=request.company, actor=actor_of(request), now=utc_now(), **form.changes
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("%(name)s can be booked now.") % {"name": service.name})
            return redirect("dashboard:services")
    context = {"form": form, "drawing": buffer_drawing(0, 30, 0)}
    return render(request, "dashboard/settings/service.html", context, status=422 if form.errors else 200)


@member
def service_page(request: MemberRequest, service_id: UUID) -> HttpResponse:
    service = service_of(request.company, service_id)
    form = ServiceForm(request.POST, company=request.company) if request.method == "POST" else ServiceForm.of(service)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_service(service=service, actor=actor_of(request), now=utc_now(), **form.changes)
        except InvalidInput as error:
            form.refuse(error)
            service = service_of(request.company, service_id)
        else:
            messages.success(request, _("Saved. What is booked keeps its length."))
            return redirect("dashboard:services")
    context = {
        "form": form,
        "service": service,
        "drawing": buffer_drawing(service.buffer_before, service.duration, service.buffer_after),
    }
    return render(request, "dashboard/settings/service.html", context, status=422 if form.errors else 200)


# -- places ---------------------------------------------------------------------------------------------------------


@member
def locations(request: MemberRequest) -> HttpResponse:
    form = LocationForm(posted(request), initial={"timezone": request.company.timezone})
    if request.method == "POST" and form.is_valid():
        try:
            services.create_location(company=request.company, **form.changes)
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("The place was added. Choose it on the page of a service."))
            return redirect("dashboard:locations")
    rows = Location.objects.filter(company=request.company).annotate(used=Count("services")).order_by("name")
    context = {"form": form, "rows": rows}
    return render(request, "dashboard/settings/locations.html", context, status=422 if form.errors else 200)


@member
def location_page(request: MemberRequest, location_id: UUID) -> HttpResponse:
    location = location_of(request.company, location_id)
    initial = {name: getattr(location, name) for name in LocationForm.base_fields}
    form = LocationForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_location(location=location, **form.changes)
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:locations")
    context = {"form": form, "location": location, "used": location.services.count()}
    return render(request, "dashboard/settings/location.html", context, status=422 if form.errors else 200)


@member
@require_POST
def delete_location(request: MemberRequest, location_id: UUID) -> HttpResponse:
    """Reached from a confirmation on the place's page; its services stay, at the company's address."""
    services.delete_location(location=location_of(request.company, location_id))
    messages.success(request, _("The place was deleted. Services that were given there stay."))
    return redirect("dashboard:locations")
