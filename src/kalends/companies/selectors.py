"""Reads of this room. Each names the company it reads for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet

from kalends.accounts.models import User
from kalends.companies.models import (
    ApiKey,
    Company,
    Feed,
    Location,
    MemberInvitation,
    Membership,
    Service,
    Staff,
    StaffGroup,
    TimeOff,
)
from kalends.core.errors import NotFound
from kalends.core.ids import token_digest
from kalends.jobs.prepared import Prepared
from kalends.jobs.secrets import unseal

Row = TypeVar("Row", bound=Model)


# What every request of the API and of a feed asks.
_STAFF_MEMBER = Prepared(
    lambda company, ident: Staff.objects.filter(company=company, pk=ident).order_by(),
    company=UUID,
    ident=UUID,
)
_SERVICE = Prepared(
    lambda company, ident: Service.objects.filter(company=company, pk=ident).select_related("location").order_by(),
    company=UUID,
    ident=UUID,
)
_GIVEN = Prepared(
    lambda company, service, staff: (
        Service.staff.through.objects.filter(service__company=company, service=service, service__active=True)
        .filter(staff__company=company, staff=staff, staff__active=True)
        .select_related("service__location", "staff")
    ),
    company=UUID,
    service=UUID,
    staff=UUID,
)
_FEED = Prepared(
    lambda digest: Feed.objects.filter(secret_digest=digest).select_related("company", "staff", "group"), digest=str
)
_API_KEY = Prepared(
    lambda digest: ApiKey.objects.filter(digest=digest, revoked_at=None).select_related("company"), digest=str
)


def company_by_slug(slug: str) -> Company:
    company = Company.objects.filter(slug=slug).first()
    if company is None:
        raise NotFound("There is no company at this address.")
    return company


def memberships_of(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).select_related("company").order_by("created_at")


def members_of(company: Company) -> QuerySet[Membership]:
    return Membership.objects.filter(company=company).select_related("user", "company").order_by("created_at")


def member_of(company: Company, membership_id: UUID | str) -> Membership:
    return _one(members_of(company), membership_id, "member")


def open_member_invitations(company: Company, now: datetime) -> QuerySet[MemberInvitation]:
    """Sent, and neither used, taken back nor expired."""
    return MemberInvitation.objects.filter(company=company, used_at=None, revoked_at=None, expires_at__gt=now)


def member_invitation_of(company: Company, invitation_id: UUID | str) -> MemberInvitation:
    return _one(MemberInvitation.objects.filter(company=company).select_related("company"), invitation_id, "invitation")


def member_invitation_by_token(token: str, now: datetime) -> MemberInvitation | None:
    """None for a link that is unknown, used, taken back or expired: the four look the same from outside."""
    rows = MemberInvitation.objects.filter(token_digest=token_digest(token)).select_related("company")
    row = rows.first()
    return row if row is not None and row.works(now) else None


def staff_of(company: Company, *, active_only: bool = False) -> QuerySet[Staff]:
    rows = Staff.objects.filter(company=company)
    return rows.filter(active=True) if active_only else rows


def staff_member(company: Company, staff_id: UUID | str) -> Staff:
    return _found(_STAFF_MEMBER, company, staff_id, "staff member")


def group_of(company: Company, group_id: UUID | str) -> StaffGroup:
    return _one(StaffGroup.objects.filter(company=company).select_related("company"), group_id, "group")


def service_of(company: Company, service_id: UUID | str) -> Service:
    return _found(_SERVICE, company, service_id, "service")


def service_and_giver(company: Company, service_id: UUID | str, staff_id: UUID | str) -> tuple[Service, Staff] | None:
    """The service and one who gives it, if both are the company's and active."""
    service, staff = _uuid(service_id), _uuid(staff_id)
    found = _GIVEN.first(company=company.pk, service=service, staff=staff) if service and staff else None
    if found is None:
        return None
    found.service.company = found.staff.company = company
    return found.service, found.staff


def location_of(company: Company, location_id: UUID | str) -> Location:
    return _one(Location.objects.filter(company=company), location_id, "location")


def time_off_of(staff: Staff, time_off_id: UUID | str) -> TimeOff:
    rows = TimeOff.objects.filter(staff=staff).select_related("staff__company")
    return _one(rows, time_off_id, "time off")


def feed_of(company: Company, feed_id: UUID | str) -> Feed:
    return _one(feeds_of(company), feed_id, "feed")


def _one(rows: QuerySet[Row], pk: UUID | str, what: str) -> Row:
    ident = _uuid(pk)
    row = rows.filter(pk=ident).first() if ident else None
    if row is None:
        raise NotFound(f"There is no such {what}.")
    return row


def _found(prepared: Prepared, company: Company, pk: UUID | str, what: str) -> Any:
    ident = _uuid(pk)
    row = prepared.first(company=company.pk, ident=ident) if ident else None
    if row is not None:
        row.company = company
        return row
    raise NotFound(f"There is no such {what}.")


def _uuid(text: UUID | str) -> UUID | None:
    try:
        return text if isinstance(text, UUID) else UUID(str(text))
    except ValueError:
        return None


# -- feeds ----------------------------------------------------------------------------------------------------------


def feed_url(feed: Feed) -> str:
    """The secret address, opened for showing it again."""
    secret = unseal(feed.secret_sealed, row=feed.pk, field="companies.Feed.secret_sealed")
    return f"{settings.KALENDS.base_url}/feeds/{secret}.ics"


def feed_name(feed: Feed) -> str:
    if feed.staff is not None:
        return feed.staff.name
    return feed.group.name if feed.group is not None else feed.company.name


def feeds_of(company: Company) -> QuerySet[Feed]:
    return (
        Feed.objects.filter(company=company)
        .select_related("company", "staff", "group")
        .order_by("kind", "staff__position", "group__name", "id")
    )


def feed_by_secret(secret: str) -> Feed:
    feed: Feed | None = _FEED.first(digest=token_digest(secret))
    if feed is None:
        raise NotFound("There is no feed at this address.")
    return feed


# -- API keys -------------------------------------------------------------------------------------------------------


def api_key_by_token(token: str, now: datetime) -> ApiKey | None:
    """The live key of this token; its last use is noted at most once a minute."""
    key: ApiKey | None = _API_KEY.first(digest=token_digest(token))
    if key and (key.last_used_at is None or (now - key.last_used_at).total_seconds() >= 60):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key
