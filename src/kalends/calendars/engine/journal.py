"""Lines of the journal: which signal and evidence met which rule, and what was done (G15)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kalends.calendars.codec import content_json, shape_json
from kalends.calendars.models import CalendarConnection, Journal, Link, RemoteCalendar
from kalends.jobs import counters
from kalends.jobs.prepared import insert
from kalends.sync import actions
from kalends.sync.evidence import Evidence, Present
from kalends.sync.link import LinkState, shape_of

OUTSIDE_DELETION = "outside_deletion"


def write(
    connection: CalendarConnection,
    *,
    now: datetime,
    rule: str,
    action: str,
    signal: str = "run",
    evidence: str = "",
    calendar: RemoteCalendar | None = None,
    link: Link | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    line = Journal(
        connection=connection,
        calendar=calendar if calendar is not None else (link.calendar if link else None),
        link_id=link.pk if link else None,
        appointment_id=link.appointment_id if link else None,
        at=now,
        signal=signal,
        evidence=evidence,
        rule=rule[:60],
        action=action,
        before=before,
        after=after,
    )
    insert(line)


def write_decision(
    connection: CalendarConnection,
    link: Link,
    state: LinkState,
    evidence: Evidence,
    decision: actions.Decision,
    *,
    now: datetime,
    signal: str = "run",
    action: str = "",
) -> None:
    """`before` is what stood outside (the value that loses, if one does), `after` what we wanted there."""
    before = None
    if decision.rule.startswith("conflict"):
        counters.count("kalends_sync_conflicts", provider=connection.provider)
    if isinstance(evidence, Present) and not evidence.event.cancelled:
        before = shape_json(shape_of(evidence.event))
    write(
        connection,
        now=now,
        rule=decision.rule,
        action=action or action_name(decision.action),
        signal=signal,
        evidence=type(evidence).__name__,
        link=link,
        before=before,
        after=content_json(state.wanted.content) if state.wanted else None,
    )


def action_name(action: actions.Action) -> str:
    """`put_back` for what undoes an outside change, else the action's class in words."""
    if isinstance(action, actions.Update) and action.puts_back:
        return "put_back"
    name = type(action).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
