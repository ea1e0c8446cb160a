"""The secret iCal address of an account, as calendar systems offer one beside sharing: whoever has it reads all of it.

Occurrences stand one by one, in UTC; a server of feeds knows its tag, so that what did not change is not sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from icalendar import Calendar, Event

from kalends.sandbox.page.source import ShownEvent, Source, day, instant
from kalends.sandbox.web import Request, Response

_BACK, _AHEAD = timedelta(days=30), timedelta(days=400)


def serve_feed(request: Request, found: Source, now: datetime) -> Response:
    today = instant(now.date().isoformat(), found.timezone)
    body = _text(found, found.events(today - _BACK, today + _AHEAD))
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(304, b"", headers)
    return Response(200, body, {"Content-Type": "text/calendar; charset=utf-8", **headers})


def _text(found: Source, events: list[ShownEvent]) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Sandbox//Calendars//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", found.name)
    calendar.add("x-wr-timezone", found.timezone)
    for event in sorted(events, key=lambda event: (event.start, event.id)):
        calendar.add_component(_event(event, found.timezone))
    return bytes(calendar.to_ical())


def _event(event: ShownEvent, zone: str) -> Event:
    begin = instant(event.start, zone)
    made = Event()
    made.add("uid", f"{event.id}-{begin:%Y%m%dT%H%M%SZ}@sandbox.example")
    made.add("dtstamp", begin)
    made.add("dtstart", day(event.start) if event.all_day else begin)
    made.add("dtend", day(event.end) if event.all_day else instant(event.end, zone))
    made.add("summary", event.title)
    made.add("transp", "TRANSPARENT" if event.free else "OPAQUE")
    return made
