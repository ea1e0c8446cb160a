"""Chance from a seed only: the rows' ids and the jitter of whatever waits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

from kalends.core import ids


@contextmanager
def counted(chance: random.Random) -> Iterator[None]:
    """Within another one it leaves what that one is about to give as it was."""
    state = random.getstate()
    random.seed(chance.getrandbits(64))
    counter = iter(range(1_000_000_000))
    time = SimpleNamespace(time_ns=lambda: (1_772_000_000_000 + next(counter)) * 1_000_000)
    source = SimpleNamespace(urandom=chance.randbytes)
    try:
        with mock.patch.multiple(ids, time=time, os=source, _last=(0, 0)):
            yield
    finally:
        random.setstate(state)
