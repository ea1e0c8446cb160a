"""From a commit to the calendar's request: how soon after a booking a connected Google calendar is asked for its event.

The product as people run it (web and worker as processes) against the sandbox, which writes down when a request came.
On PostgreSQL the time counts from the transaction's commit, as the server has it; on SQLite from the booking's answer,
which leaves some milliseconds after. It holds the worker's waking, its reading of rows, and the commit of its
intention. Calendars are polled and swept as seldom as by default, so that nothing but the wake-up explains a time below a
second.

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
import psycopg
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
        f"{place:20} | booking {'answered' if place == 'SQLite' else 'committed'} to request, {BOOKINGS} times"
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
            server = stack.enter_context(postgres(binaries))
            (server.folder / "data/postgresql.auto.conf").write_text("track_commit_timestamp = on\n")
            server.run("pg_ctl", "-w", "-m", "fast", "restart")
            url = server.url
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
    last = max((item["number"] for item in _journal(sandbox, 0)), default=0)
    # A pause of its own each time: the worker is asleep, as it mostly is.
    time.sleep(0.3 + 0.01 * (number % 10))
    start = at(3 + number // 40, 9) + timedelta(minutes=10 * (number % 40))
    made = company.book(service, start, f"Customer {number}", staff)
    answered = time.time()
    # Nobody asks the sandbox anything while it is to answer.
    time.sleep(0.2)
    found = processes.until(lambda: _inserts(sandbox, last), "the event")
    return (found[0]["came"] - (_committed(company.running, made["id"]) or answered)) * 1000


def _committed(product: processes.Running, appointment: str) -> float | None:
    """When PostgreSQL committed it; None on SQLite, which does not tell."""
    url = product.environment["KALENDS_DATABASE_URL"]
    if url.startswith("sqlite"):
        return None
    told = "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM bookings_claim WHERE appointment_id = %s"
    with psycopg.connect(url) as link:
        row = link.execute(told, (appointment,)).fetchone()
    assert row is not None
    return float(row[0])


def _journal(sandbox: httpx2.Client, since: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = sandbox.get(f"/_admin/journal?since={since}").raise_for_status().json()["items"]
    return items


def _inserts(sandbox: httpx2.Client, since: int) -> list[dict[str, Any]]:
    requests = [item for item in _journal(sandbox, since) if item["kind"] == "request"]
    return [item for item in requests if item["name"] == "calendar.events.insert"]


if __name__ == "__main__":
    main(*sys.argv[1:])
