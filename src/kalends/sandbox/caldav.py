"""A calendar on a CalDAV server, shown on the page beside the sandbox accounts.

Reads with calendar-query; moves an event by editing its DTSTART and DTEND lines in the fetched text, guarded by
If-Match, so that all else in it stays byte for byte as it was.
"""

from __future__ import annotations

import base64
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

from defusedxml import ElementTree

from kalends.core.errors import Conflict, NotAllowed, NotFound, Unavailable
from kalends.sandbox.page import source
from kalends.sandbox.page.source import Edit, ShownCalendar, ShownEvent

_DAV, _CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_TIMEOUT = 5.0
_FIND = b"""<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:displayname/></d:prop>
</d:propfind>"""
_QUERY = """<?xml version="1.0"?>
<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/>
<c:calendar-data><c:expand start="{low}" end="{high}"/></c:calendar-data></d:prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">
<c:time-range start="{low}" end="{high}"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"""
_EVENT = re.compile(r"BEGIN:VEVENT\r?\n(.*?)END:VEVENT", re.DOTALL)
_MARK = "X-KALENDS-KEY"


@dataclass(frozen=True, slots=True)
class CalDavCalendar:
    """The calendars under `url` (a calendar, or a home of calendars) as one account of the page."""

    url: str
    user: str
    password: str
    timezone: str = "Europe/Paris"
    name: str = ""

    @property
    def key(self) -> str:
        return f"caldav:{self.user}"

    @property
    def label(self) -> str:
        return f"{self.user} on {urlsplit(self.url).netloc}"

    # -- reading -----------------------------------------------------------------------------------------------

    def calendars(self) -> list[ShownCalendar]:
        """The calendar collections, or none where the server does not answer: the page goes on without."""
        try:
            root = self._xml("PROPFIND", self.url, _FIND, {"Depth": "1"})
        except (Unavailable, NotFound):
            return []
        found = []
        for entry in root.iter(f"{_DAV}response"):
            if entry.find(f".//{_DAV}resourcetype/{_CAL}calendar") is not None:
                href = entry.findtext(f"{_DAV}href") or ""
                name = entry.findtext(f".//{_DAV}displayname") or href.rstrip("/").rsplit("/", 1)[-1]
                found.append(ShownCalendar(href, name, "#c2410c", writable=True))
        return found

    def events(self, low: datetime, high: datetime) -> list[ShownEvent]:
        stamps = {"low": f"{low.astimezone(UTC):%Y%m%dT%H%M%SZ}", "high": f"{high.astimezone(UTC):%Y%m%dT%H%M%SZ}"}
        found = []
        for calendar in self.calendars():
            body = _QUERY.format(**stamps).encode()
            root = self._xml("REPORT", urljoin(self.url, calendar.id), body, {"Depth": "1"})
            for entry in root.iter(f"{_DAV}response"):
                href = entry.findtext(f"{_DAV}href") or ""
                text = entry.findtext(f".//{_CAL}calendar-data") or ""
                found += [self._shown(calendar.id, href, part) for part in _EVENT.findall(_unfold(text))]
        return found

    def _shown(self, calendar: str, href: str, text: str) -> ShownEvent:
        start, all_day = _moment(text, "DTSTART", self.timezone)
        end, _ = _moment(text, "DTEND", self.timezone)
        if not end:
            end = (source.day(start) + timedelta(days=1)).isoformat() if all_day else start
        series = "RECURRENCE-ID" in text or "\nRRULE" in text
        return ShownEvent(
            id=href,
            calendar=calendar,
            title=_value(text, "SUMMARY") or "(No title)",
            start=start,
            end=end,
            all_day=all_day,
            free=_value(text, "TRANSP") == "TRANSPARENT",
            by="app" if _MARK in text.upper() else "",
            series=series,
            editable=not series,
            notes=_value(text, "DESCRIPTION"),
            location=_value(text, "LOCATION"),
        )

    # -- writing -----------------------------------------------------------------------------------------------

    def create(self, calendar: str, edit: Edit) -> None:
        name = f"{uuid4()}"
        lines = [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//Sandbox page//EN", "BEGIN:VEVENT", f"UID:{name}",
            f"DTSTAMP:{datetime.now(UTC):%Y%m%dT%H%M%SZ}", *self._lines(edit), f"SUMMARY:{_escape(edit.title or 'Busy')}",
            *(["TRANSP:TRANSPARENT"] if edit.kind == "free" else []),
            *(["RRULE:FREQ=WEEKLY"] if edit.kind == "weekly" else []),
            "END:VEVENT", "END:VCALENDAR", "",
        ]  # fmt: skip
        headers = {"If-None-Match": "*", "Content-Type": "text/calendar; charset=utf-8"}
        address = urljoin(self.url, f"{calendar.rstrip('/')}/{name}.ics")
        self._request("PUT", address, "\r\n".join(lines).encode(), headers)

    def change(self, calendar: str, event: str, edit: Edit) -> None:
        address = urljoin(self.url, event)
        text, tag = self._request("GET", address)
        parts = text.split("BEGIN:VEVENT")
        if len(parts) != 2 or "\nRRULE" in parts[1]:
            raise NotAllowed("the page does not move series on a CalDAV server")
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        for line in (*self._lines(edit, parts[1]), f"DTSTAMP:{stamp}", f"LAST-MODIFIED:{stamp}"):
            parts[1] = _with_line(parts[1], line)
        if edit.title is not None:
            parts[1] = _with_line(parts[1], f"SUMMARY:{_escape(edit.title)}")
        body = "BEGIN:VEVENT".join(parts)
        headers = {"If-Match": tag, "Content-Type": "text/calendar; charset=utf-8"}
        self._request("PUT", address, body.encode(), headers)

    def delete(self, calendar: str, event: str, edit: Edit) -> None:
        self._request("DELETE", urljoin(self.url, event))

    def _lines(self, edit: Edit, before: str = "") -> list[str]:
        """DTSTART and DTEND: in the zone that the event `before` names, else in UTC."""
        lines = []
        for name, text in (("DTSTART", edit.start), ("DTEND", edit.end)):
            if text is None:
                continue
            if source.is_day(text):
                lines.append(f"{name};VALUE=DATE:{source.day(text):%Y%m%d}")
                continue
            moment = source.instant(text, self.timezone)
            named = re.search(rf'(?m)^{name};TZID="?([^;":\r\n]+)', _unfold(before))
            if named and named[1] in available_timezones():
                lines.append(f"{name};TZID={named[1]}:{moment.astimezone(ZoneInfo(named[1])):%Y%m%dT%H%M%S}")
            else:
                lines.append(f"{name}:{moment:%Y%m%dT%H%M%SZ}")
        return lines

    # -- transport ---------------------------------------------------------------------------------------------

    def _xml(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
        text, _ = self._request(method, url, body, {"Content-Type": "application/xml", **headers})
        return ElementTree.fromstring(text)

    def _request(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[str, str]:
        """The answer's text and ETag. Raises a KalendsError by its status."""
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own option
            url, data=body, method=method, headers={"Authorization": f"Basic {login}", **(headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:  # noqa: S310
                return reply.read().decode(), reply.headers.get("ETag", "")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 412:
                raise Conflict("somebody else changed the event meanwhile") from error
            if error.code == 404:
                raise NotFound("the CalDAV server has no such event") from error
            raise Unavailable(f"the CalDAV server answered {error.code}") from error
        except OSError as error:
            raise Unavailable("the CalDAV server does not answer") from error


def _with_line(event: str, line: str) -> str:
    """The text of an event with one property replaced, folded or not, or added."""
    name = re.split("[;:]", line)[0]
    pattern = re.compile(rf"(?m)^{name}[;:][^\r\n]*(\r?\n[ \t][^\r\n]*)*")
    match = pattern.search(event)
    if match is None:
        return f"\r\n{line}{event}"
    return event[: match.start()] + line + event[match.end() :]


def _unfold(text: str) -> str:
    return re.sub(r"\r?\n[ \t]", "", text)


def _value(text: str, name: str) -> str:
    match = re.search(rf"(?m)^{name}(?:;[^:\r\n]*)?:(.*?)\r?$", text)
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], match[1]) if match else ""


def _escape(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\n", "\\n")


def _moment(text: str, name: str, zone: str) -> tuple[str, bool]:
    """A property as the page's wall time, and whether it is a day; "" where it is missing."""
    match = re.search(rf"(?m)^{name}((?:;[^:\r\n]*)?):(\d{{8}})(T\d{{6}}Z?)?", text)
    if not match:
        return "", False
    if not match[3]:
        return date.fromisoformat(match[2]).isoformat(), True
    named = re.search(r"TZID=\"?([^;\":]+)", match[1])
    moment = datetime.fromisoformat(match[2] + match[3].rstrip("Z"))
    own = UTC if match[3].endswith("Z") else ZoneInfo(named[1] if named else zone)
    return source.wall(moment.replace(tzinfo=own), zone), False
