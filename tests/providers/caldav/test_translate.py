from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ical.calendar_stream import IcsCalendarStream

from kalends.core.span import Span
from kalends.core.zones import zone_names
from kalends.providers.caldav.text import BadText
from kalends.providers.caldav.translate import Reader, changed_text, content_tag, new_text, zone_of_calendar
from kalends.sync.port import AllDay, BusyState, Content, Intent, Quarantined, RemoteEvent, Timed

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTENT = Content(Span(START, START + HOUR), "Europe/Paris", "Cut, wash", "Room 1", "Phone: 1\nManage: x")
INTENT = Intent(UUID(int=1), 2, CONTENT)
READER = Reader(frozenset({"ada@example.org"}), lambda: "")
PARIS = "BEGIN:VTIMEZONE\nTZID:Romance Standard Time\nEND:VTIMEZONE\n"


def resource(*events, before=""):
    inner = "".join(f"BEGIN:VEVENT\nUID:1\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{before}{inner}END:VCALENDAR\n"


def read(*events, before="", reader=READER):
    return reader.read("/c/1.ics", '"1"', resource(*events, before=before))


def one(event, **kwargs):
    (item,) = read(event, **kwargs)
    return item


# -- times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "when"),
    [
        ("DTSTART:20261201T090000Z\nDTEND:20261201T100000Z", Timed(Span(START, START + HOUR), "UTC")),
        ("DTSTART:20261201T090000Z\nDURATION:PT1H", Timed(Span(START, START + HOUR), "UTC")),
        ("DTSTART:20261201T090000Z", Timed(Span(START, START), "UTC")),
        (
            "DTSTART;TZID=Europe/Paris:20261201T100000\nDTEND;TZID=America/New_York:20261201T050000",
            Timed(Span(START, START + HOUR), "Europe/Paris"),
        ),
        (
            "DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Paris:20261201T100000\nDURATION:PT1H",
            Timed(Span(START, START + HOUR), "Europe/Paris"),
        ),
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", AllDay(date(2026, 12, 24), date(2026, 12, 27))),
        ("DTSTART;VALUE=DATE:20261224", AllDay(date(2026, 12, 24), date(2026, 12, 25))),
        ("DTSTART;VALUE=DATE:20261224\nDURATION:P2D", AllDay(date(2026, 12, 24), date(2026, 12, 26))),
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224", AllDay(date(2026, 12, 24), date(2026, 12, 25))),
    ],
)
def test_read_F55_times(lines, when):
    assert one(lines).when == when


@pytest.mark.parametrize(
    ("line", "name", "start"),
    [
        ("DTSTART;TZID=tzone://Microsoft/Utc:20261201T090000", "UTC", START),
        ("DTSTART;TZID=tzone://Microsoft/Utc;VALUE=DATE-TIME:20261201T090000", "UTC", START),
        ('DTSTART;TZID="tzone://Microsoft/Utc":20261201T090000', "UTC", START),
        ("DTSTART;TZID=tzone://Microsoft/Custom:20261201T100000", "Europe/Paris", START),
        ("DTSTART;TZID=(UTC+01:00) Brussels, Paris:20261201T100000", "Europe/Paris", START),
    ],
)
def test_read_F54_takes_zones_with_colons_and_no_quotation_marks(line, name, start):
    stated = "".join(
        f"BEGIN:VTIMEZONE\nTZID:{tzid}\nX-LIC-LOCATION:Europe/Paris\nEND:VTIMEZONE\n"
        for tzid in ("tzone://Microsoft/Custom", "(UTC+01:00) Brussels, Paris")
    )
    assert one(line, before=stated).when == Timed(Span(start, start), name)


def test_read_F54_takes_such_zones_in_recurrence_lines():
    item = one("DTSTART:20261201T090000Z\nRRULE:FREQ=DAILY\nEXDATE;TZID=tzone://Microsoft/Utc:20261202T090000")
    assert item.recurrence == ("RRULE:FREQ=DAILY", "EXDATE;TZID=UTC:20261202T090000")


def test_read_F54_resolves_a_windows_zone():
    item = one(
        "DTSTART;TZID=Romance Standard Time:20261201T100000\nDTEND;TZID=Romance Standard Time:20261201T110000",
        before=PARIS,
    )
    assert item.when == Timed(Span(START, START + HOUR), "Europe/Paris")


def test_read_a_floating_time_is_the_calendars():
    asked = []
    reader = Reader(frozenset(), lambda: asked.append(1) or "Europe/Paris")
    lines = "DTSTART:20261201T100000\nDTEND:20261201T110000"
    assert one(lines, reader=reader).when == Timed(Span(START, START + HOUR), "Europe/Paris")
    assert one("DTSTART:20261201T090000Z", reader=Reader(frozenset(), lambda: 1 / 0)).when.span.start == START


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("SUMMARY:x", "DTSTART"),
        ("DTSTART:noon", "BadRecurrence"),
        ("DTSTART;TZID=Mars/Olympus:20261201T100000", "TZID"),
        ("DTSTART:20261201T100000", "a time without a zone"),
        ("DTSTART:20261201T090000Z\nDTEND:20261201T080000Z", "DTEND"),
        ("DTSTART:20261201T090000Z\nDTEND;VALUE=DATE:20261202", "DTEND"),
        ("DTSTART:20261201T090000Z\nDURATION:soon", "DURATION"),
        ("DTSTART:20261201T090000Z\nRRULE:FREQ=DAILY\nEXDATE;TZID=Mars/Olympus:20261202T090000", "TZID"),
        ("DTSTART:99991231T235959Z\nDURATION:P1D", "OverflowError"),
    ],
)
def test_read_F44_quarantines_what_cannot_be_read(lines, reason):
    assert one(lines) == Quarantined("/c/1.ics", reason)


def test_read_F44_one_bad_exception_leaves_the_rest():
    items = read(
        "DTSTART:20261201T090000Z\nDTEND:20261201T100000Z\nRRULE:FREQ=DAILY",
        "RECURRENCE-ID:20261202T090000Z\nDTSTART:nonsense",
        "RECURRENCE-ID:20261203T090000Z\nDTSTART:20261203T120000Z\nDTEND:20261203T130000Z",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261204T090000Z\nDTSTART:20261204T120000Z",
    )
    assert [type(item) for item in items] == [RemoteEvent, Quarantined, RemoteEvent, Quarantined]
    assert [item.id for item in items] == [
        "/c/1.ics",
        "/c/1.ics#20261202T090000Z",
        "/c/1.ics#20261203T090000Z",
        "/c/1.ics#20261204T090000Z",
    ]


def test_read_F44_text_that_is_no_calendar_is_quarantined():
    assert READER.read("/c/1.ics", "", "<html>") == [Quarantined("/c/1.ics", "unreadable: VCALENDAR")]


def test_read_passes_over_tasks():
    text = "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nEND:VTODO\nEND:VCALENDAR\n"
    assert READER.read("/c/1.ics", "", text) == []


# -- series -------------------------------------------------------------------------------------------------------


def test_read_F57_a_series_is_a_master_and_its_exceptions():
    master, moved, cancelled, day = read(
        "DTSTART;TZID=Europe/Paris:20261201T100000\nDTEND;TZID=Europe/Paris:20261201T110000\n"
        "RRULE:FREQ=DAILY;COUNT=9\nRDATE;TZID=Romance Standard Time:20261220T100000\n"
        "EXDATE;TZID=Europe/Paris:20261205T100000,20261206T100000",
        "RECURRENCE-ID;TZID=Europe/Paris:20261202T100000\nDTSTART:20261202T150000Z\nDTEND:20261202T160000Z",
        "RECURRENCE-ID:20261203T090000Z\nDTSTART:20261203T090000Z\nSTATUS:CANCELLED",
        "RECURRENCE-ID;VALUE=DATE:20261204\nDTSTART;VALUE=DATE:20261204",
    )
    assert master.recurrence == (
        "RRULE:FREQ=DAILY;COUNT=9",
        "RDATE;TZID=Europe/Paris:20261220T100000",
        "EXDATE;TZID=Europe/Paris:20261205T100000,20261206T100000",
    )
    assert (master.id, master.series_id, master.original_start) == ("/c/1.ics", "", None)
    assert (moved.id, moved.series_id) == ("/c/1.ics#20261202T090000Z", "/c/1.ics")
    assert (moved.original_start, moved.when.span.start) == (
        datetime(2026, 12, 2, 9, tzinfo=UTC),
        datetime(2026, 12, 2, 15, tzinfo=UTC),
    )
    assert (cancelled.cancelled, cancelled.original_start) == (True, datetime(2026, 12, 3, 9, tzinfo=UTC))
    assert (day.id, day.original_start) == ("/c/1.ics#20261204", date(2026, 12, 4))


# -- state --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "busy", "declined", "foreign"),
    [
        ("", BusyState.BUSY, False, False),
        ("TRANSP:OPAQUE", BusyState.BUSY, False, False),
        ("TRANSP:TRANSPARENT", BusyState.FREE, False, False),
        ("STATUS:TENTATIVE", BusyState.TENTATIVE, False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE", BusyState.FREE, False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", BusyState.TENTATIVE, False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", BusyState.OUT_OF_OFFICE, False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", BusyState.ELSEWHERE, False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:BUSY\nTRANSP:TRANSPARENT", BusyState.FREE, False, False),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:Ada@example.org", BusyState.BUSY, True, False),
        ("ATTENDEE;PARTSTAT=TENTATIVE:MAILTO:ada@example.org", BusyState.TENTATIVE, False, False),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org", BusyState.BUSY, False, False),
        ("ORGANIZER:mailto:ada@example.org", BusyState.BUSY, False, False),
        ("ORGANIZER;CN=Bob:mailto:bob@example.org", BusyState.BUSY, False, True),
    ],
)
def test_read_F59_F79_state(lines, busy, declined, foreign):
    item = one(f"DTSTART:20261201T090000Z\n{lines}".strip())
    assert (item.busy, item.declined, item.foreign_organizer) == (busy, declined, foreign)


def test_read_G14_a_foreign_event_has_no_text():
    item = one("DTSTART:20261201T090000Z\nSUMMARY:Therapy\nLOCATION:Secret")
    assert (item.content, item.raw, item.op_key) == (None, "", "")
    assert "Therapy" not in repr(item)


def test_read_F75_a_missing_etag_is_a_tag_of_the_content():
    text = resource("DTSTART:20261201T090000Z")
    (item,) = READER.read("/c/1.ics", "", text)
    assert item.tag == content_tag(text) == content_tag(text.replace("\n", "\r\n"))
    assert content_tag(text) != content_tag(text.replace("09", "10"))


# -- writing ------------------------------------------------------------------------------------------------------


def own(text):
    (item,) = READER.read("/c/1.ics", '"1"', text)
    return item


def test_new_text_F77_names_nobody_that_a_server_could_mail():
    text = new_text(INTENT, NOW)
    for name in ("ATTENDEE", "ORGANIZER", "METHOD"):
        assert name not in text
    event = own(text)
    assert (event.op_key, event.content, event.busy) == (INTENT.op_key, CONTENT, BusyState.BUSY)


def test_new_text_F64_is_read_alike_by_other_parsers():
    text = new_text(INTENT, NOW)
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert (event.start, event.end) == (START, START + HOUR)
    assert event["UID"] == f"{INTENT.op_key}@kalends"
    (event,) = IcsCalendarStream.calendar_from_ics(text).events
    assert (event.start_datetime, event.end_datetime) == (START, START + HOUR)
    assert event.summary == "Cut, wash"


@settings(deadline=None)
@given(st.sampled_from(zone_names()), st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)))
def test_new_text_F14_the_instant_survives_in_any_zone(name, start):
    start = start.replace(microsecond=0)
    content = Content(Span(start, start + timedelta(minutes=50)), name, "x", "", "")
    assert own(new_text(Intent(UUID(int=1), 1, content), NOW)).when.span == content.span


@pytest.mark.parametrize(
    "name", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Gaza"]
)
def test_new_text_F14_the_instants_around_a_change_of_clocks_survive(name):
    clock = ZoneInfo(name)
    days = (datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(365))
    changes = [
        day for day in days if day.astimezone(clock).utcoffset() != (day + 24 * HOUR).astimezone(clock).utcoffset()
    ]
    assert len(changes) >= 2
    for change in changes:
        for quarter in range(96):
            start = change + quarter * timedelta(minutes=15)
            content = Content(Span(start, start + HOUR), name, "x", "", "")
            assert own(new_text(Intent(UUID(int=1), 1, content), NOW)).when.span == content.span


@pytest.mark.parametrize("minutes", [0, 60])
def test_new_text_F14_a_wall_time_that_comes_twice_is_written_in_utc(minutes):
    start = datetime(2026, 10, 25, 0, 15, tzinfo=UTC) + timedelta(minutes=minutes)
    content = Content(Span(start, start + timedelta(minutes=30)), "Europe/Paris", "x", "", "")
    text = new_text(Intent(UUID(int=1), 1, content), NOW)
    assert f"DTSTART:{start:%Y%m%dT%H%M%SZ}" in text
    assert "VTIMEZONE" not in text


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=80)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_new_text_any_title_and_place_survive(title, location):
    content = Content(CONTENT.span, "UTC", title, location, "")
    event = own(new_text(Intent(UUID(int=1), 1, content), NOW))
    assert (event.content.title, event.content.location) == (title, location)


THEIRS = """BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT10M
END:VALARM
COLOR:tomato
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:guest@example.org
X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE="a;b":geo:1,2
CATEGORIES:Work,Hair
"""


def edited(**replaced):
    text = new_text(INTENT, NOW).replace("\r\n ", "").replace("\r\n", "\n")
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    return text


def test_changed_text_F38_keeps_everything_that_is_not_ours():
    raw = edited(add=("END:VEVENT", f"{THEIRS}END:VEVENT"), own=("DESCRIPTION:", "DESCRIPTION;LANGUAGE=fr:Mine\\n\\n"))
    wanted = Intent(UUID(int=1), 2, Content(Span(START + HOUR, START + 2 * HOUR), "Europe/London", "Colour", "", "New"))
    text = changed_text(wanted, raw, NOW + HOUR)
    for line in THEIRS.splitlines():
        assert f"{line}\r\n" in text
    event = own(text)
    assert event.content == wanted.content
    assert "DESCRIPTION:Mine\\n\\n[Kalends]\\nNew\\n[/Kalends]\r\n" in text
    assert "SEQUENCE:1\r\n" in text
    assert "DTSTAMP:20261122T130000Z\r\n" in text
    assert "\nLOCATION" not in text


def test_changed_text_leaves_an_equal_text_with_its_parameters():
    raw = edited(title=("SUMMARY:", "SUMMARY;LANGUAGE=fr:"))
    assert "SUMMARY;LANGUAGE=fr:Cut\\, wash\r\n" in changed_text(INTENT, raw, NOW)


def test_changed_text_makes_it_one_timed_event_again():
    raw = edited(
        start=("DTSTART;TZID=Europe/Paris:20261201T100000", "DTSTART;VALUE=DATE:20261201"),
        end=("DTEND;TZID=Europe/Paris:20261201T110000", "DURATION:P1D\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20261203"),
        more=(
            "END:VEVENT",
            "END:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;VALUE=DATE:20261202\nDTSTART;VALUE=DATE:20261205\nEND:VEVENT",
        ),
    )
    master = READER.read("/c/1.ics", "", raw)[0]
    assert master.when == AllDay(date(2026, 12, 1), date(2026, 12, 2))
    assert master.content.title == CONTENT.title
    event = own(changed_text(INTENT, raw, NOW))
    assert (event.content, event.recurrence) == (CONTENT, ())


def test_changed_text_F05_of_the_same_content_changes_stamps_only():
    raw = new_text(INTENT, NOW)
    assert changed_text(INTENT, raw, NOW) == raw.replace("SEQUENCE:0", "SEQUENCE:1")


def test_changed_text_gives_a_dropped_marker_back():
    raw = edited(key=(f"X-KALENDS-KEY:{INTENT.op_key}\n", ""))
    assert own(raw).content is None
    assert own(changed_text(INTENT, raw, NOW)).op_key == INTENT.op_key


@pytest.mark.parametrize(
    "raw", ["", "<html>", "BEGIN:VCALENDAR\nEND:VCALENDAR\n", resource("RECURRENCE-ID:20261201T090000Z")]
)
def test_changed_text_refuses_what_holds_no_event(raw):
    with pytest.raises(BadText):
        changed_text(INTENT, raw, NOW)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Europe/Paris\nEND:VTIMEZONE\nEND:VCALENDAR", "Europe/Paris"),
        (
            "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:W. Europe Standard Time\nEND:VTIMEZONE\nEND:VCALENDAR",
            "Europe/Berlin",
        ),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", ""),
        ("", ""),
        ("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Mars/Olympus\nEND:VTIMEZONE\nEND:VCALENDAR", ""),
    ],
)
def test_zone_of_calendar(text, name):
    assert zone_of_calendar(text) == name
