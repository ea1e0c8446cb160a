from __future__ import annotations

from datetime import date

import pytest

from kalends.core.errors import InvalidInput
from kalends.scheduling import DateOverride, Schedule, TimeRange, Travel, validate_ranges, validate_weekly, weekly_hours


def rows(*ranges: tuple[str, str], day: str = "mo") -> list[dict[str, object]]:
    return [{"day": day, "from": start, "to": end} for start, end in ranges]


@pytest.mark.parametrize(
    ("ranges", "code", "field"),
    [
        ([("09:00", "11:00"), ("10:00", "12:00")], "overlap", "weekly[1]"),
        ([("09:00", "12:00"), ("10:00", "11:00")], "overlap", "weekly[1]"),
        ([("10:00", "11:00"), ("09:00", "12:00")], "overlap", "weekly[0]"),
        ([("09:00", "12:00"), ("09:00", "12:00")], "overlap", "weekly[1]"),
        ([("14:00", "13:00")], "end_before_start", "weekly[0].to"),
        ([("14:00", "14:00")], "end_before_start", "weekly[0].to"),
        ([("08:00", "09:00"), ("9:00", "12:00")], "not_a_time", "weekly[1].from"),
        ([("09:00", "24:01")], "not_a_time", "weekly[0].to"),
        ([("09:00", "12:60")], "not_a_time", "weekly[0].to"),
        ([("09:00", "")], "not_a_time", "weekly[0].to"),
        ([("09:00", "09:15")], "too_short", "weekly[0]"),
    ],
)
def test_validate_weekly_refuses(ranges: list[tuple[str, str]], code: str, field: str):
    with pytest.raises(InvalidInput) as refused:
        validate_weekly(rows(*ranges), at_least=30)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize("day", ["monday", "Mo", None, 1, ""])
def test_validate_weekly_refuses_an_unknown_weekday(day: object):
    with pytest.raises(InvalidInput) as refused:
        validate_weekly([{"day": day, "from": "09:00", "to": "10:00"}])
    assert refused.value.field == "weekly[0].day"


def test_validate_weekly_refuses_a_row_without_times():
    with pytest.raises(InvalidInput) as refused:
        validate_weekly([{"day": "mo"}])
    assert refused.value.field == "weekly[0].from"


def test_validate_weekly_accepts_touching_unsorted_and_whole_days():
    weekly = validate_weekly(rows(("10:00", "11:00"), ("09:00", "10:00")) + rows(("00:00", "24:00"), day="su"))
    assert weekly == weekly_hours({"mo": [("09:00", "10:00"), ("10:00", "11:00")], "su": [("00:00", "24:00")]})


def test_validate_weekly_accepts_equal_ranges_on_different_days():
    assert validate_weekly(rows(("09:00", "12:00")) + rows(("09:00", "12:00"), day="tu"))[:2] == (
        (TimeRange.of("09:00", "12:00"),),
        (TimeRange.of("09:00", "12:00"),),
    )


@pytest.mark.parametrize(("ranges", "tz"), [(("17:00", "19:00"), "America/Regina"), (("08:00", "10:00"), "Asia/Tokyo")])
def test_hours_whose_utc_form_crosses_midnight_are_accepted(ranges: tuple[str, str], tz: str):
    assert Schedule(tz, validate_weekly(rows(ranges))).ranges_on(date(2026, 6, 15)) == (TimeRange.of(*ranges),)


def test_validate_ranges_reads_one_date():
    assert validate_ranges([]) == ()
    with pytest.raises(InvalidInput) as refused:
        validate_ranges([{"from": "09:00", "to": "11:00"}, {"from": "10:00", "to": "12:00"}], field="overrides[2]")
    assert refused.value.field == "overrides[2][1]"


def test_time_range_reads_a_last_second_as_the_end_of_its_minute():
    assert TimeRange.of("20:30", "22:59:59").closes == TimeRange.of("20:30", "23:00").closes
    assert TimeRange.of("20:30:01", "23:00:58").opens == 20 * 3600 + 31 * 60
    assert TimeRange.of("20:30:01", "23:00:58").closes == 23 * 3600
    assert str(TimeRange.of("20:30", "22:59:59")) == "20:30-22:59:59"


def test_schedule_has_the_hours_of_an_override_instead_of_the_weekly_ones():
    day = date(2026, 6, 15)
    weekly = weekly_hours({"mo": [("09:00", "17:00")]})
    assert Schedule("UTC", weekly, (DateOverride(day),)).ranges_on(day) == ()
    twice = (DateOverride(day, (TimeRange.of("14:00", "15:00"),)), DateOverride(day, (TimeRange.of("10:00", "11:00"),)))
    assert [str(part) for part in Schedule("UTC", weekly, twice).ranges_on(day)] == ["10:00-11:00", "14:00-15:00"]


def test_schedule_follows_the_last_journey_that_covers_a_date():
    journeys = (Travel(date(2026, 1, 3), None, "Asia/Tokyo"), Travel(date(2026, 1, 5), date(2026, 1, 6), "UTC"))
    schedule = Schedule("Europe/Paris", travel=journeys)
    zones = [schedule.zone_on(date(2026, 1, day)) for day in (2, 3, 5, 6, 7)]
    assert zones == ["Europe/Paris", "Asia/Tokyo", "UTC", "UTC", "Asia/Tokyo"]


def test_schedule_refuses_an_unknown_zone_of_a_journey():
    with pytest.raises(InvalidInput):
        Schedule("UTC", travel=(Travel(date(2026, 1, 3), None, "Mars/Olympus"),))


def test_equal_schedules_are_one_key():
    one, other = (Schedule("UTC", weekly_hours({"mo": [("09:00", "17:00")]})) for _ in range(2))
    assert {one: 1}[other] == 1
    assert one != Schedule("Europe/Paris", one.weekly)
