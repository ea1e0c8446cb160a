"""One history from its number: played, judged, and if it fails made as short as it gets."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.db import transaction

from tests.simulation.acts import NAMES
from tests.simulation.guarantees import check
from tests.simulation.history import History, Step
from tests.simulation.setting import Setting, made

ACTS = 24
_TRIES = 80
# In so many histories the company has a webhook; its chance is its own, so that it changes nothing else in them.
_WEBHOOKS = 1 / 10


@dataclass(frozen=True)
class Failure:
    """`words` is what was violated; `lines` the shortest history that was found to do so."""

    seed: int
    setting: Setting
    words: str
    steps: list[Step]
    lines: list[str]

    def __str__(self) -> str:
        head = f"seed {self.seed}: {self.words}\n{self.setting}\n{len(self.steps)} steps:"
        return "\n  ".join([head, *self.lines])


def steps_of(seed: int, acts: int = ACTS) -> tuple[Setting, list[Step]]:
    chance = random.Random(seed)
    setting = Setting.of(chance)
    steps = []
    for _ in range(acts):
        steps.append(Step(chance.choice(NAMES), chance.getrandbits(32)))
        if chance.random() < 0.6:
            steps.append(Step("work", chance.getrandbits(32)))
    whims = random.Random(f"webhooks {seed}")
    return replace(setting, webhook=whims.getrandbits(32) if whims.random() < _WEBHOOKS else 0), steps


def simulate(seed: int) -> Failure | None:
    """None if all guarantees held. A failure is shortened: any step is left out without which it fails alike."""
    setting, steps = steps_of(seed)
    words, lines = attempt(seed, setting, steps)
    if not words:
        return None
    steps = shrink(steps, lambda fewer: _alike(attempt(seed, setting, fewer)[0], words))
    words, lines = attempt(seed, setting, steps)
    return Failure(seed, setting, words, steps, lines)


def attempt(seed: int, setting: Setting, steps: list[Step]) -> tuple[str, list[str]]:
    """Plays, and leaves no row behind. What is wrong, "" if nothing, and what was done."""
    history: History | None = None
    try:
        with _undone(), made(setting, random.Random(seed)) as watch:
            history = History(watch.world, random.Random(seed), watch)
            history.play(steps)
            history.quiet()
            check(history)
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0], history.log if history else []
    return "", history.log


@contextmanager
def _undone() -> Iterator[None]:
    block = transaction.atomic()
    # As Django's own tests mark theirs, for what refuses to run inside another transaction.
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def shrink(steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """Greedily: leaves out halves, then quarters, down to single steps, as long as what is left still fails."""
    size, tries = max(1, len(steps) // 2), 0
    while tries < _TRIES:
        begin, shorter = 0, False
        while begin < len(steps) and tries < _TRIES:
            fewer = steps[:begin] + steps[begin + size :]
            tries += 1
            if fails(fewer):
                steps, shorter = fewer, True
            else:
                begin += size
        if size == 1 and not shorter:
            break
        size = max(1, size // 2)
    return steps


def _alike(words: str, other: str) -> bool:
    return words != "" and words.split(":")[:2] == other.split(":")[:2]
