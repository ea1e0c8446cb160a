"""Periodic sweeps: what must happen even if every wake-up was lost.

Each worker host runs the sweeper; a sweep claims rows one by one, so that two at once do no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import close_old_connections

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    name: str
    every_seconds: Callable[[], float]
    run: Callable[[], None]


_sweeps: dict[str, Sweep] = {}


def register(name: str, every_seconds: Callable[[], float], run: Callable[[], None]) -> None:
    """`every_seconds` is read each time, so that a test or a setting may change it."""
    _sweeps[name] = Sweep(name, every_seconds, run)


def run_all() -> None:
    """Each sweep once, now."""
    for sweep in _sweeps.values():
        _run(sweep)


def run_forever(stop: threading.Event) -> None:
    """Runs what is due until `stop` is set."""
    next_at = dict.fromkeys(_sweeps, 0.0)
    while not stop.wait(0.25):
        moment = time.monotonic()
        for name, sweep in _sweeps.items():
            if moment >= next_at[name]:
                next_at[name] = moment + sweep.every_seconds()
                _run(sweep)


def _run(sweep: Sweep) -> None:
    try:
        sweep.run()
    except Exception:
        # The next turn comes whatever happened in this one; the failure is in the log with its trace.
        logger.exception("sweep %s failed", sweep.name)
    finally:
        close_old_connections()
