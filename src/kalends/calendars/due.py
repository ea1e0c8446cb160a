"""When something is to be looked at. Rows carry the times; a message only wakes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q

from kalends.calendars.models import CalendarConnection
from kalends.jobs.prepared import Given, PreparedUpdate
from kalends.jobs.queue import wake_on_commit

# Due whatever the clock says: what `bookings` and people ask for needs no `now`.
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


_DUE = PreparedUpdate(
    lambda pk, at: CalendarConnection.objects.filter(Q(due_at__isnull=True) | Q(due_at__gt=at), pk=pk),
    {"due_at": Given("at", datetime)},
    pk=UUID,
    at=datetime,
)


def make_due(connection_id: UUID, at: datetime = AT_ONCE) -> None:
    """Brings the next look at a connection forward to `at`, never back; wakes a worker after the commit if at once."""
    _DUE.run(pk=connection_id, at=at)
    if at == AT_ONCE:
        wake(connection_id)


def wake(connection_id: UUID) -> None:
    from kalends.calendars.tasks import sync_connection  # noqa: PLC0415 - the task runs the engine, which imports this

    wake_on_commit(sync_connection, connection_id)
