"""What every durable row shares: being claimed by one worker, and coming back later.

Rows are the truth and carry their own times; the queue only wakes. A claim is an UPDATE ... WHERE that counts as taken
if exactly one row changed, which holds on SQLite and PostgreSQL alike and needs no lock that outlives the statement.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models

from kalends.core.clock import utc_now


def database_now() -> datetime:
    """The one clock that all hosts share: leases and due times hold whatever a host's own clock says.

    With SQLite there is one machine, hence one clock already.
    """
    if connection.vendor != "postgresql":
        return utc_now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now.astimezone(UTC)


class Unhurried(models.Func):
    """A condition that holds. The commit of a single statement that has it does not wait for PostgreSQL's disk: for what
    a loss of power may undo, since nothing was done yet that builds on it. Ask `locks.refuse_transaction` before: inside a
    transaction it would hold for the whole of it.
    """

    template = "1 = 1"
    output_field = models.BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "set_config('synchronous_commit', 'off', true) = 'off'"
        return self.as_sql(compiler, connection, template=template, **more)


def claim(queryset: models.QuerySet[Any], *, pk: object, now: datetime, lease: timedelta) -> bool:
    """Takes the lease of one row (`lease_until`) if nobody holds it. The caller is told whether it was taken."""
    free = models.Q(lease_until__isnull=True) | models.Q(lease_until__lte=now)
    return queryset.filter(free, pk=pk).update(lease_until=now + lease) == 1


def settle(row: models.Model, **values: Any) -> bool:
    """Gives the lease back with what came of it. False for a worker that was too slow: its lease is another's now."""
    mine = type(row)._default_manager.filter(pk=row.pk, lease_until=getattr(row, "lease_until"))  # noqa: B009
    return mine.update(lease_until=None, **values) == 1


def backoff(attempt: int, *, base: timedelta, cap: timedelta) -> timedelta:
    """Exponential, truncated at `cap`, with 25 % jitter both ways so that failures do not march in step."""
    grown = min(cap, base * (2 ** min(attempt, 30)))
    return grown * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
