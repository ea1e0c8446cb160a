"""The engine's doors: one run, one dry run, and the sweeps that make sure both happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from kalends.calendars.due import wake
from kalends.calendars.engine import journal, lease
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.plan import due_links, make_plan
from kalends.calendars.engine.run import run_connection
from kalends.calendars.life import remind
from kalends.calendars.models import CalendarConnection
from kalends.calendars.providers import provider_for
from kalends.sync import actions
from kalends.sync.connection import State

__all__ = ["PlannedAction", "plan_connection", "remind_of_connections", "run_connection", "wake_due_connections"]


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
        if not isinstance(planned.decision.action, actions.Nothing)
    ]


def wake_due_connections(*, now: datetime) -> int:
    """Whatever wake-up was lost: every connection whose time has come, and those whose worker died."""
    due = list(lease.due_connections(now).values_list("pk", flat=True))
    for connection_id in due:
        wake(connection_id)
    return len(due)


def remind_of_connections(*, now: datetime) -> int:
    """Mails that are due about connections that need attention: at once, on day 1, 3 and 7."""
    sent = 0
    rows = CalendarConnection.objects.filter(state=State.NEEDS_ATTENTION).select_related("staff", "company")
    for row in rows:
        with transaction.atomic():
            locked = CalendarConnection.objects.select_for_update(of=("self",)).get(pk=row.pk)
            row.reminders_sent = locked.reminders_sent
            sent += remind(row, now=now)
    return sent
