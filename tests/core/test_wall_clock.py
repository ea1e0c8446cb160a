from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.core.wall_clock import DAY, WallClock, wall_clock
from kalends.core.zones import UnknownZone, zone_names

# Clocks that change at midnight, a minute after it, by half an hour, twice for Ramadan, or over a whole day.
ODD = ["America/Sao_Paulo", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Gaza"]
zones = st.sampled_from(ODD) | st.sampled_from(zone_names())
days = st.integers(datetime(1970, 1, 2).toordinal(), datetime(2040, 1, 1).toordinal())


def asked(name, day, time):
    """What the zone itself says, one wall time after the other."""
    return (datetime.fromordinal(day) + timedelta(seconds=time)).replace(tzinfo=ZoneInfo(name)).astimezone(UTC)


def change_near(name, day):
    """The first day from `day` on, within a year, at whose end the offset is another one; else `day`."""
    clock = ZoneInfo(name)
    offsets = [(datetime.fromordinal(day + n)).replace(tzinfo=clock).utcoffset() for n in range(400)]
    return day + next((n for n in range(399) if offsets[n] != offsets[n + 1]), 0)


@settings(deadline=None)
@given(zones, days, st.lists(st.integers(0, DAY - 1), min_size=1, max_size=5, unique=True).map(sorted))
def test_instants_are_those_of_the_zone_around_every_change_F53(name, day, times):
    near = range(change_near(name, day) - 2, change_near(name, day) + 4)
    found = WallClock(ZoneInfo(name)).instants(near, times)
    assert found == sorted(asked(name, each, time) for each in near for time in times)


@settings(deadline=None)
@given(zones, days, st.integers(-2 * 1440, 3 * 1440))
def test_shows_once_is_false_for_the_doubled_hour_alone_F53(name, day, minutes):
    clock = ZoneInfo(name)
    around = datetime.fromordinal(change_near(name, day)).replace(tzinfo=clock).astimezone(UTC)
    local = (around + timedelta(minutes=minutes)).astimezone(clock)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    assert WallClock(clock).shows_once(local) == (first == second)


@pytest.mark.parametrize("minute", [31, 45])
def test_shows_once_knows_an_hour_doubled_over_midnight_F53(minute):
    """St. John's went back from 00:01 to 23:01 of the day before."""
    clock = wall_clock("America/St_Johns")
    assert not clock.shows_once(datetime(2010, 11, 6, 23, minute, tzinfo=clock.zone))
    assert clock.shows_once(datetime(2010, 11, 6, 22, minute, tzinfo=clock.zone))


def test_instants_stay_right_when_the_table_is_begun_anew():
    clock = WallClock(ZoneInfo("Europe/Paris"))
    first = datetime(2000, 1, 1).toordinal()
    for begin in range(first, first + 9_000, 3_000):
        found = clock.instants(range(begin, begin + 3_000), (9 * 3_600,))
        assert found == [asked("Europe/Paris", day, 9 * 3_600) for day in range(begin, begin + 3_000)]


def test_wall_clock_refuses_an_unknown_zone():
    with pytest.raises(UnknownZone):
        wall_clock("Mars/Olympus")
