"""After a restore: customers hold higher SEQUENCEs than the rows that came out of the backup."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from kalends.bookings.models import Attendee

STEP = 1_000


def raise_sequences(*, since: datetime) -> int:
    """Raises the SEQUENCE of each attendee whose appointment was not over at `since`, when the backup was made.

    Not those of now only: one that was over before the restore may have been moved into the future since the backup.
    """
    return Attendee.objects.filter(appointment__end__gt=since).update(sequence=F("sequence") + STEP)
