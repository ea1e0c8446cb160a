"""Wake-ups. They take ids and read the database's clock; the rows say what is to be done."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from kalends.calendars.engine import lease
from kalends.calendars.engine.run import run_connection
from kalends.jobs.precedence import precedence
from kalends.jobs.queue import task


@task
def sync_connection(connection_id: str) -> None:
    """Looks at one connection if its time has come, and once more if somebody asked for it meanwhile."""
    with precedence.first() as under_way:
        now = lease.due_now(UUID(connection_id))
        if now is None:
            return
        report = run_connection(UUID(connection_id), now=now, at=lambda step: _went_out(step, under_way))
    if report.again:
        sync_connection(connection_id)


def _went_out(step: str, under_way: Callable[[], None]) -> None:
    """The decision to write is on the disk, or an answer has come: from now on this run mostly waits."""
    if step != "decided":
        under_way()
