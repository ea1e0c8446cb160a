"""An appointment with all that belongs to it, loaded once for everybody who is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from kalends.bookings.content import Facts, Person, event_content, event_title
from kalends.bookings.models import Appointment, Attendee, Status
from kalends.companies.models import Staff
from kalends.jobs.prepared import Prepared
from kalends.sync.port import Content

_STAFF = Prepared(
    lambda appointment: Staff.objects.filter(assigned__appointment=appointment).order_by("position", "id"),
    appointment=UUID,
)
_ATTENDEES = Prepared(
    lambda appointment: Attendee.objects.filter(appointment=appointment).order_by("id"), appointment=UUID
)
_LOCKED = Prepared(lambda pk: _whole().filter(pk=pk), pk=UUID)
_LOCKED_OF = Prepared(lambda pk, company: _whole().filter(pk=pk, company_id=company), pk=UUID, company=UUID)


def _whole() -> QuerySet[Appointment]:
    rows = Appointment.objects.select_for_update(of=("self",))
    return rows.select_related("company", "service", "service__location")


@dataclass(frozen=True, slots=True)
class Scene:
    appointment: Appointment
    staff: tuple[Staff, ...]
    attendees: tuple[Attendee, ...]

    @property
    def coming(self) -> list[Attendee]:
        return [attendee for attendee in self.attendees if attendee.status == Status.CONFIRMED]

    @property
    def location(self) -> str:
        place = self.appointment.service.location
        if place is not None:
            return ", ".join(part for part in (place.name, place.address) if part)
        return self.appointment.company.address

    @property
    def url(self) -> str:
        return f"{settings.KALENDS.base_url}/dashboard/appointments/{self.appointment.pk}"

    def facts(self) -> Facts:
        appointment = self.appointment
        return Facts(
            span=appointment.span,
            timezone=appointment.timezone,
            service=appointment.service.name,
            capacity=appointment.service.capacity,
            people=[Person(attendee.name, attendee.email, attendee.phone) for attendee in self.coming],
            location=self.location,
            notes=appointment.notes,
            url=self.url,
            locale=appointment.company.locale,
        )

    def content(self) -> Content:
        return event_content(self.facts())

    @property
    def title(self) -> str:
        return event_title(self.facts())


def scene_of(appointment: Appointment) -> Scene:
    """From rows read now. `appointment` should have company, service and the service's location loaded."""
    staff = _STAFF.rows(appointment=appointment.pk)
    attendees: list[Attendee] = _ATTENDEES.rows(appointment=appointment.pk)
    return Scene(appointment, tuple(staff), tuple(attendees))


def locked_appointment(appointment_id: UUID, *, company_id: UUID | None = None) -> Appointment | None:
    """Locked until the transaction ends, with what a scene needs; None if there is none (of that company)."""
    if company_id is None:
        return _LOCKED.first(pk=appointment_id)
    return _LOCKED_OF.first(pk=appointment_id, company=company_id)
