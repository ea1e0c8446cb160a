"""After a restore: the rows are older than the calendars, so nothing is written until a person has looked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from kalends.calendars.disconnecting import finish_disconnect
from kalends.calendars.due import AT_ONCE
from kalends.calendars.engine import journal
from kalends.calendars.life import change_life
from kalends.calendars.models import CalendarConnection, LastErrorCode, Link, LinkStatus, RemoteCalendar
from kalends.sync.connection import State


@transaction.atomic
def hold_restored(*, now: datetime) -> int:
    """Freezes every connection and has it read everything again; its plan can be seen meanwhile. Returns how many.

    A removal of events that was under way ends here: what it removed since the backup cannot be known.
    """
    for row in CalendarConnection.objects.filter(purge=True):
        finish_disconnect(row, now=now)
    rows = list(CalendarConnection.objects.exclude(state=State.DISCONNECTED).order_by("pk"))
    for row in rows:
        change_life(row, lambda life: life.frozen(now))
        journal.write(row, now=now, rule="restored_from_backup", action="freeze", signal="person")
    held = CalendarConnection.objects.filter(pk__in=[row.pk for row in rows])
    held.update(restored_at=now, due_at=AT_ONCE, lease_until=None, lease_holder="", fence=F("fence") + 1, failures=0)
    held.exclude(state=State.NEEDS_ATTENTION).update(last_error=LastErrorCode.RESTORED, last_error_detail="")
    _read_everything()
    return len(rows)


def _read_everything() -> None:
    RemoteCalendar.objects.update(cursor="", next_poll_at=None, next_check_at=None, next_full_at=None)
    # Perhaps it was made since: looked up by its key before anything is created.
    unmade = Link.objects.filter(remote_id="", attempts=0).exclude(status__in=(LinkStatus.CLOSED, LinkStatus.ORPHANED))
    unmade.update(attempts=1)
