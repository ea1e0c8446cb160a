from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from kalends.jobs import limits
from kalends.jobs.limits import count_act
from kalends.jobs.models import ActCount
from tests.bookings.conftest import race, real_database  # noqa: F401 - fixtures
from tests.factories import NOW

WINDOW = timedelta(minutes=1)


@pytest.mark.django_db
def test_acts_of_one_kind_are_counted_within_the_window_of_the_first():
    moments = [0, 10, 59, 60, 61, 200]
    counts = [count_act("a", window=WINDOW, now=NOW + timedelta(seconds=at)) for at in moments]
    assert counts == [1, 2, 3, 1, 2, 1]
    assert count_act("b", window=WINDOW, now=NOW) == 1


@pytest.mark.django_db(transaction=True)
def test_acts_at_once_are_all_counted(race):  # noqa: F811
    counts = race(*[partial(count_act, "a", window=WINDOW, now=NOW)] * 12)
    assert sorted(counts) == list(range(1, 13))


@pytest.mark.django_db
def test_old_counts_are_forgotten():
    count_act("a", window=WINDOW, now=NOW)
    limits._forget_old()
    assert list(ActCount.objects.all()) == []
