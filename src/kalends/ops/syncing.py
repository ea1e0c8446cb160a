"""Looking at connections from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kalends.calendars import services
from kalends.calendars.models import CalendarConnection
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound
from kalends.sync.connection import State


@dataclass(frozen=True, slots=True)
class SyncReport:
    text: str
    failed: bool = False


def sync_connections(*, ident: str | None, dry_run: bool) -> Iterator[SyncReport]:
    """One report for each connection; `ident` None means all that are not disconnected."""
    for connection in _chosen(ident):
        label = f"{connection.pk}  {connection.provider}  {connection.state}"
        yield _plan(connection, label) if dry_run else _run(connection, label, utc_now())


def _chosen(ident: str | None) -> list[CalendarConnection]:
    rows = CalendarConnection.objects.exclude(state=State.DISCONNECTED).order_by("pk")
    if ident is None:
        return list(rows)
    try:
        found = rows.filter(pk=UUID(ident)).first()
    except ValueError as error:
        raise InvalidInput(f"{ident!r} is not the id of a connection.") from error
    if found is None:
        raise NotFound(f"There is no live connection {ident}.")
    return [found]


def _plan(connection: CalendarConnection, label: str) -> SyncReport:
    try:
        actions = services.plan_connection(connection.pk, now=utc_now())
    except Exception as error:
        # One account that cannot be read must not hide the plans of the others.
        return SyncReport(f"{label}\n  cannot be read: {type(error).__name__}", failed=True)
    lines = [f"  {action.action}  appointment {action.appointment_id}  ({action.rule})" for action in actions]
    return SyncReport("\n".join([label, *(lines or ["  nothing to do"])]))


def _run(connection: CalendarConnection, label: str, now: datetime) -> SyncReport:
    report = services.run_connection(connection.pk, now=now)
    if report.skipped:
        return SyncReport(f"{label}\n  another worker is at it")
    text = f"  {report.pages} pages read, {report.writes} writes, {report.moves} moves, {report.cancels} cancellations"
    return SyncReport("\n".join([label, text, *([f"  {report.error}"] if report.error else [])]), bool(report.error))
