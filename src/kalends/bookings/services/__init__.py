"""What changes an appointment."""

from __future__ import annotations

from kalends.bookings.services.booking import book_appointment
from kalends.bookings.services.changing import cancel_appointment, clear_flag, move_appointment, set_notes
from kalends.bookings.services.customers import change_customer, create_customer, delete_customer
from kalends.bookings.services.holds import drop_old_holds, hold_slot, release_hold
from kalends.bookings.services.restoring import raise_sequences
from kalends.bookings.services.undoing import book_again, undo_outside_move

__all__ = [
    "book_again",
    "book_appointment",
    "cancel_appointment",
    "change_customer",
    "clear_flag",
    "create_customer",
    "delete_customer",
    "drop_old_holds",
    "hold_slot",
    "move_appointment",
    "raise_sequences",
    "release_hold",
    "set_notes",
    "undo_outside_move",
]
