"""Texts of slots that are put together by hand are those that the standard library writes."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from hypothesis import given
from hypothesis import strategies as st

from kalends.api.v1.slots import _times
from kalends.core.zones import zone

ZONES = ("UTC", "Europe/Paris", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu")


@given(
    st.sampled_from(ZONES),
    st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    st.integers(-7200, 200_000),
    st.integers(1, 90_000),
)
def test_times_are_written_as_isoformat_writes_them(name, day, seconds, length):
    tz = zone(name)
    second = int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp()) + seconds
    assert list(_times(day, [second], length, tz)) == [_by_isoformat(second, length, tz)]


def _by_isoformat(second: int, length: int, tz: tzinfo) -> str:
    start, end = (datetime.fromtimestamp(at, tz).isoformat() for at in (second, second + length))
    return f'"start":"{start}","end":"{end}"'


def test_times_are_right_in_every_minute_of_days_that_are_changed():
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
            starts = [int(first.timestamp()) + 60 * minute for minute in range(0, 3 * 1440, 7)]
            assert list(_times(near, starts, 1800, tz)) == [_by_isoformat(start, 1800, tz) for start in starts]
