"""Starting the demo: one at a time, stand-ins first, then rows, then the product."""

from __future__ import annotations

import fcntl
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kalends.core.clock import utc_now
from kalends.ops.demo.caldav import USER, prepare_caldav
from kalends.ops.demo.place import Place, find_place, is_free
from kalends.ops.demo.sandbox import prepare_sandbox
from kalends.ops.processes import Part, Stage, own, supervise

TIMEZONE = "Europe/Paris"
_START_SECONDS = 60


class AlreadyRunning(Exception):
    """Another demo holds the lock; its text says where it is."""


@contextmanager
def _only_one(var: Path) -> Iterator[None]:
    """Held while the demo runs; the system lets it go whatever ends the process."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "demo.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(file.read().strip()) from None
        yield


def _say_where(place: Place) -> None:
    (place.var / "demo.lock").write_text(f"{place.base_url}\n", encoding="utf-8")


def run_demo(*, web_port: int) -> int:
    """The whole demo until TERM or Ctrl-C. A second one says where the first one is."""
    var = Path(os.environ.get("KALENDS_VAR", "var")).absolute()
    try:
        with _only_one(var):
            return _run(find_place(var, web_port=web_port))
    except AlreadyRunning as running:
        print(f"Kalends is running already: {running}")
        return 0


def _run(place: Place) -> int:
    for port in (place.web_port, place.sandbox_port, place.caldav_port):
        if not is_free(port):
            raise OSError(
                f"port {port} on 127.0.0.1 is taken by another program; stop it, or choose one: make run PORT=8080, or --port"
            )
    _say_where(place)
    place.mail.mkdir(parents=True, exist_ok=True)
    environment = place.environment()
    os.environ.update(environment)
    caldav = prepare_caldav(place, now=utc_now(), timezone=TIMEZONE)
    sandbox = prepare_sandbox(place, f"--data={place.var / 'sandbox'}", timezone=TIMEZONE)
    web = Part("web", own("web", "--bind", f"127.0.0.1:{place.web_port}"))
    return supervise(
        [
            Stage([caldav, sandbox], lambda: _wait_for(place.caldav_url, place.sandbox_url)),
            Stage([], _make_rows),
            Stage([web, Part("worker", own("worker"))], lambda: _wait_for(f"{place.base_url}/readyz")),
            Stage([], lambda: _print_where(place)),
        ]
    )


def _wait_for(*urls: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    for url in urls:
        while not _answers(url):
            if time.monotonic() > deadline:
                raise OSError(f"{url} did not answer within {_START_SECONDS} s")
            time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - an address of our own on loopback
            return True
    except urllib.error.HTTPError as error:
        # A stand-in that asks for a password is there; our own readiness must be a plain yes.
        return error.code in (401, 403, 404)
    except OSError:
        return False


def _make_rows() -> None:
    import django  # noqa: PLC0415 - app ready: the environment above comes first
    from django.core.management import call_command  # noqa: PLC0415 - app ready

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    from kalends.ops.demo.rows import make_demo  # noqa: PLC0415 - app ready

    make_demo()


def _print_where(place: Place) -> None:
    from kalends.ops.demo.rows import invitation_url, sign_in  # noqa: PLC0415 - app ready

    email, password = sign_in()
    invite = invitation_url()
    lines = [
        "",
        "  Kalends is running. Ctrl-C stops all of it; `make run` goes on from the same data.",
        "",
        f"  Book as a customer        {place.base_url}/lakeside",
        f"  Dashboard                 {place.base_url}/dashboard",
        f"     sign in with           {email}   {password}",
        f"  Outside calendars, mails  {place.sandbox_url}/?account=caldav:{USER}",
        "     John Smith is connected (CalDAV): book him, then drag the event there",
    ]
    lines += [
        f"  A calendar to subscribe   {place.feed_url}",
        "     External iCalendar URL on Taylor Carpenter's page: what it holds blocks Taylor",
    ]
    if invite:
        lines.append(f"  Emma Morris's invitation  {invite}")
    print("\n".join([*lines, ""]), flush=True)
