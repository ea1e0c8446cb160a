"""Feeds and invitations as other people's programs read them: all the same, and what we meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kalends.core.span import Span
from kalends.ics.feed import FeedEvent, Status, write_event, write_feed
from kalends.ics.itip import Guest, Invitation, Method, Person, write_itip
from tests.ics.readers import READERS, Read, node_ical

STAMP = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
INVITED = datetime(2026, 7, 1, 9, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
YEARS = (2025, 2026, 2027)
# Forty zones: both hemispheres, half and quarter hours, rules by weekday, by day of month and by decree.
ZONES = """
Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos America/Asuncion America/Bogota America/Chicago
America/Denver America/Halifax America/Havana America/Los_Angeles America/Mexico_City America/New_York America/Nuuk
America/Phoenix America/Santiago America/Sao_Paulo America/St_Johns America/Toronto Asia/Beirut Asia/Dubai Asia/Gaza
Asia/Jerusalem Asia/Kathmandu Asia/Kolkata Asia/Shanghai Asia/Tokyo Atlantic/Azores Australia/Adelaide
Australia/Lord_Howe Australia/Sydney Europe/Chisinau Europe/Dublin Europe/Helsinki Europe/London Europe/Moscow
Europe/Paris Pacific/Auckland Pacific/Chatham Pacific/Kiritimati
""".split()  # noqa: SIM905 - forty names read better as text
# node-ical reads a TZID by Node's own tables, not by the VTIMEZONE; these zones changed their rules in 2026.
STALE_IN_NODE = {"Africa/Casablanca", "America/Havana", "Europe/Chisinau"}
TEXTS = [
    "Plain",
    "Zoé, Müller; \\ and sons",
    "two\nlines\n",
    "日本語の予約" * 20,
    "🦊" * 40 + "x",
    "x" * 300,
    "quotes \" and ' and a:colon",
    "\tbegins with a tab",
    "ends in a backslash\\",
]
# node-ical 0.26 takes the second backslash of a written backslash for the beginning of a line end.
BACKSLASH_N = "\\n is not a line end"


@pytest.fixture(params=sorted(READERS))
def reader(request):
    return READERS[request.param]


def texts_for(reader):
    return TEXTS if reader is node_ical else [*TEXTS, BACKSLASH_N]


def event(number=0, *, start=datetime(2026, 3, 2, 9, tzinfo=UTC), zone="Europe/Paris", text="Visit", **more):
    return FeedEvent(
        uid=f"{number}@kalends.example",
        span=Span(start, start + HALF_HOUR),
        timezone=zone,
        summary=text,
        last_modified=STAMP,
        created=STAMP,
        **more,
    )


def meant(events):
    return sorted(Read(e.uid, e.span.start, e.span.end, e.summary, e.location, e.description) for e in events)


def feed(events, zone="Europe/Paris"):
    window = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    return write_feed(name="Zoé Müller", events=events, timezone=zone, window=window)


def invitation(text):
    return Invitation(
        uid="1@kalends.example",
        sequence=3,
        organizer=Person('Zoé "Z" Müller; Inc.', "zoe@example.com"),
        guests=(Guest(Person("Bo, ^Jr.", "bo+x@example.org")),),
        span=Span(INVITED, INVITED + HALF_HOUR),
        timezone="America/New_York",
        summary=text,
        location=text,
        description=text,
        url="https://example.com/a/token",
        dtstamp=STAMP,
    )


def changes(zone):
    """The instants in YEARS at which the zone's offset changes, to the quarter of an hour."""
    clock, at, step = ZoneInfo(zone), datetime(YEARS[0], 1, 1, tzinfo=UTC), timedelta(minutes=15)
    end = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    while at < end:
        day = at + timedelta(days=1)
        if at.astimezone(clock).utcoffset() != day.astimezone(clock).utcoffset():
            while at.astimezone(clock).utcoffset() == (at + step).astimezone(clock).utcoffset():
                at += step
            yield at + step
        at = day


def edges(zone):
    """Half-hour events on and around every change of the offset, and at midday of each month."""
    around = [timedelta(minutes=m) for m in (-120, -90, -60, -45, -30, -15, 0, 15, 30, 60, 90, 120)]
    starts = [change + shift for change in changes(zone) for shift in around]
    starts += [datetime(year, month, 1, 12, tzinfo=UTC) for year in YEARS for month in range(1, 13)]
    return [event(number, start=start, zone=zone, text=zone) for number, start in enumerate(sorted(set(starts)))]


def test_feed_keeps_every_instant_around_dst_in_40_zones_F14_F64(reader):
    assert len(ZONES) == 40
    known = [zone for zone in ZONES if reader is not node_ical or zone not in STALE_IN_NODE]
    for zones in (known[n : n + 10] for n in range(0, 40, 10)):
        events = [
            event(f"{zone}-{number}", start=one.span.start, zone=zone)
            for zone in zones
            for number, one in enumerate(edges(zone))
        ]
        assert sorted(reader(feed(events))) == meant(events)


def test_feed_keeps_texts_of_every_kind(reader):
    events = [
        event(n, text=f"({text})", location=f"({text})", description=f"({text})")
        for n, text in enumerate(texts_for(reader))
    ]
    assert sorted(reader(feed(events))) == meant(events)


def test_feed_leaves_cancelled_events_out(reader):
    kept, gone = event(1), event(2, status=Status.CANCELLED)
    assert reader(feed([kept, gone])) == meant([kept])


def test_feed_without_events_is_still_a_calendar(reader):
    assert reader(feed([])) == []
    assert reader(feed([], zone="UTC")) == []


def test_feed_shows_appointments_of_a_series_as_plain_events_F65(reader):
    events = [event(n, start=datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(days=n)) for n in range(30)]
    text = feed(events)
    assert [name for name in (b"RRULE", b"RDATE", b"RECURRENCE-ID") if name in text.split(b"END:VTIMEZONE")[-1]] == []
    assert sorted(reader(text)) == meant(events)


def test_event_file_reads_as_meant(reader):
    one = event(7, url="https://example.com/a/b?c=d", description="see there")
    assert reader(write_event(one)) == meant([one])


@pytest.mark.parametrize("method", list(Method))
def test_itip_reads_as_meant(reader, method):
    for text in texts_for(reader):
        message = write_itip(method, invitation(f"({text})"))
        end = INVITED + HALF_HOUR
        assert reader(message) == [Read("1@kalends.example", INVITED, end, f"({text})", f"({text})", f"({text})")]
