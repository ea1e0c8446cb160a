"""What the outside hands to the services of this room and gets back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kalends.bookings.models import ActorKind, Appointment, Attendee
from kalends.companies.models import Staff
from kalends.core.errors import Conflict
from kalends.scheduling.answer import Slot, Slots
from kalends.scheduling.explain import Explanation


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
    """`staff` and `attendees` are those of the appointment as it stands now, in the order they are shown.

    `in_calendars`: False where it is known that no calendar receives it.
    """

    appointment: Appointment
    attendee: Attendee
    manage_url: str
    staff: Sequence[Staff]
    attendees: Sequence[Attendee]
    in_calendars: bool = True


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


class NotOffered(SlotTaken):
    """Nobody has the time, but a rule does not offer it. `reason` names the rule: past, horizon, notice, calendar,
    minute, grid, hours or staff.
    """

    code = "not_offered"

    def __init__(self, message: str, alternatives: Sequence[Alternative] = (), *, reason: str) -> None:
        super().__init__(message, alternatives)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SlotDays:
    """Starts grouped by the date that the reader's clock shows in `timezone`.

    `found` holds all of them as the engine gives them: `found.epochs` and `found.teams_at` cost next to nothing.
    `not_offered` names the staff who were left out as a whole and why: their calendar is too old to be trusted.
    """

    timezone: str
    found: Slots
    not_offered: Mapping[UUID, str]

    def days(self) -> dict[date, list[Slot]]:
        """Slots by date; `slot.staff` are staff ids as text. Dates without any are left out."""
        return self.found.by_date(self.timezone)

    def counts(self) -> dict[date, int]:
        return {day: len(starts) for day, starts in self.found.dates(self.timezone).items()}


@dataclass(frozen=True, slots=True)
class Explained:
    """The engine's explanation, and why the staff member is not offered at all ("" if nothing speaks against it)."""

    explanation: Explanation
    stale_reason: str

    @property
    def offered(self) -> bool:
        return self.explanation.offered and not self.stale_reason
