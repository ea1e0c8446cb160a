"""What is decided over several links at once: the budget of deletions, and moves that belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kalends.core.span import Span

BUDGET_FLOOR = 5
BUDGET_SHARE = 0.10
ALL_OF_AT_LEAST = 3


def over_budget(*, deletions: int, links: int) -> bool:
    """G11: more outside deletions in the rolling hour than max(5, 10 %), or all of three or more.

    `links` counts the connection's links that stood when the hour began, the deleted ones among them.
    """
    if links >= ALL_OF_AT_LEAST and deletions >= links:
        return True
    return deletions > max(BUDGET_FLOOR, links * BUDGET_SHARE)


def implausible_drop(*, missing: int, mirrored: int) -> bool:
    """A full read that lacks many of the mirrored events, or all, is believed only when a second one agrees."""
    return missing > max(BUDGET_FLOOR, mirrored * BUDGET_SHARE) or 0 < missing == mirrored


@dataclass(frozen=True, slots=True)
class Candidate:
    """An outside move: from where the appointment stands to where the event was put."""

    link_id: UUID
    staff_id: UUID
    current: Span
    target: Span
    act_after: datetime


def settle_sets(due: Sequence[Candidate], waiting: Iterable[Candidate]) -> tuple[list[Candidate], dict[UUID, datetime]]:
    """Which of the due moves apply now, and until when the others wait.

    A move onto a place that a waiting move of the same staff member is about to leave waits for it, so that both apply
    as one set; and so does a move onto the place of one that now waits. Waits are bounded, because grace times are.
    """
    held = {c.link_id: c for c in waiting}
    until: dict[UUID, datetime] = {}
    apply_now = list(due)
    found = True
    while found:
        found = False
        for move in list(apply_now):
            blocker = _blocker(move, held.values())
            if blocker is not None:
                apply_now.remove(move)
                until[move.link_id] = until.get(blocker.link_id, blocker.act_after)
                held[move.link_id] = move
                found = True
    return apply_now, until


def _blocker(move: Candidate, held: Iterable[Candidate]) -> Candidate | None:
    for other in held:
        if other.staff_id == move.staff_id and other.link_id != move.link_id and other.current.overlaps(move.target):
            return other
    return None
