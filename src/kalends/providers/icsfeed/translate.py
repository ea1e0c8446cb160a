"""The events of one unit, as the port knows them: a single event, or a series with its exceptions.

What a feed can say and the port cannot is said in other words here: an exception for all later occurrences
(RANGE=THISANDFUTURE) becomes a second list of occurrences, an RDATE that is a PERIOD an event of its own length.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from kalends.core.recurrence import expand, expand_days
from kalends.core.rrule import BadRecurrence, parse_moment
from kalends.core.span import Span
from kalends.core.zones import resolve_tzid
from kalends.ics.event import ParsedEvent
from kalends.sync.port import AllDay, BusyState, RemoteEvent, Timed, When

_OUTLOOK = {
    "FREE": BusyState.FREE,
    "TENTATIVE": BusyState.TENTATIVE,
    "BUSY": BusyState.BUSY,
    "OOF": BusyState.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": BusyState.ELSEWHERE,
}
_PERIODS = re.compile(r"^RDATE(;[^:]*)?:(.*/.*)$", re.IGNORECASE)
_TZID = re.compile(r';TZID="?([^";:]*)', re.IGNORECASE)
_LENGTH = re.compile(r"^\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$")
# Occurrences that are spelled out are spelled out again at the next full read, a week and some hours later.
_MARGIN = timedelta(days=15)
Moment = datetime | date


def events_of(unit: str, parsed: Sequence[ParsedEvent], window: Span) -> list[RemoteEvent]:
    """`unit` is the digest, and the id of the first event; the others are "<digest>#...". Raises BadRecurrence."""
    masters = [event for event in parsed if event.recurrence_id is None]
    exceptions = [event for event in parsed if event.recurrence_id is not None]
    series = next((event for event in masters if event.recurrence), None)
    if series is None:
        # Exceptions of a series that the feed does not tell of are events like others.
        return numbered(unit, [*masters, *exceptions])
    found = _series(unit, series, exceptions, window)
    others = [_event(f"{unit}#{number}", event) for number, event in enumerate(masters) if event is not series]
    return [*found, *(replace(event, series_id=unit) for event in others)]


def numbered(unit: str, events: Sequence[ParsedEvent]) -> list[RemoteEvent]:
    """Each for itself, the first under the unit's own id."""
    return [
        _event(unit, event) if not number else replace(_event(f"{unit}#{number}", event), series_id=unit)
        for number, event in enumerate(events)
    ]


def _event(ident: str, parsed: ParsedEvent) -> RemoteEvent:
    return RemoteEvent(
        id=ident,
        tag="",
        when=_when(parsed.start, parsed.end, parsed.timezone),
        cancelled=parsed.status == "CANCELLED",
        busy=busy_state(parsed),
        recurrence=parsed.recurrence,
    )


def busy_state(parsed: ParsedEvent) -> BusyState:
    """TRANSP says free, then Outlook's own word, then STATUS. Unknown words block."""
    if parsed.transparent:
        return BusyState.FREE
    outlook = _OUTLOOK.get(parsed.outlook_busy)
    if outlook is not None:
        return outlook
    return BusyState.TENTATIVE if parsed.status == "TENTATIVE" else BusyState.BUSY


def _when(start: Moment, end: Moment, timezone: str) -> When:
    if isinstance(start, datetime) and isinstance(end, datetime):
        return Timed(Span(start, end), timezone)
    return AllDay(_day(start), _day(end))


def _day(moment: Moment) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


# -- series -------------------------------------------------------------------------------------------------------


def _series(unit: str, master: ParsedEvent, exceptions: Sequence[ParsedEvent], window: Span) -> list[RemoteEvent]:
    periods = list(_periods(master))
    plain = replace(master, recurrence=tuple(_without_periods(master.recurrence)))
    turns = sorted(
        (event for event in exceptions if event.and_future and _same_kind(event, master)),
        key=lambda event: _instant(event.recurrence_id),
    )
    single = [event for event in exceptions if event not in turns]
    if turns:
        moved = {event.recurrence_id for event in single}
        starts = [start for start in _occurrences(plain, _widened(window)) if start not in moved]
        found = _turned(unit, plain, turns, starts)
    else:
        found = [_event(unit, plain)]
    found += [_exception(unit, event, number) for number, event in enumerate(single)]
    replaced = {event.recurrence_id for event in exceptions}
    for number, (start, end) in enumerate(periods):
        if start not in replaced:
            extra = replace(found[0], id=f"{unit}#p{number}", when=_when(start, end, master.timezone))
            found.append(replace(extra, recurrence=(), series_id=unit))
    return found


def _exception(unit: str, event: ParsedEvent, number: int) -> RemoteEvent:
    plain = replace(event, recurrence=())
    return replace(_event(f"{unit}#e{number}", plain), series_id=unit, original_start=event.recurrence_id)


def _turned(
    unit: str, master: ParsedEvent, turns: Sequence[ParsedEvent], starts: Sequence[Moment]
) -> list[RemoteEvent]:
    """The master up to the first turn, and from each turn to the next what it makes of the master's occurrences.

    `starts` are the master's occurrences but for those that exceptions of their own replace.
    """
    ordered = sorted(starts, key=_instant)
    instants = [_instant(start) for start in ordered]
    begins = [_instant(turn.recurrence_id) for turn in turns]
    found = [replace(_event(unit, master), recurrence=_spelled(ordered[: bisect_left(instants, begins[0])]))]
    for number, turn in enumerate(turns):
        assert turn.recurrence_id is not None
        end = bisect_left(instants, begins[number + 1]) if number + 1 < len(turns) else len(instants)
        later = ordered[bisect_right(instants, begins[number]) : end]
        shift = _wall(turn.start, master.timezone) - _wall(turn.recurrence_id, master.timezone)
        moved = [_shifted(start, shift, master.timezone) for start in later]
        event = replace(_event(f"{unit}#t{number}", turn), recurrence=_spelled(moved))
        found.append(replace(event, series_id=unit, original_start=turn.recurrence_id))
    return found


def _occurrences(master: ParsedEvent, window: Span) -> list[Moment]:
    if isinstance(master.start, datetime) and isinstance(master.end, datetime):
        length = master.end - master.start
        return list(
            expand(
                start=master.start,
                duration=length,
                timezone=master.timezone,
                rules=master.recurrence,
                window=window,
            )
        )
    first, last = _day(master.start), _day(master.end)
    return list(
        expand_days(
            start=first,
            days=(last - first).days,
            rules=master.recurrence,
            first=window.start.date(),
            end=window.end.date(),
        )
    )


def _spelled(starts: Sequence[Moment]) -> tuple[str, ...]:
    if not starts:
        return ()
    if isinstance(starts[0], datetime):
        return (f"RDATE:{','.join(f'{start:%Y%m%dT%H%M%SZ}' for start in starts)}",)
    return (f"RDATE;VALUE=DATE:{','.join(f'{start:%Y%m%d}' for start in starts)}",)


def _shifted(start: Moment, shift: timedelta, timezone: str) -> Moment:
    if not isinstance(start, datetime):
        return start + shift
    clock = resolve_tzid(timezone)
    wall = _wall(start, timezone) + shift
    return wall.replace(tzinfo=clock or UTC).astimezone(UTC)


def _wall(moment: Moment, timezone: str) -> datetime:
    """On the clock of the series, so that a shift by an hour stays one across a change of clocks."""
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - a day
    return moment.astimezone(resolve_tzid(timezone) or UTC).replace(tzinfo=None)


def _instant(moment: Moment | None) -> datetime:
    assert moment is not None
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _same_kind(event: ParsedEvent, master: ParsedEvent) -> bool:
    kinds = {isinstance(moment, datetime) for moment in (event.recurrence_id, event.start, master.start)}
    return len(kinds) == 1


def _widened(window: Span) -> Span:
    return Span(window.start - _MARGIN, window.end + _MARGIN)


# -- periods ------------------------------------------------------------------------------------------------------


def _without_periods(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if not _PERIODS.match(line):
            yield line


def _periods(master: ParsedEvent) -> Iterator[tuple[datetime, datetime]]:
    """Start and end of each RDATE that states its own length (RFC 5545, 3.3.9). Raises BadRecurrence."""
    for line in master.recurrence:
        match = _PERIODS.match(line)
        if not match:
            continue
        tzid = _TZID.search(match[1] or "")
        for text in match[2].split(","):
            start_text, _, end_text = text.strip().partition("/")
            start = _placed(start_text, tzid[1] if tzid else master.timezone)
            length = _LENGTH.match(end_text.upper())
            if length:
                weeks, days, hours, minutes, seconds = (int(part or 0) for part in length.groups())
                end = start + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
            else:
                end = _placed(end_text or start_text, tzid[1] if tzid else master.timezone)
            if end < start:
                raise BadRecurrence(f"A period that ends before it begins: {text[:40]!r}")
            yield start, end


def _placed(text: str, timezone: str) -> datetime:
    moment = parse_moment(text)
    if not isinstance(moment, datetime):
        raise BadRecurrence(f"Not a period: {text[:20]!r}")
    return moment if moment.tzinfo else moment.replace(tzinfo=resolve_tzid(timezone) or UTC).astimezone(UTC)
