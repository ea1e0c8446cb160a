from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.sync.plan import Candidate, implausible_drop, over_budget, settle_sets

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("deletions", "links", "over"),
    [
        (1, 1, False),
        (2, 2, False),
        (3, 3, True),
        (4, 5, False),
        (5, 5, True),
        (5, 100, False),
        (6, 20, True),
        (6, 60, False),
        (7, 60, True),
        (10, 100, False),
        (11, 100, True),
    ],
)
def test_G11_budget_of_deletions(deletions, links, over):
    assert over_budget(deletions=deletions, links=links) is over


@pytest.mark.parametrize(
    ("missing", "mirrored", "hard"),
    [(0, 0, False), (1, 1, True), (1, 2, False), (5, 6, False), (6, 7, True), (10, 100, False), (11, 100, True)],
)
def test_implausible_drop_of_a_full_read(missing, mirrored, hard):
    assert implausible_drop(missing=missing, mirrored=mirrored) is hard


def slot(hour: int) -> Span:
    start = NOW.replace(hour=hour)
    return Span(start, start + timedelta(hours=1))


def move(number: int, from_hour: int, to_hour: int, after: int = 0) -> Candidate:
    return Candidate(UUID(int=number), UUID(int=99), slot(from_hour), slot(to_hour), NOW + timedelta(seconds=after))


def test_moves_that_do_not_touch_apply_at_once():
    due, later = settle_sets([move(1, 9, 10)], [move(2, 11, 12, 60)])
    assert (due, later) == ([move(1, 9, 10)], {})


def test_move_onto_a_place_that_is_about_to_be_left_waits_for_it():
    due, later = settle_sets([move(1, 9, 10)], [move(2, 10, 9, 60)])
    assert (due, later) == ([], {UUID(int=1): NOW + timedelta(seconds=60)})


def test_chain_of_moves_waits_for_its_last():
    due, later = settle_sets([move(1, 9, 10), move(2, 10, 11)], [move(3, 11, 12, 60)])
    assert due == []
    assert later == {UUID(int=1): NOW + timedelta(seconds=60), UUID(int=2): NOW + timedelta(seconds=60)}


def test_moves_of_another_staff_member_are_no_reason_to_wait():
    other = Candidate(UUID(int=2), UUID(int=98), slot(10), slot(9), NOW + timedelta(seconds=60))
    assert settle_sets([move(1, 9, 10)], [other]) == ([move(1, 9, 10)], {})


MOVES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6)


@given(MOVES, MOVES)
def test_every_move_is_applied_or_waits_until_a_waiting_one_acts(due, waiting):
    dues = [move(number, a, b) for number, (a, b) in enumerate(due)]
    held = [move(100 + number, a, b, 60) for number, (a, b) in enumerate(waiting)]
    now, later = settle_sets(dues, held)
    assert {c.link_id for c in now} | later.keys() == {c.link_id for c in dues}
    assert set(later.values()) <= {c.act_after for c in held}
    for candidate in now:
        assert not any(c.current.overlaps(candidate.target) for c in held)
