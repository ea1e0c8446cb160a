"""The half of the port that `kalends.calendars.handlers` asks for: outside acts become changes of appointments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from kalends.bookings import outside_moves
from kalends.bookings.history import add_entry
from kalends.bookings.models import ActorKind, Appointment, Status
from kalends.bookings.scene import locked_appointment, scene_of
from kalends.bookings.services.changing import cancel_locked
from kalends.bookings.values import SYSTEM, Actor
from kalends.calendars.handlers import AppointmentSummary, MoveResult, OutsideMove, Wanted
from kalends.companies.models import Staff
from kalends.jobs.locks import require_transaction
from kalends.jobs.prepared import Prepared

# As jobs.locks.lock_rows does it; nothing of the rows is needed.
_LOCKED = Prepared(
    lambda staff: (
        Staff.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=staff).order_by("pk").values_list("pk")
    ),
    staff=[UUID],
)


class BookingsHandler:
    """Registered when Django starts. Everything but `summary` and `wanted_for_staff` runs in the engine's transaction."""

    def lock_staff(self, staff_ids: Iterable[UUID]) -> None:
        require_transaction()
        _LOCKED.rows(staff=set(staff_ids))

    def move_set(self, moves: Sequence[OutsideMove], *, rule: str, now: datetime) -> list[MoveResult]:
        return outside_moves.move_set(moves, rule=rule, now=now)

    def cancel(self, appointment_id: UUID, *, reason: str, source: str, at: datetime, now: datetime) -> bool:
        appointment = locked_appointment(appointment_id)
        if appointment is None or not appointment.stands:
            return False
        scene = scene_of(appointment)
        by = Actor(ActorKind.OUTSIDE, label=", ".join(member.name for member in scene.staff))
        cancel_locked(scene, by=by, reason=reason, now=now, kind="cancelled_outside", source=source)
        return True

    def note(self, appointment_id: UUID, *, text_key: str, detail: dict[str, Any], now: datetime) -> None:
        appointment = Appointment.objects.filter(pk=appointment_id).first()
        if appointment is not None:
            add_entry(appointment, text_key, by=SYSTEM, at=now, detail=detail)

    def summary(self, appointment_id: UUID) -> AppointmentSummary | None:
        appointment = _loaded().filter(pk=appointment_id).first()
        if appointment is None:
            return None
        scene = scene_of(appointment)
        return AppointmentSummary(
            appointment_id=appointment.pk,
            title=scene.title,
            start=appointment.start,
            end=appointment.end,
            timezone=appointment.timezone,
            status=appointment.status,
            customer=", ".join(attendee.name for attendee in scene.attendees),
        )

    def wanted_for_staff(self, staff_id: UUID, now: datetime) -> Iterable[Wanted]:
        for appointment in _TO_COME.rows(staff=staff_id, now=now):
            content = scene_of(appointment).content()
            yield Wanted(appointment.pk, content, appointment.time_set_at, appointment.version)


def _loaded() -> Any:
    return Appointment.objects.select_related("company", "service", "service__location")


_TO_COME = Prepared(
    lambda staff, now: (
        _loaded().filter(assigned__staff_id=staff, status=Status.CONFIRMED, end__gt=now).order_by("start", "id")
    ),
    staff=UUID,
    now=datetime,
)
