"""Two web and three worker processes, killed with -9 at random while people book, move, cancel and edit their calendars.

Afterwards everything is let settle, and the guarantees are looked for in the rows, in the calendars and in the mails.
`make kill-test SECONDS=300` for longer; KALENDS_TEST_SEED=n repeats the people's and the reaper's dice.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random

import psycopg
import pytest
from tools.with_postgres import Server, find_binaries, postgres

from tests.e2e.crowd import Crowd
from tests.e2e.hosts import Program, hosts, post, redis
from tests.e2e.processes import surroundings
from tests.e2e.settled import (
    LEASES_RUN_OUT,
    PAUSES_RUN_OUT,
    Site,
    connect,
    problems,
    second_sync_writes_nothing,
    wait_for_rest,
)
from tests.e2e.world import make_company
from tests.support import require, skip

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECONDS = float(os.environ.get("KALENDS_TEST_KILL_SECONDS", "12"))
SEED = int(os.environ.get("KALENDS_TEST_SEED", "0")) or int(time.time())


@pytest.fixture
def sqlite_site(tmp_path: Path) -> Iterator[Site]:
    def execute(statement: str) -> None:
        with closing(sqlite3.connect(tmp_path / "kalends.db", timeout=60, isolation_level=None)) as link:
            link.execute(statement)

    with ExitStack() as stack:
        mails = stack.enter_context(post())
        here = stack.enter_context(surroundings(tmp_path, "", KALENDS_EMAIL_URL=mails.url, KALENDS_PUSH="off"))
        yield Site(here, stack.enter_context(hosts(here, webs=2, workers=3)), mails, execute, [])


@pytest.fixture
def postgres_site(tmp_path: Path) -> Iterator[Site]:
    binaries = find_binaries()
    if binaries is None:
        skip("many hosts share one PostgreSQL, which is not installed")
    program = require("redis-server", "many hosts share one queue")
    with post() as mails, redis(program, tmp_path) as (queue, queue_url), postgres(binaries) as server:

        def execute(statement: str) -> None:
            with psycopg.connect(server.url, autocommit=True) as link:
                link.execute(statement)

        changed = {"KALENDS_EMAIL_URL": mails.url, "KALENDS_QUEUE_URL": queue_url, "KALENDS_PUSH": "off"}
        with surroundings(tmp_path, server.url, **changed) as here, hosts(here, webs=2, workers=3) as made:
            trouble = [lambda: _fail_over(server), lambda: _lose_queue(queue)]
            yield Site(here, made, mails, execute, trouble)


def _fail_over(server: Server) -> None:
    server.stop()
    time.sleep(1)
    server.start()


def _lose_queue(queue: Program) -> None:
    queue.kill()
    time.sleep(1)
    queue.start()


# -- the tests ------------------------------------------------------------------------------------------------------


def test_G6_killed_processes_on_one_sqlite_machine_lose_and_double_nothing(sqlite_site: Site):
    _kill_and_look(sqlite_site)


def test_G6_killed_hosts_restarted_database_and_lost_queue_lose_and_double_nothing(postgres_site: Site):
    _kill_and_look(postgres_site)


def _kill_and_look(site: Site) -> None:
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    company = make_company(site.here, bidirectional=True, on_outside_delete="cancel")
    calendars = connect(site.here, company)
    service = company.add_service("Consultation", 30, sorted(calendars))
    crowd = Crowd(company, service, calendars, site.hosts.urls, SEED)
    print(f"seed {SEED}, {SECONDS:.0f} s")
    crowd.begin()
    try:
        _reap(site, crowd)
    finally:
        crowd.end()
    _let_settle(site)
    wait_for_rest(site, crowd)
    second_sync_writes_nothing(site, company, calendars)
    assert problems(site, crowd) == []
    copies = len(site.post.copies)
    repeated = copies - len({copy.message_id for copy in site.post.copies})
    print(f"{len(site.hosts.killed)} kills; {dict(sorted(crowd.counts.items()))}; {copies} mails, {repeated} repeated")


def _reap(site: Site, crowd: Crowd) -> None:
    dice = Random(f"{SEED}/reaper")
    begun = time.monotonic()
    trouble = {(number + 1) / (len(site.trouble) + 1): act for number, act in enumerate(site.trouble)}
    while (passed := (time.monotonic() - begun) / SECONDS) < 1 and not crowd.failures:
        time.sleep(dice.uniform(0.5, 5.0))
        site.hosts.kill_one(dice)
        # Also while a living worker holds one: its fence is worth nothing from now on.
        site.execute(LEASES_RUN_OUT)
        for due in [share for share in trouble if share <= passed]:
            trouble.pop(due)()


def _let_settle(site: Site) -> None:
    """The last kill takes everybody; then time passes, so that nothing waits for what nobody holds."""
    site.hosts.kill_all()
    site.execute(LEASES_RUN_OUT)
    for statement in PAUSES_RUN_OUT:
        site.execute(statement)
    site.hosts.start()
