"""One worker a connection: a lease taken by compare-and-set on the database's clock, and a fence number.

Whoever takes the lease raises the fence. A worker whose fence is not the row's any more can commit nothing.

Taking and giving back do not wait for PostgreSQL's disk: whatever counts is committed after the one and before the
other. Should a loss of power undo a taking, the next fence is another number all the same, since it grows by chance.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, Q, QuerySet, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from kalends.calendars.engine.context import Run
from kalends.calendars.models import CalendarConnection
from kalends.jobs.locks import refuse_transaction, require_transaction
from kalends.jobs.prepared import Given, Prepared, PreparedUpdate
from kalends.jobs.rows import Unhurried, database_now

# Longer than a round of reads at their slowest; a worker that died is missed for as long.
LENGTH = timedelta(seconds=180)
_LONGEST_STEP = 1_000_000


class LeaseLost(Exception):
    """Another worker has the connection; what this one was about to commit is not its to commit."""


def _until() -> ExpressionWrapper[CombinedExpression]:
    return ExpressionWrapper(Now() + LENGTH, output_field=DateTimeField())


# Each run asks these.
_TAKEN = PreparedUpdate(
    lambda pk, **_: CalendarConnection.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lte=Now()), Unhurried(), pk=pk
    ),
    {
        "lease_until": _until(),
        "lease_holder": Given("holder", str),
        "fence": F("fence") + Given("step", int),
        "due_at": None,
    },
    pk=UUID,
    holder=str,
    step=int,
)
_LEASED = Prepared(
    lambda pk, holder: CalendarConnection.objects.select_related("company", "staff").filter(pk=pk, lease_holder=holder),
    pk=UUID,
    holder=str,
)
_LENGTHENED = PreparedUpdate(
    lambda pk, fence: CalendarConnection.objects.filter(pk=pk, fence=fence),
    {"lease_until": _until()},
    pk=UUID,
    fence=int,
)
_RELEASED = PreparedUpdate(
    lambda pk, fence, **_: CalendarConnection.objects.filter(Unhurried(), pk=pk, fence=fence),
    {
        "lease_until": None,
        "lease_holder": "",
        "due_at": Case(
            When(Q(due_at__isnull=True) | Q(due_at__gt=Given("next_due", datetime)), then=Given("next_due", datetime)),
            default=F("due_at"),
        ),
    },
    pk=UUID,
    fence=int,
    next_due=datetime,
)


_GIVEN_BACK = PreparedUpdate(
    lambda pk, fence: CalendarConnection.objects.filter(pk=pk, fence=fence),
    {"lease_until": None, "lease_holder": ""},
    pk=UUID,
    fence=int,
)


def take(connection_id: UUID) -> CalendarConnection | None:
    """The row with its new fence, its company and staff; None if another worker holds the lease.

    Clears `due_at`: a wake-up that comes later stays.
    """
    refuse_transaction()
    holder = secrets.token_hex(8)
    if not _TAKEN.run(pk=connection_id, holder=holder, step=1 + secrets.randbelow(_LONGEST_STEP)):
        return None
    taken: CalendarConnection | None = _LEASED.first(pk=connection_id, holder=holder)
    return taken


def check_fence(run: Run) -> None:
    """Locks the connection row and lengthens the lease, in the transaction that is about to apply something.

    Raises LeaseLost if another worker has taken the connection.
    """
    require_transaction()
    if not _LENGTHENED.run(pk=run.connection.pk, fence=run.fence):
        raise LeaseLost


def release(connection_id: UUID, fence: int, next_due: datetime | None) -> None:
    """Gives the lease back and sets the next look, unless somebody asked for an earlier one meanwhile."""
    refuse_transaction()
    if next_due is not None:
        _RELEASED.run(pk=connection_id, fence=fence, next_due=next_due)
    else:
        _GIVEN_BACK.run(pk=connection_id, fence=fence)


def _due(now: datetime | Now) -> QuerySet[CalendarConnection]:
    return CalendarConnection.objects.filter(Q(lease_until__lte=Now()) | Q(due_at__lte=now, lease_until__isnull=True))


def due_connections(now: datetime) -> QuerySet[CalendarConnection]:
    """Connections whose time has come, and those whose worker died; oldest first."""
    return _due(now).order_by(F("due_at").asc(nulls_first=True), "pk")


def come_due(since: datetime, now: datetime) -> QuerySet[CalendarConnection]:
    """Those whose time has come after `since`: a range of one index, however many wait for a later time."""
    return CalendarConnection.objects.filter(due_at__gt=since, due_at__lte=now, lease_until__isnull=True)


_DUE = Prepared(lambda pk, now: _due(now).filter(pk=pk).values_list("pk"), pk=UUID, now=datetime)
_DUE_BY_DATABASE = Prepared(lambda pk: _due(Now()).filter(pk=pk).values_list(Now()), pk=UUID)


def due_now(connection_id: UUID) -> datetime | None:
    """The time by the clock that all hosts share, if the connection is due by it.

    None for a wake-up whose work another one has done already, which costs no more than this question.
    """
    if connection.vendor == "postgresql":
        found = _DUE_BY_DATABASE.first(pk=connection_id)
        return found[0] if found else None
    now = database_now()
    return now if _DUE.rows(pk=connection_id, now=now) else None
