"""Holding a time while a visitor fills in the form."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.bookings.claims import claim_for_hold
from kalends.bookings.models import Claim, Hold
from kalends.bookings.services.steps import check_on_fresh_rows
from kalends.bookings.services.wish import Team, Wish, make_wish, offered_members
from kalends.bookings.values import Held, SlotTaken
from kalends.companies.models import Company, Service, Staff, StaffGroup
from kalends.companies.services import raise_schedule_revision
from kalends.core.errors import InvalidInput
from kalends.core.ids import new_token, token_digest
from kalends.jobs.locks import lock_rows

HOLD_FOR = timedelta(minutes=10)


def hold_slot(
    *,
    company: Company,
    service: Service,
    start: datetime,
    now: datetime,
    staff: Staff | None = None,
    group: StaffGroup | None = None,
) -> Held:
    """Keeps a time while a visitor fills in the form. No calendar is asked. Raises SlotTaken, InvalidInput, NotFound."""
    if service.capacity > 1:
        raise InvalidInput(_("A time that is shared cannot be held; book it at once."), field="service")
    wish = make_wish(company=company, service=service, start=start, now=now, staff=staff, group=group)
    for team in wish.teams_free(offered_members(wish)[0]):
        try:
            with transaction.atomic():
                return _hold_for(wish, team)
        except SlotTaken:
            continue
    raise wish.refusal()


def _hold_for(wish: Wish, team: Team) -> Held:
    lock_rows(Staff.objects.filter(company=wish.company), team)
    check_on_fresh_rows(wish, team)
    token = new_token()
    hold = Hold.objects.create(
        company=wish.company,
        service=wish.service,
        token_digest=token_digest(token),
        expires_at=wish.now + HOLD_FOR,
    )
    claim_for_hold(hold, staff_ids=team, span=wish.span, now=wish.now)
    raise_schedule_revision(team)
    return Held(token, hold.expires_at)


@transaction.atomic
def release_hold(*, company: Company, token: str) -> None:
    """The visitor turned back. A token that is unknown or over is no error."""
    hold = Hold.objects.filter(company=company, token_digest=token_digest(token)).first()
    if hold is not None:
        staff_ids = list(Claim.objects.filter(hold=hold).values_list("staff_id", flat=True))
        lock_rows(Staff.objects.filter(company=company), staff_ids)
        hold.delete()
        raise_schedule_revision(staff_ids)


def drop_old_holds(*, now: datetime) -> int:
    """Sweep: holds that are over take nobody's time, but their rows would gather."""
    return Hold.objects.filter(expires_at__lte=now).delete()[0]
