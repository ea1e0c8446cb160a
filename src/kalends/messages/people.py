"""Mails to those who sign in for a company, or are to."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from kalends.companies.models import MemberInvitation, Role
from kalends.companies.selectors import members_of
from kalends.messages.models import WebhookEndpoint
from kalends.messages.services import enqueue


def send_member_invitation(invitation: MemberInvitation, link: str, now: datetime) -> None:
    """Inside the transaction that makes the invitation."""
    company = invitation.company
    enqueue(
        company=company,
        subject_kind="member_invitation",
        subject_id=invitation.pk,
        version=1,
        kind="member_invitation",
        recipient=invitation.email,
        locale=company.locale,
        context={
            "invited_by": invitation.created_by,
            "role": invitation.role,
            "link": link,
            "expires": invitation.expires_at.isoformat(),
            "timezone": company.timezone,
        },
        now=now,
    )


def tell_of_paused_webhook(endpoint: WebhookEndpoint, failing_since: datetime, now: datetime) -> None:
    """Inside the transaction that pauses it: one mail to each owner, once a pause."""
    company = endpoint.company
    for member in members_of(company).filter(role=Role.OWNER, user__is_active=True):
        enqueue(
            company=company,
            subject_kind="webhook",
            subject_id=endpoint.pk,
            # The hour since which it failed tells one pause from the next.
            version=int(failing_since.timestamp()) // 3600,
            kind="webhook_paused",
            recipient=member.user.email,
            locale=member.user.locale,
            context={
                # The rest of the address may be a secret.
                "host": endpoint.host,
                "mend_url": f"{settings.KALENDS.base_url}/dashboard/settings/webhooks/{endpoint.pk}",
                "timezone": company.timezone,
            },
            now=now,
        )
