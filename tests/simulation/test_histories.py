"""Random histories, replayable by their seed: `KALENDS_TEST_SEEDS=17-18 pytest tests/simulation`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from django.db import transaction

from kalends.sync.link import Mode
from tests.calendars.conftest import new_world  # noqa: F401 - the fixture
from tests.simulation.history import History, check

ACTS = 24


def seeds() -> Iterator[int]:
    first, _, last = os.environ.get("KALENDS_TEST_SEEDS", "1-24").partition("-")
    yield from range(int(first), int(last or first) + 1)


@pytest.mark.parametrize("batch", [list(seeds())[i : i + 6] for i in range(0, len(list(seeds())), 6)], ids=str)
def test_guarantees_hold_after_random_histories(new_world, batch):  # noqa: F811
    for seed in batch:
        untouched = transaction.savepoint()
        play(new_world, seed)
        transaction.savepoint_rollback(untouched)


def play(make_world, seed: int) -> None:
    chance = random.Random(seed)
    world = make_world(
        chance.choice(list(Mode)),
        on_outside_move=chance.choice(("accept", "accept_and_flag", "put_back")),
        on_outside_delete=chance.choice(("cancel", "ask", "put_back")),
    )
    world.server.own_ids = chance.random() < 0.7
    world.server.tombstones = chance.random() < 0.7
    world.server.gives_updated = chance.random() < 0.8
    world.server.page_size = chance.choice((2, 50))
    history = History(world, chance)
    try:
        history.play(ACTS)
        history.quiet()
        check(history)
    except BaseException:
        print(f"seed {seed}: {world.connection().mode}", *history.log, sep="\n  ")
        raise
