from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.core.rrule import parse_rule
from kalends.core.span import Span
from kalends.ics.event import NotACalendar, ParsedEvent, Problem, parse_calendar
from kalends.ics.feed import FeedEvent, write_feed
from tests.bench.ics_read import feed

START, END = datetime(2026, 7, 1, 8, tzinfo=UTC), datetime(2026, 7, 1, 9, tzinfo=UTC)
OUTLOOK_ZONE = """\
BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def event(*lines, uid="1"):
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT", ""])


def read(*blocks, floating="Europe/Paris", head=""):
    return parse_calendar(f"BEGIN:VCALENDAR\n{head}{''.join(blocks)}END:VCALENDAR\n", floating=floating)


def one(*lines, **more):
    found = read(event(*lines), **more)
    assert found.problems == ()
    return found.events[0]


def problem(*lines, **more):
    found = read(event(*lines), **more)
    assert found.events == ()
    return found.problems[0]


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        ("DTSTART:20260701T080000Z", "DTEND:20260701T090000Z", "UTC"),
        ("DTSTART;TZID=Europe/Paris:20260701T100000", "DTEND;TZID=Europe/Paris:20260701T110000", "Europe/Paris"),
        ('DTSTART;TZID="Romance Standard Time":20260701T100000', "DURATION:PT1H", "Europe/Paris"),
        ("DTSTART;VALUE=DATE-TIME;TZID=Europe/Paris:20260701T100000", "DURATION:PT60M", "Europe/Paris"),
        (
            "DTSTART;TZID=/freeassociation.sourceforge.net/Asia/Tokyo:20260701T170000",
            "DTEND:20260701T090000Z",
            "Asia/Tokyo",
        ),
        ("DTSTART;TZID=tzone://Microsoft/Utc:20260701T080000", "DTEND:20260701T090000Z", "UTC"),
        ("DTSTART:20260701T100000", "DTEND:20260701T110000", "Europe/Paris"),
    ],
)
def test_parse_calendar_places_times_by_their_own_zone_F54(start, end, name):
    assert one(start, end) == ParsedEvent("1", START, END, name)


def test_parse_calendar_reads_two_zones_in_one_feed_F54():
    found = read(
        event("DTSTART;TZID=Tokyo Standard Time:20260701T100000", "DURATION:PT1H", uid="a"),
        event("DTSTART;TZID=Eastern Standard Time:20260701T100000", "DURATION:PT1H", uid="b"),
    )
    assert [item.start for item in found.events] == [
        datetime(2026, 7, 1, 1, tzinfo=UTC),
        datetime(2026, 7, 1, 14, tzinfo=UTC),
    ]


def test_parse_calendar_resolves_a_zone_by_its_rules_and_names_it_in_the_recurrence_F54():
    found = read(
        OUTLOOK_ZONE,
        event(
            "DTSTART;TZID=Customized Time Zone:20260701T100000",
            "DURATION:PT1H",
            "RRULE:FREQ=DAILY;COUNT=5",
            'EXDATE;TZID="Customized Time Zone":20260702T100000',
        ),
    ).events[0]
    assert found.start == START
    assert found.recurrence == ("RRULE:FREQ=DAILY;COUNT=5", f"EXDATE;TZID={found.timezone}:20260702T100000")


def test_parse_calendar_reads_a_zone_name_with_a_colon_that_is_not_quoted_F54():
    name = "(UTC+01:00) Amsterdam, Berlin"
    zone = OUTLOOK_ZONE.replace("Customized Time Zone", name)
    found = read(zone, event(f"DTSTART;TZID={name}:20260701T100000", f"EXDATE;TZID={name}:20260702T100000")).events[0]
    assert found.start == START
    assert found.recurrence == (f"EXDATE;TZID={found.timezone}:20260702T100000",)


def test_parse_calendar_flags_an_unknown_zone_and_serves_the_rest_F44_F54():
    found = read(
        event("DTSTART;TZID=Mars/Olympus:20260701T100000", uid="lost"),
        event("DTSTART:20260701T080000Z", "DTEND:20260701T090000Z", uid="kept"),
    )
    assert found.events == (ParsedEvent("kept", START, END, "UTC"),)
    assert found.problems == (Problem("lost", "unknown_zone"),)


def test_parse_calendar_keeps_9999_of_10000_F44():
    good = [event("DTSTART:20260701T080000Z", uid=str(n)) for n in range(9999)]
    found = read(*good[:5000], event("DTSTART:yesterday", uid="bad"), *good[5000:])
    assert (len(found.events), found.problems) == (9999, (Problem("bad", "bad_time"),))


def test_parse_calendar_places_floating_times_in_the_calendars_own_zone():
    found = read(event("DTSTART:20260701T100000"), head="X-WR-TIMEZONE:America/New_York\nX-WR-CALNAME:Team\\, A\n")
    assert (found.name, found.timezone, found.events[0].start) == (
        "Team, A",
        "America/New_York",
        datetime(2026, 7, 1, 14, tzinfo=UTC),
    )


def test_parse_calendar_keeps_days_as_days_F55():
    day = date(2026, 7, 1)
    assert one("DTSTART;VALUE=DATE:20260701") == ParsedEvent("1", day, day + timedelta(days=1), "")
    assert one("DTSTART;VALUE=DATE:20260701", "DTEND;VALUE=DATE:20260703").end == date(2026, 7, 3)
    assert one("DTSTART;VALUE=DATE:20260701", "DTEND;VALUE=DATE:20260701").end == date(2026, 7, 2)
    assert one("DTSTART;VALUE=DATE:20260701", "DURATION:P1W").end == date(2026, 7, 8)


def test_parse_calendar_reads_exceptions_and_flags_F57_F59():
    found = one(
        "RECURRENCE-ID;TZID=Europe/Paris:20260702T100000",
        "DTSTART:20260701T080000Z",
        "STATUS:cancelled",
        "TRANSP:Transparent",
        "X-MICROSOFT-CDO-BUSYSTATUS:oof",
        "SUMMARY;LANGUAGE=fr:Zoé\\, dehors\\nici",
    )
    assert found.recurrence_id == datetime(2026, 7, 2, 8, tzinfo=UTC)
    assert (found.status, found.transparent, found.outlook_busy) == ("CANCELLED", True, "OOF")
    assert found.summary == "Zoé, dehors\nici"


def test_parse_calendar_ignores_what_an_alarm_says():
    lines = ["BEGIN:VALARM", "DURATION:PT5H", "SUMMARY:ring", "DTSTART:19700101T000000Z", "END:VALARM"]
    assert one(*lines, "DTSTART:20260701T080000Z", "DURATION:PT1H") == ParsedEvent("1", START, END, "UTC")


def test_parse_calendar_makes_a_stable_key_for_an_event_without_uid_F08():
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260701T080000Z\nEND:VEVENT\nEND:VCALENDAR"
    first, second = (parse_calendar(text, floating="UTC").events[0].key for _ in range(2))
    assert first == second
    assert first.startswith("none:")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "no_start"),
        (("DTSTART 20260701",), "no_start"),
        (("DTSTART:20260732T000000Z",), "bad_time"),
        (("DTSTART:20260701T080000Z", "DTEND:20260701T070000Z"), "end_before_start"),
        (("DTSTART:20260701T080000Z", "DTEND;VALUE=DATE:20260701"), "bad_end"),
        (("DTSTART:20260701T080000Z", "DURATION:1h"), "bad_duration"),
        (("DTSTART:20260701T080000Z", "DURATION:P99999999W"), "out_of_range"),
        (("DTSTART;TZID=Pacific/Auckland:00010101T000000",), "out_of_range"),
        (("DTSTART:20260701T080000Z", "BEGIN:VEVENT"), "bad_line"),
    ],
)
def test_parse_calendar_says_why_an_event_is_set_aside(lines, reason):
    assert problem(*lines) == Problem("1", reason)


@pytest.mark.parametrize(
    "text", ["", "<html>", "BEGIN:VCALENDAR\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n", "BEGIN:VEVENT\nEND:VEVENT\n"]
)
def test_parse_calendar_refuses_what_is_no_whole_calendar_F21(text):
    with pytest.raises(NotACalendar):
        parse_calendar(text, floating="UTC")


def test_parse_calendar_reads_bom_mixed_line_ends_and_folds():
    text = "\ufeffBEGIN:VCALENDAR\r\nBEGIN:VEVENT\rUID:1\nDTST\r\n ART:20260701\n\tT080000Z\r\nEND:VEVENT\r\nEND:VCALENDAR  \r\n\r\n"
    assert parse_calendar(text, floating="UTC").events == (ParsedEvent("1", START, START, "UTC"),)


LINES = event(
    "DTSTART;TZID=Europe/Paris:20260701T100000",
    "DTEND;TZID=Europe/Paris:20260701T110000",
    "RRULE:FREQ=DAILY;COUNT=3",
    "SUMMARY:x",
    "BEGIN:VALARM",
    "TRIGGER:-PT5M",
    "END:VALARM",
).splitlines()


@settings(deadline=None)
@given(st.data())
def test_parse_calendar_never_fails_a_feed_for_one_event_F08_F44(data):
    """Lines dropped, doubled or damaged at random: an event or a problem comes back, and the neighbour always serves."""
    lines = list(LINES[1:-1])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "damage"]))
        if change == "drop" and len(lines) > 1:
            del lines[place]
        elif change == "double":
            lines.insert(place, lines[place])
        else:
            cut = data.draw(st.integers(0, len(lines[place])))
            lines[place] = lines[place][:cut] + data.draw(
                st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=5)
            )
    damaged = "\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])
    kept = event("DTSTART:20260701T080000Z", "DTEND:20260701T090000Z", uid="kept")
    found = read(damaged, kept)
    assert len(found.events) + len(found.problems) == 2
    assert found.events[-1] == ParsedEvent("kept", START, END, "UTC")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
            st.integers(1, 5000),
            st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
            st.text(st.characters(blacklist_categories=("Cs", "Cc"))),
        ),
        max_size=5,
    )
)
def test_parse_calendar_agrees_with_icalendar_on_our_own_feeds(rows):
    events = []
    for number, (start, minutes, name, text) in enumerate(rows):
        start = start.replace(microsecond=0)
        span = Span(start, start + timedelta(minutes=minutes))
        events.append(FeedEvent(str(number), span, name, f"({text})", START, START))
    window = Span(START, END)
    text = write_feed(name="n", events=events, timezone="Europe/Paris", window=window)
    ours = [(e.key, e.start, e.end, e.summary) for e in parse_calendar(text.decode(), floating="UTC").events]
    theirs = [
        (str(e["UID"]), e.start.astimezone(UTC), e.end.astimezone(UTC), str(e["SUMMARY"]))
        for e in icalendar.Calendar.from_ical(text).walk("VEVENT")
    ]
    assert ours == theirs == [(e.uid, e.span.start, e.span.end, e.summary) for e in events]


def by_icalendar(text):
    """The same values as icalendar reads them."""
    for item in icalendar.Calendar.from_ical(text).walk("VEVENT"):
        start, end = item["DTSTART"].dt, item["DTEND"].dt
        timed = isinstance(start, datetime)
        yield (
            str(item["UID"]),
            start.astimezone(UTC) if timed else start,
            end.astimezone(UTC) if timed else end,
            str(item["STATUS"]),
            str(item["TRANSP"]) == "TRANSPARENT",
            str(item["X-MICROSOFT-CDO-BUSYSTATUS"]),
            str(item["SUMMARY"]),
            [parse_rule(part.to_ical().decode()) for part in [item.get("RRULE")] if part],
        )


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.sampled_from(["\r\n", "\n"]), st.booleans())
def test_parse_calendar_agrees_with_icalendar_on_feeds_with_every_kind_of_line(seed, line_end, lower):
    text = feed(12, seed).replace("\r\n", line_end)
    if lower:
        text = text.replace("DTSTART;TZID=", "dtstart;tzid=").replace("\nSTATUS:", "\nStatus:")
    found = parse_calendar(text, floating="UTC")
    ours = [
        (
            event.key,
            event.start,
            event.end,
            event.status,
            event.transparent,
            event.outlook_busy,
            event.summary,
            [parse_rule(line.removeprefix("RRULE:")) for line in event.recurrence if line.startswith("RRULE:")],
        )
        for event in found.events
    ]
    assert (ours, found.problems, found.timezone) == (list(by_icalendar(text)), (), "Europe/Paris")


def test_parse_calendar_loses_no_event_to_a_component_that_is_not_closed_F44():
    kept = event("DTSTART:20260701T080000Z", "DTEND:20260701T090000Z", uid="kept")
    unclosed_zone = "BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\n"
    assert read(unclosed_zone, kept).events == (ParsedEvent("kept", START, END, "UTC"),)
    assert read(kept.removesuffix("END:VEVENT\n")).events == (ParsedEvent("kept", START, END, "UTC"),)


@pytest.mark.parametrize("line", ["UID", "STATUS", "SUMMARY", "TRANSP;X=1"])
def test_parse_calendar_passes_over_a_line_without_a_value(line):
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{line}\nUID:1\nDTSTART:20260701T080000Z\nEND:VEVENT\nEND:VCALENDAR\n"
    assert parse_calendar(text, floating="UTC").events == (ParsedEvent("1", START, START, "UTC"),)
