"""What a service asks of a time: length, grid, buffers, notice, horizon, limits, places. Minutes throughout."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from kalends.core.errors import InvalidInput
from kalends.scheduling.zones import Period

Grid = Literal["fixed", "clock", "fit", "opening"]
"""Where starts lie.

fixed    opening time + k x interval, whatever is booked (the default)
clock    each free range begins at the next clean clock time: the largest of 60, 30, 20, 15, 10, 5 that divides the
         interval, counted in the company's zone
fit      each free range begins where the most starts fit, at a clean time if that costs none
opening  each free range begins where it begins
"""

GRIDS: tuple[Grid, ...] = ("fixed", "clock", "fit", "opening")

BufferPolicy = Literal["max", "sum"]
"""Between two appointments lies the larger of what they ask for (max, the default), or both together (sum)."""

CLEAN_STEPS = (60, 30, 20, 15, 10, 5)


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead a start may lie. Days count in the company's zone.

    days           to the end of day today + `days`
    bookable_days  to the end of the `days`-th day, from today on, that has a free start
    range          the dates `first` to `last`, both included
    With count "business" only Mondays to Fridays are counted; weekends between stay bookable.
    """

    type: Literal["days", "bookable_days", "range"]
    days: int = 0
    count: Literal["calendar", "business"] = "calendar"
    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.type == "range":
            if self.first is None or self.last is None or self.last < self.first:
                raise InvalidInput("a range of dates needs a first and a later last date", field="horizon")
        elif not (self.type == "bookable_days") <= self.days <= 3660:
            raise InvalidInput("the horizon must lie between 0 (bookable days: 1) and 3,660 days", field="horizon")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one staff member takes of one service in a calendar period of the company's zone. None: no limit."""

    bookings_per_day: int | None = None
    bookings_per_week: int | None = None
    bookings_per_month: int | None = None
    bookings_per_year: int | None = None
    minutes_per_day: int | None = None
    minutes_per_week: int | None = None
    minutes_per_month: int | None = None
    minutes_per_year: int | None = None

    def __post_init__(self) -> None:
        """A shorter period must not allow more than a longer one: such a limit would never be reached."""
        for unit in ("bookings", "minutes"):
            widest = 0
            for period in ("day", "week", "month", "year"):
                name = f"{unit}_per_{period}"
                value = getattr(self, name)
                if value is None:
                    continue
                if value < 1:
                    raise InvalidInput("a limit must be at least 1", code="limit_too_small", field=f"limits.{name}")
                if value < widest:
                    raise InvalidInput(
                        f"{value} per {period} is less than a shorter period allows ({widest})",
                        code="limit_unreachable",
                        field=f"limits.{name}",
                    )
                widest = value

    def by_period(self) -> list[tuple[Period, int | None, int | None]]:
        """(period, bookings, minutes) of each period that has a limit."""
        found: list[tuple[Period, int | None, int | None]] = []
        periods: tuple[Period, ...] = ("day", "week", "month", "year")
        for period in periods:
            bookings, minutes = getattr(self, f"bookings_per_{period}"), getattr(self, f"minutes_per_{period}")
            if bookings is not None or minutes is not None:
                found.append((period, bookings, minutes))
        return found


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The rules of one service. Raises InvalidInput naming the field.

    `service` is the id that busy rows of the same service carry: for limits and shared places.
    `interval` None: the duration. `offset` moves the first start of each range and widens the step, as cal.com does.
    `lead_in` keeps minutes free at the beginning of each free range; not for the fixed grid.
    """

    duration: int
    interval: int | None = None
    grid: Grid = "fixed"
    offset: int = 0
    buffer_before: int = 0
    buffer_after: int = 0
    buffer_policy: BufferPolicy = "max"
    notice: int = 0
    horizon: Horizon | None = None
    limits: Limits | None = None
    capacity: int = 1
    lead_in: int = 0
    service: str = ""
    # In seconds, as the engine counts.
    length: int = field(init=False, repr=False, compare=False)
    step: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not (value is None and name == "interval") and not least <= value <= _MOST:
                raise InvalidInput(f"{name} must lie between {least} and {_MOST:,}", field=name)
        if self.grid not in GRIDS:
            raise InvalidInput(f"there is no grid {self.grid!r}", field="grid")
        if self.buffer_policy not in ("max", "sum"):
            raise InvalidInput(f"there is no buffer policy {self.buffer_policy!r}", field="buffer_policy")
        self._refuse_hopeless_limits()
        object.__setattr__(self, "length", self.duration * 60)
        object.__setattr__(self, "step", (self.spacing + self.offset) * 60)

    def _refuse_hopeless_limits(self) -> None:
        for period, _, minutes in self.limits.by_period() if self.limits else ():
            if minutes is not None and minutes < self.duration:
                raise InvalidInput(
                    f"{minutes} minutes per {period} leave no room for {self.duration}",
                    code="limit_too_small",
                    field=f"limits.minutes_per_{period}",
                )

    @property
    def spacing(self) -> int:
        """Minutes from one start to the next, without the offset."""
        return self.duration if self.interval is None else self.interval

    @property
    def clean_step(self) -> int:
        """The clean clock step in minutes; 1 where none divides the interval."""
        return next((step for step in CLEAN_STEPS if self.spacing % step == 0), 1)


_MOST = 527_040
"""A year of 366 days in minutes."""

_LEAST = {
    "duration": 1,
    "interval": 1,
    "capacity": 1,
    "offset": 0,
    "buffer_before": 0,
    "buffer_after": 0,
    "notice": 0,
    "lead_in": 0,
}
