"""Which IANA zone an embedded VTIMEZONE (RFC 5545, 3.6.5) describes.

Outlook, Exchange and many smaller programs send zones under names of their own ("Customized Time Zone", "(UTC+01:00)
Amsterdam ...") with the rules spelled out. Their rules are compared with IANA's at every change of offset that the
component states for its last years; a zone in force from 1601 on, as Outlook writes it, says nothing about 1601.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

_OFFSET = re.compile(r"^([+-])(\d{2})(\d{2})(\d{2})?$")
_LOCAL = re.compile(r"^(\d{8}T\d{6})Z?$")
# Ongoing rules are compared in these years: IANA's present rules hold there, whatever a country did in its past.
_ONGOING_FROM, _ONGOING_TO = datetime(2030, 1, 1), datetime(2036, 1, 1)  # noqa: DTZ001 - wall time of a rule
_MOST_CHANGES = 12
# Outlook begins its zones in 1601.
_FIRST_YEAR, _LAST, _MOST_ONSETS = 1500, datetime(2040, 1, 1), 1000  # noqa: DTZ001 - wall time of a rule
_YEARLY_PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYDAY", "BYMONTHDAY", "BYSETPOS"}
_QUARTER = timedelta(days=91)


@dataclass(frozen=True, slots=True, order=True)
class _Change:
    """At the instant `at` the offset goes from `before` to `after`."""

    at: datetime
    before: timedelta
    after: timedelta


def matching_zone(vtimezone: str, candidates: Iterable[str]) -> str | None:
    """The first of `candidates` (IANA names) whose offsets are those that the component states; None if none is.

    Unreadable text is no match: nothing is guessed.
    """
    try:
        changes = _changes(vtimezone)
    except (ValueError, OverflowError, KeyError):
        return None
    if not changes:
        return None
    names = list(candidates)
    last = changes[-1]
    settled = [*changes, *(_Change(last.at + n * _QUARTER, last.after, last.after) for n in range(1, 9))]
    # Read by the letter the last change holds for ever; a list of changes may also just end there.
    return _first(names, settled) or _first(names, changes)


def _first(names: list[str], changes: list[_Change]) -> str | None:
    return next((name for name in names if _agrees(ZoneInfo(name), changes)), None)


def _agrees(zone: ZoneInfo, changes: list[_Change]) -> bool:
    return all(at.astimezone(zone).utcoffset() == offset for at, offset in _probes(changes))


def _probes(changes: list[_Change]) -> Iterator[tuple[datetime, timedelta]]:
    """Instants with the offset stated there: on both sides of each change and half-way to the next.

    Between two changes half-way is enough, since a zone's own change there would have to be undone again.
    """
    for change in changes:
        yield change.at - timedelta(seconds=1), change.before
        yield change.at, change.after
    for change, following in pairwise(changes):
        yield change.at + (following.at - change.at) / 2, change.after


def _changes(vtimezone: str) -> list[_Change]:
    observances = _observances(vtimezone)
    changes = sorted({change for lines in observances for change in _changes_of(lines)})
    offsets = {_offset(lines["TZOFFSETTO"]) for lines in observances}
    if len(offsets) == 1:
        fixed = offsets.pop()
        return [
            _Change(_ONGOING_FROM.replace(tzinfo=UTC) + timedelta(30 * n), fixed, fixed) for n in range(_MOST_CHANGES)
        ]
    return changes[-_MOST_CHANGES:]


def _observances(vtimezone: str) -> list[dict[str, str]]:
    unfolded = re.sub(r"\r?\n[ \t]", "", vtimezone)
    found: list[dict[str, str]] = []
    inside = False
    for line in unfolded.splitlines():
        name, _, value = line.strip().partition(":")
        key = name.split(";", 1)[0].upper()
        if key in ("BEGIN", "END") and value.upper() in ("STANDARD", "DAYLIGHT"):
            inside = key == "BEGIN"
            if inside:
                found.append({})
        elif inside:
            found[-1][key] = f"{found[-1][key]},{value}" if key == "RDATE" and key in found[-1] else value
    return found


def _changes_of(lines: dict[str, str]) -> list[_Change]:
    before, after = _offset(lines["TZOFFSETFROM"]), _offset(lines["TZOFFSETTO"])
    return [_Change((wall - before).replace(tzinfo=UTC), before, after) for wall in _onsets(lines)]


def _onsets(lines: dict[str, str]) -> list[datetime]:
    start = _local(lines["DTSTART"])
    rdates = [_local(text) for text in lines.get("RDATE", "").split(",") if text]
    rule = lines.get("RRULE", "")
    if not rule:
        return [start, *rdates]
    if "COUNT=" not in rule.upper() and "UNTIL=" not in rule.upper():
        start = start.replace(year=max(start.year, _ONGOING_FROM.year - 1))
        onsets = takewhile(lambda onset: onset <= _ONGOING_TO, _bounded(rule, start))
        return [onset for onset in onsets if onset >= _ONGOING_FROM]
    return [*list(_bounded(rule.replace("Z", ""), start))[-_MOST_CHANGES:], *rdates]


def _bounded(rule: str, start: datetime) -> Iterator[datetime]:
    """Clocks are changed on a day of the year; whoever writes a rule that lists more means to keep us busy."""
    parts = {part.partition("=")[0]: part.partition("=")[2] for part in rule.upper().split(";")}
    if parts.get("FREQ") != "YEARLY" or not parts.keys() <= _YEARLY_PARTS or parts.get("INTERVAL", "1") != "1":
        raise ValueError(f"a zone that does not change yearly: {rule[:80]}")
    # dateutil looks for `until` at what it finds only, and until the year 9999 for a 31 February.
    for name, sure in (("BYMONTHDAY", 28), ("BYSETPOS", 4)):
        if min(abs(int(number)) for number in parts.get(name, "1").split(",")) > sure:
            raise ValueError(f"a zone whose change may never come: {rule[:80]}")
    if start.year < _FIRST_YEAR:
        raise ValueError(f"a zone that begins in the year {start.year}")
    read: Any = rrulestr(rule, dtstart=start)
    ending = read.replace(count=None, until=min(read._until or _ONGOING_TO, _LAST))
    yield from islice(ending, min(read._count or _MOST_ONSETS, _MOST_ONSETS))


def _offset(text: str) -> timedelta:
    match = _OFFSET.match(text.strip())
    if not match:
        raise ValueError(f"not an offset: {text}")
    sign, hours, minutes, seconds = match.groups()
    size = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return -size if sign == "-" else size


def _local(text: str) -> datetime:
    match = _LOCAL.match(text.strip())
    if not match:
        raise ValueError(f"not a local time: {text}")
    return datetime.strptime(match.group(1), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - wall time of a rule
