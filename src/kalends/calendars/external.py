"""External iCalendar URLs: the sealed address, and how it is handed to the provider that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kalends.calendars.models import ExternalCalendar
from kalends.companies.models import Company, Staff
from kalends.jobs.secrets import unseal
from kalends.sync.port import NotFound

FIELD = "calendars.ExternalCalendar.url_sealed"


def address_of(row: ExternalCalendar) -> str:
    """The whole address: a secret, for pages of the company and for reading it."""
    return unseal(row.url_sealed, row=row.pk, field=FIELD)


def floating_zone(company: Company, staff: Staff | None) -> str:
    """The zone of times that state none, in a feed that states none either: the staff member's, or the company's."""
    return staff.timezone if staff else company.timezone


class GivenAddress:
    """The port's Credentials for an address that is not stored (yet)."""

    def __init__(self, url: str, floating: str) -> None:
        self._secret = {"url": url, "floating": floating}

    def read(self) -> Mapping[str, str]:
        return self._secret

    def replace(self, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
        return False


class FeedAddress:
    """The port's Credentials for the connection behind an address: nothing is stored twice, nothing is replaced."""

    def __init__(self, connection_id: UUID) -> None:
        self._id = connection_id

    def read(self) -> Mapping[str, str]:
        rows = ExternalCalendar.objects.select_related("staff", "company")
        row = rows.filter(connection_id=self._id).first()
        if row is None:
            raise NotFound("address removed")
        return {"url": address_of(row), "floating": floating_zone(row.company, row.staff)}

    def replace(self, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
        return False
