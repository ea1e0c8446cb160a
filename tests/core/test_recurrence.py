"""The corners of RFC 5545 that no oracle of ours decides, one by one."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from kalends.core.recurrence import TooManyOccurrences, expand, expand_days
from kalends.core.rrule import BadRecurrence, parse_rule
from kalends.core.span import Span
from kalends.core.zones import UnknownZone, zone

HOUR = timedelta(hours=1)


def at(text, name="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=zone(name))


def year(number, years=1):
    return Span(datetime(number, 1, 1, tzinfo=UTC), datetime(number + years, 1, 1, tzinfo=UTC))


def walls(start, *rules, zone_name="UTC", window=None, duration=HOUR, **more):
    found = expand(
        start=at(start, zone_name),
        duration=duration,
        timezone=zone_name,
        rules=rules,
        window=window or year(2026),
        **more,
    )
    return [moment.astimezone(zone(zone_name)).strftime("%m-%d %H:%M") for moment in found]


def test_expand_series_begun_years_ago_F56():
    assert walls("2001-03-05 09:00", "RRULE:FREQ=MONTHLY;BYDAY=1MO", window=year(2026))[:3] == [
        "01-05 09:00",
        "02-02 09:00",
        "03-02 09:00",
    ]


def test_expand_reads_a_wall_time_in_the_gap_with_the_offset_before_it():
    rule = "RRULE:FREQ=DAILY;COUNT=3"
    assert walls("2026-03-28 02:30", rule, zone_name="Europe/Paris") == ["03-28 02:30", "03-29 03:30", "03-30 02:30"]


def test_expand_keeps_the_wall_time_of_a_start_in_the_gap():
    rule = "RRULE:FREQ=DAILY;COUNT=3"
    assert walls("2026-03-29 02:30", rule, zone_name="Europe/Paris") == ["03-29 03:30", "03-30 02:30", "03-31 02:30"]


def test_expand_takes_the_first_of_two_equal_wall_times():
    found = expand(
        start=at("2026-10-24 02:30", "Europe/Paris"),
        duration=HOUR,
        timezone="Europe/Paris",
        rules=["RRULE:FREQ=DAILY;COUNT=2"],
        window=year(2026),
    )
    assert found == [at("2026-10-24 00:30"), at("2026-10-25 00:30")]


def test_expand_keeps_a_start_that_is_the_second_of_two_equal_wall_times():
    start = at("2026-10-25 01:30")  # 02:30 in Paris for the second time
    rules = ["RRULE:FREQ=DAILY;COUNT=2"]
    found = expand(start=start, duration=HOUR, timezone="Europe/Paris", rules=rules, window=year(2026))
    assert found == [start, at("2026-10-26 01:30")]


def test_expand_skips_months_without_the_day():
    assert walls("2026-01-31 09:00", "RRULE:FREQ=MONTHLY;COUNT=4") == [
        "01-31 09:00",
        "03-31 09:00",
        "05-31 09:00",
        "07-31 09:00",
    ]
    assert walls("2024-02-29 09:00", "RRULE:FREQ=YEARLY", window=year(2025, 4)) == ["02-29 09:00"]


def test_expand_takes_a_week_with_weekdays_of_week_start():
    """RFC 5545, 3.8.5.3: the example in which WKST makes a difference."""
    rule = "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST="
    window = year(1997)
    assert walls("1997-08-05 09:00", rule + "MO", window=window) == [
        "08-05 09:00",
        "08-10 09:00",
        "08-19 09:00",
        "08-24 09:00",
    ]
    assert walls("1997-08-05 09:00", rule + "SU", window=window) == [
        "08-05 09:00",
        "08-17 09:00",
        "08-19 09:00",
        "08-31 09:00",
    ]


def test_expand_takes_plain_and_numbered_weekdays_together():
    assert walls("2026-02-02 09:00", "RRULE:FREQ=MONTHLY;BYDAY=MO,1TU;UNTIL=20260228") == [
        "02-02 09:00",
        "02-03 09:00",
        "02-09 09:00",
        "02-16 09:00",
        "02-23 09:00",
    ]


def test_expand_counts_the_start_even_if_the_rule_would_not_give_it():
    assert walls("2026-01-01 09:00", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3") == [
        "01-01 09:00",
        "01-05 09:00",
        "01-12 09:00",
    ]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260103", "01-03 09:00"),
        ("20260103T080000Z", "01-03 09:00"),
        ("20260103T075959Z", "01-02 09:00"),
        ("20260103T090000", "01-03 09:00"),
        ("20260103T085959", "01-02 09:00"),
    ],
)
def test_expand_until_includes_its_day_or_instant(until, last):
    assert walls("2026-01-01 09:00", f"RRULE:FREQ=DAILY;UNTIL={until}", zone_name="Europe/Paris")[-1] == last


def test_expand_exdate_removes_by_instant_wall_time_and_day_F57():
    lines = [
        "RRULE:FREQ=DAILY;COUNT=6",
        "EXDATE:20260102T080000Z",
        "EXDATE;TZID=Europe/Paris:20260103T090000,20260104T090000",
        "EXDATE;VALUE=DATE:20260105",
        "EXDATE;TZID=America/New_York:20260106T030000",
    ]
    assert walls("2026-01-01 09:00", *lines, zone_name="Europe/Paris") == ["01-01 09:00"]


def test_expand_exdate_with_a_name_no_table_knows_is_in_the_zone_of_the_series():
    lines = ["RRULE:FREQ=DAILY;COUNT=2", 'EXDATE;TZID="(UTC+01:00) Paris":20260102T090000']
    assert walls("2026-01-01 09:00", *lines, zone_name="Europe/Paris") == ["01-01 09:00"]


def test_expand_rdate_adds_and_exrule_removes():
    lines = ["RDATE:20260301T090000Z", "RDATE;VALUE=PERIOD:20260302T090000Z/PT2H", "RDATE;VALUE=DATE:20260303"]
    assert walls("2026-01-01 09:00", *lines) == ["01-01 09:00", "03-01 09:00", "03-02 09:00", "03-03 09:00"]
    both = ["RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=DAILY;INTERVAL=2"]
    assert walls("2026-01-01 09:00", *both) == ["01-02 09:00", "01-04 09:00"]


def test_expand_finds_a_long_occurrence_that_runs_into_the_window_F60():
    window = Span(at("2026-01-08 00:00"), at("2026-01-08 01:00"))
    long = timedelta(days=3)
    assert walls("2026-01-01 09:00", "RRULE:FREQ=WEEKLY;BYDAY=TH,MO", window=window, duration=long) == ["01-05 09:00"]


def test_expand_window_is_half_open():
    window = Span(at("2026-01-02 10:00"), at("2026-01-04 09:00"))
    assert walls("2026-01-01 09:00", "RRULE:FREQ=DAILY", window=window) == ["01-03 09:00"]


def test_expand_counts_an_occurrence_without_length_by_its_start():
    window = Span(at("2026-01-02 09:00"), at("2026-01-03 09:00"))
    assert walls("2026-01-01 09:00", "RRULE:FREQ=DAILY", window=window, duration=timedelta(0)) == ["01-02 09:00"]


def test_expand_week_number_without_a_day_is_the_weekday_of_the_start():
    assert walls("2025-05-15 09:00", "RRULE:FREQ=YEARLY;BYWEEKNO=20", window=year(2025, 3)) == [
        "05-15 09:00",
        "05-14 09:00",
        "05-20 09:00",
    ]


def test_expand_hours_of_a_day():
    rule = "RRULE:FREQ=HOURLY;INTERVAL=3;BYDAY=FR;BYHOUR=9,12,13"
    window = Span(at("2026-01-02 00:00"), at("2026-01-10 00:00"))
    assert walls("2026-01-02 09:00", rule, window=window) == [
        "01-02 09:00",
        "01-02 12:00",
        "01-09 09:00",
        "01-09 12:00",
    ]


def test_expand_cuts_nothing_off():
    with pytest.raises(TooManyOccurrences):
        walls("2026-01-01 09:00", "RRULE:FREQ=HOURLY", limit=1000)


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30;COUNT=5"],
)
def test_expand_ends_for_rules_made_to_burn_time(rule):
    try:
        found = walls("2026-01-01 09:00", f"RRULE:{rule}")
    except BadRecurrence:
        return
    assert found == ["01-01 09:00"]


def test_expand_rule_that_never_comes_gives_the_start():
    assert walls("2026-01-01 09:00", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", window=year(2026, 50)) == [
        "01-01 09:00"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:",
        "RRULE:FREQ=OFTEN",
        "RRULE:INTERVAL=2",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;COUNT=0",
        "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260101",
        "RRULE:FREQ=DAILY;UNTIL=soon",
        "RRULE:FREQ=DAILY;UNTIL=20260101T250000",
        "RRULE:FREQ=DAILY;BYDAY=XX",
        "RRULE:FREQ=MONTHLY;BYDAY=0MO",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=32",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=0",
        "RRULE:FREQ=DAILY;FREQ=DAILY",
        "RRULE:FREQ=DAILY;FOO=1",
        "RRULE:FREQ=DAILY;RSCALE=HEBREW",
        "EXDATE:20261301",
        "EXDATE:20260101T090000X",
        "DTSTART:20260101T090000Z",
        "",
    ],
)
def test_expand_refuses_bad_lines_with_a_typed_error(line):
    with pytest.raises(BadRecurrence) as caught:
        walls("2026-01-01 09:00", line)
    assert caught.value.field == "recurrence"


def test_expand_refuses_an_unknown_zone():
    with pytest.raises(UnknownZone):
        expand(start=at("2026-01-01 09:00"), duration=HOUR, timezone="Mars", rules=[], window=year(2026))


def test_parse_rule_is_lenient_where_programs_are():
    assert parse_rule("freq=weekly;byday=mo;wkst=su;") == parse_rule(
        "FREQ=WEEKLY;WKST=SU;BYDAY=MO;X-OURS=1;RSCALE=GREGORIAN"
    )


def test_expand_days_reads_exdates_of_every_kind_F57():
    lines = [
        "RRULE:FREQ=DAILY;UNTIL=20260105T000000Z",
        "EXDATE;VALUE=DATE:20260102",
        "EXDATE;TZID=Europe/Paris:20260103T000000",
        "RDATE;VALUE=DATE:20260110",
    ]
    found = expand_days(start=date(2026, 1, 1), days=1, rules=lines, first=date(2026, 1, 1), end=date(2027, 1, 1))
    assert found == [date(2026, 1, 1), date(2026, 1, 4), date(2026, 1, 5), date(2026, 1, 10)]


def test_expand_days_refuses_hours():
    with pytest.raises(BadRecurrence):
        expand_days(
            start=date(2026, 1, 1), days=1, rules=["RRULE:FREQ=HOURLY"], first=date(2026, 1, 1), end=date(2026, 2, 1)
        )


_EVERY_SECOND = f"BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))};BYSECOND={','.join(map(str, range(60)))}"
_EVERY_DAY = "BYDAY=MO,TU,WE,TH,FR,SA,SU"


def test_expand_chooses_among_all_seconds_of_a_year_without_listing_them():
    rule = f"RRULE:FREQ=YEARLY;{_EVERY_DAY};{_EVERY_SECOND};BYSETPOS=366,-366"
    assert walls("2001-01-01 00:00", rule) == ["12-31 23:53", "01-01 00:06", "12-31 23:53"]
    assert walls("0001-01-01 00:00", f"{rule};COUNT=100000") == ["12-31 23:53", "01-01 00:06", "12-31 23:53"]


def test_expand_refuses_to_count_what_no_list_holds():
    every_date = f"BYMONTH={','.join(map(str, range(1, 13)))};BYMONTHDAY={','.join(map(str, range(1, 29)))}"
    with pytest.raises(BadRecurrence, match="too long"):
        walls("2001-01-01 00:00", f"RRULE:FREQ=YEARLY;COUNT=1000000;{every_date};{_EVERY_SECOND}")


def calls_of(start: str, rule: str) -> int:
    """How many functions are called while a series without end is expanded over one year."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    walls(start, rule)  # what is kept from one series to the next is there already
    sys.setprofile(count)
    try:
        walls(start, rule)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,WE",
        "FREQ=MONTHLY;BYDAY=1MO",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    ],
)
def test_expand_series_without_end_costs_the_window_and_not_its_past(rule):
    # What is kept of days has a size: once in a while an expansion finds it emptied.
    old, young = (
        min(calls_of(start, f"RRULE:{rule}") for _ in range(3)) for start in ("1996-01-01 09:00", "2025-12-29 09:00")
    )
    assert old <= young * 1.1 + 50
