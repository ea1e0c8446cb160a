"""A feed of 10,000 appointments, cold: ours against icalendar building and writing the same."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar

from kalends.core.span import Span
from kalends.ics.feed import FeedEvent, write_feed

EVENTS = 10_000
ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo")
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
NOTES = "Bring the last invoice; we meet at the side entrance, second floor.\nCall +33 1 23 45 67 89 if you are late. "


def appointments() -> list[FeedEvent]:
    made = []
    for number in range(EVENTS):
        start = BEGIN + timedelta(minutes=30 * number)
        made.append(
            FeedEvent(
                uid=f"{number:032x}@kalends",
                span=Span(start, start + timedelta(minutes=30)),
                timezone=ZONES[number % len(ZONES)],
                summary=f"Consultation {number}: Zoé Müller, first visit",
                location="12, rue de la Paix, 75002 Paris",
                description=NOTES + f"Reference {number}",
                sequence=number % 3,
                last_modified=BEGIN,
                created=BEGIN,
            )
        )
    return made


def ours(events: list[FeedEvent]) -> bytes:
    window = Span(events[0].span.start, events[-1].span.end)
    return write_feed(name="Zoé Müller", events=events, timezone=ZONES[0], window=window)


def by_icalendar(events: list[FeedEvent]) -> bytes:
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//bench//bench//EN")
    calendar.add("version", "2.0")
    for event in events:
        clock = ZoneInfo(event.timezone)
        item = icalendar.Event()
        item.add("uid", event.uid)
        item.add("dtstamp", event.last_modified)
        item.add("dtstart", event.span.start.astimezone(clock))
        item.add("dtend", event.span.end.astimezone(clock))
        item.add("summary", event.summary)
        item.add("location", event.location)
        item.add("description", event.description)
        item.add("sequence", event.sequence)
        item.add("created", event.created)
        item.add("last-modified", event.last_modified)
        item.add("status", event.status.value)
        item.add("transp", "OPAQUE")
        calendar.add_component(item)
    return calendar.to_ical()


def milliseconds(job, *args) -> float:
    begin = time.perf_counter()
    job(*args)
    return (time.perf_counter() - begin) * 1000


def main() -> dict[str, float]:
    """Medians of three runs, in milliseconds, and their ratio; printed as one line of the bench table."""
    events = appointments()
    mine = sorted(milliseconds(ours, events) for _ in range(3))[1]
    theirs = sorted(milliseconds(by_icalendar, events) for _ in range(3))[1]
    print(f"feed, {EVENTS:,} appointments | {mine:.0f} ms | icalendar {theirs:.0f} ms | x {theirs / mine:.1f}")
    return {"ours_ms": mine, "peer_ms": theirs, "ratio": theirs / mine}


if __name__ == "__main__":
    main()
