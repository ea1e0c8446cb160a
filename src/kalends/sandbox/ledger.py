"""What the state of every stand-in shares: one lock, one file, a clock, and a counter of changes that never goes back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kalends.sandbox.disk import Disk, Table

Clock = Callable[[], datetime]


@dataclass
class Meta:
    """The counter of changes."""

    change: int = 0


class Ledger:
    """`clock` gives aware instants. With `path` the state is kept in that SQLite file."""

    per_second = 1_000_000

    def __init__(self, clock: Clock, path: Path | None) -> None:
        self.clock = clock
        self.disk = Disk(path)
        self._lock = threading.RLock()
        self._depth = 0
        self._meta = Table(self.disk, "meta", Meta)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Exclusive use; what is put inside reaches the disk as one transaction."""
        with self._lock:
            if self._depth == 0:
                self.disk.begin()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.disk.commit()

    def now(self) -> datetime:
        return self.clock().astimezone(UTC)

    @property
    def change(self) -> int:
        meta = self._meta.get("meta")
        return meta.change if meta else 0

    def tick(self) -> int:
        """The next change number: grows always, and is near the time in steps of `per_second`."""
        change = max(self.change + 1, int(self.now().timestamp() * self.per_second))
        self._meta.put("meta", Meta(change))
        return change
