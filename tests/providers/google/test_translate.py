from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from kalends.core.span import Span
from kalends.providers.google.translate import changed_body, new_body, to_event, to_item
from kalends.sync.port import BusyState, Content, Deleted, Intent, Quarantined, RemoteEvent, Timed

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
SPAN = Span(START, START + timedelta(hours=1))
INTENT = Intent(UUID(int=1), 2, Content(SPAN, "Europe/Paris", "Cut", "Room 1", "Phone: 1"))
TIMES = {"start": {"dateTime": "2026-12-01T10:00:00+01:00"}, "end": {"dateTime": "2026-12-01T11:00:00+01:00"}}


def test_new_body_is_what_we_own_under_our_own_id():
    assert new_body(INTENT, "ada@example.org") == {
        "id": "00000000000000000000000000000001" + "0002",
        "summary": "Cut",
        "location": "Room 1",
        "description": "[Kalends]\nPhone: 1\n[/Kalends]",
        "start": {"dateTime": "2026-12-01T09:00:00Z", "timeZone": "Europe/Paris"},
        "end": {"dateTime": "2026-12-01T10:00:00Z", "timeZone": "Europe/Paris"},
        "extendedProperties": {
            "private": {"kalendsKey": INTENT.op_key, "kalendsCalendar": "ada@example.org"},
        },
    }


def test_changed_body_F41_holds_nothing_that_is_not_ours():
    raw = '{"description": "Mine", "attendees": [{"email": "x@y"}], "organizer": {"email": "z"}, "colorId": "3"}'
    body = changed_body(INTENT, "c", raw)
    assert set(body) == {"summary", "location", "description", "start", "end", "extendedProperties"}
    assert body["description"] == "Mine\n\n[Kalends]\nPhone: 1\n[/Kalends]"


@pytest.mark.parametrize(
    ("event", "item"),
    [
        ({"id": "a", "status": "cancelled"}, Deleted("a")),
        ({"id": "a", "status": "cancelled", "start": TIMES["start"]}, Deleted("a")),
        (
            {
                "id": "a_1",
                "status": "cancelled",
                "recurringEventId": "a",
                "originalStartTime": {"dateTime": "2026-12-01T10:00:00+01:00"},
            },
            RemoteEvent("a_1", "", None, cancelled=True, series_id="a", original_start=START),
        ),
        (
            {"id": "a_1", "status": "cancelled", "recurringEventId": "a", "originalStartTime": {"date": "2026-12-01"}},
            RemoteEvent("a_1", "", None, cancelled=True, series_id="a", original_start=date(2026, 12, 1)),
        ),
        ({"id": "a", **TIMES}, RemoteEvent("a", "", Timed(SPAN, "Europe/Berlin"))),
        ({"id": "a"}, Quarantined("a", "KeyError")),
        ({"id": "a", "start": {"dateTime": "noon"}, "end": {}}, Quarantined("a", "ValueError")),
        (
            {"id": "a", "start": {"dateTime": "2026-12-01T10:00:00"}, "end": TIMES["end"]},
            Quarantined("a", "ValueError"),
        ),
        ({"id": "a", "start": TIMES["end"], "end": TIMES["start"]}, Quarantined("a", "ValueError")),
        ({"id": "a", "start": 3, "end": 4}, Quarantined("a", "TypeError")),
        (
            {
                "id": "a",
                "start": {**TIMES["start"], "timeZone": "Mars/Olympus"},
                "end": TIMES["end"],
                "recurrence": ["RRULE:FREQ=DAILY"],
            },
            Quarantined("a", "ValueError"),
        ),
    ],
)
def test_to_item_F44_reads_or_quarantines(event, item):
    assert to_item(event, "Europe/Berlin") == item


@pytest.mark.parametrize("calendar_zone", ["", "Mars/Olympus"])
def test_to_event_without_a_known_zone_is_still_an_instant(calendar_zone):
    event = {"id": "a", "start": {**TIMES["start"], "timeZone": "Mars/Olympus"}, "end": TIMES["end"]}
    assert to_event(event, calendar_zone).when == Timed(SPAN, "UTC")


@pytest.mark.parametrize(
    ("kind", "busy"),
    [
        ("workingLocation", BusyState.ELSEWHERE),
        ("birthday", BusyState.FREE),
        ("focusTime", BusyState.BUSY),
        ("fromGmail", BusyState.BUSY),
        ("outOfOffice", BusyState.OUT_OF_OFFICE),
        ("somethingNew", BusyState.BUSY),
    ],
)
def test_to_event_F59_reads_the_type(kind, busy):
    assert to_event({"id": "a", "eventType": kind, **TIMES}, "UTC").busy is busy


@pytest.mark.parametrize(
    ("organizer", "foreign"),
    [({}, False), ({"organizer": {"self": True}}, False), ({"organizer": {"email": "x"}}, True)],
)
def test_to_event_F79_knows_a_foreign_organizer(organizer, foreign):
    assert to_event({"id": "a", **TIMES, **organizer}, "UTC").foreign_organizer is foreign
