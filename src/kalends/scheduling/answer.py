"""What a search answers: bookable starts and who could take them, kept as integers until somebody looks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from kalends.scheduling.zones import day_bounds, epoch, local_day, moment

Team = tuple[str, ...]
"""Ids of the staff members who take an appointment together; mostly one."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One bookable start. `teams`: each team that could take it, in the order asked; `seats_left` over all of them."""

    start: datetime
    end: datetime
    teams: tuple[Team, ...]
    seats_left: int

    @property
    def staff(self) -> tuple[str, ...]:
        """Every staff member of any of the teams, once, in order."""
        return tuple(dict.fromkeys(member for team in self.teams for member in team))


class Slots:
    """Bookable starts in order. Iterating gives Slot values; `epochs`, `dates` and `teams_at` cost next to nothing."""

    __slots__ = ("_capacity", "_length", "_taken", "_teams", "epochs")

    def __init__(
        self, teams: Mapping[int, Sequence[Team]], *, length: int, capacity: int = 1, taken: Mapping[int, int]
    ) -> None:
        """`teams` per start and `taken` places per start, by epoch seconds; `length` of the service in seconds."""
        self.epochs: list[int] = sorted(teams)
        self._teams = teams
        self._length = length
        self._capacity = capacity
        self._taken = taken

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Slot]:
        return map(self._slot, self.epochs)

    def __contains__(self, start: object) -> bool:
        return isinstance(start, datetime) and not start.microsecond and epoch(start) in self._teams

    def at(self, start: datetime) -> Slot | None:
        return self._slot(epoch(start)) if start in self else None

    def teams_at(self, start: int) -> Sequence[Team]:
        """The teams for a start given in epoch seconds; none if it is not offered."""
        return self._teams.get(start, ())

    def dates(self, tz: str) -> dict[date, list[int]]:
        """Starts in epoch seconds by the date that a clock in the visitor's zone shows; only dates that have any."""
        found: dict[date, list[int]] = {}
        index = 0
        while index < len(self.epochs):
            day = local_day(self.epochs[index], tz)
            until = bisect_left(self.epochs, day_bounds(day, tz)[1], index)
            found[date.fromordinal(day)] = self.epochs[index:until]
            index = until
        return found

    def by_date(self, tz: str) -> dict[date, list[Slot]]:
        """Slots by the visitor's date. The zone only groups: the instants are the same in every zone."""
        return {day: [self._slot(start) for start in starts] for day, starts in self.dates(tz).items()}

    def _slot(self, start: int) -> Slot:
        teams = tuple(self._teams[start])
        seats = self._capacity * len(teams) - self._taken.get(start, 0)
        return Slot(moment(start), moment(start + self._length), teams, seats)
