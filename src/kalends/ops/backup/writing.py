"""All rows of one moment into a file, while web and workers go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from kalends import __version__
from kalends.core.errors import Conflict
from kalends.jobs.secrets import sealed_columns
from kalends.ops.backup.file import FORMAT, Writer, writing
from kalends.ops.backup.tables import Model, columns_of, kept_models, to_json

# Called with a table, how many of its rows are done, and of how many.
Progress = Callable[[str, int, int], None]
_REPORT_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class Written:
    rows: int
    key_ids: frozenset[str]


def write_backup(path: Path, *, now: datetime, progress: Progress) -> Written:
    """Raises InvalidInput if the file is there, Conflict if the database lacks migrations."""
    with _snapshot(), writing(path) as writer:
        writer.line(_head(now))
        rows: dict[str, int] = {}
        key_ids: set[str] = set()
        for model in kept_models():
            rows[model._meta.label] = _write_table(writer, model, key_ids, progress)
        writer.end(rows=rows, key_ids=key_ids)
    return Written(sum(rows.values()), frozenset(key_ids))


@contextmanager
def _snapshot() -> Iterator[None]:
    """One moment for all tables. Nobody waits for it: neither database blocks writers for a reader."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        # Not atomic(): that would take the write lock.
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _head(now: datetime) -> dict[str, Any]:
    known = set(MigrationLoader(connection).graph.nodes)
    applied = set(MigrationRecorder(connection).applied_migrations())
    if known - applied:
        raise Conflict("The database is not at this version's tables: run `kalends migrate`.", code="not_migrated")
    return {
        "kalends_backup": FORMAT,
        "version": __version__,
        "made_at": to_json(now),
        "database": connection.vendor,
        "migrations": sorted(known & applied),
    }


def _write_table(writer: Writer, model: Model, key_ids: set[str], progress: Progress) -> int:
    label, columns = model._meta.label, columns_of(model)
    sealed = _sealed_places(label, columns)
    writer.line({"table": label, "columns": columns})
    rows = model._base_manager.order_by("pk").values_list(*columns)
    total, done = rows.count(), 0
    for row in rows.iterator(chunk_size=1_000):
        key_ids.update(_key_id(row[place]) for place in sealed if row[place])
        writer.line([to_json(value) for value in row])
        done += 1
        if done % _REPORT_EVERY == 0:
            progress(label, done, total)
    progress(label, done, total)
    return done


def _sealed_places(label: str, columns: Sequence[str]) -> list[int]:
    return [columns.index(column) for table, column in sealed_columns() if table == label]


def _key_id(sealed: str) -> str:
    """`v1.<key id>.<...>`, as kalends.core.sealing writes it."""
    return sealed.split(".", 2)[1]
