"""Starting, watching and stopping the program's processes on one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.db import connections
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

_PROGRAM = "kalends.config.wsgi"
_STOP_SECONDS = 15
# Less than that, and more than a request takes.
_WEB_STOP_SECONDS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One child process: a name for people, its command line, and a file for what it prints (else: our own output)."""

    name: str
    command: Sequence[str]
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Parts that start together, and what must be done before the next stage begins."""

    parts: Sequence[Part]
    then: Callable[[], None] = lambda: None


def split_bind(bind: str) -> tuple[str, int]:
    """`HOST:PORT`, IPv6 in brackets. Raises ValueError."""
    host, sign, port = bind.rpartition(":")
    if not sign or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"--bind takes HOST:PORT, not {bind!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def run_web(*, bind: str | None, web_processes: int) -> int:
    host, port = split_bind(bind or settings.KALENDS.bind)
    # Before the processes part: they share what is loaded and answer at once. A connection cannot be shared.
    import_module(_PROGRAM)
    connections.close_all()
    Granian(
        f"{_PROGRAM}:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=web_processes,
        blocking_threads=4,
        backlog=1024,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        # One that is told to end while it still starts does not hear it, and would be waited for without end.
        workers_kill_timeout=_WEB_STOP_SECONDS,
    ).serve()
    return 0


def own(*arguments: str) -> list[str]:
    """The command line of another `kalends ...` with this interpreter."""
    return [sys.executable, "-m", "kalends", *arguments]


def run_serve(*, bind: str | None, web_processes: int, threads: int) -> int:
    address = bind or settings.KALENDS.bind
    split_bind(address)
    web = Part("web", own("web", "--bind", address, "--web-processes", str(web_processes)))
    return supervise([Stage([web, Part("worker", own("worker", "--threads", str(threads)))])])


class _Stop(Exception):
    pass


class _Stopper:
    """TERM and INT stop once: make passes TERM on to what it started, and people press Ctrl-C again."""

    def __init__(self) -> None:
        self.asked = False
        self._starting = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            if not self._starting:
                raise _Stop

    def start(self, part: Part, children: list[tuple[Part, subprocess.Popen[bytes]]]) -> None:
        """Raises _Stop once the part is on the list of those that are stopped, not before."""
        self._starting = True
        children.append((part, _start(part)))
        self._starting = False
        if self.asked:
            raise _Stop


def supervise(stages: Sequence[Stage]) -> int:
    """Starts the stages in order and runs until a part ends or TERM or INT arrives, then stops all of them.

    A part that dies takes the rest with it: the service manager outside starts everything again, from rows.
    """
    stopper = _Stopper()
    previous = {number: signal.signal(number, stopper) for number in (signal.SIGTERM, signal.SIGINT)}
    children: list[tuple[Part, subprocess.Popen[bytes]]] = []
    status = 0
    try:
        for stage in stages:
            for part in stage.parts:
                stopper.start(part, children)
            stage.then()
        status = _watch(children)
    except _Stop:
        status = 0
    finally:
        stopper.asked = True
        _stop_all(children)
        for number, handler in previous.items():
            signal.signal(number, handler)
    return status


def _start(part: Part) -> subprocess.Popen[bytes]:
    output = part.log.open("ab") if part.log else None
    # A session of its own: Ctrl-C reaches us alone, and we stop the parts in order.
    return subprocess.Popen(list(part.command), stdout=output, stderr=output, start_new_session=True)


def _watch(children: Sequence[tuple[Part, subprocess.Popen[bytes]]]) -> int:
    while True:
        for part, child in children:
            if (code := child.poll()) is not None:
                print(f"kalends: {part.name} ended with status {code}; stopping", file=sys.stderr)
                return 1
        time.sleep(0.2)


def _stop_all(children: Sequence[tuple[Part, subprocess.Popen[bytes]]]) -> None:
    for _part, child in reversed(children):
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for part, child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"kalends: {part.name} did not stop in time; killed", file=sys.stderr)
            # The whole session of the part: web's own processes would live on and keep the port.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
