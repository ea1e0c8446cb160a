"""A connection's secret: sealed at rest, replaced by compare-and-set under a row lock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from kalends.calendars.models import CalendarConnection
from kalends.jobs.prepared import Prepared
from kalends.jobs.secrets import seal, unseal
from kalends.sync.port import AuthRevoked

_FIELD = "calendars.CalendarConnection.credentials"
# Each run asks this.
_SEALED = Prepared(lambda pk: CalendarConnection.objects.filter(pk=pk).values_list("credentials"), pk=UUID)


def seal_credentials(connection_id: UUID, secret: Mapping[str, str]) -> str:
    return seal(json.dumps(dict(secret), sort_keys=True), row=connection_id, field=_FIELD)


def unseal_credentials(connection_id: UUID, sealed: str) -> dict[str, str]:
    """Raises AuthRevoked for a connection without credentials (disconnected): there is nothing to call with."""
    if not sealed:
        raise AuthRevoked("no credentials")
    secret: dict[str, str] = json.loads(unseal(sealed, row=connection_id, field=_FIELD))
    return secret


class StoredCredentials:
    """The port's Credentials for one connection row."""

    def __init__(self, connection_id: UUID) -> None:
        self._id = connection_id

    def read(self) -> Mapping[str, str]:
        ((sealed,),) = _SEALED.rows(pk=self._id)
        return unseal_credentials(self._id, sealed)

    def replace(self, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
        """False if somebody replaced `old` first: a refresh token that was rotated must not be lost (F37)."""
        with transaction.atomic():
            row = CalendarConnection.objects.select_for_update().only("credentials").get(pk=self._id)
            if not row.credentials or unseal_credentials(self._id, row.credentials) != dict(old):
                return False
            row.credentials = seal_credentials(self._id, new)
            row.save(update_fields=["credentials"])
            return True
