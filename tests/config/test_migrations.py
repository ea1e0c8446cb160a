"""A rolling upgrade: processes of the last version go on while the tables are already those of the new one."""

from __future__ import annotations

from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

OURS = ("accounts", "api", "bookings", "calendars", "companies", "jobs", "outbox")
# Before the first release; an upgrade from them stops web and workers for the migration.
OLDER = {
    ("calendars", "0002_derived_with"),
    ("calendars", "0003_restored"),
    ("calendars", "0004_channels"),
    ("calendars", "0005_ics_feeds"),
    ("calendars", "0006_ics_feeds_connected"),
}
ADDITIVE = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.AddConstraint,
    migrations.AlterModelOptions,
    migrations.RunPython,
    migrations.RunSQL,
)


def breaks_the_last_version(operation: migrations.operations.base.Operation) -> bool:
    """A column that an older process does not fill must be fillable by the database."""
    if isinstance(operation, migrations.AddField):
        return not (operation.field.null or operation.field.db_default is not NOT_PROVIDED)
    return not isinstance(operation, ADDITIVE)


def test_migrations_after_the_first_leave_the_last_version_working():
    loader = MigrationLoader(None)
    found = {
        key
        for key, migration in loader.disk_migrations.items()
        if key[0] in OURS and not migration.initial and not key[1].startswith("0001_")
        for operation in migration.operations
        if breaks_the_last_version(operation)
    }
    assert found <= OLDER, f"an older process could not insert any more: {sorted(found - OLDER)}"
