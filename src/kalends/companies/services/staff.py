"""Staff members and groups of staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from kalends.companies.models import (
    Company,
    FeedKind,
    Service,
    Staff,
    StaffGroup,
)
from kalends.companies.services.feeds import create_feed, touch_company_feed
from kalends.companies.services.shared import change_row, own_staff, raise_schedule_revision, record_audit, save_row

# Rooms above register what must happen in the same transaction.
_on_staff_changed: list[Callable[[Staff], None]] = []


def on_staff_changed(listener: Callable[[Staff], None]) -> None:
    """`listener(staff)` runs inside the transaction that changes a staff member's details."""
    _on_staff_changed.append(listener)


STAFF_FIELDS = ("name", "email", "phone", "locale", "timezone", "color", "active", "position", "all_day_blocks")


@transaction.atomic
def create_staff(*, company: Company, name: str, actor: str, now: datetime, **details: Any) -> Staff:
    """A staff member with a feed. The time zone is the company's unless given."""
    position = details.pop("position", None)
    staff = Staff(company=company, timezone=company.timezone, locale=company.locale)
    staff.position = company.staff.count() if position is None else position
    change_row(staff, {"name": name, **details}, STAFF_FIELDS)
    create_feed(company=company, kind=FeedKind.STAFF, staff=staff)
    touch_company_feed(company)
    record_audit(company=company, actor=actor, action="staff.created", target=staff.name, now=now)
    return staff


@transaction.atomic
def change_staff(*, staff: Staff, actor: str, now: datetime, **changes: Any) -> Staff:
    change_row(staff, changes, STAFF_FIELDS)
    raise_schedule_revision([staff.pk])
    staff.refresh_from_db(fields=["schedule_revision"])
    for listener in _on_staff_changed:
        listener(staff)
    record_audit(
        company=staff.company,
        actor=actor,
        action="staff.changed",
        target=staff.name,
        detail={"fields": sorted(changes)},
        now=now,
    )
    return staff


@transaction.atomic
def set_staff_services(*, staff: Staff, services: Iterable[Service], actor: str, now: datetime) -> None:
    wanted = [service for service in services if service.company_id == staff.company_id]
    staff.services.set(wanted)
    raise_schedule_revision([staff.pk])
    record_audit(company=staff.company, actor=actor, action="staff.services", target=staff.name, now=now)


@transaction.atomic
def create_group(*, company: Company, name: str, staff: Iterable[Staff], actor: str, now: datetime) -> StaffGroup:
    group = StaffGroup(company=company)
    change_row(group, {"name": name}, ("name",))
    group.staff.set(own_staff(company, staff))
    create_feed(company=company, kind=FeedKind.GROUP, group=group)
    record_audit(company=company, actor=actor, action="group.created", target=group.name, now=now)
    return group


@transaction.atomic
def change_group(
    *, group: StaffGroup, name: str | None = None, staff: Iterable[Staff] | None = None, actor: str, now: datetime
) -> StaffGroup:
    if name is not None:
        group.name = name.strip()
    group.revision += 1
    save_row(group)
    if staff is not None:
        group.staff.set(own_staff(group.company, staff))
    record_audit(company=group.company, actor=actor, action="group.changed", target=group.name, now=now)
    return group


@transaction.atomic
def delete_group(*, group: StaffGroup, actor: str, now: datetime) -> None:
    record_audit(company=group.company, actor=actor, action="group.deleted", target=group.name, now=now)
    group.delete()
