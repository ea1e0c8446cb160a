from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.core.errors import InvalidInput
from kalends.core.windows_zones import WINDOWS_ZONES
from kalends.core.zones import (
    UnknownZone,
    iana_to_windows,
    is_zone,
    resolve_tzid,
    windows_to_iana,
    zone,
    zone_names,
)

OUTLOOK = """BEGIN:VTIMEZONE\r
TZID:Customized Time Zone\r
BEGIN:STANDARD\r
DTSTART:16010101T{winter}\r
TZOFFSETFROM:{summer_offset}\r
TZOFFSETTO:{offset}\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY={winter_day};BYMONTH={winter_month}\r
END:STANDARD\r
BEGIN:DAYLIGHT\r
DTSTART:16010101T{summer}\r
TZOFFSETFROM:{offset}\r
TZOFFSETTO:{summer_offset}\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY={summer_day};BYMONTH={summer_month}\r
END:DAYLIGHT\r
END:VTIMEZONE\r
"""
EUROPE = {
    "winter": "030000",
    "winter_day": "-1SU",
    "winter_month": 10,
    "summer": "020000",
    "summer_day": "-1SU",
    "summer_month": 3,
}
AMERICA = {
    "winter": "020000",
    "winter_day": "1SU",
    "winter_month": 11,
    "summer": "020000",
    "summer_day": "2SU",
    "summer_month": 3,
}
FIXED = "BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:{0}\nTZOFFSETTO:{0}\nEND:STANDARD\nEND:VTIMEZONE\n"


@pytest.mark.parametrize(
    "name",
    [
        *("", "Europe", "Europe/Nowhere", "europe/paris", "Europe/Paris\n", "Romance Standard Time", "Factory"),
        *("../../etc/passwd", "/etc/localtime", "localtime", "posix/Europe/Paris", "right/UTC", "\x00", "zone.tab"),
    ],
)
def test_zone_refuses_what_is_no_iana_name(name):
    assert not is_zone(name)
    with pytest.raises(UnknownZone) as caught:
        zone(name)
    assert (caught.value.field, caught.value.code, isinstance(caught.value, InvalidInput)) == (
        "timezone",
        "unknown_zone",
        True,
    )


@settings(deadline=None)
@given(st.text())
def test_zone_and_resolve_tzid_meet_any_text_with_an_answer(name):
    if is_zone(name):
        assert zone(name).key == name
    else:
        with pytest.raises(UnknownZone):
            zone(name)
    assert isinstance(resolve_tzid(name, name), ZoneInfo | None)


def test_zone_names_are_zones_and_canonical():
    names = zone_names()
    assert names[0] == "UTC"
    assert all(is_zone(name) for name in names)
    assert {"Europe/Paris", "Asia/Kolkata", "Europe/Kyiv"} <= set(names)
    assert {"Asia/Calcutta", "Europe/Kiev", "GMT", "Etc/GMT+1", "EST5EDT"} & set(names) == set()


def test_zone_rules_come_from_the_tzdata_package():
    # Moldova changes with the European Union since 2022; the tables of machines still in use do not know it
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC).astimezone(zone("Europe/Chisinau")).hour == 3


def test_every_windows_name_maps_to_a_zone_and_back():
    for windows, names in WINDOWS_ZONES.items():
        assert is_zone(windows_to_iana(windows) or "")
        assert {iana_to_windows(name) for name in names.split()} == {windows}


def test_every_zone_for_people_has_a_windows_name_with_few_exceptions():
    assert [name for name in zone_names() if iana_to_windows(name) is None] == ["Antarctica/Troll"]


def test_windows_names_agree_with_icalendar():
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    def instants(name):
        return [datetime(2024, month, 1, tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset() for month in range(1, 13)]

    ours = {windows: windows_to_iana(windows) for windows in WINDOWS_TO_OLSON}
    assert [name for name, iana in ours.items() if iana is None] == []
    assert [name for name, iana in ours.items() if instants(iana) != instants(WINDOWS_TO_OLSON[name])] == []


@pytest.mark.parametrize(
    ("tzid", "name"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ('"Europe/Paris"', "Europe/Paris"),
        (" europe/PARIS ", "Europe/Paris"),
        ("/freeassociation.sourceforge.net/Europe/Paris", "Europe/Paris"),
        ("/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("/citadel.org/20210210_1/Asia/Tokyo", "Asia/Tokyo"),
        ("/mozilla.org/20050126_1/America/New_York", "America/New_York"),
        ("Romance Standard Time", "Europe/Paris"),
        ("W. EUROPE STANDARD TIME", "Europe/Berlin"),
        ("India Standard Time", "Asia/Kolkata"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Coordinated Universal Time", "UTC"),
        ("Etc/GMT-3", "Etc/GMT-3"),
    ],
)
def test_resolve_tzid_knows_iana_prefixed_and_windows_names_F54(tzid, name):
    assert resolve_tzid(tzid) == ZoneInfo(name)


@pytest.mark.parametrize(
    "tzid", ["", "Customized Time Zone", "/x/Japan", "../../etc/passwd", "Mars/Olympus", "(UTC+01:00)"]
)
def test_resolve_tzid_guesses_nothing_F54(tzid):
    assert resolve_tzid(tzid) is None
    assert resolve_tzid(tzid, "BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n") is None


@pytest.mark.parametrize(
    ("rules", "like"),
    [
        (OUTLOOK.format(offset="+0100", summer_offset="+0200", **EUROPE), "Europe/Paris"),
        (OUTLOOK.format(offset="-0500", summer_offset="-0400", **AMERICA), "America/New_York"),
        (FIXED.format("+0530"), "Asia/Kolkata"),
        (FIXED.format("-0300"), "America/Sao_Paulo"),
        (FIXED.format("+0000"), "UTC"),
    ],
)
def test_resolve_tzid_matches_embedded_rules_F54(rules, like):
    found = resolve_tzid("Customized Time Zone", rules)
    assert found is not None
    hours = [datetime(2030, month, day, 1, tzinfo=UTC) for month in range(1, 13) for day in range(1, 29)]
    assert [at.astimezone(found).utcoffset() for at in hours] == [
        at.astimezone(ZoneInfo(like)).utcoffset() for at in hours
    ]


def test_resolve_tzid_refuses_rules_that_no_zone_has_F54():
    invented = OUTLOOK.format(offset="+0100", summer_offset="+0230", **EUROPE)
    assert resolve_tzid("Customized Time Zone", invented) is None
    assert resolve_tzid("Customized Time Zone", OUTLOOK.format(offset="+0100", summer_offset="soon", **EUROPE)) is None


def test_resolve_tzid_takes_the_location_that_the_component_states():
    assert resolve_tzid("my zone", FIXED.format("+0100") + "X-LIC-LOCATION:Europe/Madrid\n") == ZoneInfo(
        "Europe/Madrid"
    )
