"""Several web and worker processes of one installation, which die as in a power cut and are started again; and the
servers around them: a queue that may be lost, a mail server that remembers every copy it took."""

from __future__ import annotations

import email
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from aiosmtpd.controller import Controller

from kalends.ops.processes import own
from tests.e2e.processes import PATIENCE, Running, answers, free_ports, until


@dataclass
class Program:
    """A process in a session of its own, so that its children die with it."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        """As a service manager does it: asked first, killed when it takes too long."""
        assert self.child is not None
        self.child.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(PATIENCE)
        self.kill()

    def kill(self) -> None:
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            self.child = None


@dataclass
class Hosts:
    """`urls` are those of the web processes; whoever asks chooses one."""

    webs: list[Program]
    workers: list[Program]
    urls: list[str]
    killed: list[str] = field(default_factory=list)

    def start(self) -> None:
        for program in [*self.webs, *self.workers]:
            if program.child is None:
                program.start()
        for url in self.urls:
            until(lambda url=url: answers(f"{url}/readyz"), f"an answer of {url}", patience=3 * PATIENCE)

    def kill_one(self, dice: Random) -> None:
        # Now and then one that is just starting; but where starting takes long, visitors must find somebody.
        webs = [
            web
            for web, url in zip(self.webs, self.urls, strict=True)
            if dice.random() < 0.1 or answers(f"{url}/readyz")
        ]
        program = dice.choice([*webs, *self.workers])
        program.kill()
        self.killed.append(program.name)
        program.start()

    def kill_all(self) -> None:
        for program in [*self.webs, *self.workers]:
            program.kill()


@contextmanager
def hosts(here: Running, *, webs: int, workers: int) -> Iterator[Hosts]:
    ports = [here.place.web_port, *free_ports(webs - 1)]
    environment = dict(here.environment)

    def program(name: str, *arguments: str) -> Program:
        return Program(name, own(*arguments), environment, here.place.var / f"{name}.log")

    made = Hosts(
        [program(f"web-{port}", "web", "--bind", f"127.0.0.1:{port}") for port in ports],
        [program(f"worker-{number}", "worker") for number in range(1, workers + 1)],
        [f"http://127.0.0.1:{port}" for port in ports],
    )
    try:
        made.start()
        yield made
    finally:
        made.kill_all()


@contextmanager
def redis(program: str, folder: Path) -> Iterator[tuple[Program, str]]:
    """A server that keeps nothing on the disk, with its URL."""
    [port] = free_ports(1)
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Program("redis", [*command, "--dir", str(folder)], dict(os.environ), folder / "redis.log")
    server.start()
    try:
        until(lambda: _listens(port), "Redis")
        yield server, f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- mail -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A mail as the server took it. `change` is what it tells of: method, UID and SEQUENCE of its invitation."""

    recipient: str
    message_id: str
    change: tuple[str, str, int]
    start: datetime | None
    content: bytes


class Post:
    """The server's side; each copy that was answered with "250 OK" is kept."""

    def __init__(self) -> None:
        self.copies: list[Copy] = []
        self.url = ""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        content: bytes = envelope.original_content  # type: ignore[attr-defined]
        self.copies.append(_read(envelope.rcpt_tos[0], content))  # type: ignore[attr-defined]
        return "250 OK"


@contextmanager
def post() -> Iterator[Post]:
    [port] = free_ports(1)
    kept = Post()
    kept.url = f"smtp://127.0.0.1:{port}/?tls=none"
    controller = Controller(kept, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE)
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()


def _read(recipient: str, content: bytes) -> Copy:
    message = email.message_from_bytes(content, policy=policy.default)
    part = next((part for part in message.walk() if part.get_content_type() == "text/calendar"), None)
    text = re.sub(r"\r?\n[ \t]", "", part.get_content()) if part else ""
    method, uid, sequence = (
        found[1] if (found := re.search(rf"(?m)^{name}:(.*?)\r?$", text)) else ""
        for name in ("METHOD", "UID", "SEQUENCE")
    )
    begun = re.search(r"(?m)^DTSTART;TZID=([^:]+):(\w+)\r?$", text.partition("BEGIN:VEVENT")[2])
    start = datetime.strptime(begun[2], "%Y%m%dT%H%M%S").replace(tzinfo=ZoneInfo(begun[1])) if begun else None
    return Copy(recipient, str(message["message-id"]), (method, uid, int(sequence or -1)), start, content)
