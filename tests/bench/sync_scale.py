"""What an idle poll and 50 changes cost in calendars of 10, 1,000 and 100,000 events: our part must not grow with them.

The real engine on SQLite. The calendars are in memory, for no CalDAV server that runs here lists 100,000 events within a
request's time; so what is measured is ours alone: requests, SQL statements, our process's own time. First a person's own
events, then appointments of ours. Of several runs the cheapest counts, and the most statements.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.bench.server import own_settings

EVENTS = tuple(int(size) for size in os.environ.get("KALENDS_BENCH_SCALE", "10,1000,100000").split(","))
APPOINTMENTS = tuple(int(size) for size in os.environ.get("KALENDS_BENCH_APPOINTMENTS", "10,100,1000").split(","))
CHANGED, TIMES = 50, 7
PAGE = 100


@dataclass(frozen=True, slots=True)
class Cost:
    requests: int
    statements: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.requests:5,} requests | {self.statements:7,} statements | {self.seconds * 1000:10,.1f} ms of a core"
        )


def main() -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    with own_settings() as env:
        subprocess.run([sys.executable, "-m", "tests.bench.sync_scale", "inside"], env=env, check=True)


def inside() -> None:
    import logging

    import django

    django.setup()
    from django.core.management import call_command

    from kalends.calendars.providers import provider_factory
    from kalends.sync.memory import MemoryProvider

    call_command("migrate", verbosity=0)
    logging.disable(logging.INFO)
    accounts = Accounts()
    with provider_factory(lambda connection: MemoryProvider(accounts.servers[connection.subject])):
        _compare("a person's own events", EVENTS, accounts.with_events)
        _compare("appointments of ours", APPOINTMENTS, accounts.with_appointments)


def _compare(what: str, sizes: tuple[int, ...], make: Callable[[int], Account]) -> None:
    idle: dict[int, Cost] = {}
    few: dict[int, Cost] = {}
    for size in sizes:
        account = make(size)
        print(f"{size:,} {what}")
        _row("first sync", account.run())
        account.run()
        # The calendars in memory are not ours: the collector need not walk through them while we are measured.
        gc.collect()
        gc.freeze()
        idle[size] = _least([account.run() for _ in range(TIMES)])
        _row("nothing changed", idle[size])
        few[size] = _least([account.run_after_changes() for _ in range(TIMES)])
        _row(f"{min(CHANGED, size)} changed there", few[size])
    _slope("nothing changed", idle)
    _slope(f"{CHANGED} changed there", {size: cost for size, cost in few.items() if size >= CHANGED})


def _slope(job: str, costs: dict[int, Cost]) -> None:
    """The largest against the smallest."""
    if len(costs) < 2:
        return
    (small, least), (large, most) = min(costs.items()), max(costs.items())
    growth = (most.seconds - least.seconds) * 1e6 / max(1, large - small)
    requests, statements = most.requests - least.requests, most.statements - least.statements
    print(
        f"  {job}, {small:,} to {large:,}: {requests:+} requests, {statements:+} statements, {growth:+.3f} us for each event"
    )


def _row(job: str, cost: Cost) -> None:
    print(f"  {job:20} | {cost}", flush=True)


def _least(costs: list[Cost]) -> Cost:
    most = max(cost.statements for cost in costs)
    return Cost(max(cost.requests for cost in costs), most, min(cost.seconds for cost in costs))


class Accounts:
    """One company whose staff members each have one calendar, in memory, which receives and blocks."""

    def __init__(self) -> None:
        from tests.bench.shop import Shop

        self.shop = Shop()
        self.now = self.shop.now
        self.servers: dict[str, Any] = {}

    def with_events(self, size: int) -> Account:
        from kalends.core.span import Span

        account = self._account(f"events-{size}")
        first = self.now + timedelta(hours=1)
        for number in range(size):
            # Some 3 years, so that the hourly look at 48 h is not about most of them.
            start = first + timedelta(minutes=15 * (number % 100_000))
            account.server.add(account.calendar, Span(start, start + timedelta(minutes=10)))
        account.choose()
        return account

    def with_appointments(self, size: int) -> Account:
        account = self._account(f"appointments-{size}")
        self.shop.book(account.staff, size)
        account.choose()
        return account

    def _account(self, name: str) -> Account:
        from kalends.sync.memory_server import MemoryServer

        server = self.servers[name] = MemoryServer(clock=lambda: self.now, subject=name, page_size=PAGE)
        calendar = server.add_calendar("Work", primary=True, timezone="Europe/Paris")
        return Account(self, server, calendar, self.shop.member(name))


class Account:
    """`run` is a poll 5 minutes after the last one, until nothing is left to do."""

    def __init__(self, accounts: Accounts, server: Any, calendar: Any, staff: Any) -> None:
        self.accounts, self.server, self.calendar, self.staff = accounts, server, calendar, staff
        self._changes = 0

    def choose(self) -> None:
        from kalends.calendars import services
        from kalends.calendars.services.joining import store_grant

        now = self.accounts.now
        self.connection = store_grant(
            staff=self.staff, provider="google", subject=self.server.subject, label="bench",
            secret={"subject": self.server.subject}, invitation=None, now=now,
        )  # fmt: skip
        (chosen,) = services.refresh_calendars(connection=self.connection)
        services.choose_calendars(connection=self.connection, receives=chosen.pk, blocks=[chosen.pk], now=now)

    def run(self) -> Cost:
        from django.db import connection

        from kalends.calendars import services

        now: datetime = self.accounts.now
        count = [0]

        def counting(execute: Any, *args: Any) -> Any:
            count[0] += 1
            return execute(*args)

        asked, begun = len(self.server.requests), time.process_time()
        with connection.execute_wrapper(counting):
            while services.run_connection(self.connection.pk, now=now).again:
                pass
        spent = time.process_time() - begun
        self.accounts.now = now + timedelta(minutes=5)
        return Cost(len(self.server.requests) - asked, count[0], spent)

    def run_after_changes(self) -> Cost:
        """A person moves events of their own by 5 minutes; to ours they give a reminder, a colour."""
        for event in list(self.calendar.events.values())[:CHANGED]:
            if event.op_key:
                self.server.touch(self.calendar, event.id)
            else:
                self.server.shift(self.calendar, event.id, timedelta(minutes=5))
        return self.run()


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
