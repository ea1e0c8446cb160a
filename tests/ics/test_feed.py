from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kalends.core.span import Span
from kalends.core.zones import UnknownZone
from kalends.ics.feed import FeedEvent, Status, assemble, render_event, write_event, write_feed

STAMP = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
START = datetime(2026, 7, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
EVENT = FeedEvent(
    uid="a@kalends.example",
    span=Span(START, START + HOUR),
    timezone="Europe/Paris",
    summary="Coupe, Zoé",
    last_modified=STAMP,
    created=STAMP - HOUR,
    sequence=2,
    location="Salon 1",
    description="line one\nline two",
    url="https://example.com/a/b",
)
GOLDEN = """\
BEGIN:VEVENT
UID:a@kalends.example
DTSTAMP:20260102T030405Z
DTSTART;TZID=Europe/Paris:20260701T100000
DTEND;TZID=Europe/Paris:20260701T110000
SUMMARY:Coupe\\, Zoé
LOCATION:Salon 1
DESCRIPTION:line one\\nline two
URL:https://example.com/a/b
SEQUENCE:2
CREATED:20260102T020405Z
LAST-MODIFIED:20260102T030405Z
STATUS:CONFIRMED
TRANSP:OPAQUE
END:VEVENT
"""
HEAD = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Kalends//Kalends//EN
CALSCALE:GREGORIAN
NAME:Zoé\\; team
X-WR-CALNAME:Zoé\\; team
X-WR-TIMEZONE:Europe/Paris
REFRESH-INTERVAL;VALUE=DURATION:PT1H30M
X-PUBLISHED-TTL:PT1H30M
BEGIN:VTIMEZONE
"""


def feed(*events, **more):
    return write_feed(
        **{"name": "Zoé; team", "events": events, "timezone": "Europe/Paris", "window": WINDOW, "refresh": 1.5 * HOUR}
        | more
    ).decode()


def test_render_event_golden_text():
    assert render_event(EVENT) == GOLDEN.replace("\n", "\r\n")


def test_feed_golden_head_without_method():
    text = feed(EVENT)
    assert text.startswith(HEAD.replace("\n", "\r\n"))
    assert text.endswith(GOLDEN.replace("\n", "\r\n") + "END:VCALENDAR\r\n")
    assert "METHOD" not in text


def test_feed_bytes_depend_on_the_events_alone():
    later = Span(WINDOW.start + timedelta(days=1), WINDOW.end)
    assert feed(EVENT) == feed(EVENT) == feed(EVENT, window=later)
    assert feed(EVENT) != feed(replace(EVENT, sequence=3))


def test_feed_of_kept_texts_is_the_same():
    zones = [EVENT.timezone]
    kept = assemble(
        name="Zoé; team",
        timezone="Europe/Paris",
        window=WINDOW,
        refresh=1.5 * HOUR,
        zones=zones,
        rendered=[render_event(EVENT).encode()],
    )
    assert kept.decode() == feed(EVENT)


def test_feed_leaves_cancelled_out_and_keeps_the_order():
    other, gone = replace(EVENT, uid="b"), replace(EVENT, uid="c", status=Status.CANCELLED)
    lines = feed(other, gone, EVENT).split("\r\n")
    assert [line for line in lines if line.startswith("UID:")] == ["UID:b", "UID:a@kalends.example"]


def test_feed_has_each_zone_once():
    lines = feed(EVENT, replace(EVENT, uid="b"), replace(EVENT, uid="c", timezone="Asia/Tokyo")).split("\r\n")
    assert [line for line in lines if line.startswith("TZID:")] == ["TZID:Asia/Tokyo", "TZID:Europe/Paris"]


def test_render_event_writes_utc_where_the_clock_shows_a_time_twice_F14():
    fold = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    lines = render_event(replace(EVENT, span=Span(fold, fold + HOUR))).split("\r\n")
    assert lines[3:5] == ["DTSTART:20261025T013000Z", "DTEND:20261025T023000Z"]


def test_render_event_shows_flags():
    lines = render_event(replace(EVENT, status=Status.TENTATIVE, transparent=True)).split("\r\n")
    assert lines[-4:-2] == ["STATUS:TENTATIVE", "TRANSP:TRANSPARENT"]


def test_render_event_adds_no_line_of_its_text():
    evil = "x\r\nEND:VEVENT\r\nBEGIN:VEVENT"
    lines = render_event(replace(EVENT, uid=evil, summary=evil, location=evil, description=evil, url=evil)).split(
        "\r\n"
    )
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == ["BEGIN:VEVENT", "END:VEVENT"]


def test_render_event_without_length_has_no_end():
    lines = render_event(replace(EVENT, span=Span(START, START))).split("\r\n")
    assert [line for line in lines if line.startswith("DTEND")] == []


def test_feed_refuses_an_unknown_zone():
    with pytest.raises(UnknownZone):
        feed(replace(EVENT, timezone="Europe/Nowhere"))


def test_write_event_is_a_file_of_one_event_without_calendar_name():
    text = write_event(replace(EVENT, timezone="UTC")).decode()
    assert text.startswith(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Kalends//Kalends//EN\r\nCALSCALE:GREGORIAN\r\nBEGIN:VEVENT"
    )
