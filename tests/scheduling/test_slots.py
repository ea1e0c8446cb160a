from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from kalends.core.errors import InvalidInput
from kalends.scheduling import (
    DateOverride,
    Horizon,
    Limits,
    Schedule,
    ServiceRules,
    StaffDays,
    TimeRange,
    Travel,
    all_of,
    always_open,
    any_of,
    busy_from_span,
    check_slot,
    find_slots,
    nearest_free,
    weekly_hours,
)
from kalends.scheduling.busy import Busy
from tests.scheduling.builders import asked, at, between, daily, starts, taken

DAY = between("2026-04-10T00:00Z", "2026-04-11T00:00Z")
MORNING = daily(("09:00", "12:00"))


def test_slots_of_one_day_touch_opening_and_closing():
    slots = find_slots(asked(ServiceRules(60), StaffDays("anna", MORNING)), DAY)
    assert starts(slots) == ["10T09:00", "10T10:00", "10T11:00"]
    first = next(iter(slots))
    assert (first.end, first.teams, first.staff, first.seats_left) == (
        at("2026-04-10T10:00Z"),
        (("anna",),),
        ("anna",),
        1,
    )


def test_half_open_spans_touch_without_conflict():
    anna = StaffDays("anna", MORNING, [taken("2026-04-10T08:00Z", "2026-04-10T10:00Z")])
    assert starts(find_slots(asked(ServiceRules(60), anna), DAY)) == ["10T10:00", "10T11:00"]


def test_busy_rows_may_be_plain_tuples():
    row = tuple(taken("2026-04-10T08:00Z", "2026-04-10T11:00Z", kind="appointment", id="a1"))
    query = asked(ServiceRules(60, capacity=2), StaffDays("anna", MORNING, [row]))
    assert starts(find_slots(query, DAY)) == ["10T11:00"]


def test_an_empty_busy_row_blocks_nothing():
    anna = StaffDays("anna", MORNING, [taken("2026-04-10T09:30Z", "2026-04-10T09:30Z")])
    assert len(find_slots(asked(ServiceRules(60, buffer_before=30), anna), DAY)) == 3


def test_a_row_that_does_not_block_or_is_ignored_leaves_its_time_free():
    free = taken("2026-04-10T09:00Z", "2026-04-10T10:00Z", blocks=False, note="marked free")
    moved = taken("2026-04-10T10:00Z", "2026-04-10T11:00Z", kind="appointment", id="a1")
    query = asked(ServiceRules(60), StaffDays("anna", MORNING, [free, moved]))
    assert starts(find_slots(query, DAY)) == ["10T09:00", "10T11:00"]
    assert len(find_slots(replace(query, ignore=frozenset({"a1"})), DAY)) == 3


@pytest.mark.parametrize(
    ("notice", "now", "first"),
    [
        (0, "2026-04-10T09:00:00Z", "10T09:30"),
        (0, "2026-04-10T08:59:59Z", "10T09:00"),
        (60, "2026-04-10T08:00:00Z", "10T09:00"),
        (60, "2026-04-10T08:00:00.000001Z", "10T09:30"),
        (60, "2026-04-10T08:00:01Z", "10T09:30"),
    ],
)
def test_notice_is_rounded_up_and_without_it_a_start_is_strictly_later(notice: int, now: str, first: str):
    query = asked(ServiceRules(30, notice=notice), StaffDays("anna", MORNING), now=now)
    assert starts(find_slots(query, DAY))[0] == first


def test_max_keeps_the_larger_buffer_and_sum_keeps_both():
    row = taken("2026-04-10T09:00Z", "2026-04-10T10:00Z", kind="appointment", after=20)
    rules = ServiceRules(30, interval=10, buffer_before=15)
    firsts = [
        starts(find_slots(asked(replace(rules, buffer_policy=policy), StaffDays("anna", MORNING, [row])), DAY))[0]
        for policy in ("max", "sum")
    ]
    assert firsts == ["10T10:20", "10T10:40"]


def test_a_schedule_that_never_closes_begins_its_grid_anew_each_midnight():
    query = asked(ServiceRules(50), StaffDays("anna", always_open("UTC")))
    found = starts(find_slots(query, between("2026-04-10T22:00Z", "2026-04-11T01:00Z")))
    assert found == ["10T22:30", "10T23:20", "11T00:00", "11T00:50"]


def test_a_night_shift_keeps_its_grid_over_midnight():
    query = asked(ServiceRules(40), StaffDays("anna", daily(("00:00", "02:00"), ("22:30", "24:00"))))
    found = starts(find_slots(query, between("2026-04-10T12:00Z", "2026-04-11T12:00Z")))
    assert found == ["10T22:30", "10T23:10", "10T23:50", "11T00:30", "11T01:10"]


def test_a_service_longer_than_a_day_needs_open_time_without_a_break():
    weekdays = Schedule("UTC", weekly_hours({day: [("00:00", "24:00")] for day in ("mo", "tu", "we")}))
    query = asked(ServiceRules(2 * 1440), StaffDays("anna", weekdays))
    assert starts(find_slots(query, between("2026-04-06T00:00Z", "2026-04-13T00:00Z"))) == ["06T00:00", "07T00:00"]


def test_hours_in_a_gap_begin_at_the_first_real_instant():
    query = asked(ServiceRules(30), StaffDays("anna", daily(("02:30", "04:00"), tz="Europe/Paris")))
    assert starts(find_slots(query, between("2026-03-29T00:00Z", "2026-03-30T00:00Z")))[:2] == ["29T01:00", "29T01:30"]


def test_hours_within_a_gap_are_none():
    query = asked(ServiceRules(30), StaffDays("anna", daily(("02:00", "03:00"), tz="Europe/Paris")))
    assert starts(find_slots(query, between("2026-03-29T00:00Z", "2026-03-29T22:00Z"))) == []


def test_a_journey_that_makes_days_overlap_counts_no_time_twice():
    east = Schedule("Europe/Paris", always_open("UTC").weekly, travel=(Travel(date(2026, 4, 10), None, "Asia/Tokyo"),))
    slots = find_slots(
        asked(ServiceRules(60), StaffDays("anna", east)), between("2026-04-09T00:00Z", "2026-04-11T00:00Z")
    )
    assert len(slots) == len(set(slots.epochs)) == 48


def test_opening_hours_of_the_company_restrict_those_of_the_staff():
    query = asked(ServiceRules(60), StaffDays("anna", MORNING), restriction=daily(("09:30", "11:45")))
    assert starts(find_slots(query, DAY)) == ["10T09:30", "10T10:30"]


def test_a_closed_date_closes():
    closed = Schedule("UTC", MORNING.weekly, (DateOverride(date(2026, 4, 10)),))
    short = Schedule("UTC", MORNING.weekly, (DateOverride(date(2026, 4, 10), (TimeRange.of("11:00", "12:00"),)),))
    assert [
        starts(find_slots(asked(ServiceRules(60), StaffDays("anna", hours)), DAY)) for hours in (closed, short)
    ] == [
        [],
        ["10T11:00"],
    ]


def test_all_of_needs_everybody_and_names_the_team():
    anna = StaffDays("anna", MORNING)
    ben = StaffDays("ben", daily(("10:00", "13:00")))
    slots = list(find_slots(asked(ServiceRules(60), needs=all_of([anna, ben])), DAY))
    assert [(slot.start.hour, slot.teams, slot.staff) for slot in slots] == [
        (10, (("anna", "ben"),), ("anna", "ben")),
        (11, (("anna", "ben"),), ("anna", "ben")),
    ]


def test_two_groups_give_each_pair_of_different_people():
    anna, ben, cleo = (StaffDays(name, daily(("09:00", "10:00"))) for name in ("anna", "ben", "cleo"))
    [slot] = find_slots(asked(ServiceRules(60), needs=((anna, ben), (ben, cleo))), DAY)
    assert slot.teams == (("anna", "ben"), ("anna", "cleo"), ("ben", "cleo"))


def test_nobody_to_ask_is_no_slot():
    assert [len(find_slots(asked(ServiceRules(60), needs=needs), DAY)) for needs in ((), ((),), any_of([]))] == [
        0,
        0,
        0,
    ]


def test_too_many_teams_are_refused():
    many = tuple(StaffDays(f"s{index}", MORNING) for index in range(40))
    with pytest.raises(InvalidInput) as refused:
        find_slots(asked(ServiceRules(60), needs=(many, many)), DAY)
    assert refused.value.field == "staff"


def session(start: str, seats: int, **more: object) -> Busy:
    end = at(start).replace(hour=at(start).hour + 1).isoformat()
    return taken(start, end, kind="appointment", service="yoga", seats=seats, **more)


def test_a_shared_appointment_is_offered_while_places_are_left():
    rules = ServiceRules(60, capacity=3, service="yoga")
    rows = [session("2026-04-10T09:00Z", 1), session("2026-04-10T09:00Z", 1), session("2026-04-10T10:00Z", 3)]
    slots = list(find_slots(asked(rules, StaffDays("anna", MORNING, rows)), DAY))
    assert [(slot.start.hour, slot.seats_left) for slot in slots] == [(9, 1), (11, 3)]


def test_a_shared_appointment_off_the_grid_is_offered_at_its_own_start_only():
    rules = ServiceRules(60, capacity=3, service="yoga")
    query = asked(rules, StaffDays("anna", MORNING, [session("2026-04-10T09:30Z", 1)]))
    assert starts(find_slots(query, DAY)) == ["10T09:30", "10T11:00"]


def test_a_shared_appointment_that_something_else_overlaps_takes_nobody_more():
    rules = ServiceRules(60, capacity=3, service="yoga")
    rows = [session("2026-04-10T09:00Z", 1), taken("2026-04-10T09:30Z", "2026-04-10T09:45Z")]
    assert starts(find_slots(asked(rules, StaffDays("anna", MORNING, rows)), DAY)) == ["10T10:00", "10T11:00"]


def test_an_appointment_of_another_service_shares_no_places():
    rules = ServiceRules(60, capacity=3, service="yoga")
    row = session("2026-04-10T09:00Z", 1)._replace(service="pilates")
    assert starts(find_slots(asked(rules, StaffDays("anna", MORNING, [row])), DAY)) == ["10T10:00", "10T11:00"]


def test_a_reached_limit_closes_the_day_but_not_a_place_in_a_shared_appointment():
    rules = ServiceRules(60, capacity=3, service="yoga", limits=Limits(bookings_per_day=1))
    query = asked(rules, StaffDays("anna", MORNING, [session("2026-04-10T09:00Z", 1)]))
    assert starts(find_slots(query, between("2026-04-10T00:00Z", "2026-04-12T00:00Z"))) == [
        "10T09:00",
        "11T09:00",
        "11T10:00",
        "11T11:00",
    ]


def test_limits_count_per_staff_member_and_in_the_companys_zone():
    rules = ServiceRules(60, service="yoga", limits=Limits(minutes_per_day=60))
    late = taken("2026-04-09T16:00Z", "2026-04-09T17:00Z", kind="appointment", service="yoga")
    staff = [StaffDays("anna", MORNING, [late]), StaffDays("ben", MORNING)]
    at_home = find_slots(asked(rules, *staff), DAY)
    in_tokyo = find_slots(asked(rules, *staff, zone="Asia/Tokyo"), DAY)
    assert [slot.staff for slot in at_home] == [("anna", "ben")] * 3
    assert [slot.staff for slot in in_tokyo] == [("ben",)] * 3


def test_the_horizon_ends_with_a_day_of_the_companys_zone():
    rules = ServiceRules(60, horizon=Horizon("days", 0))
    query = asked(rules, StaffDays("anna", always_open("UTC")), now="2026-04-10T12:00Z", zone="Asia/Tokyo")
    assert starts(find_slots(query, between("2026-04-10T00:00Z", "2026-04-12T00:00Z")))[-1] == "10T14:00"


def test_bookable_days_are_counted_from_today_whatever_is_asked():
    rules = ServiceRules(60, horizon=Horizon("bookable_days", 2))
    full = taken("2026-04-11T00:00Z", "2026-04-12T00:00Z")
    query = asked(rules, StaffDays("anna", MORNING, [full]), now="2026-04-10T06:00Z")
    assert len(find_slots(query, between("2026-04-12T00:00Z", "2026-04-20T00:00Z"))) == 3
    assert len(find_slots(query, between("2026-04-13T00:00Z", "2026-04-20T00:00Z"))) == 0


def test_check_slot_refuses_what_is_off_the_grid_unless_any_minute_will_do():
    query = asked(ServiceRules(60), StaffDays("anna", MORNING))
    between_starts = at("2026-04-10T09:10Z")
    assert check_slot(query, between_starts) is None
    booked = check_slot(query, between_starts, any_minute=True)
    assert booked is not None
    assert booked.staff == ("anna",)
    assert check_slot(query, at("2026-04-10T11:10Z"), any_minute=True) is None


@pytest.mark.parametrize("start", ["2026-04-10T09:00:00.5+00:00", "2026-04-10T09:00:01Z", "2020-04-10T09:00Z"])
def test_check_slot_refuses_a_part_of_a_second_and_the_past(start: str):
    assert check_slot(asked(ServiceRules(60), StaffDays("anna", MORNING)), at(start)) is None


def test_check_slot_reads_an_instant_in_any_zone_and_refuses_none():
    query = asked(ServiceRules(60), StaffDays("anna", MORNING))
    assert check_slot(query, at("2026-04-10T11:00+02:00")) == check_slot(query, at("2026-04-10T09:00Z")) is not None
    with pytest.raises(ValueError, match="without a zone"):
        check_slot(query, datetime(2026, 4, 10, 9))


def test_nearest_free_gives_three_without_the_wanted_one_nearest_first():
    taken_row = taken("2026-04-10T10:00Z", "2026-04-10T10:30Z")
    query = asked(ServiceRules(30), StaffDays("anna", MORNING, [taken_row]))
    alternatives = nearest_free(query, at("2026-04-10T10:00Z"), DAY)
    assert starts(alternatives) == ["10T09:30", "10T10:30", "10T09:00"]


def test_busy_from_span_keeps_the_span():
    span = between("2026-04-10T10:00Z", "2026-04-10T10:30Z")
    row = busy_from_span(span, "hold", id="h1", service="yoga")
    assert (row.span, row.kind, row.id, row.service, row.blocks) == (span, "hold", "h1", "yoga", True)


def test_slots_answer_by_instant_and_by_second():
    slots = find_slots(asked(ServiceRules(60), StaffDays("anna", MORNING)), DAY)
    second = int(datetime(2026, 4, 10, 9, tzinfo=UTC).timestamp())
    assert slots.epochs[0] == second
    assert slots.teams_at(second) == [("anna",)]
    assert slots.teams_at(second + 1) == ()
    assert slots.at(at("2026-04-10T09:30Z")) is None
    assert "soon" not in slots


def test_busy_time_of_years_and_of_other_years_is_read_right():
    inside_out = taken("2020-01-01T00:00Z", "2026-04-10T10:00Z")
    elsewhere = [taken("2019-01-01T00:00Z", "2019-02-01T00:00Z"), taken("2030-01-01T00:00Z", "2030-02-01T00:00Z")]
    query = asked(ServiceRules(60), StaffDays("anna", MORNING, [inside_out, *elsewhere]))
    assert starts(find_slots(query, DAY)) == ["10T10:00", "10T11:00"]
    for_years = taken("2026-04-10T10:00Z", "2036-04-10T10:00Z")
    query = asked(ServiceRules(60), StaffDays("anna", MORNING, [for_years, *elsewhere]))
    assert starts(find_slots(query, between("2026-04-10T00:00Z", "2026-05-10T00:00Z"))) == ["10T09:00"]
