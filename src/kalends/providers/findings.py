"""What was found out about abilities that a calendar system does not document. A hint of this process, asked anew in time."""

from __future__ import annotations

import threading
import time

_LASTS = {True: 86_400.0, False: 3_600.0}
_MOST = 10_000


class Findings:
    """Thread-safe. Keys name the ability and the mailbox or calendar that it was tried on."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[bool, float]] = {}
        self._guard = threading.Lock()

    def get(self, ability: str, where: str) -> bool | None:
        """None: not tried, or too long ago."""
        answer, until = self._found.get((ability, where), (None, 0.0))
        return answer if time.monotonic() < until else None

    def set(self, ability: str, where: str, answer: bool) -> None:
        with self._guard:
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[ability, where] = (answer, time.monotonic() + _LASTS[answer])

    def clear(self) -> None:
        with self._guard:
            self._found.clear()
