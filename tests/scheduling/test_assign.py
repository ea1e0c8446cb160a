from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.core.errors import InvalidInput
from kalends.scheduling import Candidate, choose_staff, rank_staff


def at(hour: int, minute: int = 30) -> datetime:
    return datetime(2021, 6, 20, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("candidates", "options", "chosen"),
    [
        ([Candidate("a", last_booked=at(6)), Candidate("b", last_booked=at(4))], {"policy": "round_robin"}, "b"),
        ([Candidate("low", priority=0), Candidate("mid"), Candidate("top", priority=4)], {}, "top"),
        (
            [
                Candidate("c", priority=0),
                Candidate("b", priority=3, last_booked=at(4)),
                Candidate("a", priority=3, last_booked=at(3)),
            ],
            {"policy": "round_robin"},
            "a",
        ),
        (
            [Candidate("a", last_booked=at(5)), Candidate("b", priority=2, last_booked=at(4))],
            {"policy": "round_robin"},
            "b",
        ),
        (
            [Candidate("a", bookings=2, last_booked=at(6)), Candidate("b", bookings=2, last_booked=at(5))],
            {"policy": "round_robin", "weighted": True},
            "b",
        ),
        (
            [Candidate("b", bookings=2, weight=100), Candidate("a", bookings=3, weight=200)],
            {"policy": "round_robin", "weighted": True},
            "a",
        ),
        ([Candidate("a", free_starts=4), Candidate("b", free_starts=4)], {"policy": "most_free"}, "a"),
        ([Candidate("a", minutes_day=60), Candidate("b", minutes_day=30, minutes_week=900)], {}, "b"),
        ([Candidate("a", bookings=3), Candidate("b", bookings=1)], {"policy": "past_occupancy"}, "b"),
    ],
    ids=["P1", "P2", "P3", "P4", "P5", "P6", "P8", "P9 day", "P9 past"],
)
def test_choose_staff(candidates: list[Candidate], options: dict, chosen: str):
    assert choose_staff(candidates, **options) == chosen


def test_least_busy_breaks_ties_by_week_then_least_recent_then_order():
    week = [Candidate("a", 30, 90), Candidate("b", 30, 60)]
    assert choose_staff(week) == "b"
    recent = [Candidate("a", 30, 60, at(5)), Candidate("b", 30, 60, at(4)), Candidate("c", 30, 60, None)]
    assert [each.id for each in rank_staff(recent)] == ["c", "b", "a"]
    assert choose_staff([Candidate("a", 30, 60, at(4)), Candidate("b", 30, 60, at(4))]) == "a"


def test_choose_staff_without_candidates_is_none():
    assert choose_staff([]) is None


@pytest.mark.parametrize(("options", "field"), [({"policy": "coin"}, "policy"), ({}, "weight")])
def test_rank_staff_refuses(options: dict, field: str):
    with pytest.raises(InvalidInput) as refused:
        rank_staff([Candidate("a", weight=0)], **options)
    assert refused.value.field == field


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 900)), min_size=1, max_size=8))
def test_least_busy_never_passes_over_someone_with_less_that_day(loads: list[tuple[int, int]]):
    chosen = choose_staff([Candidate(str(place), day, week) for place, (day, week) in enumerate(loads)])
    assert loads[int(chosen or -1)] == min(loads)
