from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.core.zones import UnknownZone, resolve_tzid, zone_names
from kalends.ics.vtimezone import vtimezone

YEAR = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
PARIS = """\
BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:DAYLIGHT
DTSTART:20250330T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20251026T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
TOKYO = """\
BEGIN:VTIMEZONE
TZID:Asia/Tokyo
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0900
TZOFFSETTO:+0900
TZNAME:JST
END:STANDARD
END:VTIMEZONE
"""


def test_vtimezone_golden_text():
    assert vtimezone("Europe/Paris", YEAR) == PARIS.replace("\n", "\r\n")
    assert vtimezone("Asia/Tokyo", YEAR) == TOKYO.replace("\n", "\r\n")


def test_vtimezone_changes_with_the_years_only():
    later = Span(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    assert vtimezone("Europe/Paris", later) == vtimezone("Europe/Paris", YEAR)


ALLOWED = {"BEGIN", "END", "TZID", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "RRULE"}


def test_vtimezone_is_simple_for_every_zone_F64():
    for name in zone_names():
        lines = vtimezone(name, YEAR).split("\r\n")
        assert {line.partition(":")[0] for line in lines if line} <= ALLOWED
        assert max(len(line) for line in lines) <= 75
        assert {"BEGIN:STANDARD", f"TZID:{name}"} <= set(lines)


# Morocco, Egypt and Palestine change by decree or on days that no yearly rule gives: each change stands alone there.
LISTED = {"Africa/Casablanca", "Africa/El_Aaiun", "Africa/Cairo", "Asia/Gaza", "Asia/Hebron"}


def offsets(name):
    days = (datetime(2032, 1, 1, tzinfo=UTC) + timedelta(days=3 * n) for n in range(122))
    return [at.astimezone(ZoneInfo(name)).utcoffset() for at in days]


def test_vtimezone_states_the_rules_that_our_resolver_finds_again_F14():
    for name in sorted(set(zone_names()) - LISTED):
        found = resolve_tzid("x", re.sub("TZID:.*", "TZID:x", vtimezone(name, YEAR)))
        assert found is not None
        assert offsets(found.key) == offsets(name)


def seconds(text):
    sign = -1 if text[0] == "-" else 1
    return sign * (int(text[1:3]) * 3600 + int(text[3:5]) * 60 + int(text[5:7] or 0))


def offset_by_text(text, wall):
    """The offset that RFC 5545, 3.6.5 gives a wall time: of the observance with the latest onset not after it."""
    onsets = []
    for block in re.findall(r"BEGIN:(?:STANDARD|DAYLIGHT)\r\n(.*?)END:", text, re.DOTALL):
        values = dict(line.split(":", 1) for line in block.strip().split("\r\n"))
        start = datetime.strptime(values["DTSTART"], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - wall time
        found = rrulestr(values["RRULE"], dtstart=start).before(wall, inc=True) if "RRULE" in values else start
        if found and found <= wall:
            onsets.append((found, seconds(values["TZOFFSETTO"])))
    return timedelta(seconds=max(onsets)[1])


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(zone_names()),
    st.integers(1990, 2035),
    st.integers(1, 4),
    st.floats(0, 1),
)
def test_vtimezone_is_right_all_over_its_span_F14(name, first, years, share):
    span = Span(datetime(first, 1, 1, tzinfo=UTC), datetime(first + years, 1, 1, tzinfo=UTC))
    at = (span.start + share * span.duration).replace(microsecond=0)
    local = at.astimezone(ZoneInfo(name))
    near = [local.utcoffset(), *((at + timedelta(days=d)).astimezone(ZoneInfo(name)).utcoffset() for d in (-1, 1))]
    if len(set(near)) > 1:
        return  # on the day of a change wall times may be missing or come twice: the readers' test is for those
    assert offset_by_text(vtimezone(name, span), local.replace(tzinfo=None)) == local.utcoffset()


def test_vtimezone_refuses_an_unknown_zone():
    with pytest.raises(UnknownZone):
        vtimezone("Europe/Nowhere", YEAR)
