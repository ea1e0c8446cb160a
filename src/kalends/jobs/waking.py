"""Wake-ups leave from a thread of their own: nobody who books waits for the queue's file or its server.

What is lost when a process dies costs one sweep, as a queue that is down does. Many that come at once leave together,
and the same one asked for twice meanwhile leaves once.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

logger = logging.getLogger(__name__)

Wake = tuple[Callable[..., Any], tuple[str, ...]]
"""A task and its ids."""

_LAST_SECONDS = 5.0


class Waker:
    """`send` is called with all wake-ups that wait, in the order they came, never by two threads at once."""

    def __init__(self, send: Callable[[Sequence[Wake]], None]) -> None:
        self._send = send
        self._lock = Lock()
        self._pid = 0

    def add(self, wake: Wake) -> None:
        if self._pid != os.getpid():
            self._start()
        self._waiting.put(wake)

    def _start(self) -> None:
        # A forked child has its parent's queue, but not the thread.
        with self._lock:
            if self._pid != os.getpid():
                self._waiting: SimpleQueue[Wake | None] = SimpleQueue()
                self._thread = Thread(target=self._run, args=(self._waiting,), name="wake-ups", daemon=True)
                self._thread.start()
                self._pid = os.getpid()
                atexit.register(self.finish)

    def finish(self) -> None:
        """Sends what waits, for a few seconds at the most; later wake-ups start anew."""
        with self._lock:
            if self._pid == os.getpid():
                self._pid = 0
                self._waiting.put(None)
                self._thread.join(_LAST_SECONDS)

    def _run(self, waiting: SimpleQueue[Wake | None]) -> None:
        last = False
        while not last:
            batch = [waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get())
            last = None in batch
            self._try([wake for wake in dict.fromkeys(batch) if wake is not None])

    def _try(self, batch: list[Wake]) -> None:
        try:
            if batch:
                self._send(batch)
        except Exception as error:
            logger.warning("wake-ups were not taken by the queue (%s): the sweep finds the rows", type(error).__name__)
