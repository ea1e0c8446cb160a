"""Staff, groups of staff, services, locations, customers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Schema, Status

from kalends.api.auth import CompanyRequest, actor_of
from kalends.api.idempotency import answer
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.routing import answers, router
from kalends.api.v1.schemas import (
    GroupIn,
    GroupOut,
    GroupPatch,
    LocationIn,
    LocationOut,
    LocationPatch,
    ServiceIn,
    ServiceOut,
    ServicePatch,
    StaffIn,
    StaffOut,
    StaffPatch,
)
from kalends.companies import selectors, services
from kalends.companies.models import Location, Service, Staff, StaffGroup
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound

routes = router("catalogue")


class StaffPage(Schema):
    items: list[StaffOut]
    next: str | None


class GroupPage(Schema):
    items: list[GroupOut]
    next: str | None


class ServicePage(Schema):
    items: list[ServiceOut]
    next: str | None


class LocationPage(Schema):
    items: list[LocationOut]
    next: str | None


def staff_json(staff: Staff) -> dict[str, Any]:
    return {
        "id": str(staff.pk),
        "name": staff.name,
        "email": staff.email,
        "timezone": staff.timezone,
        "active": staff.active,
    }


def group_json(group: StaffGroup) -> dict[str, Any]:
    return {"id": str(group.pk), "name": group.name, "staff": [str(member.pk) for member in group.staff.all()]}


_SERVICE_PLAIN = (
    "name", "description", "duration", "interval", "grid", "buffer_before", "buffer_after", "notice", "horizon",
    "capacity", "active",
)  # fmt: skip


def service_json(service: Service) -> dict[str, Any]:
    plain = {name: getattr(service, name) for name in _SERVICE_PLAIN}
    location = str(service.location_id) if service.location_id else None
    return {
        "id": str(service.pk),
        **plain,
        "staff": [str(member.pk) for member in service.staff.all()],
        "location": location,
    }


def location_json(location: Location) -> dict[str, Any]:
    return {
        "id": str(location.pk),
        "name": location.name,
        "address": location.address,
        "timezone": location.timezone,
    }


def _members(request: CompanyRequest, ids: list[UUID]) -> list[Staff]:
    """Staff of this company; an id of nobody here is an error, so that nothing is dropped silently."""
    found = list(selectors.staff_of(request.company).filter(pk__in=ids))
    if len(found) != len(set(ids)):
        raise InvalidInput("There is no such staff member.", field="staff")
    return found


def _location(request: CompanyRequest, ident: UUID | None) -> Location | None:
    """None stands for no location. One of nobody here is an error of the field."""
    try:
        return selectors.location_of(request.company, ident) if ident else None
    except NotFound as error:
        raise InvalidInput("There is no such location.", field="location") from error


def _create(request: CompanyRequest, make: Any) -> HttpResponse:
    """201 with what `make` made."""
    return answer(request, lambda _key: (201, make()))


# -- staff ----------------------------------------------------------------------------------------------------------


@routes.get("/staff", response=answers(ok=StaffPage), summary="List staff")
def list_staff(request: CompanyRequest, page: Query[PageQuery]) -> Any:
    return page_of(selectors.staff_of(request.company), page, staff_json)


@routes.post("/staff", response=answers(created=StaffOut), summary="Add a staff member")
def create_staff(request: CompanyRequest, payload: StaffIn) -> Any:
    details = payload.dict(exclude_unset=True)
    if details.get("timezone") is None:
        details.pop("timezone", None)
    return _create(
        request,
        lambda: staff_json(
            services.create_staff(company=request.company, actor=actor_of(request), now=utc_now(), **details)
        ),
    )


@routes.get("/staff/{staff_id}", response=answers(ok=StaffOut), summary="One staff member")
def get_staff(request: CompanyRequest, staff_id: str) -> Any:
    return staff_json(selectors.staff_member(request.company, staff_id))


@routes.patch("/staff/{staff_id}", response=answers(ok=StaffOut), summary="Change a staff member")
def change_staff(request: CompanyRequest, staff_id: str, payload: StaffPatch) -> Any:
    staff = selectors.staff_member(request.company, staff_id)
    changes = payload.dict(exclude_unset=True, exclude_none=True)
    return staff_json(services.change_staff(staff=staff, actor=actor_of(request), now=utc_now(), **changes))


@routes.delete("/staff/{staff_id}", response=answers(none=None), summary="Retire a staff member")
def retire_staff(request: CompanyRequest, staff_id: str) -> Any:
    """Their appointments and history stay; they are not offered any more. The same as `active: false`."""
    staff = selectors.staff_member(request.company, staff_id)
    services.change_staff(staff=staff, active=False, actor=actor_of(request), now=utc_now())
    return Status(204, None)


# -- groups ---------------------------------------------------------------------------------------------------------


def _groups(request: CompanyRequest) -> Any:
    return StaffGroup.objects.filter(company=request.company).prefetch_related("staff")


@routes.get("/groups", response=answers(ok=GroupPage), summary="List groups of staff")
def list_groups(request: CompanyRequest, page: Query[PageQuery]) -> Any:
    return page_of(_groups(request), page, group_json)


@routes.post("/groups", response=answers(created=GroupOut), summary="Add a group of staff")
def create_group(request: CompanyRequest, payload: GroupIn) -> Any:
    def make() -> dict[str, Any]:
        members = _members(request, payload.staff)
        return group_json(
            services.create_group(
                company=request.company, name=payload.name, staff=members, actor=actor_of(request), now=utc_now()
            )
        )

    return _create(request, make)


@routes.get("/groups/{group_id}", response=answers(ok=GroupOut), summary="One group of staff")
def get_group(request: CompanyRequest, group_id: str) -> Any:
    return group_json(selectors.group_of(request.company, group_id))


@routes.patch("/groups/{group_id}", response=answers(ok=GroupOut), summary="Change a group of staff")
def change_group(request: CompanyRequest, group_id: str, payload: GroupPatch) -> Any:
    group = selectors.group_of(request.company, group_id)
    members = None if payload.staff is None else _members(request, payload.staff)
    services.change_group(group=group, name=payload.name, staff=members, actor=actor_of(request), now=utc_now())
    return group_json(group)


@routes.delete("/groups/{group_id}", response=answers(none=None), summary="Delete a group of staff")
def delete_group(request: CompanyRequest, group_id: str) -> Any:
    services.delete_group(group=selectors.group_of(request.company, group_id), actor=actor_of(request), now=utc_now())
    return Status(204, None)


# -- services -------------------------------------------------------------------------------------------------------


@routes.get("/services", response=answers(ok=ServicePage), summary="List services")
def list_services(request: CompanyRequest, page: Query[PageQuery]) -> Any:
    rows = Service.objects.filter(company=request.company).prefetch_related("staff")
    return page_of(rows, page, service_json)


@routes.post("/services", response=answers(created=ServiceOut), summary="Add a service")
def create_service(request: CompanyRequest, payload: ServiceIn) -> Any:
    def make() -> dict[str, Any]:
        details = payload.dict(exclude={"staff", "location"})
        details["location"] = _location(request, payload.location)
        members = _members(request, payload.staff)
        return service_json(
            services.create_service(
                company=request.company, staff=members, actor=actor_of(request), now=utc_now(), **details
            )
        )

    return _create(request, make)


@routes.get("/services/{service_id}", response=answers(ok=ServiceOut), summary="One service")
def get_service(request: CompanyRequest, service_id: str) -> Any:
    return service_json(selectors.service_of(request.company, service_id))


@routes.patch("/services/{service_id}", response=answers(ok=ServiceOut), summary="Change a service")
def change_service(request: CompanyRequest, service_id: str, payload: ServicePatch) -> Any:
    service = selectors.service_of(request.company, service_id)
    changes = payload.dict(exclude_unset=True, exclude={"staff"})
    # null is a value of its own: `interval` goes back to the duration, `location` to none.
    changes = {name: value for name, value in changes.items() if value is not None or name in ("interval", "location")}
    if "location" in changes:
        changes["location"] = _location(request, changes["location"])
    members = None if payload.staff is None else _members(request, payload.staff)
    services.change_service(service=service, staff=members, actor=actor_of(request), now=utc_now(), **changes)
    return service_json(service)


@routes.delete("/services/{service_id}", response=answers(none=None), summary="Retire a service")
def retire_service(request: CompanyRequest, service_id: str) -> Any:
    """Its appointments stay; it is not offered any more. The same as `active: false`."""
    service = selectors.service_of(request.company, service_id)
    services.change_service(service=service, active=False, actor=actor_of(request), now=utc_now())
    return Status(204, None)


# -- locations ------------------------------------------------------------------------------------------------------


@routes.get("/locations", response=answers(ok=LocationPage), summary="List locations")
def list_locations(request: CompanyRequest, page: Query[PageQuery]) -> Any:
    return page_of(Location.objects.filter(company=request.company), page, location_json)


@routes.post("/locations", response=answers(created=LocationOut), summary="Add a location")
def create_location(request: CompanyRequest, payload: LocationIn) -> Any:
    return _create(
        request,
        lambda: location_json(
            services.create_location(
                company=request.company,
                name=payload.name,
                address=payload.address,
                timezone=payload.timezone or request.company.timezone,
            )
        ),
    )


@routes.get("/locations/{location_id}", response=answers(ok=LocationOut), summary="One location")
def get_location(request: CompanyRequest, location_id: str) -> Any:
    return location_json(selectors.location_of(request.company, location_id))


@routes.patch("/locations/{location_id}", response=answers(ok=LocationOut), summary="Change a location")
def change_location(request: CompanyRequest, location_id: str, payload: LocationPatch) -> Any:
    location = selectors.location_of(request.company, location_id)
    changes = payload.dict(exclude_unset=True, exclude_none=True)
    return location_json(services.change_location(location=location, **changes))


@routes.delete("/locations/{location_id}", response=answers(none=None), summary="Delete a location")
def delete_location(request: CompanyRequest, location_id: str) -> Any:
    services.delete_location(location=selectors.location_of(request.company, location_id))
    return Status(204, None)
