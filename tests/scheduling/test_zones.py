from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.core.errors import InvalidInput
from kalends.scheduling.zones import (
    DAY,
    EPOCH_DAY,
    closing_instant,
    dates_span,
    day_bounds,
    epoch,
    local_day,
    moment,
    opening_instant,
    period_bounds,
    zone,
)


def wall(text: str) -> int:
    return epoch(datetime.fromisoformat(text).replace(tzinfo=UTC))


def shown(seconds: int) -> str:
    return moment(seconds).strftime("%Y-%m-%dT%H:%MZ")


@pytest.mark.parametrize(
    ("local", "tz", "opens", "closes"),
    [
        ("2025-07-01T09:00", "America/New_York", "2025-07-01T13:00Z", "2025-07-01T13:00Z"),
        # 02:00 to 03:00 does not exist: the first real instant after the gap.
        ("2025-03-09T02:00", "America/New_York", "2025-03-09T07:00Z", "2025-03-09T07:00Z"),
        ("2025-03-09T02:30", "America/New_York", "2025-03-09T07:00Z", "2025-03-09T07:00Z"),
        ("2025-03-09T03:00", "America/New_York", "2025-03-09T07:00Z", "2025-03-09T07:00Z"),
        # 01:00 to 02:00 comes twice: from the first copy to the second.
        ("2025-11-02T01:30", "America/New_York", "2025-11-02T05:30Z", "2025-11-02T06:30Z"),
        ("2025-11-02T01:00", "America/New_York", "2025-11-02T05:00Z", "2025-11-02T05:00Z"),
        ("2025-11-02T02:00", "America/New_York", "2025-11-02T07:00Z", "2025-11-02T07:00Z"),
        # Half an hour is lost in Lord Howe; midnight itself comes twice in Havana; a day is missing in Samoa.
        ("2025-10-05T02:15", "Australia/Lord_Howe", "2025-10-04T15:30Z", "2025-10-04T15:30Z"),
        ("2025-11-02T00:00", "America/Havana", "2025-11-02T04:00Z", "2025-11-02T04:00Z"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00Z", "2011-12-30T10:00Z"),
    ],
)
def test_wall_time_becomes_an_instant_on_its_own(local: str, tz: str, opens: str, closes: str):
    assert shown(opening_instant(wall(local), zone(tz))) == opens
    assert shown(closing_instant(wall(local), zone(tz))) == closes


@given(
    st.integers(0, 4_000_000_000), st.sampled_from(["Europe/Paris", "America/Havana", "Asia/Beirut", "Africa/Cairo"])
)
def test_every_instant_lies_within_its_local_day(seconds: int, tz: str):
    day = local_day(seconds, tz)
    first, after = day_bounds(day, tz)
    assert first <= seconds < after
    assert datetime.fromtimestamp(first, ZoneInfo(tz)).date() == date.fromordinal(day)
    assert datetime.fromtimestamp(first - 1, ZoneInfo(tz)).date() < date.fromordinal(day)


def test_day_bounds_of_days_with_a_change_are_23_and_25_hours_apart():
    hours = [
        (after - first) // 3600
        for first, after in (
            day_bounds(date(2025, month, day).toordinal(), "Europe/Paris") for month, day in ((3, 30), (7, 1), (10, 26))
        )
    ]
    assert hours == [23, 24, 25]


def test_epoch_day_is_the_first():
    assert day_bounds(EPOCH_DAY, "UTC") == (0, DAY)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "America", "europe/nowhere\0"])
def test_zone_refuses_a_name_that_is_none(name: str):
    with pytest.raises(InvalidInput) as refused:
        zone(name)
    assert (refused.value.code, refused.value.field) == ("unknown_zone", "timezone")


def test_dates_span_is_the_visitors_days():
    span = dates_span(date(2024, 7, 23), date(2024, 7, 24), "Pacific/Pago_Pago")
    assert (shown(epoch(span.start)), shown(epoch(span.end))) == ("2024-07-23T11:00Z", "2024-07-25T11:00Z")


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        (date(2024, 7, 24), date(2024, 7, 23), "to"),
        (date(1, 1, 1), date(2024, 1, 1), "from"),
        (date(2024, 1, 1), date(9999, 12, 31), "from"),
    ],
)
def test_dates_span_refuses_dates_it_cannot_count(first: date, last: date, field: str):
    with pytest.raises(InvalidInput) as refused:
        dates_span(first, last, "UTC")
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        ("day", "2021-06-20T00:00Z", "2021-06-21T00:00Z"),
        ("week", "2021-06-14T00:00Z", "2021-06-21T00:00Z"),
        ("month", "2021-06-01T00:00Z", "2021-07-01T00:00Z"),
        ("year", "2021-01-01T00:00Z", "2022-01-01T00:00Z"),
    ],
)
def test_period_bounds_p7(period, first: str, after: str):
    bounds = period_bounds(wall("2021-06-20T11:59:59"), period, "UTC")
    assert tuple(map(shown, bounds)) == (first, after)


def test_period_bounds_count_in_the_zone_given():
    assert shown(period_bounds(wall("2021-06-30T23:00"), "month", "Asia/Tokyo")[0]) == "2021-06-30T15:00Z"
