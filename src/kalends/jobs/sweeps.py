"""Periodic sweeps: what must happen even if every wake-up was lost.

Each worker host runs the sweeper; a sweep claims rows one by one, so that two at once do no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import close_old_connections

from kalends.core.clock import utc_now
from kalends.jobs.models import SweepRun

logger = logging.getLogger(__name__)

# Rarer sweeps tidy up; whether they are late is no sign that something is wrong.
_WATCHED_SECONDS = 600.0
# How often a process writes down that a frequent sweep ends well.
_NOTE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Sweep:
    name: str
    every_seconds: Callable[[], float]
    run: Callable[[], None]


_sweeps: dict[str, Sweep] = {}
_noted: dict[str, float] = {}


def register(name: str, every_seconds: Callable[[], float], run: Callable[[], None]) -> None:
    """`every_seconds` is read each time, so that a test or a setting may change it."""
    _sweeps[name] = Sweep(name, every_seconds, run)


def late_sweeps(now: datetime) -> dict[str, timedelta | None]:
    """Sweeps that no worker has ended for three of their intervals and a minute, with how long ago; None: never."""
    ended = dict(SweepRun.objects.values_list("name", "ended_at"))
    late: dict[str, timedelta | None] = {}
    for name, sweep in _sweeps.items():
        if sweep.every_seconds() > _WATCHED_SECONDS:
            continue
        age = now - ended[name] if name in ended else None
        if age is None or age > timedelta(seconds=3 * sweep.every_seconds() + 60):
            late[name] = age
    return late


def run_all() -> None:
    """Each sweep once, now."""
    for sweep in _sweeps.values():
        _run(sweep)


def run_forever(stop: threading.Event) -> None:
    """Runs what is due until `stop` is set."""
    next_at = dict.fromkeys(_sweeps, 0.0)
    while not stop.wait(max(0.0, min(next_at.values()) - time.monotonic())):
        moment = time.monotonic()
        for name, sweep in _sweeps.items():
            if moment >= next_at[name]:
                next_at[name] = moment + sweep.every_seconds()
                _run(sweep)


def _run(sweep: Sweep) -> None:
    try:
        sweep.run()
        if time.monotonic() - _noted.get(sweep.name, -_NOTE_SECONDS) >= _NOTE_SECONDS:
            _note_end(sweep)
            _noted[sweep.name] = time.monotonic()
    except Exception:
        # The next turn comes whatever happened in this one; the failure is in the log with its trace.
        logger.exception("sweep %s failed", sweep.name)
    finally:
        close_old_connections()


def _note_end(sweep: Sweep) -> None:
    now = utc_now()
    if not SweepRun.objects.filter(pk=sweep.name).update(ended_at=now):
        SweepRun.objects.bulk_create([SweepRun(name=sweep.name, ended_at=now)], ignore_conflicts=True)
