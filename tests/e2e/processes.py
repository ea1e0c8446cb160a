"""The product and its stand-ins as processes of their own, on free ports, in a temporary folder."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg

from kalends.core.clock import utc_now
from kalends.ops.demo.caldav import USER, prepare_caldav
from kalends.ops.demo.place import Place
from kalends.ops.demo.sandbox import prepare_sandbox
from kalends.ops.processes import own

# Machines are shared and slow: what should take a second may take this long before a test gives up.
PATIENCE = 120.0
ZONE = "Europe/Paris"
ENDED_AS_TOLD = (0, -signal.SIGTERM, -signal.SIGKILL)


def until(look: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """What `look` gives as soon as it is true. Fails, saying what was waited for."""
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:.0f} s for {what}; the last look gave {found!r}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Below the range that outgoing connections take theirs from: a port that is used minutes later must still be free.

    Drawn from the system's chance: tests run side by side begin with equal seeds, and would take equal ports.
    """
    chance = random.SystemRandom()
    found: set[int] = set()
    while len(found) < count:
        port = chance.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.add(port)
    return list(found)


@dataclass(frozen=True)
class Running:
    """Where everything is. `ics_port` is a port that the product may reach: a test may serve a calendar there."""

    place: Place
    ics_port: int
    environment: Mapping[str, str]

    def kalends(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(own(*arguments), env=self.environment, check=check, capture_output=True, text=True)

    def make_tables(self) -> None:
        self.kalends("migrate")

    def shell(self, code: str) -> str:
        """Code run inside the product, for what no page does: letting time pass for a row."""
        return self.kalends("manage", "shell", "--no-imports", "-c", code).stdout

    def log(self, name: str) -> str:
        return (self.place.var / f"{name}.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(folder: Path, database_url: str, **changed: str) -> Iterator[Running]:
    """Radicale, the sandbox, web and worker, with the environment `changed`. Everything ends with the block."""
    with surroundings(folder, database_url, **changed) as here, ExitStack() as stack:
        web = stack.enter_context(_process("web", own("web", "--bind", f"127.0.0.1:{here.place.web_port}"), here))
        stack.enter_context(_process("worker", own("worker"), here))
        until(partial(_is_up, "web", web, f"{here.place.base_url}/readyz", here), "an answer of web")
        yield here


@contextmanager
def surroundings(
    folder: Path, database_url: str, make_tables: Callable[[Running], object] = Running.make_tables, **changed: str
) -> Iterator[Running]:
    """Radicale and the sandbox, and a database with tables; web and worker are the caller's to start."""
    web_port, sandbox_port, caldav_port, ics_port = free_ports(4)
    place = Place(
        var=folder,
        web_port=web_port,
        sandbox_port=sandbox_port,
        caldav_port=caldav_port,
        google_secret=secrets.token_urlsafe(16),
        microsoft_secret=secrets.token_urlsafe(16),
        caldav_password=secrets.token_urlsafe(9),
    )
    here = Running(place, ics_port, _environment(place, ics_port, database_url) | changed)
    _make_calendar(place)
    place.mail.mkdir()
    caldav = prepare_caldav(place, now=utc_now(), timezone=ZONE)
    sandbox = prepare_sandbox(place, "--empty", timezone=ZONE)
    with _process("caldav", caldav.command, here) as one, _process("sandbox", sandbox.command, here) as other:
        make_tables(here)
        for name, child, url in (("caldav", one, place.caldav_url), ("sandbox", other, place.sandbox_url)):
            until(partial(_is_up, name, child, url, here), f"an answer of {name} at {url}")
        yield here


def _is_up(name: str, child: subprocess.Popen[bytes], url: str, here: Running) -> bool:
    """Fails at once, with its last words, where the process has ended: waiting longer would tell nothing."""
    if child.poll() is not None:
        raise AssertionError(f"{name} ended with {child.returncode} before it answered: {here.log(name)[-2000:]}")
    return answers(url)


def _environment(place: Place, ics_port: int, database_url: str) -> dict[str, str]:
    """The demo's wiring, hurried. What the tests' own process was given must not reach the product."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("KALENDS_", "DJANGO_"))}
    demo = {name: value for name, value in place.environment().items() if name.startswith("KALENDS_")}
    wiring = {name: value for name, value in demo.items() if os.environ.get(name) != value}
    return {
        **outside,
        **wiring,
        "KALENDS_ALLOW_PRIVATE_HOSTS": f"{demo['KALENDS_ALLOW_PRIVATE_HOSTS']},127.0.0.1:{ics_port}",
        "KALENDS_DATABASE_URL": database_url or f"sqlite:///{place.var}/kalends.db",
        "KALENDS_POLL_SECONDS": "1",
        "KALENDS_GRACE_SECONDS": "1",
        "KALENDS_SWEEP_SECONDS": "1",
    }


def _make_calendar(place: Place) -> None:
    """An empty calendar, before the demo would fill one."""
    calendar = place.var / "radicale/collections/collection-root" / USER / "calendar"
    calendar.mkdir(parents=True)
    properties = '{"tag": "VCALENDAR", "D:displayname": "Work", "C:supported-calendar-component-set": "VEVENT"}'
    (calendar / ".Radicale.props").write_text(properties, encoding="utf-8")


@contextmanager
def _process(name: str, command: Sequence[str], here: Running) -> Iterator[subprocess.Popen[bytes]]:
    with (here.place.var / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(command, env=here.environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            # Its children too: a web server that does not end must not outlive the tests.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.returncode not in ENDED_AS_TOLD:
            print(f"{name} ended by itself with {child.returncode}: {here.log(name)[-2000:]}")


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code in (200, 401)
    except httpx2.HTTPError:
        return False


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """A database of its own on the server that `server_url` names; "" gives "", which means SQLite."""
    if not server_url:
        yield ""
        return
    name = f"kalends_e2e_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as link:
            link.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
