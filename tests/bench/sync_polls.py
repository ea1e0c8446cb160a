"""What a poll costs, in requests and SQL statements: idle, after a change outside, after a booking here.

The real engine on SQLite against a Radicale process. Counts, not times: they are the same on any machine.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.bench.server import own_settings

EVENTS = 200


def main() -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    with own_settings() as env:
        subprocess.run([sys.executable, "-m", "tests.bench.sync_polls", "inside"], env=env, check=True)


def inside() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from kalends.core.clock import utc_now
    from kalends.ops.demo.caldav import USER, prepare_caldav
    from kalends.ops.demo.place import Place

    call_command("migrate", verbosity=0)
    port = int(os.environ["KALENDS_BENCH_PORT"])
    place = Place(settings.KALENDS.var, 0, 0, port, "", "", "secret")
    part = prepare_caldav(place, now=utc_now(), timezone="Europe/Paris")
    radicale = subprocess.Popen(list(part.command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(place.caldav_url)
        _measure(place.caldav_url, USER, place.caldav_password)
    finally:
        radicale.terminate()
        radicale.wait(10)


def _measure(url: str, user: str, password: str) -> None:
    from kalends.bookings.services import book_appointment
    from kalends.bookings.values import CustomerInput
    from kalends.calendars import services
    from kalends.calendars.selectors import calendars_of
    from kalends.companies.services import change_calendar_sync
    from kalends.core.clock import utc_now
    from tests.factories import make_company, make_service, make_staff

    now = utc_now()
    company = make_company("bench")
    company = change_calendar_sync(company=company, caldav_enabled=True, bidirectional=True, actor="bench", now=now)
    staff = make_staff(company)
    service = make_service(company, staff=[staff])
    for number in range(EVENTS):
        _put(
            f"{url}calendar/own-{number}.ics",
            user,
            password,
            f"own-{number}",
            now.replace(hour=2, minute=0) + timedelta(days=number),
        )
    connection = services.connect_caldav(staff=staff, url=url, username=user, password=password, now=now)
    chosen = calendars_of(connection=connection)[0]
    services.choose_calendars(connection=connection, receives=chosen.pk, blocks=[chosen.pk], now=now)

    def run(minutes: int) -> Callable[[], None]:
        return lambda: services.run_connection(connection.pk, now=now + timedelta(minutes=minutes))

    _count(f"first sync of {EVENTS} foreign events", run(0))
    _count("idle poll", run(5))
    _put(f"{url}calendar/own-0.ics", user, password, "own-0", now.replace(hour=3, minute=0) + timedelta(days=40))
    _count("poll after one change outside", run(10))
    book_appointment(
        company=company,
        service=service,
        start=_monday(now),
        customer=CustomerInput(name="Bench", email="bench@example.org"),
        timezone="Europe/Paris",
        source="dashboard",
        now=now,
    )
    _count("run that writes one booking", run(11))
    _count("run after it", run(16))


def _monday(now: datetime) -> datetime:
    from zoneinfo import ZoneInfo

    local = now.astimezone(ZoneInfo("Europe/Paris")).replace(hour=15, minute=17, second=0, microsecond=0)
    return local + timedelta(days=7 - local.weekday())


def _count(job: str, work: Callable[[], None]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from kalends.net.http import HttpClient

    plain, asked = HttpClient.request, []

    def counting(self, *args, **kwargs):
        asked.append(args[0])
        return plain(self, *args, **kwargs)

    HttpClient.request = counting
    try:
        with CaptureQueriesContext(connection) as queries:
            work()
    finally:
        HttpClient.request = plain
    kinds = ", ".join(f"{asked.count(kind)} {kind}" for kind in dict.fromkeys(asked))
    print(f"{job:44} | {len(asked):4} requests ({kinds}) | {len(queries):4} statements")


def _put(url: str, user: str, password: str, uid: str, start: datetime) -> None:
    text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//bench//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{start:%Y%m%dT%H%M00Z}\r\n"
        f"DTEND:{start + timedelta(minutes=30):%Y%m%dT%H%M00Z}\r\nSUMMARY:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "text/calendar; charset=utf-8"}
    urllib.request.urlopen(urllib.request.Request(url, text.encode(), headers, method="PUT"), timeout=10).close()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("Radicale did not start")


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
