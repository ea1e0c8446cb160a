"""A rolling upgrade under load: `python -m tests.e2e.rolling --from REF`, REF being a commit of this repository.

Two web and three worker processes of that commit, on PostgreSQL and Redis, serve customers, a manager and people in
their own calendars. Beside them this version migrates the database; later one process after the other is asked to stop
and started anew as this version, workers first, as docs/operations.md says. In the end what was promised is looked for
as after the kills: each acknowledged booking stands, with one event and one mail a change.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from tools.with_postgres import find_binaries, postgres

import kalends
from tests.e2e.crowd import Crowd
from tests.e2e.hosts import Program, hosts, post, redis
from tests.e2e.processes import Running, answers, surroundings, until
from tests.e2e.settled import (
    LEASES_RUN_OUT,
    PAUSES_RUN_OUT,
    Site,
    connect,
    second_sync_writes_nothing,
    wait_for_rest,
)
from tests.e2e.world import make_company

SOURCE = Path(kalends.__file__).parent
VENDOR = "web/static/vendor"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.e2e.rolling", description=__doc__)
    parser.add_argument("--from", dest="ref", required=True, help="the commit to upgrade from")
    parser.add_argument("--seconds", type=float, default=15, help="of load in each of the stages (default: 15)")
    options = parser.parse_args()
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="kalends-rolling-") as name:
        folder = Path(name)
        older = _older_source(options.ref, folder)
        with _installation(folder, older) as site:
            _upgrade(site, older, options.seconds)
            _tell_errors(site)


def _older_source(ref: str, folder: Path) -> Path:
    """That commit's product, with the vendored files of pages, which no commit holds, of today."""
    archive = subprocess.run(["git", "archive", ref, "src"], check=True, capture_output=True).stdout
    (folder / "older").mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder / "older")], input=archive, check=True)
    source = folder / "older/src"
    shutil.copytree(SOURCE / VENDOR, source / "kalends" / VENDOR)
    return source


def _with_source(here: Running, source: Path) -> Running:
    return replace(here, environment={**here.environment, "PYTHONPATH": str(source)})


@contextmanager
def _installation(folder: Path, older: Path) -> Iterator[Site]:
    binaries, redis_server = find_binaries(), shutil.which("redis-server")
    if binaries is None or redis_server is None:
        sys.exit("many hosts share one PostgreSQL and one Redis; one of them is not installed here")
    with post() as mails, redis(redis_server, folder) as (_, queue_url), postgres(binaries) as server:

        def execute(statement: str) -> None:
            with psycopg.connect(server.url, autocommit=True) as link:
                link.execute(statement)

        def make_older_tables(here: Running) -> None:
            _with_source(here, older).make_tables()

        changed = {"KALENDS_EMAIL_URL": mails.url, "KALENDS_QUEUE_URL": queue_url, "KALENDS_PUSH": "off"}
        with (
            surroundings(folder, server.url, make_older_tables, **changed) as here,
            hosts(_with_source(here, older), webs=2, workers=3) as made,
        ):
            yield Site(here, made, mails, execute, [])


def _upgrade(site: Site, older: Path, seconds: float) -> None:
    before = _with_source(site.here, older)
    company = make_company(before, bidirectional=True, on_outside_delete="cancel")
    calendars = connect(before, company)
    service = company.add_service("Consultation", 30, sorted(calendars))
    crowd = Crowd(company, service, calendars, site.hosts.urls, seed=int(time.time()))
    stages: dict[str, Callable[[], None]] = {
        "older processes, older tables": lambda: None,
        "older processes, newer tables": site.here.make_tables,
        "newer workers, older web": lambda: _exchange(site, site.hosts.workers),
        "newer workers and web": lambda: _exchange(site, site.hosts.webs),
    }
    crowd.begin()
    try:
        for stage, act in stages.items():
            begun, promised, asked = time.monotonic(), len(crowd.promised), crowd.counts["asked again"]
            act()
            took = time.monotonic() - begun
            time.sleep(seconds)
            made, again = len(crowd.promised) - promised, crowd.counts["asked again"] - asked
            print(f"{stage:32} | {took:5.1f} s to get there | {made:4} bookings | {again:3} asked again", flush=True)
    finally:
        crowd.end()
    # What the clock would do by itself, in three minutes for what an older worker had in hand when it ended.
    for statement in (LEASES_RUN_OUT, *PAUSES_RUN_OUT):
        site.execute(statement)
    wait_for_rest(site, crowd)
    second_sync_writes_nothing(site, company, calendars)
    copies = len(site.post.copies)
    repeated = copies - len({copy.message_id for copy in site.post.copies})
    print(f"nothing lost, nothing doubled; {dict(sorted(crowd.counts.items()))}; {copies} mails, {repeated} repeated")


def _exchange(site: Site, programs: list[Program]) -> None:
    urls = dict(zip([web.name for web in site.hosts.webs], site.hosts.urls, strict=True))
    for program in programs:
        program.stop()
        program.environment = dict(site.here.environment)
        program.start()
        if url := urls.get(program.name):
            until(lambda url=url: answers(f"{url}/readyz"), f"an answer of {url}")


def _tell_errors(site: Site) -> None:
    """What processes logged as errors, by kind."""
    found: Counter[str] = Counter()
    for program in [*site.hosts.webs, *site.hosts.workers]:
        for line in program.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{") and (entry := json.loads(line))["level"] in ("error", "critical"):
                found[f"{entry['logger']}: {entry['event']} {entry.get('trace', '')[-200:]}"] += 1
    for what, times in found.most_common():
        print(f"logged {times} times: {what}")


if __name__ == "__main__":
    main()
