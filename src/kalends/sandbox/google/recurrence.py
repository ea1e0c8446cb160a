"""Occurrences of a series, by wall time in the series' own zone (RFC 5545, 3.8.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

Start = datetime | date
_LINE = re.compile(r"^(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.+)$", re.IGNORECASE)
_UNTIL = re.compile(r"UNTIL=(\d{8})(T\d{6}Z?)?", re.IGNORECASE)
_MARGIN = timedelta(days=2)


def check_lines(lines: Iterable[str], start: Start, zone: str) -> None:
    """Raises ValueError for a line that is no RRULE, EXRULE, RDATE or EXDATE, or cannot be read."""
    _rule_set(lines, start, zone)


def occurrences(lines: Iterable[str], start: Start, zone: str, since: datetime, until: datetime) -> Iterator[Start]:
    """Original starts between two aware instants, in order: dates for an all-day series, else UTC instants.

    The bounds are widened by two days, so that the caller can filter by its own rule.
    """
    tz: tzinfo = UTC if not isinstance(start, datetime) else ZoneInfo(zone)
    low, high = (
        (bound.astimezone(tz) + shift).replace(tzinfo=None) for bound, shift in ((since, -_MARGIN), (until, _MARGIN))
    )
    for wall in _rule_set(lines, start, zone).xafter(low, inc=True):
        if wall > high:
            return
        yield wall.replace(tzinfo=tz).astimezone(UTC) if isinstance(start, datetime) else wall.date()


def _wall(start: Start, zone: str) -> datetime:
    if isinstance(start, datetime):
        return start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return datetime.combine(start, time())


def _rule_set(lines: Iterable[str], start: Start, zone: str) -> rruleset:
    first = _wall(start, zone)
    rules = rruleset()
    rules.rdate(first)
    for line in lines:
        match = _LINE.match(line.strip())
        if not match:
            raise ValueError(f"not a recurrence line: {line}")
        name, parameters, value = match.group(1).upper(), match.group(2), match.group(3)
        if name in ("RRULE", "EXRULE"):
            rule = rrulestr(_local_until(value, zone), dtstart=first)
            if not isinstance(rule, rrule):
                raise ValueError(f"not one rule: {line}")
            (rules.rrule if name == "RRULE" else rules.exrule)(rule)
        else:
            for item in _dates(value, parameters, zone):
                (rules.rdate if name == "RDATE" else rules.exdate)(item)
    return rules


def _local_until(rule: str, zone: str) -> str:
    """The rule with UNTIL as wall time, inclusive: a day means its whole length."""

    def replace(match: re.Match[str]) -> str:
        day, clock = match.group(1), match.group(2) or "T235959"
        if not clock.endswith("Z"):
            return f"UNTIL={day}{clock}"
        moment = datetime.strptime(day + clock, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return f"UNTIL={moment.astimezone(ZoneInfo(zone)):%Y%m%dT%H%M%S}"

    return _UNTIL.sub(replace, rule)


def _dates(value: str, parameters: str, zone: str) -> Iterator[datetime]:
    named = re.search(r"TZID=\"?([^;\":]+)", parameters, re.IGNORECASE)
    source = ZoneInfo(named.group(1)) if named else ZoneInfo(zone)
    for text in value.split(","):
        if len(text) == 8:
            yield datetime.combine(datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date(), time())
            continue
        tz: tzinfo = UTC if text.endswith("Z") else source
        moment = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S").replace(tzinfo=tz)
        yield moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
