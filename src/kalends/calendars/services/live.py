"""At the moment of booking: is the mirror fresh enough, and if not, what does the calendar say right now?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from kalends.calendars.due import make_due
from kalends.calendars.life import change_life
from kalends.calendars.mirror import reading_of
from kalends.calendars.models import CalendarConnection, Channel, Provider, RemoteCalendar
from kalends.calendars.models.channels import is_proven
from kalends.calendars.ours import Ours
from kalends.calendars.pace import turn_now
from kalends.calendars.providers import provider_for
from kalends.calendars.selectors import FRESH
from kalends.core.span import Span
from kalends.jobs.prepared import Prepared
from kalends.sync.busy import spans_of
from kalends.sync.connection import State
from kalends.sync.port import Provider as Asked
from kalends.sync.port import ProviderError, RemoteEvent, Temporary, Throttled
from kalends.sync.push import PATIENCE

SERVES = timedelta(minutes=15)
BUDGET_SECONDS = 1.5
_THROTTLED_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`reason` is "" when ok, else `busy_outside` or `calendar_unreachable`."""

    ok: bool
    reason: str = ""


def live_check(*, staff_ids: Iterable[UUID], span: Span, now: datetime) -> dict[UUID, CheckResult]:
    """Called before the booking's transaction: one question a connection whose calendars are older than 60 s.

    The questions of one call share 1.5 s. Where one fails, the mirror serves if it is younger than 15 min, else the
    staff member is refused. An External iCalendar URL is asked last, and its mirror serves until it is stale: feeds are
    read by the hour. A connection that is paused or needs attention cannot be asked: its last mirror serves
    until `selectors.stale_staff` names its staff member.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    return {staff_id: _check_staff(staff_id, span, now, deadline) for staff_id in staff_ids}


def _check_staff(staff_id: UUID, span: Span, now: datetime, deadline: float) -> CheckResult:
    for connection, calendars in _to_ask(staff_id, now):
        try:
            busy = _ask(connection, calendars, span, now, deadline)
        except ProviderError:
            patient = connection.provider == Provider.ICS
            if not patient and any(c.fresh_as_of is None or c.fresh_as_of < now - SERVES for c in calendars):
                return CheckResult(ok=False, reason="calendar_unreachable")
            continue
        if busy:
            make_due(connection.pk)
            return CheckResult(ok=False, reason="busy_outside")
    return CheckResult(ok=True)


def _not_announced(now: Any, patient_since: Any, base_url: Any) -> Q:
    """No channel is proven to live, or what one announced, or the heartbeat, waits to be read."""
    channels = Channel.objects.filter(is_proven(now, patient_since, base_url), calendar=OuterRef("pk"))
    return Q(Q(next_poll_at__isnull=True) | Q(next_poll_at__lte=now) | ~Exists(channels))


_ASKABLE = (State.ACTIVE, State.THROTTLED, State.FROZEN)
_OLD = Prepared(
    lambda staff, fresh, now, patient_since, base_url: (
        RemoteCalendar.objects.filter(staff_id=staff, blocks=True, connection__state__in=_ASKABLE)
        .exclude(fresh_as_of__gte=fresh)
        .filter(_not_announced(now, patient_since, base_url))
        .select_related("connection", "staff")
    ),
    staff=UUID,
    fresh=datetime,
    now=datetime,
    patient_since=datetime,
    base_url=str,
)
_OLD_OF_COMPANY = Prepared(
    lambda staff, fresh: (
        RemoteCalendar.objects.filter(
            staff__isnull=True, connection__company__staff=staff, blocks=True, connection__state__in=_ASKABLE
        )
        .exclude(fresh_as_of__gte=fresh)
        .select_related("connection__company")
    ),
    staff=UUID,
    fresh=datetime,
)


def _to_ask(staff_id: UUID, now: datetime) -> list[tuple[CalendarConnection, list[RemoteCalendar]]]:
    by_connection: dict[UUID, list[RemoteCalendar]] = {}
    within = {"staff": staff_id, "fresh": now - FRESH}
    base_url = settings.KALENDS.base_url
    unannounced = _OLD.rows(**within, now=now, patient_since=now - PATIENCE, base_url=base_url)
    for calendar in [*unannounced, *_OLD_OF_COMPANY.rows(**within)]:
        by_connection.setdefault(calendar.connection_id, []).append(calendar)
    found = [(calendars[0].connection, calendars) for calendars in by_connection.values()]
    return sorted(found, key=lambda asked: asked[0].provider == Provider.ICS)


def _ask(
    connection: CalendarConnection, calendars: Sequence[RemoteCalendar], span: Span, now: datetime, deadline: float
) -> list[Span]:
    """G12: while we were told to wait nothing is asked here either, and what is told here holds for everybody."""
    if connection.throttled_until is not None and connection.throttled_until > now:
        raise Throttled("waiting", connection.throttled_until)
    provider = provider_for(connection)
    try:
        answer = _busy(connection, provider, [calendar.remote_id for calendar in calendars], span, now, deadline)
    except Throttled as error:
        _wait_until(connection, error.retry_at or now + _THROTTLED_FOR)
        raise
    finally:
        provider.close()
    return [busy for calendar in calendars for busy in _foreign(calendar, answer.get(calendar.remote_id, []), span)]


def _busy(
    connection: CalendarConnection, provider: Asked, calendars: list[str], span: Span, now: datetime, deadline: float
) -> Mapping[str, Sequence[RemoteEvent]]:
    """A feed whose host is asked by many is not asked (F70)."""
    left = max(0.05, deadline - time.monotonic())
    if connection.provider != Provider.ICS:
        return provider.busy(calendars, span, left)
    with turn_now(connection.pk, now) as may_ask:
        if not may_ask:
            raise Temporary("host_busy")
        return provider.busy(calendars, span, left)


def _wait_until(connection: CalendarConnection, until: datetime) -> None:
    with transaction.atomic():
        row = CalendarConnection.objects.select_for_update(of=("self",)).get(pk=connection.pk)
        change_life(row, lambda life: life.throttled(until))


def _foreign(calendar: RemoteCalendar, events: Sequence[RemoteEvent], span: Span) -> list[Span]:
    ours = Ours.among(calendar, [(event.id, event.op_key) for event in events])
    return spans_of([event for event in events if not ours.has(event.id, event.op_key)], span, reading_of(calendar))
