"""Steps that several services of this room take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from kalends.companies.models import (
    AuditEntry,
    Company,
    Staff,
)
from kalends.core.errors import InvalidInput
from kalends.core.text import has_control, one_line
from kalends.core.zones import zone
from kalends.jobs.prepared import Change, PreparedUpdate

_RAISED = PreparedUpdate(
    lambda staff: Staff.objects.filter(pk__in=staff), {"schedule_revision": F("schedule_revision") + 1}, staff=[UUID]
)


def raise_schedule_revision(staff_ids: Iterable[UUID]) -> None:
    """Inside a transaction: whatever changes these members' slots or feeds calls this."""
    _RAISED.rows(staff=set(staff_ids))


def schedule_revision_raise(staff_ids: Iterable[UUID]) -> Change:
    """The same, to be carried out together with what changes their slots."""
    return _RAISED.drafted(staff=set(staff_ids))


def record_audit(
    *, company: Company, actor: str, action: str, target: str = "", detail: dict[str, Any] | None = None, now: datetime
) -> None:
    AuditEntry.objects.create(
        company=company, actor=actor[:160], action=action, target=target[:120], detail=detail or {}, at=now
    )


def save_row(row: models.Model, fields: Iterable[str] | None = None) -> None:
    """Validates as the fields say and saves; the first problem becomes an InvalidInput that names the field."""
    _tidy_texts(row)
    try:
        row.full_clean(validate_constraints=False)
        with transaction.atomic():
            row.save(update_fields=fields)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(str(messages[0]), field=None if field == "__all__" else field) from error
    except IntegrityError as error:
        raise InvalidInput(_("This conflicts with something that exists already.")) from error


def _tidy_texts(row: models.Model) -> None:
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if not isinstance(value, str):
            continue
        if has_control(value):
            raise InvalidInput(_("This holds a character that cannot be shown."), field=field.name)
        if isinstance(field, models.CharField):
            setattr(row, field.attname, one_line(value))


def change_row(row: models.Model, changes: Mapping[str, Any], allowed: Sequence[str]) -> None:
    for name, value in changes.items():
        if name not in allowed:
            raise InvalidInput(_("There is no such field."), field=name)
        if name == "timezone":
            zone(value)
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    # Only what changes: the row may have been read before somebody else changed the rest of it.
    save_row(row, None if row._state.adding else changes)


def own_staff(company: Company, staff: Iterable[Staff]) -> list[Staff]:
    return [member for member in staff if member.company_id == company.pk]
