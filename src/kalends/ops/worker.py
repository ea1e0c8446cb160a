"""One worker process: Huey's consumer on threads, and the sweeps beside it."""

from __future__ import annotations

import threading

from django.db import close_old_connections

from kalends.jobs import counters, sweeps
from kalends.jobs.queue import huey

# A wake-up reaches its task within this time; an idle SQLite queue costs well under one per cent of a core at it.
_POLL_SECONDS = 0.05


@huey.pre_execute(name="drop_dead_connections")
def _drop_dead_connections(task: object) -> None:
    close_old_connections()


def run_worker(*, threads: int) -> int:
    """Until TERM or INT; tasks that run are finished first."""
    stop = threading.Event()
    sweeper = threading.Thread(target=sweeps.run_forever, args=(stop,), name="sweeps", daemon=True)
    sweeper.start()
    consumer = huey.create_consumer(
        workers=threads,
        worker_type="thread",
        periodic=False,
        initial_delay=_POLL_SECONDS,
        max_delay=_POLL_SECONDS,
        backoff=1.0,
        check_worker_health=True,
    )
    try:
        consumer.run()
    finally:
        stop.set()
        sweeper.join(timeout=5)
        counters.flush()
    return 0
