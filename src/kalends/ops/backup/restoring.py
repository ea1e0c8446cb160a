"""A backup file into an empty database. All or nothing; afterwards everything stands still until a person releases it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from kalends import __version__
from kalends.bookings.services import raise_sequences
from kalends.calendars.services import hold_restored
from kalends.companies.services import outdate_feed_tags
from kalends.core.errors import Conflict, InvalidInput
from kalends.messages.services import hold_unsent
from kalends.messages.webhooks import hold_webhooks
from kalends.ops.backup.file import Manifest, examine, lines
from kalends.ops.backup.tables import Model, columns_of, from_json, kept_models
from kalends.ops.backup.writing import Progress

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and what is held for a person."""

    made_at: datetime
    rows: int
    connections: int
    messages: int
    webhooks: int
    attendees: int


def check_backup(path: Path) -> Manifest:
    """Whether this program, with the keys that it has, could restore the file. Raises InvalidInput or Conflict."""
    manifest = examine(path)
    _check_version(manifest)
    _check_keys(manifest)
    return manifest


def restore_backup(path: Path, *, now: datetime, progress: Progress) -> Restored:
    """Raises InvalidInput (broken file, other version, a key is missing) or Conflict (the database holds something).

    Whatever it raises, the database is as it was.
    """
    manifest = check_backup(path)
    _make_tables()
    with transaction.atomic():
        _refuse_rows()
        _load(path, manifest, progress)
        _reset_sequences()
        outdate_feed_tags()
        return Restored(
            made_at=manifest.made_at,
            rows=sum(manifest.rows.values()),
            connections=hold_restored(now=now),
            messages=hold_unsent(now=now),
            webhooks=hold_webhooks(now=now),
            attendees=raise_sequences(since=manifest.made_at),
        )


# -- before anything is touched -----------------------------------------------------------------------------------


def _check_version(manifest: Manifest) -> None:
    known = set(MigrationLoader(connection).graph.nodes)
    if manifest.migrations == known:
        return
    age = "a newer" if manifest.migrations - known else "an older"
    raise InvalidInput(
        f"The backup was made by {age} version of Kalends ({manifest.version}; this is {__version__}) with other tables. "
        f"Install version {manifest.version}, restore there, then upgrade and run `kalends migrate`. Nothing was restored."
    )


def _check_keys(manifest: Manifest) -> None:
    held = {key.partition(":")[0] for key in settings.KALENDS.encryption_keys}
    if missing := manifest.key_ids - held:
        raise InvalidInput(
            f"KALENDS_ENCRYPTION_KEYS lacks {', '.join(sorted(missing))}: what was sealed with it could not be read. "
            "Add the key that goes with this backup. Nothing was restored."
        )


def _make_tables() -> None:
    applied = set(MigrationRecorder(connection).applied_migrations())
    if applied:
        if set(MigrationLoader(connection).graph.nodes) - applied:
            raise Conflict("The database is not at this version's tables: run `kalends migrate`.", code="not_migrated")
        return
    call_command("migrate", interactive=False, verbosity=0)


def _refuse_rows() -> None:
    for model in kept_models():
        if model._base_manager.exists():
            raise Conflict(
                f"The database is not empty ({model._meta.label} has rows). Name an empty one in KALENDS_DATABASE_URL. "
                "Nothing was restored.",
                code="not_empty",
            )


# -- rows ---------------------------------------------------------------------------------------------------------


def _load(path: Path, manifest: Manifest, progress: Progress) -> None:
    table: _Table | None = None
    for line in lines(path):
        if isinstance(line, list):
            assert table is not None, "the digest vouches for the order of lines"
            table.add(line)
            continue
        if table is not None:
            table.flush()
        table = _Table(line, manifest, progress) if "table" in line else None


class _Table:
    """Rows of one table on their way in."""

    def __init__(self, head: dict[str, Any], manifest: Manifest, progress: Progress) -> None:
        self._label: str = head["table"]
        self._model: Model = apps.get_model(self._label)
        if head["columns"] != columns_of(self._model):
            raise InvalidInput(f"The backup's table {self._label} has other columns. Nothing was restored.")
        self._fields: list[models.Field[Any, Any]] = list(self._model._meta.local_concrete_fields)
        self._size = max(1, min(_BATCH, connection.ops.bulk_batch_size(self._fields, [None] * _BATCH)))
        self._total, self._done, self._progress = manifest.rows[self._label], 0, progress
        self._waiting: list[models.Model] = []

    def add(self, row: Sequence[Any]) -> None:
        values = {field.attname: from_json(field, value) for field, value in zip(self._fields, row, strict=True)}
        self._waiting.append(self._model(**values))
        if len(self._waiting) >= self._size:
            self._insert()

    def flush(self) -> None:
        self._insert()
        self._progress(self._label, self._done, self._total)

    def _insert(self) -> None:
        if not self._waiting:
            return
        # `raw`: each value as it was, also where saving would set the time of now.
        self._model._base_manager._insert(self._waiting, fields=self._fields, using=connection.alias, raw=True)  # type: ignore[attr-defined]
        before, self._done = self._done, self._done + len(self._waiting)
        self._waiting = []
        if before // 5_000 != self._done // 5_000:
            self._progress(self._label, self._done, self._total)


def _reset_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), kept_models()):
            cursor.execute(statement)
