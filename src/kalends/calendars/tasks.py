"""Wake-ups. They take ids and read the clock; the rows say what is to be done."""

from __future__ import annotations

from uuid import UUID

from kalends.calendars.engine.run import run_connection
from kalends.core.clock import utc_now
from kalends.jobs.queue import task


@task
def sync_connection(connection_id: str) -> None:
    """Looks at one connection now, and once more if somebody asked for it meanwhile."""
    report = run_connection(UUID(connection_id), now=utc_now())
    if report.again:
        sync_connection(connection_id)
