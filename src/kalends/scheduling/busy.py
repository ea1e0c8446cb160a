"""Time that is taken, and what it means for one staff member and one service."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple

from kalends.core.span import Span
from kalends.scheduling.hours import Schedule
from kalends.scheduling.rules import ServiceRules
from kalends.scheduling.zones import MINUTE, epoch, period_bounds, span

APPOINTMENT, HOLD, EXTERNAL, TIME_OFF, CLOSING, LIMIT = "appointment", "hold", "external", "timeoff", "closing", "limit"


class Busy(NamedTuple):
    """One taken span [start, end) in epoch seconds. A tuple, so that rows of a database become one by `Busy(*row)`.

    before, after  buffers in minutes that the appointment's own service asks for
    blocks         False: known, but does not block; `note` says why (marked free, cancelled, calendar not chosen)
    service        id of its service, for limits and shared places
    seats          places taken in it, where its service has several
    """

    start: int
    end: int
    kind: str = EXTERNAL
    before: int = 0
    after: int = 0
    id: str = ""
    label: str = ""
    service: str = ""
    seats: int = 1
    blocks: bool = True
    note: str = ""

    @property
    def span(self) -> Span:
        return span(self.start, self.end)


def busy_from_span(taken: Span, kind: str = EXTERNAL, **more: Any) -> Busy:
    """A busy row from a span; the other fields of Busy by name."""
    return Busy(epoch(taken.start), epoch(taken.end), kind, **more)


Forbidden = tuple[list[int], list[int]]
"""Two columns: where time begins that an appointment without its buffers must not touch, and where that time ends."""

_COLUMNS = len(Busy._fields)


@dataclass(frozen=True, slots=True)
class StaffDays:
    """A staff member as the engine needs them: hours, and what is taken in the days asked about, in any order.

    `busy` may hold plain tuples in the order of Busy's fields, all of them, as a query for values returns.
    """

    id: str
    schedule: Schedule
    busy: Sequence[Busy] = ()
    # The rows that block, turned into columns once: a search then runs over flat lists of integers.
    _columns: tuple[list[int], list[int], list[int], list[int], list[str]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        columns = list(zip(*[row for row in self.busy if row[9] and row[0] < row[1]], strict=True)) or [()] * _COLUMNS
        starts, ends, _, before, after, ids, *_ = map(list, columns)
        object.__setattr__(self, "_columns", (starts, ends, before, after, ids))

    def rows(self) -> Iterator[Busy]:
        """The busy rows as values with names."""
        return map(Busy._make, self.busy)

    def forbidden(self, rules: ServiceRules, ignore: Collection[str]) -> Forbidden:
        """What the blocking rows forbid, buffers included."""
        starts, ends, before, after, ids = self._columns
        if ignore:
            keep = [row_id not in ignore for row_id in ids]
            starts, ends, before, after = (list(compress(each, keep)) for each in (starts, ends, before, after))
        begin_widths, end_widths = _Widths(rules.buffer_after, rules), _Widths(rules.buffer_before, rules)
        return _widened(starts, before, begin_widths, -1), _widened(ends, after, end_widths, 1)


class _Widths(dict[int, int]):
    """Seconds to keep free beside an appointment, by the minutes that its own service asks for."""

    def __init__(self, wanted: int, rules: ServiceRules) -> None:
        super().__init__()
        self._wanted = wanted
        self._sum = rules.buffer_policy == "sum"

    def __missing__(self, own: int) -> int:
        width = self[own] = (self._wanted + own if self._sum else max(self._wanted, own)) * MINUTE
        return width


def _widened(column: list[int], own: list[int], widths: _Widths, sign: int) -> list[int]:
    if any(own):
        return [instant + sign * widths[minutes] for instant, minutes in zip(column, own, strict=True)]
    width = sign * widths[0]
    return [instant + width for instant in column] if width else column


def sessions(rules: ServiceRules, member: StaffDays, ignore: Collection[str]) -> dict[int, int]:
    """Places taken per start of this service's shared appointments that have places left; {} without capacity."""
    if rules.capacity <= 1:
        return {}
    taken: dict[int, int] = {}
    for row in member.rows():
        if is_session(rules, row) and row.id not in ignore:
            taken[row.start] = taken.get(row.start, 0) + row.seats
    return {start: seats for start, seats in taken.items() if seats < rules.capacity}


def is_session(rules: ServiceRules, row: Busy) -> bool:
    return row.blocks and _is_ours(rules, row) and row.end - row.start == rules.length


def limit_rows(rules: ServiceRules, member: StaffDays, ignore: Collection[str], zone: str) -> list[Busy]:
    """The periods in which a limit of the service leaves no room for another appointment, as busy rows."""
    if rules.limits is None:
        return []
    mine = {row.start: row for row in member.rows() if row.blocks and _is_ours(rules, row) and row.id not in ignore}
    full: list[Busy] = []
    for period, most, most_minutes in rules.limits.by_period():
        used: dict[tuple[int, int], list[int]] = {}
        for row in mine.values():
            used.setdefault(period_bounds(row.start, period, zone), []).append((row.end - row.start) // MINUTE)
        for (start, end), lengths in used.items():
            if most is not None and len(lengths) >= most:
                full.append(Busy(start, end, LIMIT, label=f"{most} per {period}"))
            elif most_minutes is not None and sum(lengths) + rules.duration > most_minutes:
                full.append(Busy(start, end, LIMIT, label=f"{most_minutes} minutes per {period}"))
    return full


def _is_ours(rules: ServiceRules, row: Busy) -> bool:
    return row.service == rules.service != "" and row.kind in (APPOINTMENT, HOLD)
