"""Counts that only grow, of all processes together: kept in memory for seconds, then added to the rows.

What a process had counted since it last added is lost if it is killed. Nothing depends on a count.
"""

from __future__ import annotations

from collections import Counter as Tally
from threading import Lock

from django.db import DatabaseError
from django.db.models import F

from kalends.jobs import sweeps
from kalends.jobs.models import Counter

_FLUSH_SECONDS = 5.0
_lock = Lock()
_counted: Tally[tuple[str, str]] = Tally()


def count(name: str, by: int = 1, **labels: str) -> None:
    """Costs no query: a worker's sweep adds it to the row."""
    if by:
        written = ",".join(f"{label}={value}" for label, value in sorted(labels.items()))
        with _lock:
            _counted[name, written] += by


def flush() -> None:
    """Adds what this process has counted. What cannot be stored now is kept for the next time."""
    with _lock:
        taken = dict(_counted)
        _counted.clear()
    try:
        for (name, labels), by in list(taken.items()):
            row = Counter.objects.filter(name=name, labels=labels)
            if not row.update(value=F("value") + by):
                Counter.objects.bulk_create([Counter(name=name, labels=labels)], ignore_conflicts=True)
                row.update(value=F("value") + by)
            del taken[name, labels]
    except DatabaseError:
        with _lock:
            _counted.update(taken)
        raise


def totals() -> list[tuple[str, dict[str, str], int]]:
    """Name, labels and value of every count that was added so far."""
    rows = Counter.objects.order_by("name", "labels").values_list("name", "labels", "value")
    return [(name, _labels(labels), value) for name, labels, value in rows]


def _labels(written: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in written.split(",")) if written else {}


sweeps.register("counters", lambda: _FLUSH_SECONDS, flush)
