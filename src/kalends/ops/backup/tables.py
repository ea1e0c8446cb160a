"""Which tables a backup holds, and how their values become JSON and values again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.utils.duration import duration_iso_string

Model = type[models.Model]

# Made anew by `migrate`, or not worth more than the minutes they were made for: signed-in browsers sign in again.
_LEFT_OUT = frozenset(
    {
        "accounts.User_groups",
        "accounts.User_user_permissions",
        "auth.Group",
        "auth.Group_permissions",
        "auth.Permission",
        "calendars.FeedHost",
        "calendars.OAuthState",
        "calendars.Seat",
        "contenttypes.ContentType",
        "jobs.ActCount",
        "jobs.Counter",
        "jobs.SweepRun",
        "sessions.Session",
    }
)


def kept_models() -> list[Model]:
    """In an order that does not matter: foreign keys are checked when the restore commits."""
    everything = apps.get_models(include_auto_created=True)
    return [model for model in everything if model._meta.managed and model._meta.label not in _LEFT_OUT]


def columns_of(model: Model) -> list[str]:
    return [field.attname for field in model._meta.local_concrete_fields]


def to_json(value: Any) -> Any:
    """Instants in UTC to the microsecond. What JSON knows (and JSON columns) stays as it is."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return duration_iso_string(value)
        case UUID() | Decimal():
            return str(value)
        case _:
            return value


def from_json(field: models.Field[Any, Any], value: Any) -> Any:
    return value if isinstance(field, models.JSONField) else field.to_python(value)
