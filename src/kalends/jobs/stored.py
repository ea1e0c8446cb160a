"""What values look like to the database: what Django's fields say, found out faster for the kinds that most of them are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models

_KINDS: Mapping[type[models.Field[Any, Any]], type] = {
    models.CharField: str,
    models.TextField: str,
    models.BooleanField: bool,
    models.UUIDField: UUID,
    models.ForeignKey: UUID,
    models.DateTimeField: datetime,
}


class Stored:
    """`field.get_db_prep_save`. A value whose type alone says what it becomes is not asked anything else; the others, a
    datetime of another zone than UTC and integers, which PostgreSQL is told the size of, among them, are the field's own
    business.
    """

    def __init__(self, field: models.Field[Any, Any]) -> None:
        self._field = field
        self._kind = next((kind for known, kind in _KINDS.items() if isinstance(field, known)), None)

    def value(self, value: Any, connection: Any) -> Any:
        kind: Any = self._kind
        if type(value) is not kind or (kind is datetime and value.tzinfo is not UTC):
            return self._field.get_db_prep_save(value, connection)
        if connection.vendor == "sqlite" and kind is UUID:
            return value.hex
        if connection.vendor == "sqlite" and kind is datetime:
            return _text(value)
        return value


@lru_cache(maxsize=1024)
def _text(instant: datetime) -> str:
    """A booking writes the same few instants into many rows."""
    return str(connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value(instant))
