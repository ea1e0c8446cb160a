"""The same world in every calendar system: a provider, and a person who edits the calendar by other means."""

from __future__ import annotations

import base64
import http.client
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.providers.caldav.connect import discover
from kalends.providers.registry import build
from kalends.providers.settings import ProviderSettings
from kalends.sync.memory import MemoryProvider
from kalends.sync.memory_server import Fault, MemoryServer
from kalends.sync.port import BusyState, Provider, RemoteEvent, Timed
from tests.contract.proxy import Proxy


@dataclass
class Stored:
    """Credentials as `calendars` keeps them: compare-and-set."""

    secret: Mapping[str, str]

    def read(self) -> Mapping[str, str]:
        return dict(self.secret)

    def replace(self, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
        if dict(self.secret) != dict(old):
            return False
        self.secret = dict(new)
        return True


class World(Protocol):
    provider: Provider
    calendar_id: str
    missing_id: str

    def requests(self) -> int:
        """How many requests the provider has sent so far."""

    def lose_next_answer(self) -> None:
        """The next write takes effect and its answer is lost."""

    def stale(self, cursor: str) -> str:
        """A cursor that the system does not take any more."""

    def locked_out(self) -> Provider:
        """The same account after its password was changed, or its grant revoked."""

    # what the person does

    def add(self, span: Span, title: str = "Dentist") -> str: ...

    def add_series(self, start: datetime, weeks: int, *, cancelled: int, moved: int, by: timedelta) -> str:
        """An hour a week; the occurrence number `cancelled` is taken out and number `moved` is moved."""

    def move(self, remote_id: str, span: Span) -> None: ...

    def write_lines(self, remote_id: str, lines: str) -> None:
        """Own lines above what the description says, a reminder and a colour."""

    def decorations(self, remote_id: str) -> tuple[bool, bool]:
        """Whether the person's (lines, reminder) are still there."""

    def set_free(self, remote_id: str) -> None: ...

    def delete(self, remote_id: str) -> None: ...

    def copy(self, remote_id: str) -> str: ...


class MemoryWorld:
    missing_id = "nowhere"

    def __init__(self) -> None:
        self.server = MemoryServer(clock=utc_now)
        self.calendar = self.server.add_calendar("Work", primary=True, timezone="Europe/Paris")
        self.calendar_id = self.calendar.id
        self.provider: Provider = MemoryProvider(self.server)
        self._lines: dict[str, str] = {}

    def requests(self) -> int:
        return len(self.server.requests)

    def lose_next_answer(self) -> None:
        self.server.fail("put", Fault.AFTER)

    def stale(self, cursor: str) -> str:
        self.server.expire_cursors(self.calendar)
        return cursor

    def locked_out(self) -> Provider:
        self.server.revoked = True
        return self.provider

    def add(self, span: Span, title: str = "Dentist") -> str:
        return self.server.add(self.calendar, span).id

    def add_series(self, start: datetime, weeks: int, *, cancelled: int, moved: int, by: timedelta) -> str:
        hour, week = timedelta(hours=1), timedelta(weeks=1)
        rule = f"RRULE:FREQ=WEEKLY;COUNT={weeks}"
        master = self.server.add(self.calendar, Span(start, start + hour), recurrence=[rule], timezone="UTC")
        gone, late = start + cancelled * week, start + moved * week
        self.server.add(
            self.calendar, Span(gone, gone + hour), series_id=master.id, original_start=gone, cancelled=True
        )
        self.server.add(self.calendar, Span(late + by, late + by + hour), series_id=master.id, original_start=late)
        return master.id

    def move(self, remote_id: str, span: Span) -> None:
        self.server.move(self.calendar, remote_id, span)

    def write_lines(self, remote_id: str, lines: str) -> None:
        self._lines[remote_id] = lines
        self.server.touch(self.calendar, remote_id)

    def decorations(self, remote_id: str) -> tuple[bool, bool]:
        return (remote_id in self._lines, remote_id in self._lines)

    def set_free(self, remote_id: str) -> None:
        self.server.set_busy(self.calendar, remote_id, BusyState.FREE)

    def delete(self, remote_id: str) -> None:
        self.server.delete(self.calendar, remote_id)

    def copy(self, remote_id: str) -> str:
        return self.server.copy(self.calendar, remote_id).id


class CalDavWorld:
    """Radicale behind a proxy; the person speaks to Radicale itself. `ro-` collections are read-only for everybody."""

    home = "/ada/"
    stale_cursor = "sync:http://radicale.org/ns/sync/" + "0" * 64

    def __init__(self, proxy: Proxy, port: int) -> None:
        self.proxy, self._port = proxy, port
        name = uuid.uuid4().hex
        self.path = f"{self.home}{name}/"
        self.readonly_path = f"{self.home}ro-{name}/"
        self.prepare()
        settings = ProviderSettings(allow_hosts=(proxy.host,))
        self.settings = settings
        self.secret = discover(settings, address=proxy.url + "/", username="ada", password="secret")
        self.provider: Provider = build("caldav", Stored(self.secret), settings)
        self.calendar_id = proxy.url + self.path
        self.readonly_id = proxy.url + self.readonly_path
        self.missing_id = f"{proxy.url}{self.home}nowhere/"

    def prepare(self) -> None:
        self.dav("PROPFIND", self.home, user="ada")  # Radicale makes a home at the first sign-in
        for path in (self.path, self.readonly_path):
            self.dav("MKCALENDAR", path)

    def signed_in(self, user: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:secret".encode()).decode()}

    def dav(self, method: str, path: str, body: str = "", user: str = "person", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.request(method, path, body.encode(), {**self.signed_in(user), **headers})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        assert response.status < 300, (method, path, response.status, text)
        return response.status, text

    def text(self, remote_id: str) -> str:
        return re.sub(r"\r?\n[ \t]", "", self.dav("GET", remote_id)[1]).replace("\r\n", "\n")

    def put(self, path: str, text: str) -> None:
        self.dav("PUT", path, text.replace("\n", "\r\n"), **{"Content-Type": "text/calendar; charset=utf-8"})

    def requests(self) -> int:
        return len(self.proxy.requests)

    def lose_next_answer(self) -> None:
        self.proxy.lose_next_write = True

    def stale(self, cursor: str) -> str:
        return self.stale_cursor

    def locked_out(self) -> Provider:
        return build("caldav", Stored({**self.secret, "password": "wrong"}), self.settings)

    def add(self, span: Span, title: str = "Dentist") -> str:
        path = f"{self.path}{uuid.uuid4()}.ics"
        self.put(path, _calendar(_vevent(uuid.uuid4().hex, span, f"SUMMARY:{title}")))
        return path

    def add_series(self, start: datetime, weeks: int, *, cancelled: int, moved: int, by: timedelta) -> str:
        hour, week = timedelta(hours=1), timedelta(weeks=1)
        path, uid = f"{self.path}{uuid.uuid4()}.ics", uuid.uuid4().hex
        gone, late = start + cancelled * week, start + moved * week
        master = _vevent(uid, Span(start, start + hour), f"RRULE:FREQ=WEEKLY;COUNT={weeks}\nEXDATE:{_stamp(gone)}")
        exception = _vevent(uid, Span(late + by, late + by + hour), f"RECURRENCE-ID:{_stamp(late)}")
        self.put(path, _calendar(master + exception))
        return path

    def move(self, remote_id: str, span: Span) -> None:
        text = re.sub(r"DTSTART[^\n]*", f"DTSTART:{_stamp(span.start)}", self.text(remote_id).split("BEGIN:VEVENT")[1])
        text = re.sub(r"DTEND[^\n]*", f"DTEND:{_stamp(span.end)}", text)
        self.put(remote_id, self.text(remote_id).split("BEGIN:VEVENT")[0] + "BEGIN:VEVENT" + text)

    def write_lines(self, remote_id: str, lines: str) -> None:
        alarm = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Soon\nTRIGGER:-PT10M\nEND:VALARM\n"
        text = self.text(remote_id).replace("\nDESCRIPTION:", f"\nDESCRIPTION:{lines}\\n\\n", 1)
        text = text.replace("END:VEVENT", f"COLOR:tomato\nX-MOZ-GENERATION:3\n{alarm}END:VEVENT")
        self.put(remote_id, text)
        self._lines = lines

    def decorations(self, remote_id: str) -> tuple[bool, bool]:
        text = self.text(remote_id)
        kept = all(part in text for part in ("TRIGGER:-PT10M", "COLOR:tomato", "X-MOZ-GENERATION:3"))
        return (self._lines in text, kept)

    def set_free(self, remote_id: str) -> None:
        self.put(remote_id, self.text(remote_id).replace("TRANSP:OPAQUE", "TRANSP:TRANSPARENT"))

    def delete(self, remote_id: str) -> None:
        self.dav("DELETE", remote_id)

    def copy(self, remote_id: str) -> str:
        path = f"{self.path}{uuid.uuid4()}.ics"
        self.put(path, re.sub(r"\nUID:[^\n]*", f"\nUID:{uuid.uuid4()}", self.text(remote_id)))
        return path


class XandikosWorld(CalDavWorld):
    """Xandikos, which believes a header of the proxy; the person speaks to Xandikos itself. It has no read-only rights."""

    home = "/ada/calendars/"
    stale_cursor = "sync:" + "0" * 40

    def prepare(self) -> None:
        self.dav("MKCALENDAR", self.path)

    def signed_in(self, user: str) -> dict[str, str]:
        return {"X-Remote-User": "ada"}


def _calendar(events: str) -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Person//EN\n{events}END:VCALENDAR\n"


def _vevent(uid: str, span: Span, more: str) -> str:
    times = f"DTSTAMP:20260101T000000Z\nDTSTART:{_stamp(span.start)}\nDTEND:{_stamp(span.end)}"
    return f"BEGIN:VEVENT\nUID:{uid}\n{times}\n{more}\nEND:VEVENT\n"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def span_of(event: RemoteEvent | None) -> Span:
    assert event is not None
    assert isinstance(event.when, Timed)
    return event.when.span
