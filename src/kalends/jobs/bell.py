"""Tells the processes of this machine that a file has something for them: a named pipe beside it.

A ring says nothing but "look". One that is lost, or that nobody hears, costs a wait: who listens looks now and then.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress
from weakref import finalize


class Bell:
    """Every process holds both ends, so that ringing never waits for a listener."""

    def __init__(self, path: str) -> None:
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        finalize(self, os.close, self._pipe)
        self._heard = select.poll()
        self._heard.register(self._pipe, select.POLLIN)

    def ring(self) -> None:
        # Full: nobody has answered 65,536 rings, and one is enough.
        with suppress(BlockingIOError):
            os.write(self._pipe, b"!")

    def answer(self) -> None:
        """Takes one ring, if there is any, before looking; further ones are left to other processes."""
        with suppress(BlockingIOError):
            os.read(self._pipe, 1)

    def wait(self, seconds: float) -> bool:
        """Until there is a ring that nobody has answered, which is told. For one thread of a process at a time."""
        return bool(self._heard.poll(seconds * 1000))
