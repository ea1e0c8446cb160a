"""Making and finding invitations. Shown once, kept as a hash."""

from __future__ import annotations

from datetime import datetime

from kalends.calendars.models import Invitation
from kalends.companies.models import Staff
from kalends.core.errors import NotFound
from kalends.core.ids import new_token, token_digest


def make_invitation(
    staff: Staff, *, email: str, by: str, expires_at: datetime, now: datetime
) -> tuple[Invitation, str]:
    """The row and the token that opens it."""
    token = new_token()
    row = Invitation.objects.create(
        company_id=staff.company_id,
        staff=staff,
        email=email,
        token_digest=token_digest(token),
        created_at=now,
        created_by=by[:160],
        expires_at=expires_at,
    )
    return row, token


def find_invitation(token: str, now: datetime) -> Invitation:
    """Raises NotFound for a token that is unknown, used, revoked or expired: the four look the same from outside."""
    row = Invitation.objects.select_related("staff", "company").filter(token_digest=token_digest(token)).first()
    if row is None or row.used_at is not None or row.revoked_at is not None or row.expires_at <= now:
        raise NotFound("This invitation is not valid any more. Ask for a new one.", code="invitation_invalid")
    return row
