"""Row locks, in one order everywhere: staff (by id), appointment, connection, link, outbox.

On SQLite a transaction begins with the write lock (transaction_mode IMMEDIATE), which is stronger; FOR UPDATE is then a
no-op that Django leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row", bound=models.Model)


def require_transaction() -> None:
    """Raises unless inside a transaction: a lock without one is let go before it protects anything."""
    if not connection.in_atomic_block:
        raise TransactionManagementError("locks are taken inside a transaction only")


def refuse_transaction() -> None:
    """Raises inside a transaction (a test's own is none): for what would change how all of it is committed."""
    # As `atomic(durable=True)` asks it.
    if any(not block._from_testcase for block in connection.atomic_blocks):  # type: ignore[attr-defined]
        raise TransactionManagementError("this is a transaction of its own")


def lock_rows(queryset: models.QuerySet[Row], ids: Iterable[UUID]) -> list[Row]:
    """The rows with these ids, locked in id order whatever order they were asked in.

    FOR NO KEY UPDATE: a row that is written beside and only names one of these does not wait (and cannot deadlock).
    """
    require_transaction()
    return list(queryset.select_for_update(of=("self",), no_key=True).filter(pk__in=set(ids)).order_by("pk"))
