"""API keys."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from kalends.companies.models import (
    ApiKey,
    Company,
)
from kalends.companies.services.shared import record_audit, save_row
from kalends.core.ids import new_token, token_digest


@transaction.atomic
def create_api_key(*, company: Company, name: str, may_write: bool, actor: str, now: datetime) -> tuple[ApiKey, str]:
    """The row and the key itself, which is shown this once and never again."""
    token = f"kal_{new_token()}"
    key = ApiKey(company=company, name=name.strip(), prefix=token[:10], digest=token_digest(token), may_write=may_write)
    save_row(key)
    record_audit(company=company, actor=actor, action="api_key.created", target=key.name, now=now)
    return key, token


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: str, now: datetime) -> None:
    key.revoked_at = now
    key.save(update_fields=["revoked_at"])
    record_audit(company=key.company, actor=actor, action="api_key.revoked", target=key.name, now=now)
