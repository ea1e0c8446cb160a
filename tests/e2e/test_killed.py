"""Two web and three worker processes, killed with -9 at random while people book, move, cancel and edit their calendars.

Afterwards everything is let settle, and the guarantees are looked for in the rows, in the calendars and in the mails.
`make kill-test SECONDS=300` for longer; KALENDS_TEST_SEED=n repeats the people's and the reaper's dice.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from tools.with_postgres import Server, find_binaries, postgres

from tests.e2e.crowd import Crowd
from tests.e2e.hosts import Hosts, Post, Program, hosts, post, redis
from tests.e2e.processes import Running, surroundings, until
from tests.e2e.world import Company, Google, Microsoft, Outside, Radicale, make_company
from tests.support import require, skip

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECONDS = float(os.environ.get("KALENDS_TEST_KILL_SECONDS", "12"))
SEED = int(os.environ.get("KALENDS_TEST_SEED", "0")) or int(time.time())

FACTS = """
import json
from kalends.bookings.models import Attendee, Claim
from kalends.calendars.models import CalendarConnection
from kalends.messages.models import OutgoingMessage
print(json.dumps({
    "appointments": [
        {"id": str(row.appointment_id), "name": row.name, "email": row.email, "status": row.appointment.status,
         "start": row.appointment.start.isoformat(), "end": row.appointment.end.isoformat(),
         "staff": [str(one.staff_id) for one in row.appointment.assigned.all()]}
        for row in Attendee.objects.select_related("appointment").prefetch_related("appointment__assigned")
    ],
    "claims": sorted([str(row.staff_id), row.start.isoformat(), row.end.isoformat()]
                     for row in Claim.objects.filter(blocks=True, appointment__isnull=False)),
    "connections": sorted(row.state for row in CalendarConnection.objects.all()),
    "unsent": OutgoingMessage.objects.exclude(state__in=["sent", "superseded"]).count(),
}))
"""
# What the clock would do by itself in three minutes, for connections, and in five, for mails.
LEASES_RUN_OUT = "UPDATE calendars_calendarconnection SET lease_until = '2000-01-01' WHERE lease_until IS NOT NULL"
PAUSES_RUN_OUT = (
    "UPDATE outbox_outgoingmessage SET lease_until = NULL, due_at = '2000-01-01' WHERE state = 'queued'",
    "UPDATE calendars_calendarconnection SET due_at = '2000-01-01' WHERE due_at IS NOT NULL",
)


@dataclass
class Site:
    """One installation, with what can break about it besides its processes."""

    here: Running
    hosts: Hosts
    post: Post
    execute: Callable[[str], None]
    trouble: list[Callable[[], None]]

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.here.shell(FACTS))
        return found


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
    calendars = _connect(site, company)
    service = company.add_service("Consultation", 30, sorted(calendars))
    crowd = Crowd(company, service, calendars, site.hosts.urls, SEED)
    print(f"seed {SEED}, {SECONDS:.0f} s")
    crowd.begin()
    try:
        _reap(site, crowd)
    finally:
        crowd.end()
    _let_settle(site)
    _wait_for_rest(site, crowd)
    _second_sync_writes_nothing(site, company, calendars)
    assert _problems(site, crowd) == []
    copies = len(site.post.copies)
    repeated = copies - len({copy.message_id for copy in site.post.copies})
    print(f"{len(site.hosts.killed)} kills; {dict(sorted(crowd.counts.items()))}; {copies} mails, {repeated} repeated")


def _connect(site: Site, company: Company) -> dict[str, Outside]:
    made: dict[str, Outside] = {
        "Emma Morris": Google(site.here, "emma@sandbox.example"),
        "Taylor Carpenter": Microsoft(site.here, "office365", "taylor.carpenter@lakeside.example"),
        "John Smith": Radicale(site.here),
    }
    members = {company.add_staff(name): outside for name, outside in made.items()}
    for staff, outside in members.items():
        outside.connect(company, staff)
    return members


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


def _wait_for_rest(site: Site, crowd: Crowd) -> None:
    deadline = time.monotonic() + 240
    while found := _problems(site, crowd):
        assert time.monotonic() < deadline, "\n".join(found[:20])
        time.sleep(2)


def _second_sync_writes_nothing(site: Site, company: Company, calendars: dict[str, Outside]) -> None:
    def read_at() -> list[Any]:
        return [company.api.get(f"/staff/{staff}/connections")["items"][0]["fresh_as_of"] for staff in calendars]

    before = {staff: outside.state() for staff, outside in calendars.items()}
    copies = len(site.post.copies)
    for _ in range(2):
        then = read_at()
        until(lambda then=then: all(map(str.__ne__, then, read_at())), "another turn of each connection")
    site.here.kalends("sync", "--all")
    assert {staff: outside.state() for staff, outside in calendars.items()} == before
    assert len(site.post.copies) == copies


# -- what must hold -------------------------------------------------------------------------------------------------


def _problems(site: Site, crowd: Crowd) -> list[str]:
    facts = site.facts()
    found = _kept_promises(facts, crowd) + _overlaps(facts) + _calendars(facts, crowd)
    return found + _mails(facts, site.post) + _state(facts)


def _state(facts: dict[str, Any]) -> list[str]:
    found = [f"a connection is {state}" for state in facts["connections"] if state != "active"]
    return [*found, f"{facts['unsent']} mails have not left"] if facts["unsent"] else found


def _kept_promises(facts: dict[str, Any], crowd: Crowd) -> list[str]:
    """Every acknowledged booking once, nothing besides; cancelled only by somebody's act, and by every deletion."""
    rows = facts["appointments"]
    found = []
    if sorted(row["id"] for row in rows) != sorted(crowd.promised.values()):
        found.append(f"{len(rows)} appointments for {len(crowd.promised)} acknowledged bookings")
    cancelled = {row["name"] for row in rows if row["status"] == "cancelled"}
    found += [f"{name} was cancelled by nobody" for name in cancelled - crowd.cancelled - crowd.deleted]
    return found + [f"{name} was cancelled by the manager and stands" for name in crowd.cancelled - cancelled]


def _overlaps(facts: dict[str, Any]) -> list[str]:
    pairs = zip(facts["claims"], facts["claims"][1:], strict=False)
    return [f"{one} overlaps {two}" for one, two in pairs if one[0] == two[0] and one[2] > two[1]]


def _calendars(facts: dict[str, Any], crowd: Crowd) -> list[str]:
    """Each confirmed appointment has one live event with our times, none has another."""
    found = []
    for staff, outside in crowd.calendars.items():
        wanted = sorted(
            (row["name"], datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"]))
            for row in facts["appointments"]
            if row["status"] == "confirmed" and row["staff"] == [staff]
        )
        shown = sorted((crowd.name_in(event), event.start, event.end) for event in outside.ours())
        kind = type(outside).__name__
        found += [f"{kind} lacks {one}" for one in wanted if one not in shown]
        found += [f"{kind} shows {one}" for one in shown if one not in wanted]
        found += [f"{kind} shows {one} twice" for one in set(shown) if shown.count(one) > 1]
    return found


def _mails(facts: dict[str, Any], post: Post) -> list[str]:
    """One mail a change, or the same bytes again; whoever is confirmed was last told the time that holds."""
    found = []
    for row in facts["appointments"]:
        copies = [copy for copy in post.copies if copy.recipient == row["email"]]
        by_change: dict[Any, set[bytes]] = {}
        for copy in copies:
            by_change.setdefault(copy.change, set()).add(copy.content)
        doubled = {change: len(texts) for change, texts in by_change.items() if len(texts) > 1}
        found += [f"{row['name']}: {count} mails of {change}" for change, count in doubled.items()]
        last = max(copies, key=lambda copy: copy.change[2], default=None)
        told = (last.change[0], last.start) if last else ("", None)
        wanted = ("REQUEST", datetime.fromisoformat(row["start"]))
        if row["status"] == "confirmed" and told != wanted:
            found.append(f"{row['name']} was last told {told}, not {wanted}")
        if row["status"] == "cancelled" and told[0] == "REQUEST":
            found.append(f"{row['name']} was not told of the cancellation")
    return found
