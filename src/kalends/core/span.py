"""Half-open spans of time between two instants, and lists of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from kalends.core.errors import InvalidInput

# What people mean by a date lies in here; beyond it the arithmetic of zones runs over the ends of the calendar.
YEARS = range(1970, 2200)


def as_utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive datetime: time is never floating."""
    if moment.tzinfo is None:
        raise ValueError(f"a datetime without a zone: {moment.isoformat()}")
    return moment.astimezone(UTC)


def within_reach(day: date, field: str) -> None:
    """Raises InvalidInput, naming `field`, for a date or datetime outside of 1970 to 2199."""
    if day.year not in YEARS:
        raise InvalidInput(f"Give a date of the years {YEARS[0]} to {YEARS[-1]}.", field=field)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """[start, end): aware instants, kept in UTC; `start` may equal `end` only for an empty span."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start))
        object.__setattr__(self, "end", as_utc(self.end))
        if self.end < self.start:
            raise ValueError(f"a span ends before it starts: {self.start} > {self.end}")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def widened(self, before: timedelta, after: timedelta) -> Span:
        return Span(self.start - before, self.end + after)


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted, disjoint, non-touching spans that cover the same instants; empty spans are dropped."""
    merged: list[Span] = []
    for span in sorted(s for s in spans if s.start < s.end):
        if merged and span.start <= merged[-1].end:
            if span.end > merged[-1].end:
                merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return merged
