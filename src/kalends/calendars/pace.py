"""External iCalendar URLs wait their turn at their host: rows say who may ask it when, in all processes (F70).

What a person does (entering an address) goes ahead at once, and what is read by itself makes way for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from kalends.calendars.models import ExternalCalendar, FeedHost
from kalends.calendars.seats import RowSeat
from kalends.sync import pace

_BUSY_FOR = timedelta(seconds=10)


@contextmanager
def turn_of(connection_id: UUID, now: datetime) -> Iterator[datetime | None]:
    """Gives None if the address behind a connection may be read within the block, else when to come back."""
    row = ExternalCalendar.objects.filter(connection_id=connection_id).first()
    if row is None:
        yield None  # removed meanwhile: nothing will be asked
        return
    with _seat(row.host) as seated:
        yield _ask_or_queue(row, now, seated)


@contextmanager
def turn_now(connection_id: UUID, now: datetime) -> Iterator[bool]:
    """Whether the address may be read within the block, for a question that cannot wait."""
    host = ExternalCalendar.objects.filter(connection_id=connection_id).values_list("host", flat=True).first() or ""
    with _seat(host) as seated:
        yield seated and _ask_at_once(host, now)


def note_asked(host: str, now: datetime) -> None:
    """Somebody asks it now without waiting for a turn."""
    with transaction.atomic():
        row = _locked(host, now)
        _store(row, pace.asked(_facts(row), now))


@contextmanager
def _seat(host: str) -> Iterator[bool]:
    seat = RowSeat(f"feed {host}", pace.AT_ONCE)
    try:
        yield seat.hold(0)
    finally:
        seat.leave()


def _ask_or_queue(row: ExternalCalendar, now: datetime, seated: bool) -> datetime | None:
    with transaction.atomic():
        host = _locked(row.host, now)
        facts = _facts(host)
        if row.turn_at is not None and row.turn_at > now:
            return row.turn_at
        if seated and pace.is_open(facts, row.turn_at, now):
            turn, facts = None, pace.asked(facts, now)
        else:
            facts, turn = pace.queued(facts, now if seated else now + _BUSY_FOR)
        if turn != row.turn_at:
            ExternalCalendar.objects.filter(pk=row.pk).update(turn_at=turn)
        _store(host, facts)
        return turn


def _ask_at_once(host: str, now: datetime) -> bool:
    with transaction.atomic():
        row = _locked(host, now)
        facts = _facts(row)
        if not pace.is_open(facts, None, now):
            return False
        _store(row, pace.asked(facts, now))
        return True


def _locked(host: str, now: datetime) -> FeedHost:
    rows = FeedHost.objects.select_for_update().filter(host=host)
    found = rows.first()
    if found is None:
        FeedHost.objects.bulk_create([FeedHost(host=host, open_at=now, tail=now)], ignore_conflicts=True)
        found = rows.get()
    return found


def _facts(row: FeedHost) -> pace.Host:
    return pace.Host(row.open_at, row.tail)


def _store(row: FeedHost, facts: pace.Host) -> None:
    FeedHost.objects.filter(pk=row.pk).update(open_at=facts.open_at, tail=facts.tail)
