"""Syncing with a Radicale: ours beside vdirsyncer, against the same server in the same run.

Three jobs each: the first sync, a run in which nothing changed, a run after 50 changes; and by hand, the least that could be
asked of this server. The peer writes the events that ours wrote, byte for byte: what is in one decides how long this
server takes. Who asks first after a change waits for more of the server's work: ours and the ideal take turns at it.

KALENDS_BENCH_EVENTS=5000 python -m tests.bench.caldav_sync [write | read]. Radicale looks through its whole calendar at
each new event, so that writing 5,000 of them takes long, for the peer too; KALENDS_BENCH_RADICALE=indexed gives it an index
for that one question (radicale_indexed). What grows with the calendar is in sync_scale.

Calendars are filled by writing Radicale's files; its cache is warmed before anything is measured.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.server import own_settings
from tests.bench.shop import Shop

EVENTS = int(os.environ.get("KALENDS_BENCH_EVENTS", "1000"))
CHANGED, TIMES, ROUNDS = 50, 5, 4
STORAGES = {"": "multifilesystem", "indexed": "tests.bench.radicale_indexed"}
STORAGE = STORAGES[os.environ.get("KALENDS_BENCH_RADICALE", "")]
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
            f"[storage]\ntype = {STORAGE}\nfilesystem_folder = {folder}/collections\n[rights]\ntype = owner_only\n[logging]\nlevel = info\n"
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

    def texts(self, name: str) -> dict[str, str]:
        """Its events by the names of their files."""
        return {path.name: path.read_bytes().decode() for path in sorted((self.root / name).glob("*.ics"))}

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

    def hold(self, texts: Mapping[str, str]) -> None:
        """These events stand in the folder, by the names of their files."""
        for name, text in texts.items():
            (self.files / name).write_text(text, newline="")

    def _call(self, what: str) -> None:
        program = shutil.which("vdirsyncer")
        assert program is not None
        subprocess.run(
            [program, "-v", "ERROR", "-c", str(self._config), what], input=b"y\n" * 9, check=True, capture_output=True
        )


# -- by hand ---------------------------------------------------------------------------------------------------------


class ByHand:
    """The least that must be asked, over one connection, with neither a database nor a library: an ideal client."""

    def __init__(self, radicale: Radicale, name: str) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", radicale.port, timeout=300)
        self._path = f"/{USER}/{name}/"
        self._token = ""
        self._asked = 0

    def poll(self) -> Cost:
        """What changed since the last time, and the texts of it, 100 at once."""
        return self._measured(self._poll)

    def put(self, texts: Mapping[str, str]) -> Cost:
        return self._measured(lambda: [self._ask("PUT", name, text) for name, text in texts.items()])

    def _poll(self) -> None:
        wanted = "<sync-level>1</sync-level><prop><getetag/></prop>"
        answer = self._ask(
            "REPORT",
            "",
            f'<sync-collection xmlns="DAV:"><sync-token>{self._token}</sync-token>{wanted}</sync-collection>',
        )
        (self._token,) = re.findall(r"<sync-token>(.*?)</sync-token>", answer)
        changed = re.findall(r"<href>([^<]*\.ics)</href>", answer)
        for start in range(0, len(changed), 100):
            hrefs = "".join(f"<href>{href}</href>" for href in changed[start : start + 100])
            wanted = "<prop><getetag/><C:calendar-data/></prop>"
            names = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
            self._ask("REPORT", "", f"<C:calendar-multiget {names}>{wanted}{hrefs}</C:calendar-multiget>")

    def _ask(self, method: str, name: str, body: str) -> str:
        self._asked += 1
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        kind = "text/calendar" if method == "PUT" else "application/xml"
        headers = {"Authorization": f"Basic {token}", "Content-Type": f"{kind}; charset=utf-8"}
        self._link.request(method, self._path + name, body.encode(), headers)
        answer = self._link.getresponse()
        text = answer.read().decode()
        assert answer.status < 300, answer.status
        return text

    def _measured(self, work: Callable[[], Any]) -> Cost:
        asked, begun, own = self._asked, time.perf_counter(), time.process_time()
        work()
        return Cost(time.perf_counter() - begun, time.process_time() - own, self._asked - asked, None)


# -- the measurements ------------------------------------------------------------------------------------------------


def main(*parts: str) -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    with own_settings() as env:
        env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
        command = [sys.executable, "-m", "tests.bench.caldav_sync", "inside", *(parts or PARTS)]
        subprocess.run(command, env=env, check=True)


def inside(*parts: str) -> None:
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
            for part in parts:
                PARTS[part](ours, radicale, Path(folder), peer=peer)
        finally:
            radicale.stop()


def _write(ours: Ours, radicale: Radicale, folder: Path, *, peer: bool) -> None:
    """Appointments that are to stand in an empty calendar; nothing to do; 50 of them changed here."""
    print(f"{EVENTS:,} appointments into an empty calendar")
    radicale.fill("ours", 0, ours.now)
    staff = ours.member("ours")
    booked = ours.book(staff, EVENTS)
    connection = ours.connect(staff, "ours")
    written = ours.run(connection, 0)
    _row("its own writes seen", "ours", ours.run(connection, 5))
    by_hand = ByHand(radicale, "ours")
    by_hand.poll()
    idle, idle_by_hand = _idle(lambda number: ours.run(connection, 10 + 3 * number), by_hand)
    ours.note(booked[:CHANGED])
    changed = ours.run(connection, 11 + 3 * TIMES)
    radicale.fill("theirs", 0, ours.now)
    # The peer writes the very same events: how long the server takes for one depends on what is in it.
    texts = radicale.texts("ours")
    program = Vdirsyncer(folder / "up", radicale, "theirs") if peer else None
    if program:
        program.hold(texts)
    _compare("first sync", written, None, program)
    _compare("nothing changed", idle, idle_by_hand, program)
    edited = {name: text.replace("SUMMARY:", "SUMMARY:More: ") for name, text in texts.items()}
    first, second = (dict(list(edited.items())[start : start + CHANGED]) for start in (0, CHANGED))
    changed_by_hand = ByHand(radicale, "ours").put(second)
    if program:
        program.hold(first)
    _compare(f"{CHANGED} changed here", changed, changed_by_hand, program)


def _read(ours: Ours, radicale: Radicale, folder: Path, *, peer: bool) -> None:
    """A calendar of a person's own events; nothing to do; 50 of them changed there."""
    print(f"{EVENTS:,} events of a person's own")
    radicale.fill("own", EVENTS, ours.now)
    connection = ours.connect(ours.member("own"), "own")
    program = Vdirsyncer(folder / "down", radicale, "own") if peer else None
    by_hand = ByHand(radicale, "own")
    _compare("first sync", ours.run(connection, 0), by_hand.poll(), program)
    idle, idle_by_hand = _idle(lambda number: ours.run(connection, 5 + 3 * number), by_hand)
    _compare("nothing changed", idle, idle_by_hand, program)
    ours_changed, by_hand_changed = [], []
    for number in range(ROUNDS):
        radicale.change("own", range(number * CHANGED, (number + 1) * CHANGED), ours.now)
        turns = [
            lambda at=6 + 3 * (TIMES + number): ours_changed.append(ours.run(connection, at)),
            lambda: by_hand_changed.append(by_hand.poll()),
        ]
        for turn in turns if number % 2 == 0 else reversed(turns):
            turn()
    print(f"  {ROUNDS} times {CHANGED} changed there, each asked first every other time: on average")
    _compare(f"{CHANGED} changed there", _mean(ours_changed), _mean(by_hand_changed), program)


def _compare(job: str, ours: Cost, by_hand: Cost | None, peer: Vdirsyncer | None) -> None:
    """Our cost beside the least that could be asked, and beside the peer's, who does it now."""
    _row(job, "ours", ours)
    if by_hand is not None:
        _row(job, "by hand", by_hand)
        print(
            f"  {'':24} | ours to it  | requests {ours.requests / by_hand.requests:.2f}, seconds"
            f" {ours.seconds / by_hand.seconds:.2f}; by the clock"
            f" {(ours.seconds - by_hand.seconds) * 1000:.0f} ms more, our CPU {ours.own * 1000:.0f} ms"
        )
    if peer is not None:
        theirs = peer.sync()
        _row(job, "vdirsyncer", theirs)
        print(
            f"  {'':24} | ours to it  | requests {ours.requests / theirs.requests:.2f}, seconds"
            f" {ours.seconds / theirs.seconds:.2f}, CPU {ours.own / theirs.own:.2f}"
        )


def _idle(run: Callable[[int], Cost], by_hand: ByHand) -> tuple[Cost, Cost]:
    """Each in turn, so that what else the machine does meets both."""
    pairs = [(run(number), by_hand.poll()) for number in range(TIMES)]
    return _least([ours for ours, _ in pairs]), _least([hand for _, hand in pairs])


def _least(costs: list[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.seconds)


def _mean(costs: list[Cost]) -> Cost:
    seconds, own = (statistics.fmean(getattr(cost, name) for cost in costs) for name in ("seconds", "own"))
    return Cost(seconds, own, max(cost.requests for cost in costs), costs[-1].statements)


def _row(job: str, who: str, cost: Cost) -> None:
    print(f"  {job:24} | {who:11} | {cost}", flush=True)


PARTS = {"write": _write, "read": _read}


if __name__ == "__main__":
    inside(*sys.argv[2:]) if sys.argv[1:2] == ["inside"] else main(*sys.argv[1:])
