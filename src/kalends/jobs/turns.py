"""Turns at writing to one file, among all threads and processes of this machine, first come, first served.

SQLite lets one writer in and leaves the others polling with sleeps that grow, so that under load one of them may wait
for many seconds while newcomers pass it. Here writers queue instead. Two lock files stand beside the database: whoever
holds `.write-queue` is the next one, and waits for `.write-turn`, which the writer holds. A kernel lock ends with the
process that holds it, so that a crash gives its turn back. The kernel serves those who wait for a lock in their order.

SQLite's own lock stays what protects the data; a program that knows nothing of turns only waits less fairly.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable
from weakref import finalize

_POLL_SECONDS = 0.001


class TurnTimeout(Exception):
    """The writer before us did not finish in time, or it is this very thread."""


class _Mine(threading.local):
    """The files that this thread has a turn at."""

    def __init__(self) -> None:
        self.paths: set[str] = set()


_mine = _Mine()


class Turn:
    """One connection's place at one database file. Not to be shared between threads."""

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._pid = 0
        self._queue = -1
        self._turn = -1
        self.held = False
        self._taken_by: set[str] = set()
        self._close_files: Callable[[], object] = _close

    def take(self) -> None:
        """Returns once it is our turn. Raises TurnTimeout after `timeout` seconds; those behind us then fail as well.

        Whoever waited in the queue for longer than `timeout` tries once more and gives up, so that a writer that hangs
        costs everybody one timeout, not one after the other.
        """
        if self._path in _mine.paths:
            raise TurnTimeout("this thread is writing to the same database through another connection")
        self._open()
        deadline = time.monotonic() + self._timeout
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        try:
            while not _try(self._turn):
                if time.monotonic() > deadline:
                    raise TurnTimeout(f"another writer has kept the database for more than {self._timeout:g} s")
                time.sleep(_POLL_SECONDS)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        self.held = True
        self._taken_by = _mine.paths
        self._taken_by.add(self._path)

    def give_back(self) -> None:
        """Does nothing without a turn."""
        if self.held:
            self.held = False
            self._taken_by.discard(self._path)
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        self.give_back()
        self._pid = 0
        self._close_files()

    def _open(self) -> None:
        # A lock belongs to the open file: a forked child must not use its parent's.
        if self._pid != os.getpid():
            self._close_files()
            self._queue, self._turn = (_open(self._path + suffix) for suffix in (".write-queue", ".write-turn"))
            self._pid = os.getpid()
            # A thread may end without closing its connection.
            self._close_files = finalize(self, _close, self._queue, self._turn)


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
