"""`row.save()` for rows that are there already, with SQL that is written once for each set of columns (see `prepared`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, models, transaction

from kalends.jobs.stored import Stored


def save(row: models.Model, names: Sequence[str] = ()) -> None:
    """Writes these fields of the row, or all of them. No signals are sent. DatabaseError if the row is not there."""
    connection = connections[DEFAULT_DB_ALIAS]
    fields = _fields(type(row), tuple(names))
    values = [stored.value(field.pre_save(row, add=False), connection) for field, stored in fields]
    key = row._meta.pk.get_db_prep_save(row.pk, connection)
    with connection.cursor() as cursor, transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS):
        cursor.execute(_sql(type(row), tuple(names), connection.vendor), [*values, key])
        if cursor.rowcount != 1:
            raise DatabaseError(f"there is no {row._meta.label} {row.pk}")


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> list[tuple[models.Field[Any, Any], Stored]]:
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    named = [model._meta.get_field(name) for name in names] if names else fields
    return [(field, Stored(field)) for field in named]  # type: ignore[misc,arg-type]


@cache
def _sql(model: type[models.Model], names: tuple[str, ...], _vendor: str) -> str:
    quoted = connections[DEFAULT_DB_ALIAS].ops.quote_name
    fields = [field for field, _stored in _fields(model, names)]
    columns = [quoted(str(field.column)) for field in (*fields, model._meta.pk)]
    changes = ", ".join(f"{column} = %s" for column in columns[:-1])
    return f"UPDATE {quoted(model._meta.db_table)} SET {changes} WHERE {columns[-1]} = %s"  # noqa: S608
