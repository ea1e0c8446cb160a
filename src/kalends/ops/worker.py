"""One worker process: Huey's consumer on threads, and the sweeps beside it."""

from __future__ import annotations

import sys
import threading

from django.db import close_old_connections

from kalends.jobs import counters, sweeps
from kalends.jobs.queue import huey

# A queue that does not answer is asked again after this long, twice as long each time.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
# Nothing is ever put off in the queue: rows carry their times.
_SCHEDULE_SECONDS = 60
# Less than `kalends serve` and the service managers wait. What still runs then is taken over when its lease ends.
_FINISH_SECONDS = 10
# A thread that comes back from the database waits this long for one that computes: a mail that is being written would
# keep a calendar waiting at each of its statements. Python's own 5 ms are for threads that all compute.
_SWITCH_SECONDS = 0.0002


@huey.pre_execute(name="drop_dead_connections")
def _drop_dead_connections(task: object) -> None:
    close_old_connections()


def run_worker(*, threads: int) -> int:
    """Until TERM, after which tasks that run are finished, or until INT, at once."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    stop = threading.Event()
    sweeper = threading.Thread(target=sweeps.run_forever, args=(stop,), name="sweeps", daemon=True)
    sweeper.start()
    consumer = huey.create_consumer(
        workers=threads,
        worker_type="thread",
        periodic=False,
        initial_delay=_FIRST_PAUSE,
        max_delay=_LONGEST_PAUSE,
        backoff=2.0,
        scheduler_interval=_SCHEDULE_SECONDS,
        check_worker_health=True,
        graceful_signal="TERM",
        shutdown_timeout=_FINISH_SECONDS,
    )
    try:
        consumer.run()
    finally:
        stop.set()
        sweeper.join(timeout=5)
        counters.flush()
    return 0
