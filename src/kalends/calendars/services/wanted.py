"""What `bookings` wants in calendars, called inside its transaction, under its locks (staff, appointment)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kalends.calendars import codec
from kalends.calendars.links import NOT_STANDING, close_link, look_at, open_link
from kalends.calendars.models import Link, LinkStatus, RemoteCalendar
from kalends.jobs.locks import require_transaction
from kalends.jobs.prepared import Prepared
from kalends.sync.port import Content


def want_event(
    *,
    appointment_id: UUID,
    staff_id: UUID,
    content: Content,
    time_set_at: datetime,
    version: int,
    first: bool = False,
) -> bool:
    """The appointment should stand in the calendar that receives for this staff member. Whether one does.

    A link that already stands (perhaps in a calendar the event was moved to) keeps its place. `first`: the caller has
    made the appointment in this very transaction, so there is no link to look for.
    """
    require_transaction()
    standing = None if first else _standing_link(appointment_id, staff_id)
    link = standing or _link_in_receiving(appointment_id, staff_id)
    if link is None:
        return False
    unchanged = link.wanted == codec.content_json(content) and link.time_set_at == time_set_at
    codec.set_wanted(link, content, time_set_at=time_set_at, version=version)
    if unchanged and link.status == LinkStatus.OK:
        link.save(update_fields=["wanted_version"])
    else:
        look_at(link, LinkStatus.PENDING)
    return True


def want_no_event(*, appointment_id: UUID, staff_id: UUID | None = None) -> None:
    """The appointment is cancelled, or (with `staff_id`) no longer this staff member's: its events are removed."""
    require_transaction()
    links = Link.objects.filter(appointment_id=appointment_id)
    if staff_id is not None:
        links = links.filter(staff_id=staff_id)
    # Left behind by a disconnection: removed if that account is ever connected again.
    links.filter(status=LinkStatus.ORPHANED).update(wanted=None)
    for link in links.exclude(status__in=NOT_STANDING).select_related("calendar").order_by("pk"):
        close_link(link)


_RECEIVING = Prepared(
    lambda staff: RemoteCalendar.objects.filter(staff_id=staff, receives=True).order_by("pk")[:1], staff=UUID
)


def _standing_link(appointment_id: UUID, staff_id: UUID) -> Link | None:
    links = Link.objects.filter(appointment_id=appointment_id, staff_id=staff_id).exclude(status__in=NOT_STANDING)
    return links.select_related("calendar").order_by("-pk").first()


def _link_in_receiving(appointment_id: UUID, staff_id: UUID) -> Link | None:
    calendar: RemoteCalendar | None = _RECEIVING.first(staff=staff_id)
    return open_link(calendar, appointment_id) if calendar else None
