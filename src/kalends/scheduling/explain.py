"""Why one staff member is, or is not, offered at one instant: each rule with its result and what stands in the way.

The verdict is the one of `check_slot`: all rules hold exactly if the start is offered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kalends.core.errors import InvalidInput
from kalends.core.span import Span, as_utc
from kalends.scheduling.busy import Busy, StaffDays, is_session, limit_rows, sessions
from kalends.scheduling.grid import fits
from kalends.scheduling.opening import open_stretches
from kalends.scheduling.slots import SlotQuery, check_slot, earliest_start, horizon_bounds, query_days
from kalends.scheduling.zones import epoch, moment

Rule = Literal["minute", "hours", "restriction", "notice", "horizon", "limits", "busy", "seats", "grid"]


@dataclass(frozen=True, slots=True)
class Blocker:
    """A thing in the calendar that plays a part. `buffer`: not the thing itself, but the time kept free beside it.

    `note` says why a thing that lies there does not block.
    """

    kind: str
    id: str
    label: str
    span: Span
    buffer: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """`ok` None: not judged, because another rule already refuses. `message` is English, `rule` and `ok` are stable."""

    rule: Rule
    ok: bool | None
    message: str
    blockers: tuple[Blocker, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every rule in the order it is judged, and what overlaps the time without blocking it."""

    staff: str
    start: datetime
    end: datetime
    offered: bool
    rules: tuple[RuleResult, ...]
    ignored: tuple[Blocker, ...]


def explain_slot(query: SlotQuery, start: datetime) -> Explanation:
    """The rules for one staff member, who must be the only one in `query.needs`, at one start.

    Raises InvalidInput for any other number of staff members.
    """
    members = [member for need in query.needs for member in need]
    if len(members) != 1:
        raise InvalidInput("one staff member is explained at a time", field="staff")
    member, second = members[0], epoch(start)
    offered = check_slot(query, start) is not None
    results = [
        _minute(start),
        *_hours(query, member, second),
        _notice(query, second),
        _horizon(query, second),
        *_taken(query, member, second),
    ]
    results.append(_grid(query, results, offered=offered))
    ignored = _ignored(query, member, second)
    return Explanation(member.id, as_utc(start), moment(second + query.rules.length), offered, tuple(results), ignored)


def _minute(start: datetime) -> RuleResult:
    whole = start.second == start.microsecond == 0
    return RuleResult("minute", whole, "starts on a whole minute" if whole else "does not start on a whole minute")


def _hours(query: SlotQuery, member: StaffDays, start: int) -> Iterator[RuleResult]:
    end = start + query.rules.length
    days = query_days(start, end)
    own = fits(open_stretches((member.schedule,), *days), start, end)
    yield RuleResult("hours", own, "within working hours" if own else "outside working hours")
    if query.restriction is not None:
        common = fits(open_stretches((query.restriction,), *days), start, end)
        yield RuleResult("restriction", common, "within opening hours" if common else "outside opening hours")


def _notice(query: SlotQuery, start: int) -> RuleResult:
    earliest = earliest_start(query)
    text = f"bookable from {moment(earliest):%Y-%m-%dT%H:%MZ} on ({query.rules.notice} minutes of notice)"
    return RuleResult("notice", start >= earliest, text)


def _horizon(query: SlotQuery, start: int) -> RuleResult:
    if query.rules.horizon is None:
        return RuleResult("horizon", True, "no horizon")
    opens, closes = horizon_bounds(query, start + 1)
    if start < opens:
        return RuleResult("horizon", False, f"bookable from {moment(opens):%Y-%m-%dT%H:%MZ} on")
    if start >= closes:
        return RuleResult("horizon", False, f"bookable before {moment(closes):%Y-%m-%dT%H:%MZ}")
    return RuleResult("horizon", True, "within the horizon")


def _taken(query: SlotQuery, member: StaffDays, start: int) -> Iterator[RuleResult]:
    """Limits, busy time and places. Who joins a shared appointment makes no new one, so its limits do not matter."""
    rules, end = query.rules, start + query.rules.length
    own = [row for row in member.rows() if row.start == start and is_session(rules, row) and row.id not in query.ignore]
    joins = start in sessions(rules, member, query.ignore)
    full = [row for row in limit_rows(rules, member, query.ignore, query.zone) if row.start < end and start < row.end]
    yield _result("limits", [] if joins else full, "within the limits", "the limit is reached", start, end)
    others = [row for row in member.rows() if row not in own or rules.capacity <= 1]
    blocking = [row for row in others if _forbids(query, member, row, start, end)]
    yield _result("busy", blocking, "nothing in the way", "something is in the way", start, end)
    if rules.capacity > 1:
        left = rules.capacity - sum(row.seats for row in own)
        text = f"{max(left, 0)} of {rules.capacity} places left"
        yield _result("seats", [] if left > 0 else own, text, text, start, end)


def _forbids(query: SlotQuery, member: StaffDays, row: Busy, start: int, end: int) -> bool:
    begins, overs = StaffDays(member.id, member.schedule, (row,)).forbidden(query.rules, query.ignore)
    return bool(begins) and begins[0] < end and start < overs[0]


def _grid(query: SlotQuery, results: Iterable[RuleResult], *, offered: bool) -> RuleResult:
    """Where all other rules hold, only the grid can refuse; where one does not, the grid may depend on it."""
    grid = query.rules.grid
    if not all(result.ok for result in results):
        return RuleResult("grid", None, f"not judged ({grid} grid)")
    return RuleResult("grid", offered, f"on the {grid} grid" if offered else f"between the starts of the {grid} grid")


def _ignored(query: SlotQuery, member: StaffDays, start: int) -> tuple[Blocker, ...]:
    end = start + query.rules.length
    rows = [row for row in member.rows() if row.start < end and start < row.end]
    return tuple(
        _blocker(row, start, end, note=row.note or ("left out of this question" if row.blocks else "does not block"))
        for row in rows
        if not row.blocks or row.id in query.ignore
    )


def _result(rule: Rule, rows: Iterable[Busy], good: str, bad: str, start: int, end: int) -> RuleResult:
    blockers = tuple(_blocker(row, start, end) for row in rows)
    return RuleResult(rule, not blockers, bad if blockers else good, blockers)


def _blocker(row: Busy, start: int, end: int, note: str = "") -> Blocker:
    beside = not (row.start < end and start < row.end)
    return Blocker(row.kind, row.id, row.label, row.span, beside, note or row.note)
