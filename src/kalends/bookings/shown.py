"""An appointment as programs see it, over REST and in webhooks; and telling webhooks of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kalends.bookings.models import Appointment, Attendee
from kalends.bookings.scene import Scene
from kalends.companies.models import Staff
from kalends.core.zones import zone
from kalends.messages.models import Event
from kalends.messages.webhooks import announce


def shown(appointment: Appointment, staff: Iterable[Staff], attendees: Sequence[Attendee]) -> dict[str, Any]:
    """All but its state in calendars. `uid` and `sequence` are those of the first attendee's invitation; each has an own pair."""
    clock = zone(appointment.timezone)
    return {
        "id": str(appointment.pk),
        "status": appointment.status,
        "version": appointment.version,
        "sequence": attendees[0].sequence if attendees else 0,
        "uid": attendees[0].uid if attendees else "",
        "service": str(appointment.service_id),
        "staff": [str(member.pk) for member in staff],
        "start": appointment.start.astimezone(clock).isoformat(),
        "end": appointment.end.astimezone(clock).isoformat(),
        "timezone": appointment.timezone,
        "notes": appointment.notes,
        "flag": appointment.flag,
        "attendees": [_attendee(attendee) for attendee in attendees],
    }


def _attendee(attendee: Attendee) -> dict[str, Any]:
    return {
        "id": str(attendee.pk),
        "name": attendee.name,
        "email": attendee.email,
        "phone": attendee.phone,
        "status": attendee.status,
        "uid": attendee.uid,
        "sequence": attendee.sequence,
        "timezone": attendee.timezone,
    }


def announce_change(event: Event, scene: Scene, *, now: datetime) -> None:
    """Tells the company's webhooks, in the transaction that made this version of the appointment."""
    appointment = scene.appointment
    announce(
        company=appointment.company,
        event=event,
        subject_id=appointment.pk,
        version=appointment.version,
        data=lambda: {"appointment": shown(appointment, scene.staff, scene.attendees)},
        now=now,
    )
