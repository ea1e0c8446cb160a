"""What other rooms and pages read about calendars. Nothing here changes a row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from kalends.calendars.models import BusySpan, CalendarConnection, Link, LinkStatus, RemoteCalendar
from kalends.core.span import Span
from kalends.sync.connection import State

# start and end in seconds since 1970, the busy span's id (None: a move in its grace time), the calendar's name
Busy = tuple[int, int, UUID | None, str]


def busy_spans(*, staff_ids: Iterable[UUID], span: Span) -> dict[UUID, list[Busy]]:
    """What connected calendars make busy, overlapping `span`, sorted by start; a key for each staff member asked for.

    While an outside move waits for its grace time its new place is among them; the old one is blocked by the claim.
    """
    wanted = list(staff_ids)
    found: dict[UUID, list[Busy]] = {staff_id: [] for staff_id in wanted}
    rows = BusySpan.objects.filter(
        staff_id__in=wanted, start__lt=span.end, end__gt=span.start, calendar__blocks=True
    ).values_list("staff_id", "start", "end", "id", "calendar__name")
    for staff_id, start, end, span_id, name in rows:
        found[staff_id].append((int(start.timestamp()), _ceil(end), span_id, name))
    held = Link.objects.filter(staff_id__in=wanted, pending_start__lt=span.end, pending_end__gt=span.start).exclude(
        status__in=(LinkStatus.CLOSED, LinkStatus.CLOSING, LinkStatus.ORPHANED)
    )
    for staff_id, start, end, name in held.values_list("staff_id", "pending_start", "pending_end", "calendar__name"):
        found[staff_id].append((int(start.timestamp()), _ceil(end), None, name))
    for spans in found.values():
        spans.sort(key=lambda busy: busy[:2])
    return found


def _ceil(moment: datetime) -> int:
    """The second at or after the moment: rounding never makes busy time shorter."""
    whole = int(moment.timestamp())
    return whole + 1 if moment.microsecond else whole


def pending_appointments(*, staff_ids: Iterable[UUID]) -> set[UUID]:
    """Appointments whose event was moved outside and waits for its grace time."""
    links = Link.objects.filter(staff_id__in=list(staff_ids), pending_start__isnull=False)
    return set(links.values_list("appointment_id", flat=True))


def stale_staff(*, staff_ids: Iterable[UUID], now: datetime) -> dict[UUID, str]:
    """Staff members who are not offered, with the reason: a calendar that blocks was not read for too long (G9).

    A paused connection was paused by a person: its last mirror goes on blocking and it makes nobody stale.
    """
    calendars = RemoteCalendar.objects.filter(Q(blocks=True) | Q(receives=True), staff_id__in=list(staff_ids)).exclude(
        connection__state__in=(State.PAUSED, State.DISCONNECTED)
    )
    stale: dict[UUID, str] = {}
    for staff_id, fresh, hours in calendars.values_list(
        "staff_id", "fresh_as_of", "connection__company__stale_after_hours"
    ):
        if fresh is None:
            stale.setdefault(staff_id, "first_sync_pending")
        elif fresh < now - timedelta(hours=hours):
            stale[staff_id] = "calendar_stale"
    return stale


def connection_for(*, company_id: UUID, connection_id: UUID) -> CalendarConnection | None:
    return CalendarConnection.objects.filter(company_id=company_id, pk=connection_id).first()
