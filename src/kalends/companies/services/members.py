"""Who may sign in for a company, and as what. Only an owner changes it; anybody may leave; the last owner stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from kalends.accounts.models import User
from kalends.companies.models import MemberInvitation, Membership, Role
from kalends.companies.selectors import open_member_invitations
from kalends.companies.services.shared import record_audit, save_row
from kalends.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from kalends.core.ids import new_token, token_digest

LASTS = timedelta(days=14)
# The address is free: without a bound, whoever signs up could send mails to the world from here.
MOST_AN_HOUR = 30

InvitedListener = Callable[[MemberInvitation, str, datetime], None]
_on_invited: list[InvitedListener] = []


def on_member_invited(listener: InvitedListener) -> None:
    """`listener(invitation, link, now)` runs inside the transaction that makes the invitation."""
    _on_invited.append(listener)


@transaction.atomic
def invite_member(*, by: Membership, email: str, role: str, now: datetime) -> tuple[MemberInvitation, str]:
    """The invitation and its link, which is mailed and not kept. A new one to the same address replaces the older.

    Raises InvalidInput (email, role), NotAllowed (no owner; too many in an hour).
    """
    _must_be_owner(by)
    company, address = by.company, email.strip().lower()
    _check_role(role)
    if Membership.objects.filter(company=company, user__email__iexact=address).exists():
        raise InvalidInput(_("This person belongs to the company already."), field="email")
    lately = MemberInvitation.objects.filter(company=company, created_at__gt=now - timedelta(hours=1))
    if lately.count() >= MOST_AN_HOUR:
        raise NotAllowed(_("Too many invitations in one hour. Please come back later."), code="too_many_invitations")
    open_member_invitations(company, now).filter(email=address).update(revoked_at=now)
    token = new_token()
    row = MemberInvitation(
        company=company, email=address, role=role, token_digest=token_digest(token), created_at=now,
        created_by=by.user.email[:160], expires_at=now + LASTS,
    )  # fmt: skip
    save_row(row)
    record_audit(company=company, actor=by.user.email, action="member.invited", target=address, now=now)
    link = f"{settings.KALENDS.base_url}/join/{token}"
    for listener in _on_invited:
        listener(row, link, now)
    return row, link


@transaction.atomic
def revoke_member_invitation(*, invitation: MemberInvitation, by: Membership, now: datetime) -> None:
    """From now on its link shows that it is not valid any more."""
    _must_be_owner(by)
    MemberInvitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=now)
    record_audit(
        company=invitation.company, actor=by.user.email, action="member.uninvited", target=invitation.email, now=now
    )


@transaction.atomic
def accept_member_invitation(*, token: str, user: User, now: datetime) -> Membership:
    """The link and the mailbox that it was sent to belong together: only an account of that address may use it.

    Raises NotFound for a link that does not work (any more), NotAllowed for another person's account.
    """
    row = MemberInvitation.objects.select_for_update(of=("self",)).filter(token_digest=token_digest(token)).first()
    if row is None or not row.works(now):
        raise NotFound(_("This invitation is not valid any more. Ask for a new one."), code="invitation_invalid")
    if user.email.lower() != row.email:
        raise NotAllowed(_("This invitation is for another address than the one you signed in with."), code="not_yours")
    membership, _made = Membership.objects.get_or_create(company=row.company, user=user, defaults={"role": row.role})
    row.used_at = now
    row.save(update_fields=["used_at"])
    record_audit(
        company=row.company, actor=user.email, action="member.joined", target=user.email, detail={"role": row.role},
        now=now,
    )  # fmt: skip
    return membership


@transaction.atomic
def change_member_role(*, membership: Membership, role: str, by: Membership, now: datetime) -> Membership:
    """Raises InvalidInput (role), NotAllowed (no owner), Conflict (last_owner)."""
    _must_be_owner(by)
    _check_role(role)
    _check_owner_stays(membership, still_owner=role == Role.OWNER)
    before = membership.role
    Membership.objects.filter(pk=membership.pk).update(role=role)
    membership.role = role
    record_audit(
        company=membership.company, actor=by.user.email, action="member.role", target=membership.user.email,
        detail={"role": [before, role]}, now=now,
    )  # fmt: skip
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: Membership, now: datetime) -> None:
    """The account stays; it does not see this company any more. Anybody may remove themselves.

    Raises NotAllowed (no owner, somebody else's), Conflict (last_owner).
    """
    if membership.pk != by.pk:
        _must_be_owner(by)
    _check_owner_stays(membership, still_owner=False)
    Membership.objects.filter(pk=membership.pk).delete()
    record_audit(
        company=membership.company, actor=by.user.email, action="member.removed", target=membership.user.email, now=now
    )


def _must_be_owner(by: Membership) -> None:
    if by.role != Role.OWNER:
        raise NotAllowed(_("Only an owner decides who belongs to the company."), code="owners_only")


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise InvalidInput(_("There is no such role."), field="role")


def _check_owner_stays(membership: Membership, *, still_owner: bool) -> None:
    """Two owners who leave at once must not both find the other one: their rows are locked, in one order."""
    owners = Membership.objects.select_for_update(of=("self",)).filter(company=membership.company, role=Role.OWNER)
    others = [row for row in owners.order_by("pk") if row.pk != membership.pk]
    if not others and not still_owner and membership.role == Role.OWNER:
        raise Conflict(_("The last owner cannot go. Make somebody else an owner first."), code="last_owner")
