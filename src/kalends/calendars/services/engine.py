"""The engine's doors: one run, one dry run, and the sweeps that make sure both happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Min, Q

from kalends.calendars.due import wake
from kalends.calendars.engine import journal, lease
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.plan import due_links, make_plan
from kalends.calendars.engine.run import run_connection
from kalends.calendars.life import remind, tell_stale
from kalends.calendars.models import CalendarConnection, Provider, RemoteCalendar
from kalends.calendars.providers import provider_for
from kalends.jobs.queue import waiting
from kalends.sync import actions
from kalends.sync.connection import State

__all__ = [
    "PlannedAction",
    "plan_connection",
    "remind_of_connections",
    "run_connection",
    "tell_of_stale_calendars",
    "wake_due_connections",
]

_MOST_AT_ONCE = 10_000
_TRYING = (State.ACTIVE, State.THROTTLED, State.FROZEN)


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One line of a plan: for which appointment what would be done, by which rule."""

    appointment_id: UUID
    link_id: UUID
    action: str
    rule: str


def plan_connection(connection_id: UUID, *, now: datetime) -> list[PlannedAction]:
    """What a run would do about the links that are due, read directly and changed nowhere. Raises ProviderError, Lacking."""
    connection = CalendarConnection.objects.select_related("company", "staff").get(pk=connection_id)
    if not State(connection.state).reads:
        return []
    run = Run(connection, provider_for(connection), connection.fence, now)
    try:
        plan = make_plan(run, due_links(run))
    finally:
        run.provider.close()
    return [
        PlannedAction(
            planned.link.appointment_id,
            planned.link.pk,
            journal.action_name(planned.decision.action),
            planned.decision.rule,
        )
        for planned in plan
        # What could not be read is said: a plan that leaves it out would look like one with nothing to do.
        if not isinstance(planned.decision.action, actions.Nothing) or planned.decision.rule.startswith("unknown:")
    ]


def wake_due_connections(*, now: datetime, since: datetime | None = None) -> int:
    """Whatever wake-up was lost: every connection whose time has come, and those whose worker died.

    With `since` only those whose time has come since then: cheap enough to ask each second. Without, at most
    `_MOST_AT_ONCE`, the longest due first, and none while as many wait in the queue: after an outage every turn would
    add the whole backlog again, faster than workers take it away.
    """
    if since is not None:
        due = list(lease.come_due(since, now).values_list("pk", flat=True))
    elif waiting() < _MOST_AT_ONCE:
        due = list(lease.due_connections(now).values_list("pk", flat=True)[:_MOST_AT_ONCE])
    else:
        due = []
    for connection_id in due:
        wake(connection_id)
    return len(due)


def remind_of_connections(*, now: datetime) -> int:
    """Mails that are due about connections that need attention: at once, on day 1, 3 and 7. Returns how many."""
    sent = 0
    for pk in CalendarConnection.objects.filter(state=State.NEEDS_ATTENTION).values_list("pk", flat=True):
        with transaction.atomic():
            locked = CalendarConnection.objects.select_for_update(of=("self",)).select_related("staff", "company")
            sent += remind(locked.get(pk=pk), now=now)
    return sent


def tell_of_stale_calendars(*, now: datetime) -> int:
    """Mails about calendars that could not be read for so long that their staff member is not offered. Returns how many.

    Asked again about the same standstill it promises no second mail.
    """
    chosen = RemoteCalendar.objects.filter(Q(blocks=True) | Q(receives=True), connection__state__in=_TRYING)
    oldest = chosen.order_by().values("connection").annotate(fresh=Min("fresh_as_of")).filter(fresh__isnull=False)
    told = 0
    for connection_id, fresh in oldest.values_list("connection", "fresh"):
        row = CalendarConnection.objects.select_related("staff", "company").get(pk=connection_id)
        company = row.company
        hours = company.stale_after_hours_ics if row.provider == Provider.ICS else company.stale_after_hours
        if fresh < now - timedelta(hours=hours):
            with transaction.atomic():
                told += tell_stale(row, fresh_as_of=fresh, now=now)
    return told
