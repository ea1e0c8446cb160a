"""The database itself refuses two blocking claims of one staff member that overlap.

PostgreSQL: an exclusion constraint over half-open ranges. SQLite: triggers. Because blocking claims never overlap, the
one that begins last before the new one's end is also the one that ends last: one step in the index answers.
"""

from django.db import migrations

NAME = "claim_overlap"

POSTGRESQL = [
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    f"""
    ALTER TABLE bookings_claim ADD CONSTRAINT {NAME}
    EXCLUDE USING gist (staff_id WITH =, tstzrange("start", "end", '[)') WITH &&) WHERE (blocks)
    """,
]

SQLITE_REFUSAL = f"""
    SELECT RAISE(ABORT, '{NAME}')
    FROM (
        SELECT "end" FROM bookings_claim
        WHERE staff_id = NEW.staff_id AND blocks AND "start" < NEW."end" AND id <> NEW.id
        ORDER BY "start" DESC LIMIT 1
    ) AS nearest
    WHERE nearest."end" > NEW."start";
"""
SQLITE = [
    f"""
    CREATE TRIGGER {NAME}_{event} BEFORE {clause} ON bookings_claim WHEN NEW.blocks
    BEGIN {SQLITE_REFUSAL} END
    """
    for event, clause in (("insert", "INSERT"), ("update", 'UPDATE OF staff_id, "start", "end", blocks'))
]


def _run(schema_editor, statements):
    for statement in statements:
        schema_editor.execute(statement)


def install(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor not in ("postgresql", "sqlite"):
        raise NotImplementedError(f"no guard against double booking is known for {vendor}")
    _run(schema_editor, POSTGRESQL if vendor == "postgresql" else SQLITE)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        _run(schema_editor, [f"ALTER TABLE bookings_claim DROP CONSTRAINT {NAME}"])
    else:
        _run(schema_editor, [f"DROP TRIGGER {NAME}_{event}" for event in ("insert", "update")])


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
