"""Wake-ups. They take ids and read the database's clock; the rows say what is to be done."""

from __future__ import annotations

from uuid import UUID

from kalends.calendars.engine.run import run_connection
from kalends.jobs.queue import task
from kalends.jobs.rows import database_now


@task
def sync_connection(connection_id: str) -> None:
    """Looks at one connection now, and once more if somebody asked for it meanwhile."""
    report = run_connection(UUID(connection_id), now=database_now())
    if report.again:
        sync_connection(connection_id)
