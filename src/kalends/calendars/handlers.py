"""The port through which the engine changes appointments. `bookings` registers its handler when it starts.

All methods but `summary` and `wanted_for_staff` run inside the engine's transaction. The order of locks is staff (by
id), appointment, connection, link, outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from kalends.sync.port import Content


@dataclass(frozen=True, slots=True)
class OutsideMove:
    """An event of ours was given another time outside; `at` is when, by the provider's clock if it is to be trusted."""

    appointment_id: UUID
    staff_id: UUID
    start: datetime
    end: datetime
    at: datetime
    link_id: UUID
    source: str = ""  # the kind of provider, for the history line


class MoveOutcome(StrEnum):
    ACCEPTED = "accepted"
    FLAGGED = "flagged"  # accepted, and shown to the manager
    PUT_BACK_OVERLAP = "put_back_overlap"  # another appointment of ours is there
    PUT_BACK_RULE = "put_back_rule"  # the company's rule
    PUT_BACK_PAST = "put_back_past"
    STALE = "stale"  # the appointment was changed here later, or is not there any more

    @property
    def moved(self) -> bool:
        return self in (MoveOutcome.ACCEPTED, MoveOutcome.FLAGGED)

    @property
    def put_back(self) -> bool:
        return self in (MoveOutcome.PUT_BACK_OVERLAP, MoveOutcome.PUT_BACK_RULE, MoveOutcome.PUT_BACK_PAST)


@dataclass(frozen=True, slots=True)
class MoveResult:
    outcome: MoveOutcome
    reason: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should stand in a staff member's calendar for one appointment, and when a human last set its time."""

    appointment_id: UUID
    content: Content
    time_set_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class AppointmentSummary:
    """For mails and pages; never for a log line."""

    appointment_id: UUID
    title: str
    start: datetime
    end: datetime
    timezone: str
    status: str
    customer: str


class AppointmentHandler(Protocol):
    def lock_staff(self, staff_ids: Iterable[UUID]) -> None:
        """Locks the staff rows in id order, inside the caller's transaction."""

    def move_set(self, moves: Sequence[OutsideMove], *, rule: str, now: datetime) -> list[MoveResult]:
        """Moves as one set: releases all claims, then inserts, so that a swap works. One result a move, in order.

        `rule` is companies.OutsideMoveRule. An accepted move calls `services.want_event` with the new content.
        """

    def cancel(self, appointment_id: UUID, *, reason: str, source: str, at: datetime, now: datetime) -> bool:
        """`source`: the kind of provider, for the history line. Cancels and tells the customer; False if it was not standing any more. Calls `services.want_no_event`."""

    def note(self, appointment_id: UUID, *, text_key: str, detail: dict[str, Any], now: datetime) -> None:
        """A line in the appointment's history."""

    def summary(self, appointment_id: UUID) -> AppointmentSummary | None:
        """None if there is no such appointment."""

    def wanted_for_staff(self, staff_id: UUID, now: datetime) -> Iterable[Wanted]:
        """The confirmed appointments of a staff member that end after `now`."""


_registered: list[AppointmentHandler] = []


def register_handler(handler: AppointmentHandler) -> None:
    """Replaces what was registered before."""
    _registered[:] = [handler]


def handler() -> AppointmentHandler:
    """Raises RuntimeError if `bookings` has not registered (it does so when Django starts)."""
    if not _registered:
        raise RuntimeError("no appointment handler is registered")
    return _registered[0]
