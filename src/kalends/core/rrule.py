"""Recurrence rules as text and as values (RFC 5545, 3.3.10).

Reading is lenient where programs in the wild are (lower case, a trailing semicolon, an ordinal before the weekday of a
weekly rule, unknown X- parts) and refuses what would make the set of occurrences a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from functools import lru_cache

from kalends.core.errors import InvalidInput

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MOMENT = re.compile(r"[0-9]{8}(?:[Tt][0-9]{6}Z?)?\Z")
_BY_DAY = re.compile(r"^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$")


class BadRecurrence(InvalidInput):
    """A recurrence that cannot be expanded: the event that carries it is set aside, the others serve."""

    code = "bad_recurrence"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="recurrence")


class Freq(IntEnum):
    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True, slots=True)
class Until:
    """The last moment of a rule, included: all of a local `day`, or `moment`: an instant in UTC or a wall time."""

    day: date
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE. `by_day` holds (ordinal or 0, weekday 0..6 from Monday); weekdays as in `date.weekday()`."""

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: Until | None = None
    by_month: tuple[int, ...] = ()
    by_week_no: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    week_start: int = 0


@lru_cache(maxsize=4096)
def parse_rule(text: str) -> Rule:
    """The value of an RRULE, without its name. Raises BadRecurrence."""
    parts = _parts(text)
    try:
        freq = Freq[parts.pop("FREQ")]
    except KeyError:
        raise BadRecurrence(f"No usable FREQ in {text[:80]!r}") from None
    values: dict[str, object] = {}
    for key, value in parts.items():
        if key in _FIELDS:
            name, read = _FIELDS[key]
            values[name] = read(value)
        elif not key.startswith("X-"):
            raise BadRecurrence(f"Unknown part {key[:20]!r} in a recurrence rule")
    values.pop("_ignored", None)
    if "count" in values and "until" in values:
        raise BadRecurrence("COUNT and UNTIL exclude each other")
    return Rule(freq, **values)  # type: ignore[arg-type]


def parse_moment(text: str) -> datetime | date:
    """DATE -> date; DATE-TIME -> a datetime in UTC for "...Z", else without a zone: the caller knows whose wall it is.

    A leap second is the second before it. Raises BadRecurrence.
    """
    if not _MOMENT.match(text):
        raise BadRecurrence(f"Not a date or time: {text[:20]!r}")
    try:
        if len(text) == 8:
            return date.fromisoformat(text)
        return datetime.fromisoformat(text if text[13:15] != "60" else f"{text[:13]}59{text[15:]}")
    except ValueError:
        raise BadRecurrence(f"Not a date or time: {text[:20]!r}") from None


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip().upper().split(";"):
        if not part:
            continue
        key, equals, value = part.partition("=")
        if not equals or not value or key in parts:
            raise BadRecurrence(f"Unreadable part {part[:40]!r} in a recurrence rule")
        parts[key.strip()] = value.strip()
    return parts


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadRecurrence(f"Not a number: {text[:20]!r}") from None


def _positive(text: str) -> int:
    value = _integer(text)
    if not 1 <= value <= 1_000_000:
        raise BadRecurrence(f"Out of range: {text[:20]!r}")
    return value


def _integers(low: int, high: int, *, negative: bool = False) -> Callable[[str], tuple[int, ...]]:
    def read(text: str) -> tuple[int, ...]:
        values = sorted({_integer(part) for part in text.split(",")})
        for value in values:
            size = -value if negative and value < 0 else value
            if not low <= size <= high:
                raise BadRecurrence(f"Out of range: {value}")
        return tuple(values)

    return read


def _by_day(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(sorted({_day(part) for part in text.split(",")}))


@lru_cache(maxsize=1_024)
def _day(text: str) -> tuple[int, int]:
    match = _BY_DAY.match(text.strip())
    if not match:
        raise BadRecurrence(f"Not a weekday: {text[:20]!r}")
    ordinal = int(match.group(1) or 0)
    if abs(ordinal) > 53 or (match.group(1) and not ordinal):
        raise BadRecurrence(f"Not a weekday: {text[:20]!r}")
    return ordinal, WEEKDAYS.index(match.group(2))


def _week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise BadRecurrence(f"Not a weekday: {text[:20]!r}")
    return WEEKDAYS.index(text)


def _until(text: str) -> Until:
    moment = parse_moment(text)
    if not isinstance(moment, datetime):
        return Until(moment)
    return Until(moment.date(), moment)


def _only(*allowed: str) -> Callable[[str], str]:
    """RFC 7529's parts are understood where they say what is the rule without them."""

    def read(text: str) -> str:
        if text not in allowed:
            raise BadRecurrence(f"Not supported in a recurrence rule: {text[:20]!r}")
        return text

    return read


_FIELDS: dict[str, tuple[str, Callable[[str], object]]] = {
    "INTERVAL": ("interval", _positive),
    "COUNT": ("count", _positive),
    "UNTIL": ("until", _until),
    "BYMONTH": ("by_month", _integers(1, 12)),
    "BYWEEKNO": ("by_week_no", _integers(1, 53, negative=True)),
    "BYYEARDAY": ("by_year_day", _integers(1, 366, negative=True)),
    "BYMONTHDAY": ("by_month_day", _integers(1, 31, negative=True)),
    "BYDAY": ("by_day", _by_day),
    "BYHOUR": ("by_hour", _integers(0, 23)),
    "BYMINUTE": ("by_minute", _integers(0, 59)),
    "BYSECOND": ("by_second", _integers(0, 60)),
    "BYSETPOS": ("by_set_pos", _integers(1, 366, negative=True)),
    "WKST": ("week_start", _week_start),
    "RSCALE": ("_ignored", _only("GREGORIAN")),
    "SKIP": ("_ignored", _only("OMIT")),
}
