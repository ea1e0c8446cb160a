"""Opening and closing links. Inside the caller's transaction."""

from __future__ import annotations

from uuid import UUID

from kalends.calendars import codec
from kalends.calendars.due import AT_ONCE, make_due
from kalends.calendars.models import CalendarConnection, Link, LinkStatus, RemoteCalendar
from kalends.jobs.locks import lock_rows
from kalends.jobs.prepared import Prepared, insert
from kalends.jobs.saved import save

NOT_STANDING = (LinkStatus.CLOSED, LinkStatus.CLOSING, LinkStatus.ORPHANED)
# No event of theirs is looked for any more.
OVER = (LinkStatus.CLOSED, LinkStatus.ORPHANED)


_OF = Prepared(
    lambda calendar, appointment: Link.objects.select_related("calendar").filter(
        calendar=calendar, appointment_id=appointment
    )[:1],
    calendar=UUID,
    appointment=UUID,
)


def open_link(calendar: RemoteCalendar, appointment_id: UUID) -> Link:
    """A link in this calendar, not saved yet. One that was closed there becomes a new generation: another event id.

    One that is still closing, or was left behind by a disconnection, keeps its generation and what is known of its
    event, which stands there perhaps and is ours to keep.
    """
    link: Link | None = _OF.first(calendar=calendar.pk, appointment=appointment_id)
    if link is None:
        assert calendar.staff_id is not None, "only a staff member's calendar receives"
        return Link(calendar=calendar, staff_id=calendar.staff_id, appointment_id=appointment_id)
    if link.status == LinkStatus.CLOSED:
        link.generation += 1
        forget_remote(link)
    return link


def forget_remote(link: Link) -> None:
    """Nothing is known to stand there."""
    link.remote_id, link.tag = "", ""
    link.base = link.echo = link.sent = link.verdict = None
    codec.set_pending(link, None)


def close_link(link: Link) -> None:
    """Nothing should stand there any more; the engine removes what does."""
    link.wanted = None
    link.verdict = None
    codec.set_pending(link, None)
    look_at(link, LinkStatus.CLOSING)


def lock_link(link_id: UUID) -> Link:
    """For a change that a person makes: the connection, then the link, in the order of the engine's locks."""
    connection_id = Link.objects.values_list("calendar__connection_id", flat=True).get(pk=link_id)
    lock_rows(CalendarConnection.objects.all(), [connection_id])
    return Link.objects.select_for_update(of=("self",)).select_related("calendar__connection").get(pk=link_id)


def look_at(link: Link, status: str) -> None:
    """Makes the link and its connection due at once, with no memory of earlier failures."""
    make_due(link.calendar.connection_id)
    link.status = status
    link.due_at = AT_ONCE
    link.attempts = 0
    link.last_error = link.last_error_detail = ""
    if link._state.adding:
        insert(link)
    else:
        save(link)
