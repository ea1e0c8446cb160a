"""Can this installation do its work: for /readyz and for doctor."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kalends.jobs.queue import huey


class NotMigrated(Exception):
    """The database lacks tables of this version."""


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def queue_answers() -> None:
    huey.pending_count()


def migrations_missing() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _backwards in plan]


class _Migrated:
    """Once seen it stays so for this process: its own migrations do not change, and nobody takes applied ones back."""

    def __init__(self) -> None:
        self._seen = False

    def __call__(self) -> None:
        if self._seen:
            return
        if migrations_missing():
            raise NotMigrated
        self._seen = True


CHECKS: dict[str, Callable[[], None]] = {
    "database": database_answers,
    "queue": queue_answers,
    "migrations": _Migrated(),
}


def failures() -> dict[str, str]:
    """What does not answer, by name; only the kind of error, for these lines are public."""
    broken = {}
    for name, check in CHECKS.items():
        try:
            check()
        except Exception as error:
            # Whatever stops the check is the answer to it.
            broken[name] = type(error).__name__
    return broken
