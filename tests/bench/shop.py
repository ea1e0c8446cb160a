"""A company with a service, its members, and appointments in the numbers that measurements need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID


class Shop:
    """Made in the database that Django is set up for; `now` is when it was made."""

    def __init__(self) -> None:
        from kalends.companies.services import change_calendar_sync
        from kalends.core.clock import utc_now
        from tests.factories import make_company, make_service

        self.now = utc_now()
        company = make_company("bench")
        self.company = change_calendar_sync(
            company=company, caldav_enabled=True, bidirectional=True, actor="bench", now=self.now
        )
        self.service = make_service(self.company, staff=[])

    def member(self, name: str) -> Any:
        from tests.factories import make_staff

        staff = make_staff(self.company, name)
        self.service.staff.add(staff)
        return staff

    def book(self, staff: Any, count: int) -> list[UUID]:
        """Rows as a booking leaves them, but for claims and mails; half an hour each, from tomorrow on."""
        from kalends.bookings.models import Appointment, AppointmentStaff, Attendee, Customer
        from kalends.core.ids import new_id

        customer, _ = Customer.objects.get_or_create(
            company=self.company, email="ada@example.org", defaults={"name": "Ada", "created_at": self.now}
        )
        first = self.now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        starts = [first + timedelta(minutes=30 * number) for number in range(count)]
        made = [
            Appointment(
                id=new_id(), company=self.company, service=self.service, start=start, end=start + timedelta(minutes=30),
                timezone="Europe/Paris", time_set_at=self.now, time_set_by="manager", source="dashboard",
                created_at=self.now, changed_at=self.now,
            )
            for start in starts
        ]  # fmt: skip
        Appointment.objects.bulk_create(made)
        AppointmentStaff.objects.bulk_create(AppointmentStaff(appointment=row, staff=staff) for row in made)
        Attendee.objects.bulk_create(
            Attendee(
                appointment=row, customer=customer, name="Ada", email="ada@example.org", timezone="Europe/Paris",
                uid=f"{row.pk}@bench", manage_digest=row.pk.hex,
            )
            for row in made
        )  # fmt: skip
        return [row.pk for row in made]

    def note(self, appointments: Sequence[UUID]) -> None:
        from kalends.bookings.services import set_notes
        from kalends.bookings.values import SYSTEM

        for ident in appointments:
            set_notes(appointment_id=ident, company=self.company, notes="Ring twice", by=SYSTEM, now=self.now)
