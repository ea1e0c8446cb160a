"""Steps that booking, moving and cancelling share, each inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from kalends.bookings.diary import members_for
from kalends.bookings.models import Appointment, AppointmentStaff
from kalends.bookings.scene import Scene, locked_appointment
from kalends.bookings.services.wish import Team, Wish
from kalends.bookings.values import SlotTaken
from kalends.calendars.services import want_event
from kalends.companies.models import Company, Staff
from kalends.companies.services import raise_schedule_revision
from kalends.core.errors import Conflict, NotFound
from kalends.jobs.locks import lock_rows


def lock_with_staff(*, appointment_id: UUID, company: Company, also: Iterable[UUID] = ()) -> Appointment:
    """The appointment, locked after its staff (and those in `also`), all staff in id order.

    Raises NotFound, or Conflict if it was given to somebody else between the look and the lock.
    """
    seen = _staff_ids(appointment_id)
    lock_rows(Staff.objects.filter(company=company), {*seen, *also})
    appointment = locked_appointment(appointment_id, company_id=company.pk)
    if appointment is None:
        raise NotFound(_("There is no such appointment."))
    if _staff_ids(appointment_id) != seen:
        raise Conflict(_("The appointment was changed a moment ago."), code="version_changed")
    return appointment


def _staff_ids(appointment_id: UUID) -> set[UUID]:
    return set(AppointmentStaff.objects.filter(appointment_id=appointment_id).values_list("staff_id", flat=True))


def check_version(appointment: Appointment, expected: int | None) -> None:
    if expected is not None and appointment.version != expected:
        raise Conflict(
            _("The appointment was changed meanwhile: it is at version %(here)d, not %(expected)d.")
            % {"here": appointment.version, "expected": expected},
            code="version_changed",
        )


def changed(appointment: Appointment, *, now: datetime) -> None:
    appointment.version += 1
    appointment.changed_at = now


def show_in_calendars(scene: Scene, *, first: bool = False) -> bool:
    """What should stand in the calendars of its staff, now that the appointment is as it is; slots and feeds move.
    Whether any of them receives it.

    `first`: the appointment was made in this very transaction, and their revision was raised with it.
    """
    appointment, content = scene.appointment, scene.content()
    if not first:
        raise_schedule_revision(member.pk for member in scene.staff)
    received = [
        want_event(
            appointment_id=appointment.pk,
            staff_id=member.pk,
            content=content,
            time_set_at=appointment.time_set_at,
            version=appointment.version,
            first=first,
        )
        for member in scene.staff
    ]
    return any(received)


def check_on_fresh_rows(wish: Wish, team: Team) -> None:
    """Under the locks of the team. Raises SlotTaken unless it is free on the rows as they are now."""
    members = members_for(service=wish.service, staff_ids=team)
    if set(team) not in map(set, wish.teams_free(members)):
        raise SlotTaken(_("This time was taken a moment ago."))
