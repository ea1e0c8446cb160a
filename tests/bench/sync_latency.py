"""From a booking's answer to the calendar's: how long an appointment takes into a connected Google calendar.

The product as people run it (web and worker as processes, SQLite) against the sandbox, which writes down when it has
served a request. An answer leaves after the commit, so the time counts from the commit or a little later; it includes
the worker's waking, its reading of rows, the request and the sandbox's own share.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e import processes
from tests.e2e.visitor import close_clients, new_client
from tests.e2e.world import Company, Google, at, make_company

BOOKINGS = 50


def main() -> dict[str, float]:
    """Prints one line of the bench table; milliseconds."""
    with tempfile.TemporaryDirectory(prefix="kalends-bench-") as folder, processes.running(Path(folder), "") as product:
        try:
            found = sorted(_measure(product))
        finally:
            close_clients()
    middle, late = statistics.median(found), found[int(len(found) * 0.99)]
    print(
        f"booking answered to event inserted, {BOOKINGS} times | p50 {middle:.0f} ms, p99 {late:.0f} ms | want p50 <= 50 ms"
    )
    return {"p50_ms": middle, "p99_ms": late}


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
    main()
