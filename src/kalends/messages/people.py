"""Mails to those who are to sign in for a company."""

from __future__ import annotations

from datetime import datetime

from kalends.companies.models import MemberInvitation
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
