"""A VTIMEZONE is somebody else's text: what it asks to be counted is bounded."""

from __future__ import annotations

import pytest

from kalends.core.embedded_zones import matching_zone

_ZONE = """BEGIN:VTIMEZONE
TZID:Custom
BEGIN:STANDARD
DTSTART:{start}
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:{autumn}
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:{start}
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:{spring}
END:DAYLIGHT
END:VTIMEZONE"""


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYDAY=SU;BYSETPOS=300",
        "FREQ=YEARLY;BYSECOND=0,1,2",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=10;BYDAY=-1SU",
    ],
)
def test_rule_that_is_no_change_of_clocks_is_no_match(rule):
    assert matching_zone(_ZONE.format(start="19700101T000000", autumn=rule, spring=rule), ["Europe/Paris"]) is None


@pytest.mark.parametrize(
    ("spring", "autumn"),
    [
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
        (
            "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=25,26,27,28,29,30,31;BYDAY=SU",
            "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=25,26,27,28,29,30,31;BYDAY=SU",
        ),
    ],
)
def test_change_of_clocks_is_found_however_it_is_listed(spring, autumn):
    text = _ZONE.format(start="19700101T030000", spring=spring, autumn=autumn).replace(
        "DTSTART:19700101T030000\nTZOFFSETFROM:+0100", "DTSTART:19700101T020000\nTZOFFSETFROM:+0100"
    )
    assert matching_zone(text, ["America/New_York", "Europe/Paris"]) == "Europe/Paris"
