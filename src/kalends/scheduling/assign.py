"""Who takes an appointment that may go to any of several: fair, and the same answer for the same facts.

Pure functions over what is known of each candidate; all candidates are free at the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from kalends.core.errors import InvalidInput

Policy = Literal["least_busy", "past_occupancy", "round_robin", "most_free"]
"""
least_busy      fewest minutes booked that day, then that week (the default; Agendize calls it smart allocation)
past_occupancy  fewest appointments in the period looked at (the past N days), for its weight
round_robin     fewest appointments in the period for its weight if weights are used, then least recently booked
most_free       most free starts that day, ties in the order given (Easy!Appointments)
"""

MEDIUM_PRIORITY = 2
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What counts for one staff member.

    minutes_day, minutes_week  booked in the company's day and week of the wanted start
    last_booked                when an appointment was last given to them; None: never
    bookings                   appointments in the period that the policy looks at
    free_starts                free starts of the service that day
    priority                   0 lowest to 4 highest; only the highest among the candidates is considered
    weight                     share of appointments wanted, relative to the others' weights; above 0
    """

    id: str
    minutes_day: int = 0
    minutes_week: int = 0
    last_booked: datetime | None = None
    bookings: int = 0
    free_starts: int = 0
    priority: int = MEDIUM_PRIORITY
    weight: int = 100


def rank_staff(
    candidates: Iterable[Candidate], *, policy: Policy = "least_busy", weighted: bool = False
) -> list[Candidate]:
    """Candidates of the highest priority, who comes first first. Ties: least recently booked (but for `most_free`), then the
    order given.

    Raises InvalidInput for an unknown policy or a weight that is not above 0.
    """
    known = list(candidates)
    if policy not in _KEYS:
        raise InvalidInput(f"there is no policy {policy!r}", field="policy")
    if any(candidate.weight <= 0 for candidate in known):
        raise InvalidInput("a weight must be above 0", field="weight")
    highest = max((candidate.priority for candidate in known), default=MEDIUM_PRIORITY)
    best = [candidate for candidate in known if candidate.priority == highest]
    return sorted(best, key=lambda each: _KEYS[policy](each, weighted))


def choose_staff(
    candidates: Iterable[Candidate], *, policy: Policy = "least_busy", weighted: bool = False
) -> str | None:
    """The id of the one who takes it; None without candidates."""
    ranked = rank_staff(candidates, policy=policy, weighted=weighted)
    return ranked[0].id if ranked else None


Key = tuple[float | datetime, ...]


def _least_busy(candidate: Candidate, _weighted: bool) -> Key:
    return candidate.minutes_day, candidate.minutes_week, candidate.last_booked or NEVER


def _past_occupancy(candidate: Candidate, weighted: bool) -> Key:
    return candidate.bookings / candidate.weight if weighted else candidate.bookings, candidate.last_booked or NEVER


def _round_robin(candidate: Candidate, weighted: bool) -> Key:
    return candidate.bookings / candidate.weight if weighted else 0, candidate.last_booked or NEVER


def _most_free(candidate: Candidate, _weighted: bool) -> Key:
    return (-candidate.free_starts,)


_KEYS: dict[Policy, Callable[[Candidate, bool], Key]] = {
    "least_busy": _least_busy,
    "past_occupancy": _past_occupancy,
    "round_robin": _round_robin,
    "most_free": _most_free,
}
