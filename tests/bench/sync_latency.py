"""From a commit to the calendar's request: how soon an appointment stands in a connected Google calendar.

The product as people run it (web and worker as processes) against the sandbox, which writes down when it has served a
request. An answer leaves after the commit, so the time counts from the commit or a little later; it includes the worker's
waking, its reading of rows, the request and the sandbox's own share. Calendars are polled and swept as seldom as by
default, so that nothing but the wake-up explains a time below a second.

On SQLite the wake-up is a datagram, on PostgreSQL a notification, with Redis what its queue waits for.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from tools.with_postgres import find_binaries, postgres

from tests.e2e import processes
from tests.e2e.hosts import redis
from tests.e2e.visitor import close_clients, new_client
from tests.e2e.world import Company, Google, at, make_company

BOOKINGS = int(os.environ.get("KALENDS_BENCH_BOOKINGS", "200"))
WANTED = {"SQLite": 50, "PostgreSQL": 20, "PostgreSQL and Redis": 20}


def main(*places: str) -> dict[str, list[float]]:
    """Prints one line of the bench table for each place (all that can run here, unless named); sorted milliseconds."""
    return {place: _line(place) for place in places or _possible()}


def _possible() -> list[str]:
    ways = {"SQLite": True, "PostgreSQL": find_binaries(), "PostgreSQL and Redis": shutil.which("redis-server")}
    return [place for place, there in ways.items() if there and (place == "SQLite" or ways["PostgreSQL"])]


def _line(place: str) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="kalends-bench-") as folder, _running(place, Path(folder)) as product:
        try:
            found = sorted(_measure(product))
        finally:
            close_clients()
    middle, late = statistics.median(found), found[int(len(found) * 0.99)]
    print(
        f"{place:20} | booking answered to event inserted, {BOOKINGS} times"
        f" | p50 {middle:5.1f} ms, p99 {late:6.1f} ms | want p50 <= {WANTED[place]} ms",
        flush=True,
    )
    return found


@contextmanager
def _running(place: str, folder: Path) -> Iterator[processes.Running]:
    changed = {"KALENDS_POLL_SECONDS": "120", "KALENDS_SWEEP_SECONDS": "30"}
    with ExitStack() as stack:
        url = ""
        if place != "SQLite":
            binaries = find_binaries()
            assert binaries is not None
            url = stack.enter_context(postgres(binaries)).url
        if place.endswith("Redis"):
            _, changed["KALENDS_QUEUE_URL"] = stack.enter_context(redis("redis-server", folder))
        yield stack.enter_context(processes.running(folder, url, **changed))


def _measure(product: processes.Running) -> list[float]:
    company = make_company(product)
    staff = company.add_staff("Emma Bench")
    service = company.add_service("Talk", 10, [staff])
    google = Google(product, "juan@sandbox.example")
    google.connect(company, staff)
    sandbox = new_client(base_url=product.place.sandbox_url)
    return [_book(company, sandbox, service, staff, number) for number in range(BOOKINGS)]


def _book(company: Company, sandbox: httpx2.Client, service: str, staff: str, number: int) -> float:
    known = len(_inserts(sandbox))
    # A pause of its own each time: the worker is asleep, as it mostly is.
    time.sleep(0.3 + 0.01 * (number % 10))
    company.book(service, at(3 + number // 40, 9) + timedelta(minutes=10 * (number % 40)), f"Customer {number}", staff)
    answered = time.time()
    found = processes.until(lambda: _inserts(sandbox)[known:], "the event")
    return (found[0]["at"] - answered) * 1000


def _inserts(sandbox: httpx2.Client) -> list[dict[str, Any]]:
    items = sandbox.get("/_admin/journal").raise_for_status().json()["items"]
    return [item for item in items if item["kind"] == "request" and item["name"] == "calendar.events.insert"]


if __name__ == "__main__":
    main(*sys.argv[1:])
