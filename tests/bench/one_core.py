"""What one core of a worker and of a web process does: changes a second, feed fetches a second.

`python -m tests.bench.one_core` on SQLite; under tools/with_postgres.py on PostgreSQL. The real engine against calendars
in memory and the whole request without a socket, so that what is counted, in CPU time of this process, is our own share.
"""

from __future__ import annotations

import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.bench.server import own_settings

BOOKINGS = 40


def main() -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    from tests.e2e.processes import fresh_database

    url = os.environ.get("KALENDS_TEST_DATABASE_URL", "")
    with fresh_database(url) as database_url, own_settings(database_url) as env:
        subprocess.run([sys.executable, "-m", "tests.bench.one_core", "inside"], env=env, check=True)


def inside() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from kalends.calendars.providers import provider_factory
    from tests.calendars.world import make_world

    call_command("migrate", verbosity=0)
    logging.getLogger("kalends").setLevel(logging.WARNING)
    world = make_world()
    with provider_factory(world.provider_for):
        world.connect()
        world.run()
        _changes(world)
        _fetches(world)


def _changes(world: Any) -> None:
    from kalends.core.span import Span
    from tests.calendars.world import GRACE, HALF_HOUR, POLL, START, at

    free = [at(day, hour, minute) for day in (3, 4, 5, 6) for hour in range(9, 14) for minute in (0, 30)]
    booked = []

    def book() -> None:
        booked.append(world.book(free[len(booked)]))

    _row("a booking becomes an event", _seconds(book, world.run, BOOKINGS))
    later = (START.replace(day=number) for number in range(9, 29))

    def add() -> None:
        begin = next(later)
        world.server.add(world.extra, Span(begin, begin + HALF_HOUR))
        world.pass_time(POLL)

    _row("an event of somebody's blocks", _seconds(add, world.run, 20))
    todo = iter(booked)

    def move() -> None:
        event = world.event(next(todo))
        world.server.shift(world.main, event.id, 14 * 2 * 24 * HALF_HOUR)
        world.pass_time(POLL)

    def follow() -> None:
        world.run()
        world.pass_time(GRACE)
        world.run()

    _row("an event moved moves its appointment", _seconds(move, follow, 20))
    world.pass_time(POLL)
    _row("nothing changed", _seconds(lambda: world.pass_time(POLL), world.run, 40))


def _fetches(world: Any) -> None:
    from kalends.companies.selectors import feed_url
    from kalends.config.wsgi import application

    path = "/" + feed_url(world.staff.feed).split("/", 3)[3]
    kept: dict[str, str] = {}

    def fetch(**headers: str) -> str:
        def answer(status: str, found: Iterable[tuple[str, str]], _error: object = None) -> None:
            kept.update(status=status, etag=dict(found).get("ETag", ""))

        b"".join(application(_environ(path, **headers), answer))
        return kept["status"]

    assert fetch() == "200 OK", kept
    _row(f"a feed of {BOOKINGS} appointments", _seconds(lambda: None, fetch, 300))
    tag = kept["etag"]
    assert fetch(HTTP_IF_NONE_MATCH=tag).startswith("304"), kept
    _row("the same, unchanged since", _seconds(lambda: None, lambda: fetch(HTTP_IF_NONE_MATCH=tag), 300))


def _environ(path: str, **headers: str) -> dict[str, Any]:
    from wsgiref.util import setup_testing_defaults

    environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1", **headers}
    setup_testing_defaults(environ)
    return environ


def _seconds(before: Callable[[], object], work: Callable[[], object], times: int) -> float:
    """The median of `times`, not counting the first."""
    found = []
    for _ in range(times):
        before()
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return statistics.median(found[1:])


def _row(job: str, seconds: float) -> None:
    print(f"{job:38} | {seconds * 1000:7.2f} ms of a core | {1 / seconds:7.0f} a second", flush=True)


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
