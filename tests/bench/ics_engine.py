"""An ICS URL of 10,000 events through the whole engine on SQLite, from the request to the busy spans that stand.

First read; unchanged, answered by 304 and by 200 with the same bytes; 50 of them changed. CPU of this process alone: the
server is another one. Rows are those that SQLite says it changed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.bench.ics_read import BEGIN, CHANGED, EVENTS, feed
from tests.bench.server import own_settings


def main() -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    with own_settings() as env:
        subprocess.run(
            [sys.executable, "-m", "tests.bench.ics_engine", "inside", env["KALENDS_VAR"]], env=env, check=True
        )


def serve(port: int, path: Path) -> None:
    """`path` as it is now; its first line says whether a tag is given, and so whether 304 is ever answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tag, _, body = path.read_bytes().partition(b"\n")
            known = tag and self.headers.get("If-None-Match", "").encode() == tag
            self.send_response(304 if known else 200)
            self.send_header("Content-Type", "text/calendar; charset=utf-8")
            if tag:
                self.send_header("ETag", tag.decode())
            self.send_header("Content-Length", "0" if known else str(len(body)))
            self.end_headers()
            if not known:
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


def inside(folder: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    logging.disable(logging.INFO)
    port, path = int(os.environ["KALENDS_BENCH_PORT"]), folder / "feed"
    text = feed()
    path.write_bytes(b'"one"\n' + text.encode())
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.ics_engine", "serve", str(port), str(path)])
    try:
        _wait(f"http://127.0.0.1:{port}/")
        _measure(f"http://127.0.0.1:{port}/feed.ics", path, text)
    finally:
        server.terminate()
        server.wait(10)


def _measure(url: str, path: Path, text: str) -> None:
    from kalends.calendars.models import BusySpan, CalendarConnection
    from kalends.calendars.services.external import store_external_calendar
    from tests.factories import make_company, make_staff

    now = BEGIN + timedelta(hours=1)
    company = make_company("bench")
    store_external_calendar(company, make_staff(company), url, now)
    connection = CalendarConnection.objects.get()

    def read(job: str, minutes: int) -> None:
        _row(job, connection.pk, now + timedelta(minutes=minutes))

    print(f"{EVENTS:,} events, {len(text.encode()) / 1e6:.1f} MB")
    read("first read", 0)
    print(f"  busy spans that stand: {BusySpan.objects.count():,}")
    read("unchanged, 304", 70)
    path.write_bytes(b"\n" + text.encode())
    read("unchanged, 200 and the same bytes", 140)
    path.write_bytes(b"\n" + feed(edited=CHANGED).encode())
    read(f"{CHANGED} changed", 210)
    print(f"  busy spans that stand: {BusySpan.objects.count():,}")


def _row(job: str, connection_id: Any, now: Any) -> None:
    from django.db import connection

    from kalends.calendars.services import run_connection

    count = [0]

    def counting(execute: Callable[..., Any], *args: Any) -> Any:
        count[0] += 1
        return execute(*args)

    begun, own, rows = time.perf_counter(), time.process_time(), connection.connection.total_changes
    with connection.execute_wrapper(counting):
        while (report := run_connection(connection_id, now=now)).again:
            pass
    own, begun = time.process_time() - own, time.perf_counter() - begun
    rows = connection.connection.total_changes - rows
    failed = f" | {report.error}" if report.error else ""
    print(
        f"  {job:34} | {own * 1000:8,.0f} ms CPU | {begun:6.2f} s | {count[0]:5,} statements | {rows:7,} rows written{failed}"
    )


def _wait(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not start")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inside", folder]:
            inside(Path(folder))
        case ["serve", port, path]:
            serve(int(port), Path(path))
        case _:
            main()
