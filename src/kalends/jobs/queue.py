"""Huey: wakes workers and runs functions. Nothing that matters is kept in it: a lost message costs one sweep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from huey import Huey, MemoryHuey, RedisHuey
from huey.storage import PostgresStorage, SqliteStorage

from kalends.core.paths import sqlite_path
from kalends.jobs.bell import Bell
from kalends.jobs.turns import Turn

# How long a worker's thread may not see that it is to stop, and how late a message is whose ring was lost.
_WAIT_SECONDS = 1.0


class FairSqliteStorage(SqliteStorage):
    """Writers of all processes queue for their turn: the busy handler of SQLite has let some wait for seconds.

    Of a worker's threads that have nothing to do one waits for the bell and the others for that one, so that nobody
    looks for messages that are not there.
    """

    blocking = True  # Huey's word for a `dequeue` that waits by itself

    def __init__(self, name: str, filename: str, **options: Any) -> None:
        self._one_at_a_time = Lock()
        self._one_listens = Lock()
        self._turn = Turn(filename, timeout=5)
        self._bell = Bell(f"{filename}.bell")
        super().__init__(name, filename, **options)

    def enqueue(self, data: Any, priority: Any = None) -> None:
        super().enqueue(data, priority)
        self._bell.ring()

    def dequeue(self) -> Any:
        """The next message; None if there is none for `_WAIT_SECONDS`."""
        deadline = time.monotonic() + _WAIT_SECONDS
        if not self._one_listens.acquire(timeout=_WAIT_SECONDS):
            return None
        try:
            while True:
                self._bell.answer()
                found, rest = super().dequeue(), deadline - time.monotonic()
                if found is not None or rest <= 0:
                    return found
                self._bell.wait(rest)
        finally:
            self._one_listens.release()

    @contextmanager
    def db(self, commit: bool = False, close: bool = False) -> Iterator[Any]:
        if not commit:
            with super().db(commit, close) as cursor:
                yield cursor
            return
        with self._one_at_a_time:
            self._turn.take()
            try:
                with super().db(commit, close) as cursor:
                    yield cursor
            finally:
                self._turn.give_back()


_PUT_IN = """
    INSERT INTO huey_task (queue, data, priority) VALUES (%s, %s, %s)
    RETURNING pg_notify(%s, ''), set_config('synchronous_commit', 'off', true)
"""
_TAKE_OUT = """
    DELETE FROM huey_task
    WHERE id = (
        SELECT id FROM huey_task WHERE queue = %s ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING data, set_config('synchronous_commit', 'off', true)
"""


class QuietPostgresStorage(PostgresStorage):
    """A message costs one statement to put in and one to take out, and neither waits for the disk.

    Each worker process has one thread listening, so that a message wakes one and not all of them. Setting
    `synchronous_commit` for the one transaction leaves nothing behind in a session that a pooler gives to others.
    """

    def __init__(self, name: str, dsn: str) -> None:
        super().__init__(name, dsn, read_timeout=_WAIT_SECONDS)
        self._one_listens = Lock()
        self._listen_local = SimpleNamespace()  # one connection, of whichever thread listens

    def enqueue(self, data: Any, priority: Any = None) -> None:
        self.sql(_PUT_IN, (self.name, data, priority or 0, self.channel))

    def _dequeue(self) -> bytes | None:
        found = self.sql(_TAKE_OUT, (self.name,), results=True)
        return bytes(found[0][0]) if found else None

    def dequeue(self) -> bytes | None:
        """The next message; None if there is none for `_WAIT_SECONDS`."""
        if not self._one_listens.acquire(timeout=_WAIT_SECONDS):
            return None
        try:
            # Before looking: what came after a look and before the first listening would wake nobody.
            self._listen_conn()
            found: bytes | None = super().dequeue()
        finally:
            self._one_listens.release()
        return found


def _make(url: str) -> Huey:
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryHuey("kalends", results=False)
    if scheme == "sqlite":
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A wake-up that a crash loses costs one sweep: no need to wait for the disk.
        return Huey("kalends", storage_class=FairSqliteStorage, filename=str(path), results=False, fsync=False)
    if scheme in ("postgres", "postgresql"):
        return Huey("kalends", storage_class=QuietPostgresStorage, dsn=url, results=False)
    return RedisHuey("kalends", url=url, results=False)


huey = _make(settings.KALENDS.queue_url)


def task(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a worker runs. It takes ids, never data; it does not retry: rows carry the next time."""
    return huey.task(retries=0)(function)


def waiting() -> int:
    """Wake-ups that no worker has taken yet."""
    return int(huey.pending_count())


def wake_on_commit(wake: Callable[..., Any], *ids: object) -> None:
    """Enqueues after the surrounding transaction has committed; a queue that is down costs one sweep, no more."""
    transaction.on_commit(partial(wake, *(str(item) for item in ids)), robust=True)
