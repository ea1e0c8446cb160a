"""Taking and giving back a staff member's time, with the database as the last to say no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kalends.bookings.models import Appointment, Claim, Hold
from kalends.bookings.values import SlotTaken
from kalends.companies.models import Service
from kalends.core.span import Span
from kalends.jobs.prepared import insert

# The name of the constraint on PostgreSQL and the message of the trigger on SQLite (migration 0002).
_REFUSAL = "claim_overlap"


@contextmanager
def refused_if_taken() -> Iterator[None]:
    """The database's refusal of an overlap becomes SlotTaken; the surrounding transaction goes on."""
    with overlap_is_refusal(), transaction.atomic():
        yield


@contextmanager
def overlap_is_refusal() -> Iterator[None]:
    """The same without a savepoint: the surrounding transaction must end with the SlotTaken."""
    try:
        yield
    except IntegrityError as error:
        if _REFUSAL not in str(error):
            raise
        raise SlotTaken(_("This time was taken a moment ago.")) from error


def claim_for_appointment(
    appointment: Appointment, *, staff_ids: Iterable[UUID], now: datetime, seats: int = 1
) -> None:
    """Takes the appointment's span of each of the staff. Raises SlotTaken."""
    _take(claims_of(appointment, staff_ids=staff_ids, seats=seats), now)


def claims_of(appointment: Appointment, *, staff_ids: Iterable[UUID], seats: int = 1) -> list[Claim]:
    """Not stored yet."""
    service, span = appointment.service, appointment.span
    return [_claim(service, ident, span, appointment=appointment, seats=seats) for ident in staff_ids]


def claim_for_hold(hold: Hold, *, staff_ids: Iterable[UUID], span: Span, now: datetime) -> None:
    """Raises SlotTaken."""
    _take([_claim(hold.service, ident, span, hold=hold, expires_at=hold.expires_at) for ident in staff_ids], now)


def _take(claims: list[Claim], now: datetime) -> None:
    try:
        with refused_if_taken():
            for claim in claims:
                insert(claim)
    except SlotTaken:
        # The database cannot read a clock in a constraint: a hold that is over still refuses others.
        if not drop_expired_holds({claim.staff_id for claim in claims}, now):
            raise
        with refused_if_taken():
            Claim.objects.bulk_create(claims)


def _claim(
    service: Service,
    staff_id: UUID,
    span: Span,
    *,
    appointment: Appointment | None = None,
    hold: Hold | None = None,
    expires_at: datetime | None = None,
    seats: int = 1,
) -> Claim:
    return Claim(
        staff_id=staff_id,
        appointment=appointment,
        hold=hold,
        service=service,
        start=span.start,
        end=span.end,
        buffer_before=service.buffer_before,
        buffer_after=service.buffer_after,
        seats=seats,
        expires_at=expires_at,
    )


def release_claims(appointment_ids: Iterable[UUID]) -> None:
    Claim.objects.filter(appointment_id__in=list(appointment_ids)).delete()


def drop_expired_holds(staff_ids: Iterable[UUID], now: datetime) -> bool:
    """Whether there were any: the database still refused what overlaps them."""
    expired = Claim.objects.filter(staff_id__in=list(staff_ids), expires_at__lte=now).values_list("hold_id", flat=True)
    return Hold.objects.filter(pk__in=list(expired)).delete()[0] > 0


def drop_holds_within(*, staff_id: UUID, span: Span) -> None:
    """A visitor's hold gives way to what a staff member did."""
    held = Claim.objects.filter(staff_id=staff_id, hold__isnull=False, start__lt=span.end, end__gt=span.start)
    Hold.objects.filter(pk__in=list(held.values_list("hold_id", flat=True))).delete()
