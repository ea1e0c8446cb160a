"""What the outside hands to the services of this room and gets back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kalends.bookings.models import ActorKind, Appointment, Attendee
from kalends.core.errors import Conflict


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for the history: a kind, an id of theirs, and a name that people can read."""

    kind: str
    id: str = ""
    label: str = ""


SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class CustomerInput:
    """What a customer says when booking. An empty `locale` or `timezone` means the company's."""

    name: str
    email: str
    phone: str = ""
    locale: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Booked:
    appointment: Appointment
    attendee: Attendee
    manage_url: str


@dataclass(frozen=True, slots=True)
class Held:
    """`token` goes back with the booking; the time is kept until `expires_at`."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Alternative:
    start: datetime
    staff_ids: tuple[UUID, ...]


class SlotTaken(Conflict):
    """The time cannot be had (any more). `alternatives` are the nearest free ones, three at the most, by distance."""

    code = "slot_taken"

    def __init__(self, message: str, alternatives: Sequence[Alternative] = ()) -> None:
        super().__init__(message)
        self.alternatives = list(alternatives)


@dataclass(frozen=True, slots=True)
class Slot:
    """A bookable start with the staff who are free for it. `seats_left` is 1 where a time is not shared."""

    start: datetime
    end: datetime
    staff_ids: tuple[UUID, ...]
    seats_left: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class SlotDays:
    """Starts grouped by the date that the reader's clock shows in `timezone`.

    `not_offered` names the staff who were left out as a whole and why: their calendar is too old to be trusted.
    """

    timezone: str
    days: tuple[Day, ...]
    not_offered: tuple[tuple[UUID, str], ...] = ()
