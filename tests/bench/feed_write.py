"""A feed of 10,000 appointments: ours against icalendar building and writing the same, then after 50 changes.

After a change the texts of the other appointments are at hand (`feeds.rendering` keeps them by value), so the second figure
is 50 texts and the whole put together. Both in the process's own time.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar

from kalends.core.span import Span
from kalends.ics.feed import FeedEvent, assemble, render_event, write_feed

EVENTS, CHANGED = 10_000, 50
WANTED_COLD, WANTED_CHANGED = 150, 5
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
                last_modified=BEGIN + timedelta(seconds=number),
                created=BEGIN - timedelta(seconds=number),
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


def after_changes(events: list[FeedEvent], texts: list[bytes]) -> bytes:
    """The feed with its first events changed; `texts` are those of all of them before."""
    changed = [render_event(replace(event, sequence=9)).encode() for event in events[:CHANGED]]
    window = Span(events[0].span.start, events[-1].span.end)
    refresh = timedelta(hours=1)
    rendered = [*changed, *texts[CHANGED:]]
    return assemble(name="Zoé", timezone=ZONES[0], window=window, refresh=refresh, zones=ZONES, rendered=rendered)


def milliseconds(job, *args, runs: int = 7) -> float:
    """The best of several runs."""
    spent = []
    for _ in range(runs):
        gc.collect()
        begin = time.process_time()
        job(*args)
        spent.append((time.process_time() - begin) * 1000)
    return min(spent)


def main() -> dict[str, float]:
    """Prints `job | ours | peer | ratio`, and what 50 changes cost."""
    events = appointments()
    mine, theirs = milliseconds(ours, events), milliseconds(by_icalendar, events, runs=2)
    job = f"feed, {EVENTS:,} appointments"
    print(f"{job} | {mine:.0f} ms | icalendar {theirs:.0f} ms | x {theirs / mine:.1f} | wanted {WANTED_COLD} ms")
    texts = [render_event(event).encode() for event in events]
    changed = milliseconds(after_changes, events, texts)
    print(f"  {CHANGED} changed, texts kept | {changed:.1f} ms | wanted {WANTED_CHANGED} ms")
    return {"ours_ms": mine, "peer_ms": theirs, "ratio": theirs / mine, "changed_ms": changed}


if __name__ == "__main__":
    main()
