"""What a person does about an event that the calendar refuses, or that somebody keeps changing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from kalends.calendars.engine import journal
from kalends.calendars.links import lock_link, look_at
from kalends.calendars.models import Link, LinkStatus
from kalends.companies.models import Company
from kalends.companies.services import record_audit
from kalends.core.errors import NotFound

AUDIT_ACTION = "event_tried_again"


@transaction.atomic
def try_link_again(*, company: Company, link_id: UUID, by: str, now: datetime) -> Link:
    """At once, and with what was put back so far forgotten. Raises NotFound for a link that is in no trouble."""
    of_company = Link.objects.filter(pk=link_id, calendar__connection__company=company).exists()
    link = lock_link(link_id) if of_company else None
    if link is None or link.status not in (LinkStatus.REFUSED, LinkStatus.DIVERGED):
        raise NotFound("There is no such event, or nothing is wrong with it any more.")
    link.put_backs, link.put_back_since = 0, None
    look_at(link, LinkStatus.PENDING)
    journal.write(
        link.calendar.connection, now=now, rule="tried_again_by_person", action="read_again", signal="person", link=link
    )
    record_audit(company=company, actor=by, action=AUDIT_ACTION, target=str(link.appointment_id), now=now)
    return link
