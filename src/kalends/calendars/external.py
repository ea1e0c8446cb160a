"""The sealed address of an External iCalendar URL."""

from __future__ import annotations

from kalends.calendars.models import ExternalCalendar
from kalends.jobs.secrets import unseal

FIELD = "calendars.ExternalCalendar.url_sealed"


def address_of(row: ExternalCalendar) -> str:
    """The whole address: a secret, for pages of the company and for reading it."""
    return unseal(row.url_sealed, row=row.pk, field=FIELD)
