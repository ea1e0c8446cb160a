"""The end of a connection: what is deleted and what is remembered. Inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from kalends.calendars import codec
from kalends.calendars.life import change_life
from kalends.calendars.models import CalendarConnection, Channel, Link, LinkStatus, RemoteCalendar, RemoteEvent
from kalends.companies.services import raise_schedule_revision
from kalends.sync.push import ChannelState


def finish_disconnect(row: CalendarConnection, *, now: datetime) -> None:
    """Deletes credentials, remote events and busy spans; links stay, so that a reconnect takes them up again."""
    for link in Link.objects.filter(calendar__connection=row).exclude(status__in=(LinkStatus.CLOSED,)):
        codec.set_pending(link, None)
        link.status = LinkStatus.ORPHANED
        link.due_at = None
        link.save()
    # What could not be closed has nobody to close it any more: it runs out, and nobody listens.
    living = Channel.objects.filter(calendar__connection=row).exclude(state=ChannelState.CLOSED)
    living.update(state=ChannelState.CLOSED, closed_at=now)
    RemoteEvent.objects.filter(calendar__connection=row).delete()
    RemoteCalendar.objects.filter(connection=row).update(
        receives=False,
        blocks=False,
        cursor="",
        fresh_as_of=None,
        next_poll_at=None,
        next_check_at=None,
        next_full_at=None,
    )
    row.credentials = ""
    row.purge = False
    row.save(update_fields=["credentials", "purge"])
    change_life(row, lambda life: life.disconnected(now))
    if row.staff_id is not None:
        raise_schedule_revision([row.staff_id])
