"""Texts of slots that are put together by hand are those that the standard library writes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kalends.api.v1.slots import _clock
from kalends.core.zones import zone

ZONES = ("UTC", "Europe/Paris", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu")


@given(
    st.sampled_from(ZONES),
    st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    st.integers(-7200, 200_000),
)
def test_clock_writes_what_isoformat_writes(name, day, seconds):
    tz = zone(name)
    second = int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp()) + seconds
    assert _clock(day, tz)(second) == datetime.fromtimestamp(second, tz).isoformat()


def test_clock_is_right_in_every_minute_of_days_that_are_changed():
    for name, day in (
        ("Europe/Paris", date(2026, 10, 25)),
        ("Europe/Paris", date(2026, 3, 29)),
        ("America/Havana", date(2026, 3, 8)),
        ("Africa/Cairo", date(2026, 4, 24)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
    ):
        tz = zone(name)
        first = datetime(day.year, day.month, day.day, tzinfo=tz) - timedelta(days=1)
        for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
            clock = _clock(near, tz)
            for minute in range(0, 3 * 1440, 7):
                second = int(first.timestamp()) + 60 * minute
                assert clock(second) == datetime.fromtimestamp(second, tz).isoformat()
