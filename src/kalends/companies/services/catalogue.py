"""Services and locations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from kalends.companies.models import (
    Company,
    Location,
    Service,
    Staff,
)
from kalends.companies.services.shared import change_row, own_staff, raise_schedule_revision, record_audit

SERVICE_FIELDS = (
    "name", "description", "duration", "interval", "grid", "buffer_before", "buffer_after", "notice", "horizon",
    "capacity", "color", "active", "position", "location",
)  # fmt: skip


@transaction.atomic
def create_service(
    *,
    company: Company,
    name: str,
    duration: int,
    staff: Iterable[Staff] = (),
    actor: str,
    now: datetime,
    **details: Any,
) -> Service:
    service = Service(company=company, position=company.services.count())
    change_row(service, {"name": name, "duration": duration, **details}, SERVICE_FIELDS)
    service.staff.set(own_staff(company, staff))
    raise_schedule_revision(service.staff.values_list("pk", flat=True))
    record_audit(company=company, actor=actor, action="service.created", target=service.name, now=now)
    return service


@transaction.atomic
def change_service(
    *, service: Service, staff: Iterable[Staff] | None = None, actor: str, now: datetime, **changes: Any
) -> Service:
    change_row(service, changes, SERVICE_FIELDS)
    if staff is not None:
        service.staff.set(own_staff(service.company, staff))
    # Everybody's: a member who gave the service up may still have appointments that carry its name.
    raise_schedule_revision(service.company.staff.values_list("pk", flat=True))
    record_audit(
        company=service.company,
        actor=actor,
        action="service.changed",
        target=service.name,
        detail={"fields": sorted(changes)},
        now=now,
    )
    return service


@transaction.atomic
def create_location(*, company: Company, name: str, timezone: str, address: str = "") -> Location:
    location = Location(company=company)
    change_row(location, {"name": name, "timezone": timezone, "address": address}, ("name", "timezone", "address"))
    return location


@transaction.atomic
def change_location(*, location: Location, **changes: Any) -> Location:
    """Feeds name the place, so all of them move."""
    raise_schedule_revision(location.company.staff.values_list("pk", flat=True))
    change_row(location, changes, ("name", "timezone", "address"))
    return location


@transaction.atomic
def delete_location(*, location: Location) -> None:
    """Services that were given there stay, without a location."""
    raise_schedule_revision(location.company.staff.values_list("pk", flat=True))
    location.delete()
