"""A feed of 10,000 events with every kind of line, read to the times that block: ours beside icalendar in the same run.

Then the same feed again with 50 events changed, by the digest of each event's text.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import icalendar

from kalends.core.span import Span
from kalends.ics.event import ParsedEvent, parse_calendar
from kalends.ics.vtimezone import vtimezone
from kalends.providers.icsfeed.units import cut

EVENTS, CHANGED, WANTED = 10_000, 50, 40_000
PEER_EVENTS = 1_000
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Europe/London")
WORDS = [
    "invoice",
    "review",
    "with",
    "the",
    "team",
    "about",
    "next",
    "quarter,",
    "please",
    "bring",
    "your",
    "notes;",
    "room",
    "on",
    "second",
    "floor",
    "é",
    "à",
    "ü",
]


def feed(count: int = EVENTS, seed: int = 1, edited: int = 0) -> str:
    """About 630 bytes an event; the first `edited` ones lie a quarter of an hour later than in the unedited feed."""
    chance = random.Random(seed)
    span = Span(BEGIN, BEGIN + timedelta(days=800))
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//bench//EN\r\nX-WR-CALNAME:Bench\r\nX-WR-TIMEZONE:Europe/Paris\r\n"
    events = [_event(chance, number, number < edited) for number in range(count)]
    return "".join([head, *(vtimezone(name, span) for name in ZONES), *events, "END:VCALENDAR\r\n"])


def _event(chance: random.Random, number: int, edited: bool) -> str:
    start = BEGIN + timedelta(minutes=30 * number)
    text = " ".join(chance.choices(WORDS, k=20)).replace(",", "\\,").replace(";", "\\;")
    lines = [
        "BEGIN:VEVENT",
        "DTSTAMP:20260101T120000Z",
        f"UID:{chance.getrandbits(128):032x}@example.org",
        *_times(chance, start + timedelta(minutes=15 * edited)),
        f"SUMMARY:Meeting {number}",
        "CREATED:20251101T090000Z",
        "LAST-MODIFIED:20251201T090000Z",
        f"SEQUENCE:{chance.randrange(4)}",
        *_folded(f"DESCRIPTION:{text}"),
        "LOCATION:12\\, rue de la Paix\\, Paris",
        f"STATUS:{chance.choice(('CONFIRMED', 'CONFIRMED', 'TENTATIVE', 'CANCELLED'))}",
        f"TRANSP:{chance.choice(('OPAQUE', 'OPAQUE', 'OPAQUE', 'TRANSPARENT'))}",
        f"X-MICROSOFT-CDO-BUSYSTATUS:{chance.choice(('BUSY', 'FREE', 'OOF'))}",
        'ORGANIZER;CN="Müller, Zoé":mailto:zoe@example.org',
        "ATTENDEE;CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;CN=Ben:mailto:ben@example.org",
        "CLASS:PUBLIC",
    ]
    if number % 4 == 0:
        lines += ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT10M", "DESCRIPTION:soon", "END:VALARM"]
    return "\r\n".join([*lines, "END:VEVENT", ""])


def _times(chance: random.Random, start: datetime) -> list[str]:
    kind, zone, wall = chance.randrange(10), chance.choice(ZONES), f"{start:%Y%m%dT%H%M%S}"
    if kind == 0:
        return [f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DTEND;VALUE=DATE:{start + timedelta(days=1):%Y%m%d}"]
    if kind < 4:
        return [f"DTSTART:{wall}Z", f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%S}Z"]
    times = [f"DTSTART;TZID={zone}:{wall}", f"DTEND;TZID={zone}:{start + timedelta(hours=1):%Y%m%dT%H%M%S}"]
    if kind == 9:
        times += ["RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20271231T230000Z", f"EXDATE;TZID={zone}:{wall}"]
    return times


def _folded(line: str) -> list[str]:
    return [line[:74], *(f" {line[at : at + 73]}" for at in range(74, len(line), 73))]


def by_icalendar(text: str) -> list[tuple[datetime | date, datetime | date, str, str]]:
    return [
        (item["DTSTART"].dt, item["DTEND"].dt, str(item.get("STATUS", "")), str(item.get("TRANSP", "")))
        for item in icalendar.Calendar.from_ical(text).walk("VEVENT")
    ]


def ours(text: str) -> tuple[ParsedEvent, ...]:
    return parse_calendar(text, floating="UTC").events


def seconds(job: Callable[[str], object], text: str, runs: int) -> float:
    """The best of several runs, in the process's own time."""
    best = 1e9
    for _ in range(runs):
        gc.collect()
        begin = time.process_time()
        job(text)
        best = min(best, time.process_time() - begin)
    return best


def main() -> dict[str, float]:
    """`job | ours | peer | ratio`, one line for the first read and one for the next."""
    text, edited, small = feed(), feed(edited=CHANGED), feed(PEER_EVENTS)
    mine = EVENTS / seconds(ours, text, 7)
    theirs = PEER_EVENTS / seconds(by_icalendar, small, 2)
    job = f"ICS, {EVENTS:,} events, {len(text.encode()) / 1e6:.1f} MB"
    print(f"{job} | {mine:,.0f}/s | icalendar {theirs:,.0f}/s | x {mine / theirs:.1f} | wanted {WANTED:,}/s, x 14")
    again = seconds(lambda body: cut(body, floating="UTC"), text, 3)
    known = cut(text, floating="UTC").units.keys()

    def read_changed(body: str) -> None:
        found = cut(body, floating="UTC")
        parse_calendar(found.only(found.units.keys() - known), floating="UTC")

    changed = seconds(read_changed, edited, 3)
    print(f"  read again, digests only | {again * 1000:.0f} ms | {CHANGED} changed | {changed * 1000:.0f} ms")
    return {"ours": mine, "icalendar": theirs, "again_ms": again * 1000, "changed_ms": changed * 1000}


if __name__ == "__main__":
    main()
