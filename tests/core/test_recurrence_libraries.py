"""Our expansion against two libraries that read whole calendars, in zones and over changes of clocks (F53).

Where these leave RFC 5545 the rules below leave the case out, and tests/core/test_recurrence.py holds our reading:

- 3.8.5.3, DTSTART is the first occurrence and counts: ical leaves it out where the rule does not give it,
  recurring-ical-events adds it to those that COUNT counted. Here every start is one that its rule gives.
- 3.3.10, BYDAY: plain and numbered weekdays together are a union; both (as dateutil, under them) intersect.
- 3.3.10, BYWEEKNO without a day means the weekday of DTSTART; both give all seven days. Here it has days.
- 3.3.10, BYSETPOS counts in the whole week; both count in the first week from DTSTART on. Here it has none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ical.calendar_stream import IcsCalendarStream

from kalends.core.recurrence import expand
from kalends.core.span import Span

HOUR = timedelta(hours=1)
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "America/Sao_Paulo", "UTC"]


def numbers(low, high, *, signed=False):
    one = st.integers(low, high)
    if signed:
        one = one | st.integers(-high, -low)
    return st.lists(one, min_size=1, max_size=3, unique=True).map(lambda found: ",".join(map(str, found)))


def listed(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(",".join)


NUMBERED = [f"{n}{day}" for n in (1, 2, 3, 4, -1, -2) for day in WEEKDAYS]
# Parts that may stand together; each strategy draws a set of them.
PARTS = {
    "YEARLY": {
        "BYMONTH": numbers(1, 12),
        "BYMONTHDAY": numbers(1, 28, signed=True),
        "BYDAY": listed(WEEKDAYS) | listed(NUMBERED),
    },
    "YEARLY of days": {"BYYEARDAY": numbers(1, 366, signed=True)},
    "YEARLY of weeks": {"BYWEEKNO": numbers(1, 52, signed=True), "WKST": st.sampled_from(WEEKDAYS)},
    "MONTHLY": {
        "BYMONTH": numbers(1, 12),
        "BYMONTHDAY": numbers(1, 28, signed=True),
        "BYDAY": listed(WEEKDAYS),
    },
    "MONTHLY by weekday": {"BYDAY": listed(NUMBERED), "BYHOUR": numbers(0, 23)},
    "WEEKLY": {"BYDAY": listed(WEEKDAYS), "BYMONTH": numbers(1, 12), "WKST": st.sampled_from(WEEKDAYS)},
    "DAILY": {
        "BYDAY": listed(WEEKDAYS),
        "BYMONTH": numbers(1, 12),
        "BYHOUR": numbers(0, 23),
        "BYMINUTE": numbers(0, 59),
    },
}
SMALL = {
    "HOURLY": {"BYHOUR": numbers(0, 23), "BYMINUTE": numbers(0, 59), "BYDAY": listed(WEEKDAYS)},
    "MINUTELY": {"BYHOUR": numbers(0, 23), "BYMINUTE": numbers(0, 59)},
    "SECONDLY": {"BYHOUR": numbers(0, 23), "BYMINUTE": numbers(0, 59), "BYSECOND": numbers(0, 59)},
}


@st.composite
def rules(draw, kinds, intervals):
    kind = draw(st.sampled_from(sorted(kinds)))
    freq = kind.split()[0]
    chosen = draw(st.sets(st.sampled_from(sorted(kinds[kind])), max_size=3))
    parts = {name: draw(kinds[kind][name]) for name in sorted(chosen)}
    if "weeks" in kind:
        parts |= {"BYWEEKNO": draw(kinds[kind]["BYWEEKNO"]), "BYDAY": draw(listed(WEEKDAYS))}
    if freq in ("YEARLY", "MONTHLY") and parts and draw(st.booleans()):
        parts["BYSETPOS"] = draw(st.sampled_from(["1", "-1", "1,-1"]))
    return ";".join(f"{name}={value}" for name, value in {"FREQ": freq, "INTERVAL": draw(intervals), **parts}.items())


def first_of(rule, begin):
    """The first time of the rule from `begin` on, as a start that the rule itself gives."""
    found = rrulestr(rule + f";UNTIL={begin + timedelta(days=4000):%Y%m%dT%H%M%S}", dtstart=begin).after(
        begin, inc=True
    )
    assume(found is not None)
    return found


def calendar(start, zone, rule):
    begin = f":{start:%Y%m%dT%H%M%S}Z" if zone == "UTC" else f";TZID={zone}:{start:%Y%m%dT%H%M%S}"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z"]
    return "\r\n".join([*lines, f"DTSTART{begin}", "DURATION:PT1H", f"RRULE:{rule}", "END:VEVENT", "END:VCALENDAR", ""])


def by_recurring_ical_events(text, window):
    # khal, which reads our feeds in other tests of this process, makes the library read zones with pytz.
    icalendar.use_zoneinfo()
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(window.start, window.end)
    return sorted({event["DTSTART"].dt.astimezone(UTC) for event in found})


def by_ical(text, window):
    found = IcsCalendarStream.calendar_from_ics(text).timeline.overlapping(window.start, window.end)
    return sorted({event.dtstart.astimezone(UTC) for event in found})


def ours(start, zone, rule, window):
    return expand(
        start=start.replace(tzinfo=ZoneInfo(zone)),
        duration=HOUR,
        timezone=zone,
        rules=[f"RRULE:{rule}"],
        window=window,
        limit=10**6,
    )


ORACLES = [by_recurring_ical_events, by_ical]
begins = st.datetimes(datetime(2005, 1, 1), datetime(2024, 12, 31)).map(
    lambda wall: wall.replace(minute=wall.minute // 15 * 15, second=0, microsecond=0)
)
ends = st.sampled_from(
    ["", ";COUNT=7", ";COUNT=150", ";UNTIL=20260329T005959Z", ";UNTIL=20260329T010000Z", ";UNTIL=20270101T000000Z"]
)


@pytest.mark.parametrize("oracle", ORACLES)
@settings(deadline=None, max_examples=60)
@given(rules(PARTS, st.integers(1, 4)), st.sampled_from(ZONES), begins, ends, st.integers(0, 700))
def test_expand_equals_the_library_in_every_part_and_zone_F53(oracle, rule, zone, begin, end, later):
    start = first_of(rule, begin)
    # DTSTART counts in any case (RFC 5545, 3.8.5.3); of a series that was over before it began, libraries think otherwise.
    assume(not end.startswith(";UNTIL") or f"{start + timedelta(days=1):%Y%m%d}" < end[7:15])
    low = datetime(2025, 9, 1, tzinfo=UTC) + timedelta(days=later)
    window = Span(low, low + timedelta(days=90))
    text = calendar(start, zone, rule + end)
    assert ours(start, zone, rule + end, window) == oracle(text, window)


@pytest.mark.parametrize("oracle", ORACLES)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_expand_equals_the_library_on_the_days_when_clocks_change_F53(oracle, data):
    """Daily and weekly series in the small hours around both changes of a year, those that do not exist or come twice."""
    zone = data.draw(st.sampled_from(ZONES))
    start = datetime(2026, data.draw(st.sampled_from([2, 3, 9, 10])), 1, data.draw(st.integers(0, 4)))
    start += timedelta(days=data.draw(st.integers(0, 27)), minutes=data.draw(st.sampled_from([0, 15, 30, 45])))
    rule = data.draw(st.sampled_from(["FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=SA,SU,MO"]))
    start = first_of(rule, start)
    window = Span(start.replace(tzinfo=UTC) - timedelta(days=2), start.replace(tzinfo=UTC) + timedelta(days=80))
    assert ours(start, zone, rule, window) == oracle(calendar(start, zone, rule), window)


@pytest.mark.parametrize("oracle", ORACLES)
@settings(deadline=None, max_examples=25)
@given(
    rules(SMALL, st.sampled_from([1, 7, 11])),
    st.sampled_from(["Europe/Paris", "America/New_York", "Asia/Tokyo"]),
    st.sampled_from([(2026, 6, 1, 8), (2026, 3, 29, 0), (2026, 10, 25, 1), (2026, 3, 8, 1), (2026, 11, 1, 0)]),
)
def test_expand_equals_the_library_below_a_day_F53(oracle, rule, zone, begin):
    start = first_of(rule, datetime(*begin))
    low = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    window = Span(low, low + timedelta(minutes=30 if "SECONDLY" in rule else 300))
    rule += f";UNTIL={start + timedelta(days=2):%Y%m%dT%H%M%SZ}"
    assert ours(start, zone, rule, window) == oracle(calendar(start, zone, rule), window)
