"""10,000 connections that have nothing to do: what a sweep, a claim and an idle look cost, and a worker that waits.

`python -m tests.bench.idle_connections` on SQLite; under tools/with_postgres.py on PostgreSQL. Times are the process's
own (user and system), so that other programs on the machine hardly change them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.bench.server import own_settings

CONNECTIONS = 10_000
DUE = 1_000
WATCHED_SECONDS = float(os.environ.get("KALENDS_BENCH_SECONDS", "60"))


def main() -> None:
    from tests.e2e.processes import fresh_database

    url = os.environ.get("KALENDS_TEST_DATABASE_URL", "")
    with fresh_database(url) as database_url, own_settings(database_url) as env:
        inside = [sys.executable, "-m", "tests.bench.idle_connections", "inside"]
        subprocess.run(inside, env=env, check=True)
        # The queue that a worker really has: a file beside SQLite, tables in PostgreSQL.
        del env["KALENDS_QUEUE_URL"]
        _watch_worker(env)


def _watch_worker(env: dict[str, str]) -> None:
    worker = subprocess.Popen([sys.executable, "-m", "kalends", "worker"], env=env, stderr=subprocess.DEVNULL)
    try:
        time.sleep(15)
        before = _own_seconds(worker.pid)
        time.sleep(WATCHED_SECONDS)
        share = (_own_seconds(worker.pid) - before) / WATCHED_SECONDS
        print(f"{'a worker with nothing due':44} | {share:7.2%} of a core over {WATCHED_SECONDS:.0f} s")
    finally:
        worker.terminate()
        worker.wait(20)


def _own_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def inside() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _make_rows()
    _measure()


def _make_rows() -> None:
    from kalends.calendars.models import CalendarConnection, RemoteCalendar
    from kalends.core.clock import utc_now
    from tests.factories import make_company

    company, later = make_company("bench"), utc_now() + timedelta(hours=2)
    rows = [
        CalendarConnection(
            company=company, provider="google", subject=f"account-{number}", state="active", mode="two_way",
            due_at=later + timedelta(seconds=number % 1800),
        )
        for number in range(CONNECTIONS)
    ]  # fmt: skip
    CalendarConnection.objects.bulk_create(rows, batch_size=1000)
    calendars = [
        RemoteCalendar(connection=row, remote_id="cal-1", name="Work", blocks=True, next_poll_at=row.due_at)
        for row in rows
    ]
    RemoteCalendar.objects.bulk_create(calendars, batch_size=1000)


def _measure() -> None:
    from kalends.calendars import services, tasks
    from kalends.calendars.engine import lease
    from kalends.calendars.models import CalendarConnection
    from kalends.core.clock import utc_now
    from kalends.jobs.queue import huey

    now = utc_now()
    _cost("sweep each second, nothing due", 200, lambda: services.wake_due_connections(now=now, since=now))
    _cost("sweep each 30 s, nothing due", 200, lambda: services.wake_due_connections(now=now))
    ids = list(CalendarConnection.objects.order_by("pk").values_list("pk", flat=True)[:DUE])
    _cost("a wake-up that comes second", 200, lambda: tasks.sync_connection.call_local(str(ids[0])))
    CalendarConnection.objects.filter(pk__in=ids).update(due_at=now)
    _cost(f"sweep that wakes {DUE}", 20, lambda: (services.wake_due_connections(now=now), huey.flush()))
    todo = iter(ids)

    def claim() -> None:
        pk = next(todo)
        taken = lease.take(pk)
        assert taken is not None
        lease.release(pk, taken.fence, now + timedelta(hours=2))

    _cost("claim and release of one", 500, claim)
    _idle_looks()
    CalendarConnection.objects.update(due_at=now + timedelta(hours=2))


def _idle_looks() -> None:
    """One calendar that receives and blocks, in memory: our own share, without the provider's time and the network's."""
    from kalends.calendars.providers import provider_factory
    from tests.calendars.world import POLL, at, make_world

    world = make_world()
    with provider_factory(world.provider_for):
        connection = world.connect()
        work = connection.calendars.get(remote_id="cal-1")
        world.choose(connection, work, [work])
        world.run(connection)
        for hour in range(9, 14):
            world.book(at(3, hour))
        world.run(connection)
        world.pass_time(POLL)
        world.run(connection)
        world.forget_requests()

        def look() -> None:
            world.pass_time(POLL)
            assert world.run(connection).pages == 1

        _cost("idle poll of one calendar", 25, look)
    assert world.count("pull") == 26, world.server.requests


def _cost(job: str, times: int, work: Callable[[], object]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        work()
    begun = time.process_time()
    for _ in range(times):
        work()
    spent = (time.process_time() - begun) / times * 1000
    print(f"{job:44} | {len(queries):3} statements | {spent:8.3f} ms of a core", flush=True)


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
