"""How sync stands, in numbers read from the rows at the moment of asking: for /metrics. Of all companies together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet

from kalends.calendars.due import AT_ONCE
from kalends.calendars.engine.lease import due_connections
from kalends.calendars.models import CalendarConnection, Link, LinkStatus, RemoteCalendar
from kalends.sync.connection import State

_READ = (State.ACTIVE, State.THROTTLED, State.FROZEN)
TROUBLED = (LinkStatus.ASKED, LinkStatus.REFUSED, LinkStatus.DIVERGED)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of one provider's chosen calendars: how old the oldest mirror is (seconds; 0 if none was read), and how many
    were never read or are older than their company's bound.
    """

    provider: str
    lag_seconds: float
    calendars: int
    unread: int
    stale: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Connections whose time has come, or whose worker died; `oldest_seconds` of those that have a time."""

    provider: str
    due: int
    oldest_seconds: float


def connections_by_state() -> list[tuple[str, str, int]]:
    rows = CalendarConnection.objects.exclude(state=State.DISCONNECTED).order_by("provider", "state")
    return list(rows.values_list("provider", "state").annotate(n=Count("pk")))


def held_since_restore() -> int:
    return CalendarConnection.objects.filter(restored_at__isnull=False).count()


def freshness(now: datetime) -> list[Freshness]:
    chosen = RemoteCalendar.objects.filter(Q(blocks=True) | Q(receives=True), connection__state__in=_READ).order_by()
    stale = _stale(chosen, now)
    grouped = chosen.values_list("connection__provider").annotate(
        oldest=Min("fresh_as_of"), n=Count("pk"), unread=Count("pk", filter=Q(fresh_as_of__isnull=True))
    )
    return [
        Freshness(provider, (now - oldest).total_seconds() if oldest else 0.0, n, unread, stale.get(provider, 0))
        for provider, oldest, n, unread in sorted(grouped, key=lambda row: row[0])
    ]


def _stale(chosen: QuerySet[RemoteCalendar], now: datetime) -> dict[str, int]:
    """Each company has its own bound; few different ones are in use."""
    bound = "connection__company__stale_after_hours"
    found: dict[str, int] = {}
    for hours in list(chosen.values_list(bound, flat=True).distinct()):
        late = chosen.filter(**{bound: hours}, fresh_as_of__lt=now - timedelta(hours=hours))
        for provider, n in late.values_list("connection__provider").annotate(n=Count("pk")):
            found[provider] = found.get(provider, 0) + n
    return found


def backlog(now: datetime) -> list[Backlog]:
    rows = due_connections(now).order_by().values_list("provider")
    grouped = rows.annotate(n=Count("pk"), oldest=Min("due_at", filter=Q(due_at__gt=AT_ONCE)))
    return [
        Backlog(provider, n, (now - oldest).total_seconds() if oldest else 0.0)
        for provider, n, oldest in sorted(grouped, key=lambda row: row[0])
    ]


def links_in_trouble() -> dict[str, int]:
    rows = Link.objects.filter(status__in=TROUBLED).order_by().values_list("status").annotate(n=Count("pk"))
    return {status.value: 0 for status in TROUBLED} | dict(rows)
