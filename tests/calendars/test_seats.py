"""Seats on a database that several share: at most so many are taken, whoever dies."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from kalends.calendars.models import Seat
from kalends.calendars.seats import RowSeat
from tests.bookings.conftest import race, real_database  # noqa: F401 - fixtures

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_G12_fifth_finds_no_seat_until_one_is_given_back(db):
    taken = [RowSeat("mailbox", 4) for _ in range(4)]
    assert [seat.hold(0) for seat in taken] == [True] * 4
    fifth = RowSeat("mailbox", 4)
    assert not fifth.hold(0)
    assert RowSeat("another", 4).hold(0)
    taken[2].leave()
    assert fifth.hold(0)
    assert sorted(Seat.objects.exclude(holder="").values_list("key", flat=True).distinct()) == sorted(
        {fifth._key, RowSeat("another", 4)._key}
    )


def test_seat_is_named_by_a_digest_only(db):
    RowSeat("https://graph.example tenant.person", 4).hold(0)
    assert "person" not in str(list(Seat.objects.values()))


def test_holding_again_asks_no_row_as_long_as_it_lasts(db, django_assert_num_queries):
    seat = RowSeat("mailbox", 4)
    seat.hold(0)
    with django_assert_num_queries(0):
        assert seat.hold(0)


def test_seat_that_runs_short_is_renewed_before_the_next_request(db):
    seat = RowSeat("mailbox", 4)
    seat.hold(0)
    Seat.objects.exclude(holder="").update(until=LONG_AGO)
    seat._ends = time.monotonic() + 1
    assert seat.hold(0)
    assert Seat.objects.get(holder=seat._holder).until > LONG_AGO


def test_G12_seat_of_a_worker_that_died_comes_free_and_is_no_longer_its_own(db):
    dead = RowSeat("mailbox", 1)
    dead.hold(0)
    Seat.objects.update(until=LONG_AGO)
    heir = RowSeat("mailbox", 1)
    assert heir.hold(0)
    dead._ends = 0.0
    assert not dead.hold(0)
    dead.leave()
    assert not RowSeat("mailbox", 1).hold(0)


@pytest.mark.django_db(transaction=True)
def test_G12_never_more_than_four_sit_however_many_come_at_once(race):  # noqa: F811
    sitting, highest, guard = set(), [0], threading.Lock()

    def work(number: int) -> int:
        seat, sat = RowSeat("mailbox", 4), 0
        for _ in range(5):
            assert seat.hold(300)
            with guard:
                sitting.add(number)
                highest[0] = max(highest[0], len(sitting))
            time.sleep(0.002)
            sat += 1
            with guard:
                sitting.discard(number)
            seat.leave()
        return sat

    results = race(*[lambda number=number: work(number) for number in range(12)])
    assert results == [5] * 12
    assert highest[0] <= 4
