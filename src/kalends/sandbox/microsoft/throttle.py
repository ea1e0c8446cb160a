"""Outlook's limits for one mailbox: requests in flight, and requests in ten minutes."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, deque
from collections.abc import Iterator

from kalends.sandbox.microsoft import errors
from kalends.sandbox.microsoft.settings import Settings

_WINDOW = 600.0


class Throttle:
    """Counts by mailbox. `highest` is the most that one mailbox ever had in flight, for tests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._times: dict[str, deque[float]] = {}
        self.highest = 0

    @contextlib.contextmanager
    def serving(self, mailbox: str, now: float) -> Iterator[None]:
        """Around one request; `now` in seconds. Raises GraphError 429."""
        with self._lock:
            self._check(mailbox, now)
            self._running[mailbox] += 1
            self.highest = max(self.highest, self._running[mailbox])
        try:
            yield
        finally:
            with self._lock:
                self._running[mailbox] -= 1

    def _check(self, mailbox: str, now: float) -> None:
        limit, quota = self._settings.concurrency, self._settings.quota
        if limit and self._running[mailbox] >= limit:
            message = "Application is over its MailboxConcurrency limit."
            raise errors.too_many("ApplicationThrottled", message, 1)
        times = self._times.setdefault(mailbox, deque())
        while times and times[0] <= now - _WINDOW:
            times.popleft()
        if quota and len(times) >= quota:
            raise errors.too_many("ApplicationThrottled", "Application is over its request limit.",
                                  int(times[0] + _WINDOW - now) + 1)  # fmt: skip
        times.append(now)
