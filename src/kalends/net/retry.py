"""A budget of retries per host, so that a host in trouble is not asked twice as much by everybody at once."""

from __future__ import annotations

import threading
from collections import OrderedDict

_RESERVE = 10.0
_EARNED = 0.1
_HOSTS = 2_000


class RetryBudget:
    """A host has a reserve of ten retries and earns one more for every ten requests that are answered."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def earn(self, host: str) -> None:
        with self._lock:
            self._set(host, min(_RESERVE, self._left.get(host, _RESERVE) + _EARNED))

    def spend(self, host: str) -> bool:
        """Take one retry for this host; False when there is none left."""
        with self._lock:
            left = self._left.get(host, _RESERVE)
            if left < 1:
                return False
            self._set(host, left - 1)
            return True

    def _set(self, host: str, value: float) -> None:
        self._left[host] = value
        self._left.move_to_end(host)
        while len(self._left) > _HOSTS:
            self._left.popitem(last=False)
