"""`make bench`: every measurement, with its peer in the same run where a registry serves one, else the figure quoted.

Absolute figures move with the machine; the calibration loop says how fast this one is just now. What counts is the ratio.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.bench import (
    caldav_sync,
    feed_product,
    feed_write,
    ics_engine,
    ics_read,
    recurrence,
    slots_engine,
    sync_latency,
    sync_polls,
    sync_scale,
    whole_requests,
)

QUOTED = """\
Quoted (another machine, 2 cores; its loop took 0.10 to 0.11 s):
  slots over HTTP, one member: Easy!Appointments' month view 46/s; any of 20: none known
  bookings: Easy!Appointments 168/s without an overlap check; a bare Django view with check and insert 2,500 to 3,000/s
  feed GET: Radicale 1.3/s, with If-None-Match too (it has no 304)"""


def calibration() -> float:
    """Seconds of two million steps of a Python loop, in the process's own time."""
    begun = time.process_time()
    total = 0
    for number in range(2_000_000):
        total += number & 3
    return time.process_time() - begun


def section(title: str) -> None:
    print(f"\n== {title} (loop {calibration():.3f} s)", flush=True)


def main() -> None:
    section("slots, engine only")
    slots_engine.main()
    section("recurrence")
    recurrence.main()
    section("reading an ICS feed")
    ics_read.main()
    section("an ICS URL through the engine")
    ics_engine.main()
    section("writing a feed")
    feed_write.main()
    section("a feed after a change, in the product")
    feed_product.main()
    section("sync, counts")
    sync_polls.main()
    section("sync with a Radicale, beside vdirsyncer")
    caldav_sync.main()
    section("sync by the number of events")
    sync_scale.main()
    section("sync, latency")
    sync_latency.main()
    section("whole requests, SQLite")
    print("\n".join(whole_requests.main()))
    if list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        section("whole requests, PostgreSQL")
        code = (
            "import os; from tests.bench import whole_requests as w;"
            "print('\\n'.join(w.main(os.environ['KALENDS_TEST_DATABASE_URL'], 'PostgreSQL')))"
        )
        subprocess.run([sys.executable, "tools/with_postgres.py", sys.executable, "-c", code], check=True)
    print(f"\n{QUOTED}")


if __name__ == "__main__":
    main()
