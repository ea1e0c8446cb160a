"""Inviting a staff member to connect a calendar."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from kalends.calendars.joining import make_invitation
from kalends.calendars.models import Invitation
from kalends.companies.models import Staff
from kalends.core.errors import InvalidInput, NotAllowed
from kalends.messages.services import enqueue

LASTS = timedelta(days=14)
# Recipient and text are free: without a bound, whoever signs up could send advertising from here.
MOST_AN_HOUR = 200


def create_invitation(
    *, staff: Staff, email: str, subject: str, html: str, by: str, now: datetime
) -> tuple[Invitation, str]:
    """Mails the manager's own words with the link; returns the row and the link's token, which is not kept.

    Raises InvalidInput for an address that is none, or if there is none at all; NotAllowed after too many in an hour.
    """
    recipient = email.strip() or staff.email
    if not recipient:
        raise InvalidInput(_("This staff member has no e-mail address. Name one."), field="email")
    _check_number(staff, now)
    expires = now + LASTS
    with transaction.atomic():
        row, token = make_invitation(staff, email=recipient, by=by, expires_at=expires, now=now)
        enqueue(
            company=staff.company,
            subject_kind="invitation",
            subject_id=row.pk,
            version=1,
            kind="calendar_invitation",
            recipient=recipient,
            locale=staff.locale,
            context={
                "subject": subject,
                "html": html,
                "link": invitation_url(token),
                "expires": expires.isoformat(),
                "staff_name": staff.name,
                "timezone": staff.timezone,
            },
            now=now,
        )
    return row, token


def _check_number(staff: Staff, now: datetime) -> None:
    lately = Invitation.objects.filter(company_id=staff.company_id, created_at__gt=now - timedelta(hours=1))
    if lately.count() >= MOST_AN_HOUR:
        raise NotAllowed("Too many invitations in one hour. Please come back later.", code="too_many_invitations")


def invitation_url(token: str) -> str:
    return f"{settings.KALENDS.base_url}/connect/{token}"


def revoke_invitation(*, invitation: Invitation, now: datetime) -> None:
    """From now on its link shows that it is not valid any more."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=now)
