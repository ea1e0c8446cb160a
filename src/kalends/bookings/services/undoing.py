"""Undoing what was done in an outside calendar. Each way back is an act of its own: checked, told and written down."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.bookings.history import add_entry, may_book_again, move_to_undo, spans_of
from kalends.bookings.models import Appointment, Attendee, Status
from kalends.bookings.selectors.appointments import appointment_of, history_of
from kalends.bookings.services.booking import book_appointment
from kalends.bookings.services.changing import move_appointment
from kalends.bookings.services.steps import check_version, lock_with_staff
from kalends.bookings.values import Actor, CustomerInput
from kalends.companies.models import Company
from kalends.core.errors import Conflict


def undo_outside_move(
    *, appointment_id: UUID, company: Company, by: Actor, expected_version: int, now: datetime
) -> Appointment:
    """Back to the time, and the length, from before the last move, if that was made in an outside calendar.

    A move by `by` like any other: the event follows and the customer is told, unless they never heard of the first.
    Raises Conflict (nothing_to_undo, version_changed), SlotTaken or NotOffered with alternatives, NotFound.
    """
    seen = appointment_of(company, appointment_id)
    check_version(seen, expected_version)
    entry = move_to_undo(seen, history_of(seen), now)
    spans = spans_of(entry) if entry is not None else None
    if spans is None:
        raise _nothing_to_undo()
    return move_appointment(
        appointment_id=appointment_id,
        company=company,
        start=spans[0].start,
        end=spans[0].end,
        by=by,
        expected_version=expected_version,
        now=now,
    )


def _nothing_to_undo() -> Conflict:
    return Conflict(_("There is nothing to undo: the appointment was changed since."), code="nothing_to_undo")


def book_again(
    *, appointment_id: UUID, company: Company, by: Actor, expected_version: int, now: datetime
) -> Appointment:
    """A new appointment for each customer of one that was cancelled by a deletion outside, if the time is still free.

    The cancelled one stays: its customers were told, and its event is gone. The service's length of today counts.
    Asked again after a crash it finds what it made. Raises Conflict (nothing_to_undo, version_changed), SlotTaken or
    NotOffered with alternatives, InvalidInput, NotFound.
    """
    seen = appointment_of(company, appointment_id)
    check_version(seen, expected_version)
    leavers = [attendee for attendee in seen.attendees.all() if attendee.status == Status.CONFIRMED]
    if not may_book_again(seen, history_of(seen), now) or not leavers:
        raise _nothing_to_undo()
    booked = [_book(seen, attendee, by, now) for attendee in leavers]
    with transaction.atomic():
        locked = lock_with_staff(appointment_id=seen.pk, company=company)
        if may_book_again(locked, history_of(locked), now):
            add_entry(locked, "booked_again", by=by, at=now, detail={"appointment": str(booked[0].pk)})
    return booked[0]


def _book(cancelled: Appointment, attendee: Attendee, by: Actor, now: datetime) -> Appointment:
    staff = list(cancelled.staff.all())
    booked = book_appointment(
        company=cancelled.company,
        service=cancelled.service,
        start=cancelled.start,
        customer=CustomerInput(attendee.name, attendee.email, attendee.phone, attendee.locale, attendee.timezone),
        staff=staff[0] if len(staff) == 1 else None,
        team=staff if len(staff) > 1 else (),
        timezone=cancelled.timezone,
        source="dashboard",
        notes=cancelled.notes,
        by=by,
        attendee_id=uuid5(attendee.pk, "again"),
        now=now,
    )
    return booked.appointment
