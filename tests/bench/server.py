"""A whole server for measuring: seeded rows, `kalends web` as people run it, and a client that costs little."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

_ALL_LOADED_SECONDS = 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_settings(database_url: str = "") -> Iterator[dict[str, str]]:
    """The environment for a process of its own, since settings are read once: an empty database (or that one), no queue,
    and a port that the product may reach. The sizes of the benches are passed on.
    """
    with tempfile.TemporaryDirectory(prefix="kalends-bench-") as folder:
        port = free_port()
        yield {
            **{n: value for n, value in os.environ.items() if not n.startswith("KALENDS_") or "_BENCH_" in n},
            "KALENDS_VAR": folder,
            "KALENDS_DATABASE_URL": database_url or f"sqlite:///{folder}/kalends.db",
            "KALENDS_QUEUE_URL": "memory://",
            "KALENDS_ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{port}",
            "KALENDS_BENCH_PORT": str(port),
            "DJANGO_SETTINGS_MODULE": "kalends.config.settings",
        }


@dataclass
class Server:
    port: int
    seeded: dict

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        return _request("GET", path, b"", headers or {})


def _request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@contextmanager
def serving(seed: str, database_url: str = "") -> Iterator[Server]:
    """Runs `seed` (a module of this folder with `main() -> dict`) in a process of its own, then serves its rows."""
    with tempfile.TemporaryDirectory(prefix="kalends-bench-") as folder:
        port = free_port()
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KALENDS_")},
            "KALENDS_VAR": folder,
            "KALENDS_DATABASE_URL": database_url or f"sqlite:///{folder}/kalends.db",
            "KALENDS_QUEUE_URL": f"sqlite:///{folder}/queue.db",
            "KALENDS_BASE_URL": f"http://127.0.0.1:{port}",
            "DJANGO_SETTINGS_MODULE": "kalends.config.settings",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        subprocess.run([sys.executable, "-m", "kalends", "migrate"], env=env, check=True, stdout=subprocess.DEVNULL)
        seeded = json.loads(
            subprocess.run([sys.executable, "-m", seed], env=env, check=True, stdout=subprocess.PIPE).stdout
        )
        command = [sys.executable, "-m", "kalends", "web", "--bind", f"127.0.0.1:{port}", "--web-processes", "2"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(port, "/healthz")
            # By then every process of the server has loaded the program, not only the first one that answers.
            time.sleep(_ALL_LOADED_SECONDS)
            yield Server(port, seeded)
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def serving_bare(database_url: str = "") -> Iterator[int]:
    """The port of the peer of a booking (`bare_booking`)."""
    with tempfile.TemporaryDirectory(prefix="bare-bench-") as folder:
        port = free_port()
        env = {**os.environ, "BARE_FOLDER": folder, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        if database_url:
            parts = urlsplit(database_url)
            asked = dict(parse_qsl(parts.query))
            env["BARE_POSTGRES"] = json.dumps(
                {
                    "ENGINE": "django.db.backends.postgresql",
                    "NAME": parts.path.removeprefix("/"),
                    "USER": unquote(parts.username or ""),
                    "PASSWORD": unquote(parts.password or ""),
                    "HOST": asked.get("host", parts.hostname or ""),
                    "PORT": asked.get("port", str(parts.port or "")),
                }
            )
        command = [sys.executable, "-c", f"from tests.bench import bare_booking as bare; bare.serve({port})"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        try:
            _wait(port, "/")
            time.sleep(_ALL_LOADED_SECONDS)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def _wait(port: int, path: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
                link.sendall(_request("GET", path, b"", {}))
                if link.recv(64).startswith(b"HTTP/1.1 "):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


@dataclass
class Load:
    """What a run of requests gave: statuses counted, each latency in seconds."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def drive(port: int, requests: Callable[[int, int], bytes], *, clients: int, each: int) -> Load:
    """`clients` kept connections send `each` requests one after another: `requests(client, number)` makes one."""
    load, lock, gate = Load(), threading.Lock(), threading.Barrier(clients + 1)

    def client(ident: int) -> None:
        mine: list[tuple[int, float]] = []
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            gate.wait()
            for number in range(each):
                begun = time.perf_counter()
                link.sendall(requests(ident, number))
                mine.append((_read_answer(link), time.perf_counter() - begun))
        with lock:
            for status, latency in mine:
                load.statuses[status] = load.statuses.get(status, 0) + 1
                load.latencies.append(latency)

    threads = [threading.Thread(target=client, args=(ident,)) for ident in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - begun
    return load


def _read_answer(link: socket.socket) -> int:
    data = link.recv(262_144)
    while b"\r\n\r\n" not in data:
        data += link.recv(262_144)
    head, _, rest = data.partition(b"\r\n\r\n")
    status = int(head[9:12])
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    missing = length - len(rest)
    while missing > 0:
        missing -= len(link.recv(min(missing, 262_144)))
    return status


def best_of(runs: Sequence[Load]) -> Load:
    return max(runs, key=lambda load: load.per_second)
