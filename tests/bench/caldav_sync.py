"""Syncing with a Radicale: ours beside vdirsyncer, against the same server in the same run.

Three jobs each: the first sync, a run in which nothing changed, a run after 50 changes. Then what an idle poll and k changes
cost in calendars of 10 to 10,000 events, in requests and SQL statements: neither may grow with the calendar.

Calendars are filled by writing Radicale's files; its cache is warmed before anything is measured.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.server import free_port
from tests.bench.shop import Shop

EVENTS = int(os.environ.get("KALENDS_BENCH_EVENTS", "1000"))
SIZES = tuple(int(size) for size in os.environ.get("KALENDS_BENCH_SIZES", "10,1000,10000").split(","))
CHANGED, FEW = 50, 5
USER, PASSWORD = "bench", "bench"


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall time, the client's own CPU time, and what was asked. A peer has no statements."""

    seconds: float
    own: float
    requests: int
    statements: int | None

    def __str__(self) -> str:
        statements = "" if self.statements is None else f"{self.statements:,} statements"
        return f"{self.requests:5,} requests | {statements:17} | {self.seconds:7.2f} s | {self.own:6.2f} s CPU"


class Radicale:
    """A server of our own: its files, its address, and how many requests it has answered."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.root = folder / "collections/collection-root" / USER
        self.root.mkdir(parents=True)
        self._log = folder / "log"
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
        (folder / "config").write_text(
            f"[server]\nhosts = 127.0.0.1:{self.port}\n"
            f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
            f"[storage]\nfilesystem_folder = {folder}/collections\n[rights]\ntype = owner_only\n[logging]\nlevel = info\n"
        )
        command = [sys.executable, "-m", "radicale", "--config", str(folder / "config")]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self._wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{USER}/"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def requests(self) -> int:
        return len(re.findall(r" request for ", self._log.read_text(encoding="utf-8", errors="replace")))

    def fill(self, name: str, events: int, now: datetime) -> None:
        """A calendar of that many events, on different hours from tomorrow on."""
        folder = self.root / name
        folder.mkdir()
        properties = {"tag": "VCALENDAR", "D:displayname": name, "C:supported-calendar-component-set": "VEVENT"}
        (folder / ".Radicale.props").write_text(json.dumps(properties))
        for number in range(events):
            (folder / f"own-{number}.ics").write_text(_text(number, now), newline="")
        self.ask("PROPFIND", f"{name}/", "", Depth="1")

    def change(self, name: str, numbers: range, now: datetime) -> None:
        for number in numbers:
            self.ask("PUT", f"{name}/own-{number}.ics", _text(number, now + timedelta(minutes=7)))

    def ask(self, method: str, path: str, body: str, **headers: str) -> bytes:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers |= {"Authorization": f"Basic {token}", "Content-Type": "text/calendar; charset=utf-8"}
        request = urllib.request.Request(f"{self.url}{path}", body.encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.read()

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.ask("PROPFIND", "", "", Depth="0")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("Radicale did not start")


def _text(number: int, now: datetime) -> str:
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1, minutes=30 * number)
    start += timedelta(minutes=now.minute % 30)
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//bench//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:own-{number}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{start:%Y%m%dT%H%M00Z}\r\n"
        f"DTEND:{start + timedelta(minutes=20):%Y%m%dT%H%M00Z}\r\nSUMMARY:Event {number}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


# -- ours ------------------------------------------------------------------------------------------------------------


class Ours(Shop):
    """The product's engine on SQLite with one staff member whose calendars are `radicale`'s."""

    def __init__(self, radicale: Radicale) -> None:
        super().__init__()
        self.radicale = radicale

    def connect(self, staff: Any, name: str) -> Any:
        """The staff member's connection to that calendar, which receives and blocks."""
        from kalends.calendars import services
        from kalends.calendars.selectors import calendars_of

        connection = services.connect_caldav(
            staff=staff, url=f"{self.radicale.url}{name}/", username=USER, password=PASSWORD, now=self.now
        )
        chosen = next(row for row in calendars_of(connection=connection) if f"/{name}/" in row.remote_id)
        services.choose_calendars(connection=connection, receives=chosen.pk, blocks=[chosen.pk], now=self.now)
        return connection

    def run(self, connection: Any, minutes: int) -> Cost:
        """Runs until one says that nothing is left: a run stops after a while to let others go on."""
        from kalends.calendars import services

        now = self.now + timedelta(minutes=minutes)

        def work() -> None:
            while services.run_connection(connection.pk, now=now).again:
                pass

        return self.measured(work)

    def measured(self, work: Callable[[], Any]) -> Cost:
        from django.db import connection

        count = [0]

        def counting(execute: Any, *args: Any) -> Any:
            count[0] += 1
            return execute(*args)

        asked, begun, own = self.radicale.requests(), time.perf_counter(), time.process_time()
        with connection.execute_wrapper(counting):
            work()
        spent = time.perf_counter() - begun, time.process_time() - own
        return Cost(*spent, self.radicale.requests() - asked, count[0])


# -- vdirsyncer ------------------------------------------------------------------------------------------------------


class Vdirsyncer:
    """The peer as its users run it: a program, a folder of .ics files, an account. Its seconds include its start."""

    def __init__(self, folder: Path, radicale: Radicale, name: str) -> None:
        self._radicale = radicale
        self.files = folder / "files" / name
        self.files.mkdir(parents=True)
        self._config = folder / "config"
        self._config.write_text(
            f'[general]\nstatus_path = "{folder}/status/"\n[pair bench]\na = "here"\nb = "there"\n'
            f'collections = ["{name}"]\n[storage here]\ntype = "filesystem"\npath = "{folder}/files/"\n'
            f'fileext = ".ics"\n[storage there]\ntype = "caldav"\nurl = "{radicale.url}"\n'
            f'username = "{USER}"\npassword = "{PASSWORD}"\n'
        )
        self._call("discover")

    def sync(self) -> Cost:
        asked, begun = self._radicale.requests(), time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._call("sync")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(time.perf_counter() - begun, own, self._radicale.requests() - asked, None)

    def _call(self, what: str) -> None:
        program = shutil.which("vdirsyncer")
        assert program is not None
        subprocess.run(
            [program, "-v", "ERROR", "-c", str(self._config), what], input=b"y\n" * 9, check=True, capture_output=True
        )


# -- the measurements ------------------------------------------------------------------------------------------------


def main() -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    with tempfile.TemporaryDirectory(prefix="kalends-bench-") as folder:
        env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("KALENDS_") or "_BENCH_" in name
            },
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KALENDS_VAR": folder,
            "KALENDS_QUEUE_URL": "memory://",
            "DJANGO_SETTINGS_MODULE": "kalends.config.settings",
            "KALENDS_BENCH_PORT": str(free_port()),
        }
        env["KALENDS_ALLOW_PRIVATE_HOSTS"] = f"127.0.0.1:{env['KALENDS_BENCH_PORT']}"
        subprocess.run([sys.executable, "-m", "tests.bench.caldav_sync", "inside"], env=env, check=True)


def inside() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="kalends-radicale-") as folder:
        radicale = Radicale(Path(folder), int(os.environ["KALENDS_BENCH_PORT"]))
        try:
            ours = Ours(radicale)
            peer = shutil.which("vdirsyncer") is not None
            if not peer:
                print("vdirsyncer is not installed: ours alone")
            _write(ours, radicale, Path(folder), peer=peer)
            _read(ours, radicale, Path(folder), peer=peer)
            for size in SIZES:
                _grow(ours, radicale, size)
        finally:
            radicale.stop()


def _write(ours: Ours, radicale: Radicale, folder: Path, *, peer: bool) -> None:
    """Appointments that are to stand in an empty calendar; nothing to do; 50 of them changed here."""
    print(f"{EVENTS:,} appointments into an empty calendar")
    radicale.fill("ours", 0, ours.now)
    staff = ours.member("ours")
    booked = ours.book(staff, EVENTS)
    connection = ours.connect(staff, "ours")
    _row("first sync", "ours", ours.run(connection, 0))
    _row("its own writes seen", "ours", ours.run(connection, 5))
    _row("nothing changed", "ours", ours.run(connection, 10))
    ours.note(booked[:CHANGED])
    _row(f"{CHANGED} changed here", "ours", ours.run(connection, 11))
    if not peer:
        return
    radicale.fill("theirs", 0, ours.now)
    program = Vdirsyncer(folder / "up", radicale, "theirs")
    for number in range(EVENTS):
        (program.files / f"own-{number}.ics").write_text(_text(number, ours.now), newline="")
    _row("first sync", "vdirsyncer", program.sync())
    _row("nothing changed", "vdirsyncer", program.sync())
    for number in range(CHANGED):
        (program.files / f"own-{number}.ics").write_text(_text(number, ours.now + timedelta(minutes=7)), newline="")
    _row(f"{CHANGED} changed here", "vdirsyncer", program.sync())


def _read(ours: Ours, radicale: Radicale, folder: Path, *, peer: bool) -> None:
    """A calendar of a person's own events; nothing to do; 50 of them changed there."""
    print(f"{EVENTS:,} events of a person's own")
    radicale.fill("own", EVENTS, ours.now)
    connection = ours.connect(ours.member("own"), "own")
    program = Vdirsyncer(folder / "down", radicale, "own") if peer else None
    _row("first sync", "ours", ours.run(connection, 0))
    if program:
        _row("first sync", "vdirsyncer", program.sync())
    _row("nothing changed", "ours", ours.run(connection, 5))
    if program:
        _row("nothing changed", "vdirsyncer", program.sync())
    radicale.change("own", range(CHANGED), ours.now)
    _row(f"{CHANGED} changed there", "ours", ours.run(connection, 10))
    if program:
        _row(f"{CHANGED} changed there", "vdirsyncer", program.sync())


def _grow(ours: Ours, radicale: Radicale, size: int) -> None:
    print(f"a calendar of {size:,} events")
    name = f"size-{size}"
    radicale.fill(name, size, ours.now)
    connection = ours.connect(ours.member(name), name)
    _row("first sync", "ours", ours.run(connection, 0))
    _row("idle poll", "ours", ours.run(connection, 5))
    radicale.change(name, range(FEW), ours.now)
    _row(f"poll after {FEW} changes", "ours", ours.run(connection, 10))


def _row(job: str, who: str, cost: Cost) -> None:
    print(f"  {job:24} | {who:10} | {cost}", flush=True)


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
