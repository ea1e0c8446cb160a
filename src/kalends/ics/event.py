"""Foreign calendar text -> the times of its events (External iCalendar URLs).

Only what decides busy time is read, each property once and nothing else touched. An event that cannot be read becomes
a problem with a reason and the others serve (F44). A TZID is resolved by itself, never by one zone for the whole feed
(F54); a time without any zone stands in the calendar's own zone (X-WR-TIMEZONE), else in the one the caller supplies.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from kalends.core.errors import InvalidInput
from kalends.core.rrule import BadRecurrence, parse_moment
from kalends.core.zones import resolve_tzid, zone

# Each begins with a line end in so many letters: the search then goes from line to line.
_EDGE = re.compile(r"\n(?i:(BEGIN|END):(VCALENDAR|VEVENT|VTIMEZONE))[ \t]*(?=\n)")
_INNER = re.compile(r"^BEGIN:([A-Z0-9-]+)[ \t]*\n.*?^END:\1[ \t]*\n", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_BEGIN = re.compile(r"^BEGIN:(VCALENDAR|VEVENT)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_PARAMS = r'((?:;[^=;:\n]+=(?:"[^"\n]*"|[^;:"\n])*)*)'
_LINE = re.compile(rf"([A-Z-]+){_PARAMS}:(.*)", re.IGNORECASE)
_OF_CALENDAR = re.compile(rf"^(X-WR-TIMEZONE|X-WR-CALNAME|NAME){_PARAMS}:(.*)$", re.MULTILINE | re.IGNORECASE)
_NAME_OF_ZONE = re.compile(r"^TZID[^:\n]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_TZID = re.compile(r';TZID=("[^"]*"|[^;"]*)', re.IGNORECASE)
_DURATION = re.compile(r"^\+?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")
_ESCAPED = re.compile(r"\\(.)")
_RECURRENCE = frozenset(("RRULE", "RDATE", "EXDATE", "EXRULE"))
_OF_TIMES = frozenset(("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"))
# Taken as they stand where nothing comes between the name and the colon.
_PLAIN = frozenset(("UID", "DURATION", "STATUS", "TRANSP", "SUMMARY", "X-MICROSOFT-CDO-BUSYSTATUS"))
_NAMES = _PLAIN | _RECURRENCE | _OF_TIMES | {"BEGIN"}
# The usual lines that say nothing of time: known at a glance.
_PASSED_OVER = frozenset(("DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "DESCRIPTION", "LOCATION", "CLASS", ""))
_CLOSING = "\nEND:VCALENDAR"


class NotACalendar(InvalidInput):
    """There is no VCALENDAR in the text, or it is cut off before its end."""

    code = "not_a_calendar"


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One event, series master or exception. Timed: `start`, `end` are instants in UTC; all-day: days, `end` excluded.

    key             the UID; where there is none, a digest of the event's own lines (F08)
    timezone        IANA zone of DTSTART, in which the rules run; "" for all-day
    recurrence      RRULE, RDATE, EXDATE and EXRULE lines, their TZIDs by IANA names
    recurrence_id   for an exception: the instant or day it replaces
    and_future      the exception stands for all later occurrences, too (RANGE=THISANDFUTURE)
    outlook_busy    X-MICROSOFT-CDO-BUSYSTATUS in upper case, "" if there is none
    """

    key: str
    start: datetime | date
    end: datetime | date
    timezone: str
    recurrence: tuple[str, ...] = ()
    recurrence_id: datetime | date | None = None
    and_future: bool = False
    status: str = ""
    transparent: bool = False
    outlook_busy: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """An event that could not be read: its key and why ("no_start", "bad_time", "unknown_zone", "bad_line" ...)."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedCalendar:
    """`name` and `timezone` as the calendar states them, "" where it does not (or where we do not know the zone)."""

    name: str
    timezone: str
    events: tuple[ParsedEvent, ...]
    problems: tuple[Problem, ...]


def parse_calendar(text: str, *, floating: str) -> ParsedCalendar:
    """All events of `text`. `floating` is the IANA zone for times without one. Raises NotACalendar, UnknownZone."""
    plain = _unfolded(text)
    cut = _cut(plain)
    if not cut.begun or plain.rstrip()[-len(_CLOSING) :].upper() != _CLOSING:
        raise NotACalendar("This is no calendar, or it is cut off.")
    own = {name.upper(): value.strip() for name, _, value in reversed(_OF_CALENDAR.findall(cut.outside))}
    stated = resolve_tzid(own.get("X-WR-TIMEZONE", ""))
    zones = _Zones(stated or zone(floating))
    for body in cut.zones:
        zones.state(body)
    read = [_read(body, zones) for body in cut.events]
    return ParsedCalendar(
        name=_unescaped(own.get("X-WR-CALNAME") or own.get("NAME", "")),
        timezone=stated.key if stated else "",
        events=tuple(item for item in read if isinstance(item, ParsedEvent)),
        problems=tuple(item for item in read if isinstance(item, Problem)),
    )


@dataclass(slots=True)
class _Cut:
    """The bodies of the components that matter, each line of them with its end, and what lies `outside` of these."""

    begun: bool = False
    events: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    outside: str = ""


def _unfolded(text: str) -> str:
    r"""The text with \n for every line end, one before the first line and one after the last."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return f"\n{plain}\n".replace("\n ", "").replace("\n\t", "")


def _cut(plain: str) -> _Cut:
    """An event that is not closed at all goes to the end; it must not be lost, nor may a VTIMEZONE swallow any."""
    cut = _Cut()
    outside, at = [], 0
    opened: dict[str, re.Match[str]] = {}
    for edge in _EDGE.finditer(plain):
        kind, begins = edge[2].upper(), edge[1].upper() == "BEGIN"
        if kind == "VCALENDAR":
            cut.begun |= begins
        elif begins and (kind == "VEVENT" or "VEVENT" not in opened):
            opened.setdefault(kind, edge)
        elif not begins and kind in opened:
            begin = opened[kind]
            (cut.events if kind == "VEVENT" else cut.zones).append(plain[begin.end() + 1 : edge.start() + 1])
            outside.append(plain[at : begin.start()])
            at = edge.end()
            opened.clear()
    if "VEVENT" in opened:
        cut.events.append(plain[opened["VEVENT"].end() + 1 :])
    cut.outside = "".join([*outside, plain[at:]])
    return cut


class _Unreadable(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# -- zones --------------------------------------------------------------------------------------------------------


class _Zones:
    """What the TZIDs of one text mean; `floating` stands for none."""

    def __init__(self, floating: ZoneInfo) -> None:
        self.floating = floating
        self._stated: dict[str, str] = {}
        self._known: dict[str, ZoneInfo | None] = {}
        self._by_params: dict[str, ZoneInfo] = {"": floating}

    def state(self, vtimezone: str) -> None:
        name = _NAME_OF_ZONE.search(vtimezone)
        if name:
            self._stated[name[1].strip()] = vtimezone

    def named(self, tzid: str) -> ZoneInfo:
        if tzid not in self._known:
            self._known[tzid] = resolve_tzid(tzid, self._stated.get(tzid))
        found = self._known[tzid]
        if found is None:
            raise _Unreadable("unknown_zone")
        return found

    def of(self, params: str) -> ZoneInfo:
        """The zone that a property's parameters name; `floating` where they name none."""
        if params not in self._by_params:
            tzid = _TZID.search(params)
            self._by_params[params] = self.named(tzid[1].strip('"')) if tzid else self.floating
        return self._by_params[params]


# -- events -------------------------------------------------------------------------------------------------------

_Lines = dict[str, tuple[str, str]]


def _read(body: str, zones: _Zones) -> ParsedEvent | Problem:
    if "\nBEGIN:" in body or body.startswith("BEGIN:"):
        body = _INNER.sub("", body)
    first: _Lines = {}
    recurrence: list[tuple[str, str, str]] = []
    for line in body.split("\n"):
        name, colon, value = line.partition(":")
        if colon and name in _PLAIN:
            first.setdefault(name, ("", value))
        elif name not in _PASSED_OVER:
            _note(line, first, recurrence)
    uid = first.get("UID", ("", ""))[1].strip() or f"none:{hashlib.sha256(body.encode()).hexdigest()[:32]}"
    try:
        if "BEGIN" in first:
            raise _Unreadable("bad_line")
        return _event(uid, first, recurrence, zones)
    except _Unreadable as error:
        return Problem(uid, error.reason)
    except BadRecurrence:
        return Problem(uid, "bad_time")
    except OverflowError:
        return Problem(uid, "out_of_range")


def _note(line: str, first: _Lines, recurrence: list[tuple[str, str, str]]) -> None:
    """Takes in a line as it may be: in any case, with parameters."""
    if line.partition(":")[0].partition(";")[0].upper() not in _NAMES:
        return
    found = _LINE.fullmatch(line)
    if not found:
        return
    name, params, value = found[1].upper(), found[2], found[3]
    if ":" in value and name in _OF_TIMES:
        # Exchange writes TZID=tzone://Microsoft/Utc and TZID=(UTC+01:00) ... unquoted; no time holds a colon.
        more, _, value = value.rpartition(":")
        params = f"{params}:{more}"
    if name in _RECURRENCE:
        recurrence.append((name, params, value))
    elif name != "BEGIN" or value.strip().upper() in ("VEVENT", "VCALENDAR"):
        first.setdefault(name, (params, value))


def _event(uid: str, lines: _Lines, recurrence: list[tuple[str, str, str]], zones: _Zones) -> ParsedEvent:
    if "DTSTART" not in lines:
        raise _Unreadable("no_start")
    start, name = _moment(*lines["DTSTART"], zones)
    return ParsedEvent(
        key=uid,
        start=start,
        end=_end(start, lines, zones),
        timezone=name,
        recurrence=tuple(_line(*line, zones) for line in recurrence),
        recurrence_id=_moment(*lines["RECURRENCE-ID"], zones)[0] if "RECURRENCE-ID" in lines else None,
        and_future="RECURRENCE-ID" in lines and "THISANDFUTURE" in lines["RECURRENCE-ID"][0].upper(),
        status=_word(lines, "STATUS"),
        transparent=_word(lines, "TRANSP") == "TRANSPARENT",
        outlook_busy=_word(lines, "X-MICROSOFT-CDO-BUSYSTATUS"),
        summary=_unescaped(lines["SUMMARY"][1]) if "SUMMARY" in lines else "",
    )


def _moment(params: str, value: str, zones: _Zones) -> tuple[datetime | date, str]:
    """The instant (UTC) and its zone, or the day and ""."""
    moment = parse_moment(value.strip())
    if not isinstance(moment, datetime):
        return moment, ""
    if moment.tzinfo is not None:
        return moment, "UTC"
    clock = zones.of(params)
    return moment.replace(tzinfo=clock).astimezone(UTC), clock.key


def _end(start: datetime | date, lines: _Lines, zones: _Zones) -> datetime | date:
    if "DTEND" in lines:
        end = _moment(*lines["DTEND"], zones)[0]
    else:
        end = start + _duration(lines["DURATION"][1]) if "DURATION" in lines else start
    if not isinstance(start, datetime):
        day = end.date() if isinstance(end, datetime) else end
        # Some programs write the last day itself; an event that lies on no day at all would be free time.
        return max(day, start + timedelta(days=1))
    if not isinstance(end, datetime):
        raise _Unreadable("bad_end")
    if end < start:
        raise _Unreadable("end_before_start")
    return end


def _duration(text: str) -> timedelta:
    match = _DURATION.match(text.strip().upper())
    if not match:
        raise _Unreadable("bad_duration")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _line(name: str, params: str, value: str, zones: _Zones) -> str:
    """The line with its TZID by IANA name: the VTIMEZONE that explains another stays behind with the text."""
    tzid = _TZID.search(params) if params else None
    if tzid:
        params = f"{params[: tzid.start()]};TZID={zones.named(tzid[1].strip(chr(34))).key}{params[tzid.end() :]}"
    return f"{name}{params}:{value.strip()}"


def _word(lines: _Lines, name: str) -> str:
    return lines[name][1].strip().upper() if name in lines else ""


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value) if "\\" in value else value
