"""Replays availability cases through the search that the booking page uses.

The format is the one of design/scheduling.md: JSON, {"format": 1, "schedules": {...}, "cases": [...]}. Times are UTC,
lengths are minutes, dates are the visitor's. What a case asks for and the engine does not know is told apart from a
wrong answer: such a case is "not supported", never passed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from kalends.core.errors import InvalidInput, KalendsError
from kalends.core.span import Span
from kalends.scheduling.busy import APPOINTMENT, EXTERNAL, HOLD, TIME_OFF, Busy, StaffDays, busy_from_span
from kalends.scheduling.hours import WEEKDAYS, DateOverride, Schedule, TimeRange, Travel, Weekly
from kalends.scheduling.rules import GRIDS, Grid, Horizon, Limits, ServiceRules
from kalends.scheduling.slots import Needs, SlotQuery, all_of, any_of, find_slots
from kalends.scheduling.zones import dates_span, epoch, moment

Outcome = Literal["pass", "fail", "not supported"]
Json = Mapping[str, Any]
Answer = dict[str, list[datetime]]

THIS_SERVICE = "this"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """`detail` says what differs, or what is not supported; empty for a pass."""

    id: str
    outcome: Outcome
    detail: str = ""


class NotSupported(Exception):
    """The case needs something that the engine does not do."""


def run_cases(text: str) -> list[CaseResult]:
    """One result per case, in the order of the file. Raises InvalidInput if `text` is not such a file."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"not JSON: {error}", field="cases") from error
    if not isinstance(document, dict) or document.get("format") != 1 or not isinstance(document.get("cases"), list):
        raise InvalidInput('not a file of availability cases: "format" 1 and a list "cases" are needed', field="cases")
    return [_run_case(case, document.get("schedules") or {}, place) for place, case in enumerate(document["cases"])]


def _run_case(case: Any, schedules: Json, place: int) -> CaseResult:
    name = str(case.get("id", f"#{place}")) if isinstance(case, dict) else f"#{place}"
    try:
        differences = list(_differences(case, schedules))
    except NotSupported as reason:
        return CaseResult(name, "not supported", str(reason))
    except KalendsError as error:
        return CaseResult(name, "fail", f"cannot be read: {error.message} ({error.field})")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return CaseResult(name, "fail", f"cannot be read: {type(error).__name__}: {error}")
    return CaseResult(name, "fail" if differences else "pass", "; ".join(differences))


def _differences(case: Json, schedules: Json) -> Iterator[str]:
    _known("case", case, _CASE_KEYS)
    query, window, tz = _question(case, schedules)
    yield from _compare("", find_slots(query, window).dates(tz), _expected(case["expect"]))
    if "expect_fixed" in case:
        fixed = replace(query, rules=replace(query.rules, grid="fixed"))
        yield from _compare("fixed grid: ", find_slots(fixed, window).dates(tz), _expected(case["expect_fixed"]))


def _compare(prefix: str, found: Mapping[date, Sequence[int]], expected: Answer) -> Iterator[str]:
    answer = {day.isoformat(): [moment(start) for start in starts] for day, starts in found.items()}
    for day in sorted(answer.keys() | expected.keys()):
        ours, theirs = answer.get(day, []), expected.get(day, [])
        if ours != theirs:
            missing = [_short(start) for start in theirs if start not in ours]
            extra = [_short(start) for start in ours if start not in theirs]
            yield f"{prefix}{day}: missing {' '.join(missing) or 'none'}, not expected {' '.join(extra) or 'none'}"


def _short(start: datetime) -> str:
    return start.strftime("%Y-%m-%dT%H:%MZ")


def _expected(days: Json) -> Answer:
    return {day: [start for text in texts for start in _starts(text)] for day, texts in days.items() if texts}


def _starts(text: str) -> list[datetime]:
    """One start, or "2024-05-23T04:00Z/30*17": 17 starts, 30 minutes apart."""
    found = re.fullmatch(r"([^/]+)(?:/([0-9]+)\*([0-9]+))?", text)
    if found is None:
        raise ValueError(f"not a start: {text!r}")
    first, step, count = _instant(found[1]), int(found[2] or 0), int(found[3] or 1)
    return [first + timedelta(minutes=step) * index for index in range(count)]


def _question(case: Json, schedules: Json) -> tuple[SlotQuery, Span, str]:
    asked = case["query"]
    _known("query", asked, {"from", "to", "tz", "reschedule_of"})
    rules = _rules(case)
    staff = [_staff(row, case, rules, schedules) for row in case["staff"]]
    query = SlotQuery(
        rules=rules,
        needs=_needs(case, staff),
        now=_instant(case["now"]),
        zone=staff[0].schedule.tz,
        restriction=_schedule(case["restriction"], schedules) if case.get("restriction") else None,
        ignore=frozenset(filter(None, [asked.get("reschedule_of")])),
    )
    window = dates_span(date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"]), asked["tz"])
    return query, window, asked["tz"]


def _rules(case: Json) -> ServiceRules:
    service = dict(case["service"])
    grid: Grid = case.get("grid", "fixed")
    if grid not in GRIDS:
        raise NotSupported(f"grid {grid}")
    _known("service", service, _SERVICE_KEYS)
    if service.get("horizon"):
        service["horizon"] = _horizon(service["horizon"])
    if service.get("limits"):
        _known("limits", service["limits"], set(Limits.__dataclass_fields__))
        service["limits"] = Limits(**service["limits"])
    return ServiceRules(**service, grid=grid, buffer_policy=case.get("buffer_policy", "sum"), service=THIS_SERVICE)


def _horizon(row: Json) -> Horizon:
    _known("horizon", row, {"type", "days", "count", "from", "to"})
    if row["type"] not in ("days", "bookable_days", "range") or row.get("count", "calendar") not in _COUNTS:
        raise NotSupported(f"horizon {row['type']} {row.get('count', '')}")
    if row["type"] == "range":
        return Horizon("range", first=date.fromisoformat(row["from"]), last=date.fromisoformat(row["to"]))
    return Horizon(row["type"], row["days"], row.get("count", "calendar"))


def _staff(row: Json, case: Json, rules: ServiceRules, schedules: Json) -> StaffDays:
    _known("staff", row, {"id", "schedule", "fixed", "group", "time_off"})
    schedule = _schedule(row["schedule"], schedules)
    taken = [_busy(item, rules) for item in case.get("busy", ()) if item["staff"] == row["id"]]
    return StaffDays(row["id"], schedule, [*taken, *(_time_off(item, schedule) for item in row.get("time_off", ()))])


def _needs(case: Json, staff: list[StaffDays]) -> Needs:
    """One set of staff for each place to fill; `fixed` members and named groups fill a place of their own."""
    mode = case.get("mode", "single")
    if mode in ("single", "any"):
        return any_of(staff)
    if mode == "all":
        return all_of(staff)
    if mode not in ("fixed+any", "groups"):
        raise NotSupported(f"mode {mode}")
    rows = list(zip(case["staff"], staff, strict=True))
    fixed = all_of(member for row, member in rows if row.get("fixed"))
    groups: dict[str, list[StaffDays]] = {}
    for row, member in rows:
        if not row.get("fixed"):
            groups.setdefault(row.get("group", "") if mode == "groups" else "", []).append(member)
    return fixed + tuple(tuple(group) for group in groups.values())


def _busy(row: Json, rules: ServiceRules) -> Busy:
    _known("busy", row, _BUSY_KEYS)
    kind = row.get("kind", APPOINTMENT)
    if kind not in (APPOINTMENT, EXTERNAL, HOLD):
        raise NotSupported(f"busy kind {kind}")
    same = bool(row.get("same_service"))
    note = _why_not(row)
    return busy_from_span(
        Span(_instant(row["start"]), _instant(row["end"])),
        kind,
        before=rules.buffer_before if same else 0,
        after=rules.buffer_after if same else 0,
        id=str(row.get("id", "")),
        service=THIS_SERVICE if same else "",
        seats=row.get("seats", 1),
        blocks=not note,
        note=note,
    )


def _why_not(row: Json) -> str:
    """Why a busy row does not block, in the words of the format; "" if it does."""
    status = row.get("status", "confirmed")
    reasons = {
        "marked free": row.get("transparent"),
        "calendar not chosen": row.get("selected", True) is False,
        "own hold": row.get("mine"),
        status: status in ("cancelled", "rejected"),
        "pending": status == "pending" and not row.get("blocks"),
        "does not block": row.get("blocks", True) is False,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _time_off(row: Json, schedule: Schedule) -> Busy:
    _known("time_off", row, {"from", "to"})
    span = dates_span(date.fromisoformat(row["from"]), date.fromisoformat(row["to"]), schedule.tz)
    return Busy(epoch(span.start), epoch(span.end), TIME_OFF)


def _schedule(given: Any, schedules: Json) -> Schedule:
    row = schedules[given] if isinstance(given, str) else given
    _known("schedule", row, {"tz", "weekly", "overrides", "travel"})
    return Schedule(
        row["tz"],
        _weekly(row.get("weekly", ())),
        tuple(
            DateOverride(date.fromisoformat(each["date"]), tuple(TimeRange.of(*pair) for pair in each["ranges"]))
            for each in row.get("overrides", ())
        ),
        tuple(_travel(each) for each in row.get("travel", ())),
    )


def _weekly(rows: Sequence[Json]) -> Weekly:
    days: list[list[TimeRange]] = [[] for _ in WEEKDAYS]
    for row in rows:
        _known("weekly", row, {"days", "from", "to"})
        for day in _weekdays(row["days"]):
            days[day].append(TimeRange.of(row["from"], row["to"]))
    return tuple(tuple(sorted(ranges)) for ranges in days)


def _weekdays(text: str) -> list[int]:
    """Weekday numbers of "daily", "mo-fr", "mo,tu", or several of these with commas."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = ("mo-su" if part == "daily" else part).partition("-")
        low, high = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found += range(low, high + 1) if low <= high else [*range(low, len(WEEKDAYS)), *range(high + 1)]
    return found


def _travel(row: Json) -> Travel:
    last = row.get("to")
    return Travel(date.fromisoformat(row["from"]), date.fromisoformat(last) if last else None, row["tz"])


def _instant(text: str) -> datetime:
    """Raises ValueError for anything but an instant in UTC."""
    read = datetime.fromisoformat(text)
    if read.utcoffset() != timedelta(0):
        raise ValueError(f"not a time in UTC: {text!r}")
    return read.astimezone(UTC)


def _known(what: str, row: Json, keys: set[str]) -> None:
    unknown = sorted(row.keys() - keys)
    if "anchor_tz" in unknown:
        raise NotSupported("a grid that hangs on the visitor's zone: the start grid belongs to the schedule (rule 2)")
    if unknown:
        raise NotSupported(f"{what}: {', '.join(unknown)}")


_CASE_KEYS = {
    *("id", "title", "source", "now", "grid", "service", "staff", "query", "mode", "busy", "buffer_policy"),
    *("restriction", "expect", "expect_fixed"),
}
_SERVICE_KEYS = {
    *("duration", "interval", "notice", "offset", "horizon", "limits", "buffer_before", "buffer_after", "capacity"),
    "lead_in",
}
_BUSY_KEYS = {
    *("staff", "start", "end", "kind", "same_service", "other_service", "status", "blocks", "transparent", "mine"),
    *("seats", "selected", "id"),
}
_COUNTS = ("calendar", "business")
