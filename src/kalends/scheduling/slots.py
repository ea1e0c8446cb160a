"""The search for bookable starts, and the check of one start: the same code.

Rules and their reasons: design/scheduling.md, rules 1 to 8. All day-based rules count in `SlotQuery.zone`, the
company's; no visitor's zone comes in here, and no answer depends on the window asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import nsmallest
from itertools import chain, product
from math import prod

from kalends.core.errors import InvalidInput
from kalends.core.span import Span, as_utc
from kalends.scheduling.answer import Slot, Slots, Team
from kalends.scheduling.busy import Forbidden, StaffDays, is_session, limit_rows, sessions
from kalends.scheduling.grid import anchored_starts, free_of, is_free
from kalends.scheduling.hours import Schedule
from kalends.scheduling.opening import Stretch, fixed_grid, open_stretches
from kalends.scheduling.rules import Horizon, ServiceRules
from kalends.scheduling.zones import (
    DAY,
    EPOCH_DAY,
    MINUTE,
    day_bounds,
    epoch,
    local_day,
    moment,
    period_bounds,
    up_to_minute,
)

MOST_TEAMS = 1000

Needs = tuple[tuple[StaffDays, ...], ...]


@dataclass(frozen=True, slots=True)
class SlotQuery:
    """What is asked, but for the window.

    needs        one member of each of these sets must be free: see `any_of` and `all_of`
    now          the present instant; starts must lie later
    zone         the company's IANA zone: horizon and limits count its days, clean clock times are its
    restriction  hours outside which nobody is offered: the company's or the service's
    ignore       ids of busy rows that do not block: the appointment being moved, the visitor's own hold
    """

    rules: ServiceRules
    needs: Needs
    now: datetime
    zone: str
    restriction: Schedule | None = None
    ignore: frozenset[str] = frozenset()


def any_of(members: Iterable[StaffDays]) -> Needs:
    """One of them takes it: a single staff member, any staff, a group among its members."""
    return (tuple(members),)


def all_of(members: Iterable[StaffDays]) -> Needs:
    """All of them take it together."""
    return tuple((member,) for member in members)


def find_slots(query: SlotQuery, window: Span) -> Slots:
    """Every bookable start in `window` with the staff free for it.

    The busy rows must cover `data_span`. Raises InvalidInput for an unknown zone or too many possible teams.
    """
    return _find(query, epoch(window.start), _upper(window.end))


def check_slot(query: SlotQuery, start: datetime, *, any_minute: bool = False) -> Slot | None:
    """The slot at `start` if it may be booked, else None: offered by `find_slots` exactly if this is not None.

    To be run under the lock, on fresh rows. `any_minute`: a start off the grid will do, as for a hold that was given
    before the grid moved, or a member of staff who may book between.
    """
    if as_utc(start).microsecond:
        return None
    second = epoch(start)
    if any_minute:
        return _find(query, second, second + 1, off_grid=True).at(start)
    return _find(query, second, second + 1).at(start)


def nearest_free(query: SlotQuery, wanted: datetime, within: Span, count: int = 3) -> list[Slot]:
    """The `count` offered starts nearest to `wanted` (itself left out) in `within`, nearest first, then earliest."""
    aim = epoch(wanted)
    found = find_slots(query, within)
    nearest = nsmallest(count, (start for start in found.epochs if start != aim), key=lambda start: abs(start - aim))
    return [slot for slot in map(found.at, map(moment, nearest)) if slot is not None]


def data_span(rules: ServiceRules, window: Span, now: datetime, zone: str) -> Span:
    """The span whose busy rows an answer for `window` needs: load those that overlap it.

    It leaves room for stretches that began before, for buffers of other services up to a day, for a horizon of
    bookable days, and for whole limit periods.
    """
    low, high = epoch(window.start), _upper(window.end)
    if rules.horizon is not None and rules.horizon.type == "bookable_days":
        low = min(low, epoch(now))
    margin = 4 * DAY + (rules.buffer_before + rules.buffer_after) * MINUTE
    spans = [(low - margin, high + rules.length + margin)]
    for period, _, _ in rules.limits.by_period() if rules.limits else ():
        spans += [period_bounds(low, period, zone), period_bounds(high + rules.length, period, zone)]
    return Span(moment(min(first for first, _ in spans)), moment(max(last for _, last in spans)))


def near_span(rules: ServiceRules, start: datetime) -> Span | None:
    """Of rows without buffers, those outside this span cannot bear on `check_slot` at `start`: they need not be loaded.

    None where the answer depends on more: on grids that begin anew after each appointment, on shared places, on limits
    and on a horizon of bookable days.
    """
    far = rules.horizon is not None and rules.horizon.type == "bookable_days"
    if rules.grid != "fixed" or rules.capacity > 1 or rules.limits is not None or far:
        return None
    margin = timedelta(minutes=rules.buffer_before + rules.buffer_after)
    return Span(start - margin, start + timedelta(seconds=rules.length) + margin)


def horizon_bounds(query: SlotQuery, until: int) -> tuple[int, int]:
    """[first, end) of the starts that the horizon allows, as far as it matters before `until`. Epoch seconds."""
    horizon = query.rules.horizon
    if horizon is None:
        return 0, until
    if horizon.type == "bookable_days":
        return 0, _end_of_bookable_days(query, horizon, until)
    if horizon.first is not None and horizon.last is not None:
        first, last = horizon.first.toordinal(), horizon.last.toordinal()
    else:
        first = local_day(epoch(query.now), query.zone)
        last = _days_ahead(horizon, first)
    return day_bounds(first, query.zone)[0], day_bounds(last, query.zone)[1]


def earliest_start(query: SlotQuery) -> int:
    """The first whole minute at or after now + notice; without notice, the first one later than now."""
    now = as_utc(query.now)
    if query.rules.notice == 0:
        return epoch(now) // MINUTE * MINUTE + MINUTE
    return up_to_minute(_upper(now)) + query.rules.notice * MINUTE


def query_days(low: int, high: int) -> tuple[int, int]:
    """Days whose hours decide about [low, high): local dates lie up to one day off, and stretches begin earlier."""
    return low // DAY + EPOCH_DAY - 2, high // DAY + EPOCH_DAY + 2


def teams(query: SlotQuery) -> list[tuple[StaffDays, ...]]:
    """Each way to fill the needs with different people, in the order given. Raises InvalidInput above 1,000."""
    count = prod(len(need) for need in query.needs)
    if count > MOST_TEAMS and len(query.needs) > 1:
        raise InvalidInput(f"{count:,} combinations of staff; the most is {MOST_TEAMS:,}", field="staff")
    if not query.needs:
        return []
    return [team for team in product(*query.needs) if len({member.id for member in team}) == len(team)]


def stretches_of(query: SlotQuery, team: Sequence[StaffDays], low: int, high: int) -> tuple[Stretch, ...]:
    """Where the whole team is open, restriction included, complete for starts in [low, high)."""
    return open_stretches(_schedules(query, team), *query_days(low, high + query.rules.length))


def forbidden(query: SlotQuery, team: Sequence[StaffDays]) -> Forbidden:
    """All time that an appointment of the team must not touch, limits included."""
    rules = query.rules
    columns = [member.forbidden(rules, query.ignore) for member in team]
    if rules.limits is not None:
        full = list(chain.from_iterable(limit_rows(rules, member, query.ignore, query.zone) for member in team))
        columns.append(([row.start for row in full], [row.end for row in full]))
    if len(columns) == 1:
        return columns[0]
    begins, overs = zip(*columns, strict=True)
    return list(chain.from_iterable(begins)), list(chain.from_iterable(overs))


def joinable(query: SlotQuery, team: Sequence[StaffDays], low: int, high: int) -> dict[int, int]:
    """Places taken, by start in [low, high), of shared appointments of the whole team that one more may join."""
    shared = [sessions(query.rules, member, query.ignore) for member in team]
    common = {start for start in shared[0] if low <= start < high and all(start in each for each in shared)}
    if not common:
        return {}
    stretches = stretches_of(query, team, low, high)
    return {
        start: max(each[start] for each in shared)
        for start in common
        if all(is_free(stretches, _others(query, member, start), start, query.rules.length) for member in team)
    }


def _find(query: SlotQuery, low: int, high: int, *, off_grid: bool = False) -> Slots:
    opens, closes = horizon_bounds(query, high)
    first, last = max(low, earliest_start(query), opens), min(high, closes)
    if first >= last:
        return Slots({}, length=query.rules.length, capacity=query.rules.capacity, taken={})
    return _off_grid(query, low) if off_grid else _offers(query, first, last)


def _offers(query: SlotQuery, low: int, high: int) -> Slots:
    owners: defaultdict[int, list[Team]] = defaultdict(list)
    taken: defaultdict[int, int] = defaultdict(int)
    for team in teams(query):
        names = tuple(member.id for member in team)
        for start in _team_starts(query, team, low, high):
            owners[start].append(names)
        for start, seats in joinable(query, team, low, high).items():
            owners[start].append(names)
            taken[start] += seats
    return Slots(owners, length=query.rules.length, capacity=query.rules.capacity, taken=taken)


def _team_starts(query: SlotQuery, team: Sequence[StaffDays], low: int, high: int) -> list[int]:
    rules, taken = query.rules, forbidden(query, team)
    if rules.grid == "fixed":
        grid = fixed_grid(_schedules(query, team), *query_days(low, high + rules.length), rules)
        return free_of(grid, taken, low, high)
    stretches = stretches_of(query, team, low, high)
    return anchored_starts(rules, stretches, taken, low, high, earliest_start(query), query.zone)


def _off_grid(query: SlotQuery, start: int) -> Slots:
    """The same rules for one start, but for the grid."""
    owners: dict[int, list[Team]] = {start: []}
    taken = 0
    for team in teams(query):
        stretches = stretches_of(query, team, start, start + 1)
        places = joinable(query, team, start, start + 1)
        if start in places or is_free(stretches, forbidden(query, team), start, query.rules.length):
            owners[start].append(tuple(member.id for member in team))
            taken += places.get(start, 0)
    offered = owners if owners[start] else {}
    return Slots(offered, length=query.rules.length, capacity=query.rules.capacity, taken={start: taken})


def _others(query: SlotQuery, member: StaffDays, start: int) -> Forbidden:
    """What forbids to join the shared appointment at `start`: all rows but its own. It is no new one, so no limit."""
    rest = [row for row in member.rows() if not (row.start == start and is_session(query.rules, row))]
    return StaffDays(member.id, member.schedule, rest).forbidden(query.rules, query.ignore)


def _days_ahead(horizon: Horizon, today: int) -> int:
    """The last bookable day: today + N, or the N-th weekday after today."""
    if horizon.count == "calendar":
        return today + horizon.days
    day, left = today, horizon.days
    while left:
        day += 1
        left -= _counts(horizon, day)
    return day


def _counts(horizon: Horizon, day: int) -> bool:
    return horizon.count == "calendar" or date.fromordinal(day).weekday() < 5


def _end_of_bookable_days(query: SlotQuery, horizon: Horizon, until: int) -> int:
    """The end of the N-th day with a free start; `until` if there are fewer before it."""
    cutoff = earliest_start(query)
    free = _offers(query, cutoff, until).dates(query.zone) if cutoff < until else {}
    counted = [day for day in free if _counts(horizon, day.toordinal())]
    if len(counted) < horizon.days:
        return until
    return day_bounds(counted[horizon.days - 1].toordinal(), query.zone)[1]


def _schedules(query: SlotQuery, team: Sequence[StaffDays]) -> tuple[Schedule, ...]:
    own = tuple(member.schedule for member in team)
    return own if query.restriction is None else (*own, query.restriction)


def _upper(instant: datetime) -> int:
    """Whole seconds, a fraction counted up."""
    return epoch(instant) + bool(instant.microsecond)
