"""Laws of the search, held against generated weeks and against an oracle that walks in steps of five minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain, pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.scheduling import (
    Horizon,
    Limits,
    Schedule,
    SlotQuery,
    StaffDays,
    any_of,
    check_slot,
    data_span,
    dates_span,
    explain_slot,
    find_slots,
    near_span,
    nearest_free,
)
from kalends.scheduling.zones import epoch, moment
from tests.scheduling.builders import ZONES, queries

FIVE = 300
HORIZONS = st.sampled_from(
    [
        None,
        Horizon("days", 2),
        Horizon("days", 2, "business"),
        Horizon("bookable_days", 2),
        Horizon("bookable_days", 3, "business"),
    ]
)
LIMITS = st.sampled_from([None, Limits(bookings_per_day=1), Limits(minutes_per_week=240)])

laws = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def week(monday: datetime) -> Span:
    return Span(monday, monday + timedelta(days=7))


def with_rules(query: SlotQuery, horizon: Horizon | None, limits: Limits | None) -> SlotQuery:
    return replace(query, rules=replace(query.rules, horizon=horizon, limits=limits))


@laws
@given(queries(), HORIZONS, LIMITS, st.sampled_from(ZONES))
def test_one_day_at_a_time_is_the_same_as_a_week(asked, horizon, limits, visitor: str):
    query, monday = with_rules(asked[0], horizon, limits), asked[1]
    days = [monday.date() + timedelta(days=index) for index in range(7)]
    whole = list(find_slots(query, dates_span(days[0], days[-1], visitor)))
    assert list(chain.from_iterable(find_slots(query, dates_span(day, day, visitor)) for day in days)) == whole


@laws
@given(queries(), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_the_visitors_zone_only_groups(asked, one: str, other: str):
    query, monday = asked
    slots = find_slots(query, week(monday))
    for tz in (one, other):
        groups = slots.by_date(tz)
        assert list(chain.from_iterable(groups.values())) == list(slots)
        assert all(slot.start.astimezone(ZoneInfo(tz)).date() == day for day, group in groups.items() for slot in group)
        assert list(groups) == sorted(groups)


@laws
@given(queries(), HORIZONS, LIMITS)
def test_a_start_is_offered_exactly_if_its_check_passes(asked, horizon, limits):
    query, monday = with_rules(asked[0], horizon, limits), asked[1]
    slots = find_slots(query, week(monday))
    for minute in range(0, 7 * 1440, 35):
        start = monday + timedelta(minutes=minute)
        assert check_slot(query, start) == slots.at(start)
    assert [check_slot(query, slot.start) for slot in slots] == list(slots)


@laws
@given(queries(most_staff=1), HORIZONS, LIMITS)
def test_all_rules_hold_exactly_if_the_start_is_offered(asked, horizon, limits):
    query, monday = with_rules(asked[0], horizon, limits), asked[1]
    offered = find_slots(query, week(monday))
    tried = [monday + timedelta(minutes=minute) for minute in range(0, 7 * 1440, 85)]
    for start in [*tried, *(slot.start for slot in offered)]:
        told = explain_slot(query, start)
        assert told.offered == (start in offered)
        assert told.offered == all(rule.ok for rule in told.rules)


@laws
@given(queries(), HORIZONS)
def test_rows_outside_the_data_span_change_nothing(asked, horizon):
    query, monday = with_rules(asked[0], horizon, None), asked[1]
    window = Span(monday + timedelta(days=3), monday + timedelta(days=4))
    needed = data_span(query.rules, window, query.now, query.zone)
    fewer = any_of(
        StaffDays(member.id, member.schedule, [row for row in member.busy if row.span.overlaps(needed)])
        for member in query.needs[0]
    )
    assert list(find_slots(replace(query, needs=fewer), window)) == list(find_slots(query, window))


@laws
@given(queries(), st.integers(0, 7 * 24 * 12))
def test_rows_without_buffers_outside_the_near_span_change_no_check(asked, place: int):
    query, monday = asked
    start = monday + timedelta(minutes=5 * place)
    near = near_span(query.rules, start)
    if near is None:
        return
    low, high = epoch(near.start), epoch(near.end)

    def kept(member: StaffDays) -> StaffDays:
        rows = [row for row in member.rows() if row.before or row.after or (row.start < high and row.end > low)]
        return StaffDays(member.id, member.schedule, rows)

    fewer = replace(query, needs=tuple(tuple(map(kept, role)) for role in query.needs))
    for any_minute in (False, True):
        assert check_slot(fewer, start, any_minute=any_minute) == check_slot(query, start, any_minute=any_minute)


@laws
@given(queries(most_staff=3))
def test_any_staff_is_the_union_of_each_alone(asked):
    query, monday = asked
    together = find_slots(query, week(monday))
    alone = {member.id: find_slots(replace(query, needs=any_of([member])), week(monday)) for member in query.needs[0]}
    assert {slot.start for slot in together} == {slot.start for slots in alone.values() for slot in slots}
    for slot in together:
        assert slot.staff == tuple(name for name, slots in alone.items() if slot.start in slots)


@laws
@given(queries(most_staff=1))
def test_an_offered_start_passes_on_any_minute_too(asked):
    query, monday = asked
    for slot in find_slots(query, week(monday)):
        assert check_slot(query, slot.start, any_minute=True) == slot


@laws
@given(queries(), st.integers(0, 7 * 1440))
def test_nearest_free_is_nearest(asked, minute: int):
    query, monday = asked
    wanted = monday + timedelta(minutes=minute)
    others = [slot for slot in find_slots(query, week(monday)) if slot.start != wanted]
    expected = sorted(others, key=lambda slot: (abs(slot.start - wanted), slot.start))[:3]
    assert nearest_free(query, wanted, week(monday)) == expected


@laws
@given(queries(most_staff=1, grids=("fixed",)))
def test_the_fixed_grid_is_what_an_oracle_counts(asked):
    query, monday = asked
    query = replace(query, rules=replace(query.rules, capacity=1))
    window = Span(monday + timedelta(days=5), monday + timedelta(days=8))
    assert find_slots(query, window).epochs == oracle(query, window)


def oracle(query: SlotQuery, window: Span) -> list[int]:
    """Reads local clocks, instant by instant: the opposite way to the engine's."""
    [[member]] = query.needs
    rules = query.rules
    low, high = epoch(window.start), epoch(window.end)
    hours = [schedule for schedule in (member.schedule, query.restriction) if schedule is not None]
    is_open = {at: all(open_at(each, at) for each in hours) for at in range(low - 2 * 86400, high + 86400, FIVE)}
    anchors: dict[int, int] = {}
    for before, at in pairwise(is_open):
        anchors[at] = anchors.get(before, at) if is_open[before] and is_open[at] else at
    return [
        at
        for at in range(low, high, FIVE)
        if is_open[at]
        and all(is_open[later] for later in range(at, at + rules.length, FIVE))
        and at - anchors[at] - rules.offset * 60 in range(0, 10**6, rules.step)
        and late_enough(query, at)
        and not any(collides(query, row, at) for row in member.busy)
    ]


def open_at(schedule: Schedule, at: int) -> bool:
    local = moment(at).astimezone(ZoneInfo(schedule.tz))
    seconds = local.hour * 3600 + local.minute * 60
    return any(part.start <= seconds < part.end for part in schedule.ranges_on(date(*local.timetuple()[:3])))


def late_enough(query: SlotQuery, at: int) -> bool:
    if query.rules.notice == 0:
        return moment(at) > query.now
    return moment(at) >= query.now + timedelta(minutes=query.rules.notice)


def collides(query: SlotQuery, row, at: int) -> bool:
    """Two appointments keep the gap that the larger of both, or both together, ask for."""
    if not row.blocks or row.id in query.ignore or row.start >= row.end:
        return False
    rules, combine = query.rules, max if query.rules.buffer_policy == "max" else lambda one, other: one + other
    follows = at - row.end >= 60 * combine(rules.buffer_before, row.after)
    precedes = row.start - (at + rules.length) >= 60 * combine(rules.buffer_after, row.before)
    return not (follows or precedes)
