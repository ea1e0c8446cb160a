"""Seats: at most so many requests at once against a mailbox or a host, in all processes together (G12, F70).

A seat is a row that is held for a time by the database's clock and given back; one whose holder died comes free by
itself. It is held for longer than any request lasts and renewed before that runs short, so that no request is ever
without one. Not inside a transaction: others are to see at once that it is taken.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime, timedelta

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from kalends.calendars.models import Seat
from kalends.core.ids import token_digest

LENGTH = timedelta(seconds=120)
# One request, its redirects and its second try included, ends within 40 s (`net.http.Policy.total_timeout`).
_LONGEST_REQUEST = 45.0
_LOOK_AGAIN = 0.05
_FREE = datetime(2000, 1, 1, tzinfo=UTC)
_chance = random.SystemRandom()


class RowSeat:
    """One of `most` seats at what `key` names; for one thread, which has one request in flight at a time."""

    def __init__(self, key: str, most: int) -> None:
        self._key, self._most = token_digest(key), most
        self._holder = secrets.token_hex(8)
        self._number: int | None = None
        self._ends = 0.0

    def hold(self, patience: float) -> bool:
        """Has a seat for one more request; False if none came free within so many seconds."""
        deadline = time.monotonic() + patience
        while time.monotonic() + _LONGEST_REQUEST > self._ends:
            begun = time.monotonic()
            if self._renew() or self._take():
                self._ends = begun + LENGTH.total_seconds()
            elif begun >= deadline:
                return False
            else:
                time.sleep(min(_LOOK_AGAIN, deadline - begun))
        return True

    def leave(self) -> None:
        if self._number is not None:
            Seat.objects.filter(key=self._key, number=self._number, holder=self._holder).update(until=_FREE)
        self._number, self._ends = None, 0.0

    def _renew(self) -> bool:
        """False where there is none, or it ran out and somebody else has it."""
        if self._number is None:
            return False
        mine = Seat.objects.filter(key=self._key, number=self._number, holder=self._holder)
        return mine.update(until=_until()) == 1

    def _take(self) -> bool:
        first = _chance.randrange(self._most)
        for number in [(first + step) % self._most for step in range(self._most)]:
            free = Seat.objects.filter(key=self._key, number=number, until__lte=Now())
            if free.update(until=_until(), holder=self._holder):
                self._number = number
                return True
        return self._set_up() and self._take()

    def _set_up(self) -> bool:
        """Whether there was none of these seats yet."""
        if Seat.objects.filter(key=self._key).count() >= self._most:
            return False
        rows = [Seat(key=self._key, number=number, until=_FREE) for number in range(self._most)]
        Seat.objects.bulk_create(rows, ignore_conflicts=True)
        return True


def _until() -> ExpressionWrapper[CombinedExpression]:
    return ExpressionWrapper(Now() + LENGTH, output_field=DateTimeField())
