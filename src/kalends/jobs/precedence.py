"""Who goes first in a worker: its threads share one interpreter, so that one that computes slows all the others.

A booking wakes a calendar and a mail at once. The mail takes as long to write as the calendar's request to get under way,
and nobody minds that it leaves some milliseconds later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What the same commit woke has come by then.
_COMING = 0.004
# Longer than a request takes to get under way; a worker that is never idle delays a mail by so much.
_PATIENCE = 0.015


class Precedence:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._first: set[object] = set()

    @contextmanager
    def first(self) -> Iterator[Callable[[], None]]:
        """Others wait until the block ends, or what it gives was called."""
        me = object()
        with self._changed:
            self._first.add(me)
        try:
            yield lambda: self._done(me)
        finally:
            self._done(me)

    def _done(self, me: object) -> None:
        with self._changed:
            self._first.discard(me)
            self._changed.notify_all()

    def give_way(self, patience: float = _PATIENCE) -> None:
        """Waits until nobody goes first any more, or for `patience` seconds."""
        time.sleep(_COMING)
        with self._changed:
            self._changed.wait_for(lambda: not self._first, patience)


precedence = Precedence()
