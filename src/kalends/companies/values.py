"""What the outside hands to the services of this room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class MinuteRange:
    """Minutes from local midnight, half open; 1440 is the day's end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WeeklyRange:
    weekday: int  # 0 is Monday
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DayOverride:
    """Replaces the weekly hours of one local day; no ranges: closed."""

    date: date
    ranges: Sequence[MinuteRange] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Hours:
    timezone: str
    weekly: Sequence[WeeklyRange]
    overrides: Sequence[DayOverride] = ()
