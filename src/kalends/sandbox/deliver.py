"""Delivery of notifications from one background thread, with retries; what waits twice is sent once."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

LOOPBACK = ("127.0.0.1", "localhost", "::1")
RETRIES = (1.0, 2.0, 4.0, 8.0, 16.0)

Report = Callable[[str, Mapping[str, Any]], None]
Delivery = TypeVar("Delivery")


class Deliverer(Generic[Delivery]):
    """A queue and the thread that empties it; a subclass says what a delivery is and sends it.

    `lose`, `repeat` and `hold` are faults: how many of the next notifications vanish or come twice, and for how
    many seconds each waits. `retries` are the pauses before each new attempt. A receiver has `timeout` seconds.
    """

    timeout = 5.0
    look_every: float | None = None

    def __init__(self, report: Report, retries: tuple[float, ...]) -> None:
        self.lose = 0
        self.repeat = 0
        self.hold = 0.0
        self.retries = retries
        self.report = report
        self._queue: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._busy = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sandbox-push", daemon=True)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        self._thread.join(timeout=self.timeout + 1)

    def wait_idle(self, timeout: float = 60.0) -> bool:
        """Wait until nothing is due or being sent; for tests."""
        deadline = time.monotonic() + timeout
        with self._wake:
            while self._busy or self._queue:
                if not self._wake.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return False
        return True

    def put(self, delivery: Delivery, delay: float) -> None:
        with self._wake:
            if any(waiting == delivery for _, _, waiting in self._queue):
                return
            heapq.heappush(self._queue, (time.monotonic() + delay, next(self._order), delivery))
            self._wake.notify_all()

    def take(self, like: Callable[[Delivery], bool]) -> list[Delivery]:
        """What else waits and can go along, taken out of the queue."""
        with self._wake:
            found = [row for row in sorted(self._queue, key=lambda row: row[:2]) if like(row[2])]
            self._queue = [row for row in self._queue if row not in found]
            heapq.heapify(self._queue)
        return [delivery for _, _, delivery in found]

    def look(self) -> None:
        """Called every `look_every` seconds: what time alone brings about."""

    def deliver(self, delivery: Delivery) -> None:
        """Send it, and put it again where it is to be tried again."""
        raise NotImplementedError

    def _run(self) -> None:
        while True:
            self.look()
            with self._wake:
                if not self._stopped and (not self._queue or self._queue[0][0] > time.monotonic()):
                    self._wake.wait(self._pause())
                if self._stopped:
                    return
                if not self._queue or self._queue[0][0] > time.monotonic():
                    continue
                delivery = heapq.heappop(self._queue)[2]
                self._busy = True
            self.deliver(delivery)
            with self._wake:
                self._busy = False
                self._wake.notify_all()

    def _pause(self) -> float | None:
        pauses = [self._queue[0][0] - time.monotonic()] if self._queue else []
        return min([*pauses, *([self.look_every] if self.look_every else [])], default=None)

    def post(
        self, address: str, body: bytes, headers: Mapping[str, str], timeout: float = 0.0
    ) -> tuple[int, str, bytes]:
        """The receiver's status, content type and text; status 0 where there was no answer."""
        request = urllib.request.Request(address, data=body, method="POST", headers=dict(headers))  # noqa: S310 - the scheme was checked when the channel was opened
        try:
            with self._opener.open(request, timeout=timeout or self.timeout) as reply:
                return int(reply.status), reply.headers.get("Content-Type", ""), reply.read(65536)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, "", b""
        except OSError:
            return 0, "", b""
