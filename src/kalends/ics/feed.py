"""Subscription feeds and downloads: appointments as plain, single events that every calendar program reads alike.

No METHOD (that is for mail), no recurrence (F65), cancelled events left out, simple VTIMEZONEs (F64). The bytes depend on
the events alone: DTSTAMP is the last change, so an unchanged feed keeps its ETag. A text made by `render_event` may be
kept and handed to `assemble` as long as its event is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kalends.core.span import Span
from kalends.core.wall_clock import wall_clock
from kalends.ics.text import CRLF, duration, folded, text_line, uri, utc, wall
from kalends.ics.vtimezone import vtimezone

PRODID = "-//Kalends//Kalends//EN"
CONTENT_TYPE = "text/calendar; charset=utf-8"


class Status(StrEnum):
    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One appointment as a feed shows it; `timezone` is the IANA zone its times are written in."""

    uid: str
    span: Span
    timezone: str
    summary: str
    last_modified: datetime
    created: datetime
    sequence: int = 0
    location: str = ""
    description: str = ""
    url: str = ""
    status: Status = Status.CONFIRMED
    transparent: bool = False


def render_event(event: FeedEvent) -> str:
    """The VEVENT with its line ends: a pure function of `event`. Raises UnknownZone."""
    stamp = utc(event.last_modified)
    location = text_line("LOCATION", event.location) if event.location else ""
    description = text_line("DESCRIPTION", event.description) if event.description else ""
    url = folded(f"URL:{uri(event.url)}") + CRLF if event.url else ""
    return (
        f"BEGIN:VEVENT\r\n{text_line('UID', event.uid)}DTSTAMP:{stamp}\r\n"
        f"{times(event.span, event.timezone)}{text_line('SUMMARY', event.summary)}{location}{description}{url}"
        f"SEQUENCE:{event.sequence}\r\nCREATED:{utc(event.created)}\r\nLAST-MODIFIED:{stamp}\r\n"
        f"STATUS:{event.status}\r\nTRANSP:{'TRANSPARENT' if event.transparent else 'OPAQUE'}\r\nEND:VEVENT\r\n"
    )


def times(span: Span, timezone: str) -> str:
    """DTSTART and DTEND in the event's zone; in UTC where the clock shows one of them twice (the end of summer time)."""
    if timezone != "UTC":
        clock = wall_clock(timezone)
        start, end = span.start.astimezone(clock.zone), span.end.astimezone(clock.zone)
        if clock.shows_once(start) and clock.shows_once(end):
            return _pair(f";TZID={timezone}:", wall(start), wall(end))
    return _pair(":", utc(span.start), utc(span.end))


def _pair(between: str, start: str, end: str) -> str:
    # RFC 5545, 3.8.2.2: DTEND is later than DTSTART; an event without length has none.
    return f"DTSTART{between}{start}\r\nDTEND{between}{end}\r\n" if start != end else f"DTSTART{between}{start}\r\n"


def assemble(
    *,
    name: str,
    timezone: str,
    window: Span,
    refresh: timedelta,
    zones: Iterable[str],
    rendered: Iterable[bytes],
) -> bytes:
    """The feed of texts from `render_event`, encoded, in their order. `zones` are the zones of their events.

    `timezone` is the calendar's own zone, `window` covers all events, `refresh` is how often a program should ask.
    """
    interval = duration(refresh)
    head = [
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n",
        f"PRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\n",
        text_line("NAME", name),
        text_line("X-WR-CALNAME", name),
        f"X-WR-TIMEZONE:{timezone}\r\n",
        f"REFRESH-INTERVAL;VALUE=DURATION:{interval}\r\nX-PUBLISHED-TTL:{interval}\r\n",
    ]
    # The calendar's own zone stands there even if no event uses it: a calendar without any component is no calendar.
    needed = sorted({timezone, *zones} - {"UTC"}) or ["UTC"]
    head += [vtimezone(tzid, window) for tzid in needed]
    return b"".join(["".join(head).encode(), *rendered, b"END:VCALENDAR\r\n"])


def write_feed(
    *, name: str, events: Sequence[FeedEvent], timezone: str, window: Span, refresh: timedelta = timedelta(hours=1)
) -> bytes:
    """The whole feed of `events` in the given order, cancelled ones left out. Raises UnknownZone."""
    shown = [event for event in events if event.status != Status.CANCELLED]
    return assemble(
        name=name,
        timezone=timezone,
        window=_covering(window, shown),
        refresh=refresh,
        zones={event.timezone for event in shown},
        rendered=(render_event(event).encode() for event in shown),
    )


def write_event(event: FeedEvent) -> bytes:
    """A file of one event, for "add to calendar"."""
    component = "" if event.timezone == "UTC" else vtimezone(event.timezone, event.span)
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\n"
    return f"{head}{component}{render_event(event)}END:VCALENDAR\r\n".encode()


def _covering(window: Span, events: Sequence[FeedEvent]) -> Span:
    if not events:
        return window
    start = min(event.span.start for event in events)
    end = max(event.span.end for event in events)
    return Span(min(window.start, start), max(window.end, end))
