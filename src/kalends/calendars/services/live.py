"""At the moment of booking: is the mirror fresh enough, and if not, what does the calendar say right now?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kalends.calendars.due import make_due
from kalends.calendars.mirror import reading_of
from kalends.calendars.models import CalendarConnection, RemoteCalendar
from kalends.calendars.ours import Ours
from kalends.calendars.providers import provider_for
from kalends.core.span import Span
from kalends.jobs.prepared import Prepared
from kalends.sync.busy import spans_of
from kalends.sync.connection import State
from kalends.sync.port import ProviderError, RemoteEvent

FRESH = timedelta(seconds=60)
SERVES = timedelta(minutes=15)
BUDGET_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`reason` is "" when ok, else `busy_outside` or `calendar_unreachable`."""

    ok: bool
    reason: str = ""


def live_check(*, staff_ids: Iterable[UUID], span: Span, now: datetime) -> dict[UUID, CheckResult]:
    """Called before the booking's transaction: one question a connection whose calendars are older than 60 s.

    The questions of one call share 1.5 s. Where one fails, the mirror serves if it is younger than 15 min, else the
    staff member is refused. A connection that is paused or needs attention cannot be asked: its last mirror serves
    until `selectors.stale_staff` names its staff member.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    return {staff_id: _check_staff(staff_id, span, now, deadline) for staff_id in staff_ids}


def _check_staff(staff_id: UUID, span: Span, now: datetime, deadline: float) -> CheckResult:
    for connection, calendars in _to_ask(staff_id, now):
        try:
            busy = _ask(connection, calendars, span, deadline)
        except ProviderError:
            if any(c.fresh_as_of is None or c.fresh_as_of < now - SERVES for c in calendars):
                return CheckResult(ok=False, reason="calendar_unreachable")
            continue
        if busy:
            make_due(connection.pk)
            return CheckResult(ok=False, reason="busy_outside")
    return CheckResult(ok=True)


_OLD = Prepared(
    lambda staff, fresh: (
        RemoteCalendar.objects.filter(
            staff_id=staff, blocks=True, connection__state__in=(State.ACTIVE, State.THROTTLED, State.FROZEN)
        )
        .exclude(fresh_as_of__gte=fresh)
        .select_related("connection", "staff")
    ),
    staff=UUID,
    fresh=datetime,
)


def _to_ask(staff_id: UUID, now: datetime) -> list[tuple[CalendarConnection, list[RemoteCalendar]]]:
    by_connection: dict[UUID, list[RemoteCalendar]] = {}
    for calendar in _OLD.rows(staff=staff_id, fresh=now - FRESH):
        by_connection.setdefault(calendar.connection_id, []).append(calendar)
    return [(calendars[0].connection, calendars) for calendars in by_connection.values()]


def _ask(
    connection: CalendarConnection, calendars: Sequence[RemoteCalendar], span: Span, deadline: float
) -> list[Span]:
    provider = provider_for(connection)
    try:
        left = max(0.05, deadline - time.monotonic())
        answer = provider.busy([c.remote_id for c in calendars], span, left)
    finally:
        provider.close()
    return [busy for calendar in calendars for busy in _foreign(calendar, answer.get(calendar.remote_id, []), span)]


def _foreign(calendar: RemoteCalendar, events: Sequence[RemoteEvent], span: Span) -> list[Span]:
    ours = Ours.in_calendar(calendar)
    return spans_of([event for event in events if not ours.has(event.id, event.op_key)], span, reading_of(calendar))
