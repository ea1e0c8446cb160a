"""Companies, their settings and their members."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kalends.accounts.models import User
from kalends.companies.models import (
    Company,
    FeedKind,
    Membership,
    Role,
)
from kalends.companies.services.feeds import create_feed
from kalends.companies.services.shared import change_row, raise_schedule_revision, record_audit, save_row
from kalends.core.errors import InvalidInput
from kalends.core.reserved import RESERVED_SLUGS
from kalends.core.zones import zone

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

# Rooms above register what must happen in the same transaction (calendars pauses connections, for one).
_on_switches_changed: list[Callable[[Company, set[str]], None]] = []


def on_provider_switches_changed(listener: Callable[[Company, set[str]], None]) -> None:
    """`listener(company, names switched off or on)` runs inside the transaction that changes the switches."""
    _on_switches_changed.append(listener)


def check_slug(slug: str) -> str:
    """Raises InvalidInput where a slug is malformed or is an address of the product itself."""
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise InvalidInput(_("Use small letters, digits and single hyphens, 60 characters at most."), field="slug")
    if slug in RESERVED_SLUGS:
        raise InvalidInput(_("This address belongs to the product itself; choose another."), field="slug")
    return slug


def propose_slug(name: str) -> str:
    """A free slug made from a company's name."""
    base = slugify(name)[:50] or "company"
    if base in RESERVED_SLUGS:
        base = f"{base}-company"
    taken = set(Company.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidate, number = base, 2
    while candidate in taken:
        candidate, number = f"{base}-{number}", number + 1
    return candidate


@transaction.atomic
def create_company(*, name: str, slug: str, timezone: str, owner: User, locale: str = "en") -> Company:
    """A company with its owner and its feed. Raises InvalidInput (name, slug, timezone)."""
    zone(timezone)
    check_slug(slug)
    if Company.objects.filter(slug=slug).exists():
        raise InvalidInput(_("Another company has this address."), field="slug")
    company = Company(name=name.strip(), slug=slug, timezone=timezone, locale=locale, email=owner.email)
    save_row(company)
    Membership.objects.create(company=company, user=owner, role=Role.OWNER)
    create_feed(company=company, kind=FeedKind.COMPANY)
    return company


COMPANY_FIELDS = ("name", "slug", "timezone", "locale", "email", "phone", "address", "description")


@transaction.atomic
def change_company(*, company: Company, actor: str, now: datetime, **changes: Any) -> Company:
    if "slug" in changes and changes["slug"] != company.slug:
        check_slug(changes["slug"])
        if Company.objects.filter(slug=changes["slug"]).exists():
            raise InvalidInput(_("Another company has this address."), field="slug")
    change_row(company, changes, COMPANY_FIELDS)
    raise_schedule_revision(company.staff.values_list("pk", flat=True))
    record_audit(company=company, actor=actor, action="company.changed", detail={"fields": sorted(changes)}, now=now)
    return company


PROVIDER_SWITCHES = ("google_enabled", "outlook_enabled", "office365_enabled", "caldav_enabled")
CALENDAR_SYNC_FIELDS = (
    *PROVIDER_SWITCHES, "bidirectional", "on_outside_move", "on_outside_delete", "stale_after_hours",
    "stale_after_hours_ics",
)  # fmt: skip


@transaction.atomic
def change_calendar_sync(*, company: Company, actor: str, now: datetime, **changes: Any) -> Company:
    """The calendar-sync page. `bidirectional` holds for connections made from now on; existing ones keep theirs."""
    company = Company.objects.select_for_update().get(pk=company.pk)
    before = {name: getattr(company, name) for name in CALENDAR_SYNC_FIELDS}
    change_row(company, changes, CALENDAR_SYNC_FIELDS)
    changed = {name for name in CALENDAR_SYNC_FIELDS if getattr(company, name) != before[name]}
    if switched := changed & set(PROVIDER_SWITCHES):
        for listener in _on_switches_changed:
            listener(company, switched)
    if changed:
        detail = {name: [before[name], getattr(company, name)] for name in sorted(changed)}
        record_audit(company=company, actor=actor, action="calendar_sync.changed", detail=detail, now=now)
    return company


@transaction.atomic
def add_member(*, company: Company, user: User, role: str, actor: str, now: datetime) -> Membership:
    membership, _made = Membership.objects.update_or_create(company=company, user=user, defaults={"role": role})
    record_audit(company=company, actor=actor, action="member.added", target=user.email, detail={"role": role}, now=now)
    return membership
