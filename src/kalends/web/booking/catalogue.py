"""What a visitor may book: active services that an active staff member offers."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from kalends.companies import selectors
from kalends.companies.models import Company, Service, Staff, StaffGroup, WorkingHours
from kalends.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Offer:
    service: Service
    staff: tuple[Staff, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be booked: a service with anybody, with one member, or with anybody of a group."""

    service: Service
    offered: tuple[Staff, ...]
    staff: Staff | None = None
    group: StaffGroup | None = None

    def params(self) -> dict[str, str]:
        found = {"service": str(self.service.pk)}
        if self.staff:
            found["staff"] = str(self.staff.pk)
        if self.group:
            found["group"] = str(self.group.pk)
        return found


def offers(company: Company) -> list[Offer]:
    services = Service.objects.filter(company=company, active=True).select_related("location")
    return [offer for offer in map(_offer, services.prefetch_related(_active_staff(company))) if offer.staff]


def offers_of_staff(company: Company, staff_id: str) -> tuple[Staff, list[Offer]]:
    member = selectors.staff_member(company, staff_id)
    if not member.active:
        raise NotFound("This staff member cannot be booked.")
    return member, [offer for offer in offers(company) if member in offer.staff]


def offers_of_group(company: Company, group_id: str) -> tuple[StaffGroup, list[Offer]]:
    group = selectors.group_of(company, group_id)
    members = set(group.staff.filter(active=True))
    return group, [offer for offer in offers(company) if members.intersection(offer.staff)]


def offer_of(company: Company, service_id: str) -> Offer:
    service = selectors.service_of(company, service_id)
    offer = Offer(service, tuple(service.staff.filter(company=company, active=True)))
    if not service.active or not offer.staff:
        raise NotFound("This service cannot be booked.")
    return offer


def choice(company: Company, *, service_id: str, staff_id: str = "", group_id: str = "") -> Choice:
    """What the address names. Raises NotFound where it names something that is not offered together."""
    offer = offer_of(company, service_id)
    if staff_id:
        member = next((one for one in offer.staff if str(one.pk) == staff_id.lower()), None)
        if member is None:
            raise NotFound("This staff member does not offer this service.")
        return Choice(offer.service, offer.staff, staff=member)
    if group_id:
        group = selectors.group_of(company, group_id)
        if not group.staff.filter(pk__in=[one.pk for one in offer.staff]).exists():
            raise NotFound("Nobody of this group offers this service.")
        return Choice(offer.service, offer.staff, group=group)
    return Choice(offer.service, offer.staff)


def has_hours(chosen: Choice) -> bool:
    """Whether anybody who could be booked has any weekly hours."""
    staff = [chosen.staff] if chosen.staff else chosen.offered
    return WorkingHours.objects.filter(staff__in=staff).exists()


def _active_staff(company: Company) -> Prefetch[str, QuerySet[Staff], str]:
    return Prefetch("staff", queryset=Staff.objects.filter(company=company, active=True), to_attr="bookable")


def _offer(service: Service) -> Offer:
    return Offer(service, tuple(service.bookable))  # type: ignore[attr-defined]
