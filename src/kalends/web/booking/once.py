"""One filled form books once, however often it is sent."""

from __future__ import annotations

from uuid import UUID

from django.core.cache import cache

from kalends.companies.models import Company
from kalends.core.sealing import CannotUnseal
from kalends.jobs.secrets import seal, unseal

SECONDS = 3600
FIELD = "web.booking.once"


def booked_before(company: Company, once: UUID) -> str | None:
    """The manage token of the appointment that this form made, if it did within the hour."""
    sealed = cache.get(_key(company, once))
    if sealed is None:
        return None
    try:
        return unseal(sealed, row=once, field=FIELD)
    except CannotUnseal:
        return None


def remember_booked(company: Company, once: UUID, token: str) -> None:
    """Sealed: a manage token opens the appointment, and the shared store is not the place for it in the clear."""
    cache.set(_key(company, once), seal(token, row=once, field=FIELD), timeout=SECONDS)


def _key(company: Company, once: UUID) -> str:
    return f"booked:{company.pk}:{once}"
