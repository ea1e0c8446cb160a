"""Graph's recurrence: pattern and range, checked, written out in full, and expanded by wall time of its zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from dateutil import rrule

from kalends.sandbox.microsoft import errors
from kalends.sandbox.microsoft.zones import windows_name, zone_of

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_FREQ: dict[str, Any] = {
    "daily": rrule.DAILY,
    "weekly": rrule.WEEKLY,
    "absoluteMonthly": rrule.MONTHLY,
    "relativeMonthly": rrule.MONTHLY,
    "absoluteYearly": rrule.YEARLY,
    "relativeYearly": rrule.YEARLY,
}
_RANGES = ("endDate", "noEnd", "numbered")
_NO_DAY = "0001-01-01"


def normalise(value: Any, first: date, zone: str) -> dict[str, Any]:
    """The recurrence in full. `first` is the day of the event's start, `zone` its IANA zone. Raises GraphError 400."""
    if not isinstance(value, Mapping):
        raise _wrong("recurrence")
    pattern, span = value.get("pattern"), value.get("range")
    if not isinstance(pattern, Mapping) or not isinstance(span, Mapping):
        raise _wrong("recurrence")
    kept = {"pattern": _pattern(pattern), "range": _range(span, first, zone)}
    if next(days(kept), None) is None:
        raise errors.invalid_property("The recurrence has no occurrence.")
    return kept


def _wrong(name: str) -> errors.GraphError:
    return errors.invalid_property(f"The {name} of the recurrence is missing or cannot be read.")


def _pattern(given: Mapping[str, Any]) -> dict[str, Any]:
    kind, interval = given.get("type"), given.get("interval", 0)
    if kind not in _FREQ:
        raise _wrong("pattern type")
    if not isinstance(interval, int) or not 1 <= interval <= 999:
        raise _wrong("interval")
    week = [str(day).lower() for day in given.get("daysOfWeek") or []]
    if any(day not in DAYS for day in week) or (not week and kind in ("weekly", "relativeMonthly", "relativeYearly")):
        raise _wrong("daysOfWeek")
    day, month = given.get("dayOfMonth") or 0, given.get("month") or 0
    if kind.startswith("absolute") and not 1 <= day <= 31:
        raise _wrong("dayOfMonth")
    if kind.endswith("Yearly") and not 1 <= month <= 12:
        raise _wrong("month")
    index = given.get("index") or "first"
    if index not in _INDEX:
        raise _wrong("index")
    start = str(given.get("firstDayOfWeek") or "sunday").lower()
    return {"type": kind, "interval": interval, "month": month, "dayOfMonth": day, "daysOfWeek": week,
            "firstDayOfWeek": start, "index": index}  # fmt: skip


def _range(given: Mapping[str, Any], first: date, zone: str) -> dict[str, Any]:
    kind = given.get("type")
    if kind not in _RANGES:
        raise _wrong("range type")
    if given.get("startDate") != first.isoformat():
        raise errors.invalid_property("The startDate of the recurrence's range is not the day of the event's start.")
    count, end = given.get("numberOfOccurrences") or 0, given.get("endDate") or _NO_DAY
    if kind == "numbered" and not 1 <= count <= 999:
        raise _wrong("numberOfOccurrences")
    if kind == "endDate" and not _is_day(end):
        raise _wrong("endDate")
    named = given.get("recurrenceTimeZone")
    return {
        "type": kind,
        "startDate": first.isoformat(),
        "endDate": end if kind == "endDate" else _NO_DAY,
        "recurrenceTimeZone": windows_name(zone_of(named or zone)),
        "numberOfOccurrences": count if kind == "numbered" else 0,
    }


def _is_day(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def days(kept: Mapping[str, Any], since: date | None = None) -> Iterator[date]:
    """The days of a recurrence that was normalised, in order, from `since` on."""
    rule = _rule(kept["pattern"], kept["range"])
    found: Iterator[datetime] = iter(rule) if since is None else rule.xafter(_midnight(since), inc=True)
    for moment in found:
        yield moment.date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _rule(pattern: Mapping[str, Any], span: Mapping[str, Any]) -> rrule.rrule:
    kind, index = pattern["type"], _INDEX[pattern["index"]]
    week = tuple(DAYS.index(day) for day in pattern["daysOfWeek"])
    more: dict[str, Any] = {}
    if kind == "weekly":
        more["byweekday"] = week
    elif kind.startswith("relative"):
        # "the second of these days in the month", not the second of each of them
        more |= {"byweekday": week, "bysetpos": index}
    elif kind.startswith("absolute"):
        # A month that is too short has its last day.
        day = pattern["dayOfMonth"]
        more |= {"bymonthday": tuple(range(28, day + 1)), "bysetpos": -1} if day > 28 else {"bymonthday": day}
    if kind.endswith("Yearly"):
        more["bymonth"] = pattern["month"]
    if span["type"] == "numbered":
        more["count"] = span["numberOfOccurrences"]
    elif span["type"] == "endDate":
        more["until"] = _midnight(date.fromisoformat(span["endDate"]) + timedelta(days=1)) - timedelta(seconds=1)
    return rrule.rrule(
        _FREQ[kind],
        dtstart=_midnight(date.fromisoformat(span["startDate"])),
        interval=pattern["interval"],
        wkst=DAYS.index(pattern["firstDayOfWeek"]),
        **more,
    )
