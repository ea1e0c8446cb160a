"""Random histories, replayable by their number: `make simulate SEED=17`, or `KALENDS_TEST_SEEDS=17-18 pytest ...`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.simulation.simulate import Step, attempt, shrink, simulate, steps_of

_BATCH = 5


def seeds() -> Iterator[int]:
    first, _, last = os.environ.get("KALENDS_TEST_SEEDS", "1-20").partition("-")
    yield from range(int(first), int(last or first) + 1)


_SEEDS = list(seeds())


@pytest.mark.parametrize("batch", [_SEEDS[i : i + _BATCH] for i in range(0, len(_SEEDS), _BATCH)], ids=str)
def test_guarantees_hold_after_random_histories(db, batch):
    failures = [failure for seed in batch if (failure := simulate(seed))]
    assert not failures, "\n\n".join(map(str, failures))


def test_history_replays_exactly(db):
    setting, steps = steps_of(7)
    assert attempt(7, setting, steps) == attempt(7, setting, steps)


def test_failing_history_shrinks_to_what_makes_it_fail():
    steps = [Step("book", number) for number in range(40)]
    culprits = {steps[5], steps[23]}
    assert shrink(steps, lambda fewer: culprits <= set(fewer)) == [steps[5], steps[23]]
