"""A calendar on a real CalDAV server (Radicale), shown and changed through the page's source."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kalends.core.errors import NotAllowed, Unavailable
from kalends.sandbox.caldav import CalDavCalendar
from kalends.sandbox.page.source import Edit, ShownEvent
from tests.e2e.processes import free_ports, until

LOW, HIGH = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 4, tzinfo=UTC)
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Test//EN
BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:one
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Paris:20261124T100000
DTEND;TZID=Europe/Paris:20261124T110000
SUMMARY:Massage\\, long
X-OTHER:kept
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
CONFIG = """[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/collections
[logging]
level = error
"""


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("radicale")
    [port] = free_ports(1)
    (folder / "users").write_text("john:pw\n")
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    command = [sys.executable, "-m", "radicale", "--config", str(folder / "config")]
    with subprocess.Popen(command) as process:
        until(lambda: _answers(port), "an answer of Radicale")
        yield f"http://127.0.0.1:{port}/john/"
        process.terminate()


@pytest.fixture
def calendar(server: str, tmp_path: Path) -> CalDavCalendar:
    """A new collection with one event."""
    account = CalDavCalendar(f"{server}{tmp_path.name}/", "john", "pw", name="John Smith")
    account._request("MKCALENDAR", account.url)
    account._request("PUT", f"{account.url}one.ics", EVENT.encode(), {"Content-Type": "text/calendar"})
    return account


def only(calendar: CalDavCalendar) -> ShownEvent:
    (event,) = calendar.events(LOW, HIGH)
    return event


def test_an_event_is_shown_in_the_accounts_zone(calendar: CalDavCalendar) -> None:
    event = only(calendar)
    assert (event.title, event.start, event.end) == ("Massage, long", "2026-11-24T10:00", "2026-11-24T11:00")
    assert (event.all_day, event.free, event.by, event.editable) == (False, False, "", True)


def test_moving_keeps_the_rest_of_the_text_and_its_zone(calendar: CalDavCalendar) -> None:
    event = only(calendar)
    calendar.change(event.calendar, event.id, Edit(start="2026-11-25T14:00", end="2026-11-25T15:30"))
    moved = only(calendar)
    assert (moved.start, moved.end) == ("2026-11-25T14:00", "2026-11-25T15:30")
    text, _ = calendar._request("GET", f"{calendar.url}one.ics")
    assert "X-OTHER:kept" in text
    assert "DTSTART;TZID=Europe/Paris:20261125T140000" in text
    assert text.count("DTSTART") == 2


def test_creating_and_deleting(calendar: CalDavCalendar) -> None:
    name = only(calendar).calendar
    calendar.create(name, Edit("2026-11-26", "2026-11-27", "Off; all day", "allday"))
    calendar.create(name, Edit("2026-11-27T09:00", "2026-11-27T09:30", "Walk", "weekly"))
    shown = sorted(calendar.events(LOW, HIGH), key=lambda event: event.start)
    assert [(event.title, event.start, event.series) for event in shown] == [
        ("Massage, long", "2026-11-24T10:00", False),
        ("Off; all day", "2026-11-26", False),
        ("Walk", "2026-11-27T09:00", True),
    ]
    with pytest.raises(NotAllowed):
        calendar.change(name, shown[2].id, Edit("2026-11-28T09:00", "2026-11-28T09:30"))
    for event in shown[1:]:
        calendar.delete(name, event.id, Edit())
    assert only(calendar).title == "Massage, long"


def test_a_silent_server_shows_no_calendars_and_refuses_edits() -> None:
    gone = CalDavCalendar("http://127.0.0.1:9/john/", "john", "pw")
    assert gone.calendars() == []
    with pytest.raises(Unavailable):
        gone.delete("/john/", "/john/one.ics", Edit())
