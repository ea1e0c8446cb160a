from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.core.zones import resolve_tzid, zone_names
from kalends.providers.microsoft.translate import (
    PROPERTY,
    changed_body,
    completed,
    is_abridged,
    new_body,
    op_key_of,
    stamp,
    to_event,
)
from kalends.sync.port import AllDay, BusyState, Content, Intent, Timed

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTENT = Content(Span(START, START + HOUR), "Europe/Paris", "Cut", "Room 1", "Phone: 1 < 2\nÇa va")
INTENT = Intent(UUID("0191b2c3-d4e5-7f60-8a9b-0c1d2e3f4a5b"), 1, CONTENT)


def moment(text, zone="UTC"):
    return {"dateTime": text, "timeZone": zone}


def event(**more):
    return {
        "id": "AA1",
        "changeKey": "k1",
        "type": "singleInstance",
        "start": moment("2026-12-01T09:00:00.0000000"),
        "end": moment("2026-12-01T10:00:00.0000000"),
        "originalStartTimeZone": "Romance Standard Time",
        "showAs": "busy",
        "isOrganizer": True,
        **more,
    }


def stored(body, **more):
    """As Graph shows what it was sent."""
    html = body["body"]["content"].replace("\n", "\r\n")
    return event(**{**body, "body": {"contentType": "html", "content": html}, **more})


def test_to_event_reads_times_zone_and_tag():
    found = to_event(event(lastModifiedDateTime="2026-11-20T08:00:00.1234567Z"))
    assert found.when == Timed(Span(START, START + HOUR), "Europe/Paris")
    assert (found.tag, found.busy, found.foreign_organizer) == ('W/"k1"', BusyState.BUSY, False)
    assert found.updated == datetime(2026, 11, 20, 8, 0, 0, 123456, UTC)


@pytest.mark.parametrize("name", ["tzone://Microsoft/Custom", "Customized Time Zone", "", None])
def test_to_event_of_a_zone_that_nobody_knows_is_an_instant_all_the_same(name):
    assert to_event(event(originalStartTimeZone=name)).when == Timed(Span(START, START + HOUR), "UTC")


def test_to_event_reads_utc_under_microsofts_own_name():
    found = to_event(event(start=moment("2026-12-01T09:00:00", "tzone://Microsoft/Utc")))
    assert found.when.span.start == START


@pytest.mark.parametrize(
    ("zone", "text"), [("Romance Standard Time", "2026-12-01T10:00:00"), ("Europe/Paris", "2026-12-01T10:00:00")]
)
def test_to_event_F54_reads_times_that_come_in_another_zone(zone, text):
    assert to_event(event(start=moment(text, zone))).when.span.start == START


def test_to_event_F54_of_a_time_in_a_zone_that_is_not_known_is_no_event():
    with pytest.raises(ValueError, match="unknown zone"):
        to_event(event(start=moment("2026-12-01T10:00:00", "tzone://Microsoft/Custom")))


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-12-24T00:00:00", "2026-12-26T00:00:00", (24, 26)),
        ("2026-12-23T23:00:00", "2026-12-24T23:00:00", (24, 25)),
        ("2026-12-24T00:00:00", "2026-12-24T00:00:00", (24, 25)),
    ],
)
def test_to_event_F55_days_are_those_of_whoever_wrote_them(start, end, days):
    found = to_event(event(isAllDay=True, start=moment(start), end=moment(end)))
    assert found.when == AllDay(date(2026, 12, days[0]), date(2026, 12, days[1]))


@pytest.mark.parametrize(
    ("more", "busy", "declined", "cancelled", "foreign"),
    [
        ({"showAs": "workingElsewhere"}, BusyState.ELSEWHERE, False, False, False),
        ({"showAs": "oof"}, BusyState.OUT_OF_OFFICE, False, False, False),
        ({"showAs": "newerThanWeAre"}, BusyState.BUSY, False, False, False),
        ({"responseStatus": {"response": "declined"}}, BusyState.BUSY, True, False, False),
        ({"isCancelled": True}, BusyState.BUSY, False, True, False),
        ({"isOrganizer": False}, BusyState.BUSY, False, False, True),
    ],
)
def test_to_event_F59_F79_reads_the_state(more, busy, declined, cancelled, foreign):
    found = to_event(event(**more))
    assert (found.busy, found.declined, found.cancelled, found.foreign_organizer) == (
        busy,
        declined,
        cancelled,
        foreign,
    )


def test_to_event_G14_keeps_no_text_of_a_foreign_event():
    found = to_event(
        event(subject="Therapy", body={"contentType": "text", "content": "x"}, transactionId="localevent:1")
    )
    assert (found.content, found.raw, found.op_key) == (None, "", "")
    assert "Therapy" not in repr(found)


def test_op_key_is_read_from_the_property_or_else_the_transaction():
    held = [{"id": PROPERTY.upper(), "value": "k"}]
    assert op_key_of({"singleValueExtendedProperties": held}) == "k"
    assert op_key_of({"transactionId": INTENT.op_key}) == INTENT.op_key
    assert op_key_of({"transactionId": "localevent:0191b2c3"}) == ""


def test_an_abridged_occurrence_has_what_its_series_has():
    bare = {"id": "AA2", "seriesMasterId": "AA1", "type": "occurrence", "start": moment("x"), "end": moment("y")}
    master = event(showAs="oof", isOrganizer=False, subject="Therapy")
    assert is_abridged(bare) is True
    whole = completed(bare, master)
    assert (whole["id"], whole["showAs"], whole["isOrganizer"], whole["start"]) == ("AA2", "oof", False, moment("x"))
    assert "subject" not in whole
    assert is_abridged(whole) is False


def test_new_body_F76_names_nobody_and_reads_back_as_it_was_meant():
    body = new_body(INTENT)
    assert not {"attendees", "organizer", "responseRequested", "onlineMeetingProvider"} & set(body)
    assert (body["transactionId"], body["start"]["timeZone"]) == (INTENT.op_key, "Romance Standard Time")
    times = {"start": moment("2026-12-01T09:00:00"), "end": moment("2026-12-01T10:00:00")}
    assert to_event(stored(body, **times)).content == CONTENT


def test_changed_body_F41_holds_nothing_that_is_not_ours():
    body = changed_body(INTENT, json.dumps(event(body={"contentType": "html", "content": ""})))
    assert set(body) == {"subject", "location", "body", "start", "end"}


def test_changed_body_F39_keeps_the_lines_around_ours():
    html = "<html>\r\n<head>\r\n<style>p {}</style></head>\r\n<body>\r\n<p>Mine</p>\r\n<b>too</b>\r\n</body>\r\n</html>\r\n"
    first = changed_body(INTENT, json.dumps(event(body={"contentType": "html", "content": html})))
    second = changed_body(
        replace(INTENT, content=replace(CONTENT, notes="New")), json.dumps(stored(first, transactionId=INTENT.op_key))
    )
    content = second["body"]["content"]
    assert content.count("[Kalends]") == 1
    assert content.index("<p>Mine</p>") < content.index("<b>too</b>") < content.index("New") < content.index("</body>")
    assert to_event(stored(second, transactionId=INTENT.op_key)).content.notes == "New"


def test_changed_body_leaves_a_plain_text_plain():
    raw = event(body={"contentType": "text", "content": "Mine"})
    body = changed_body(INTENT, json.dumps(raw))["body"]
    assert body == {"contentType": "text", "content": f"Mine\n\n[Kalends]\n{CONTENT.notes}\n[/Kalends]"}


INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(INSTANTS, st.sampled_from(zone_names()))
def test_stamp_F14_means_the_same_instant_in_every_zone(at, name):
    at = at.replace(microsecond=0)
    written = stamp(at, name)
    zone = resolve_tzid(written["timeZone"])
    for fold in (0, 1):
        assert datetime.fromisoformat(written["dateTime"]).replace(tzinfo=zone, fold=fold).astimezone(UTC) == at


def test_stamp_F14_is_utc_in_the_hour_that_comes_twice():
    assert stamp(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Paris") == moment("2026-10-25T00:30:00")
    assert stamp(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("UTC")), "Europe/Paris") == moment(
        "2026-10-25T03:30:00", "Romance Standard Time"
    )
