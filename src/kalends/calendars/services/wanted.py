"""What `bookings` wants in calendars, called inside its transaction, under its locks (staff, appointment)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kalends.calendars import codec
from kalends.calendars.due import AT_ONCE, make_due
from kalends.calendars.models import Link, LinkStatus, RemoteCalendar
from kalends.jobs.locks import require_transaction
from kalends.sync.port import Content

_STANDING = (LinkStatus.CLOSED, LinkStatus.CLOSING, LinkStatus.ORPHANED)


def want_event(*, appointment_id: UUID, staff_id: UUID, content: Content, time_set_at: datetime, version: int) -> None:
    """The appointment should stand in the calendar that receives for this staff member; nothing if none receives.

    A link that already stands (perhaps in a calendar the event was moved to) keeps its place.
    """
    require_transaction()
    link = _standing_link(appointment_id, staff_id) or _link_in_receiving(appointment_id, staff_id)
    if link is None:
        return
    unchanged = link.wanted == codec.content_json(content) and link.time_set_at == time_set_at
    codec.set_wanted(link, content, time_set_at=time_set_at, version=version)
    if unchanged and link.status == LinkStatus.OK:
        link.save(update_fields=["wanted_version"])
        return
    _look_at(link, LinkStatus.PENDING)


def want_no_event(*, appointment_id: UUID, staff_id: UUID | None = None) -> None:
    """The appointment is cancelled, or (with `staff_id`) no longer this staff member's: its events are removed."""
    require_transaction()
    links = Link.objects.filter(appointment_id=appointment_id).exclude(status__in=_STANDING)
    if staff_id is not None:
        links = links.filter(staff_id=staff_id)
    for link in links.select_related("calendar").order_by("pk"):
        close_link(link)


def close_link(link: Link) -> None:
    """Nothing should stand there any more; the engine removes what does."""
    link.wanted = None
    link.verdict = None
    codec.set_pending(link, None)
    _look_at(link, LinkStatus.CLOSING)


def _standing_link(appointment_id: UUID, staff_id: UUID) -> Link | None:
    links = Link.objects.filter(appointment_id=appointment_id, staff_id=staff_id).exclude(status__in=_STANDING)
    return links.select_related("calendar").order_by("-pk").first()


def _link_in_receiving(appointment_id: UUID, staff_id: UUID) -> Link | None:
    calendar = RemoteCalendar.objects.filter(staff_id=staff_id, receives=True).first()
    if calendar is None:
        return None
    return open_link(calendar, appointment_id)


def open_link(calendar: RemoteCalendar, appointment_id: UUID) -> Link:
    """A link in this calendar. One that was closed there is opened again as a new generation: its event has a new id.

    One that is still closing keeps its generation: its event, which still stands, becomes ours to keep.
    """
    link = Link.objects.filter(calendar=calendar, appointment_id=appointment_id).first()
    if link is None:
        return Link(calendar=calendar, staff_id=calendar.staff_id, appointment_id=appointment_id)
    if link.status == LinkStatus.CLOSED:
        link.generation += 1
        forget_remote(link)
    link.status = LinkStatus.PENDING
    return link


def forget_remote(link: Link) -> None:
    """Nothing is known to stand there."""
    link.remote_id, link.tag = "", ""
    link.base = link.echo = link.sent = link.verdict = None
    codec.set_pending(link, None)


def _look_at(link: Link, status: str) -> None:
    link.status = status
    link.due_at = AT_ONCE
    link.attempts = 0
    link.last_error = link.last_error_detail = ""
    link.save()
    make_due(link.calendar.connection_id)
