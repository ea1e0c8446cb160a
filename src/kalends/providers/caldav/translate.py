"""Calendar resources as values of the port, and an intent as a calendar resource. Pure.

A resource holds a series and its exceptions. Each exception becomes an event of its own with the id
"<href>#<recurrence id>". Our own events carry X-KALENDS-KEY and a UID made from it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kalends.core.rrule import BadRecurrence, parse_moment
from kalends.core.span import Span
from kalends.core.zones import resolve_tzid, zone
from kalends.ics.text import CRLF, escaped, utc
from kalends.ics.vtimezone import vtimezone
from kalends.providers.caldav.text import BadText, Block, Line, parse, render, with_quoted_zone
from kalends.providers.notes import read_notes, write_notes
from kalends.sync.port import (
    AllDay,
    BusyState,
    Content,
    Intent,
    PageItem,
    Quarantined,
    RemoteEvent,
    Timed,
    When,
)

KEY = "X-KALENDS-KEY"
_RECURRENCE = ("RRULE", "RDATE", "EXDATE", "EXRULE")
_DURATION = re.compile(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_TZID = re.compile(r';TZID=("[^"]*"|[^;:"]*)', re.IGNORECASE)
_OUTLOOK_BUSY = {
    "FREE": BusyState.FREE,
    "TENTATIVE": BusyState.TENTATIVE,
    "OOF": BusyState.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": BusyState.ELSEWHERE,
}
_UNREADABLE = (BadText, BadRecurrence, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading a calendar's resources needs to know.

    addresses  the account's mail addresses in lower case: who declined, and whose event it is
    floating   the calendar's zone for times without one, "" if it states none; asked only when such a time is met
    """

    addresses: frozenset[str]
    floating: Callable[[], str]

    def read(self, href: str, etag: str, text: str) -> list[PageItem]:
        """All events of a resource; what cannot be read is quarantined, the rest serves."""
        try:
            calendar = parse(text)
        except BadText as error:
            return [Quarantined(href, f"unreadable: {error}")]
        return [self._item(calendar, event, href, etag, text) for event in calendar.blocks("VEVENT")]

    def _item(self, calendar: Block, event: Block, href: str, etag: str, text: str) -> PageItem:
        try:
            return self._event(calendar, event, href, etag or content_tag(text), text)
        except _UNREADABLE as error:
            reason = str(error) if isinstance(error, BadText) else type(error).__name__
            exception = event.texts("RECURRENCE-ID")
            return Quarantined(f"{href}#{exception[0].rpartition(':')[2]}" if exception else href, reason)

    def _event(self, calendar: Block, event: Block, href: str, tag: str, text: str) -> RemoteEvent:
        exception = event.first("RECURRENCE-ID")
        if exception and exception.params.get("RANGE"):
            raise BadText("RANGE")
        original = self._moment(calendar, exception)[0] if exception else None
        when = self._when(calendar, event)
        key = "" if exception else event.value(KEY)
        answer = self._own_answer(event)
        return RemoteEvent(
            id=f"{href}#{_stamp(original)}" if original else href,
            tag=tag,
            when=when,
            cancelled=event.value("STATUS").upper() == "CANCELLED",
            busy=_busy(event, answer),
            declined=answer == "DECLINED",
            recurrence=_recurrence(calendar, event),
            series_id=href if original else "",
            original_start=original,
            op_key=key,
            content=_content(event, when) if key else None,
            updated=_instant(event.value("LAST-MODIFIED")),
            foreign_organizer=self._foreign(event),
            raw=text if key else "",
        )

    # -- times --------------------------------------------------------------------------------------------------

    def _when(self, calendar: Block, event: Block) -> When:
        start_line = event.first("DTSTART")
        if start_line is None:
            raise BadText("DTSTART")
        start, zone_name = self._moment(calendar, start_line)
        end_line, length = event.first("DTEND"), event.value("DURATION")
        if not isinstance(start, datetime):
            return AllDay(start, self._last_day(start, end_line, length))
        end = self._moment(calendar, end_line)[0] if end_line else start + _duration(length)
        if not isinstance(end, datetime) or end < start:
            raise BadText("DTEND")
        return Timed(Span(start, end), zone_name)

    def _last_day(self, start: date, end_line: Line | None, length: str) -> date:
        end = parse_moment(end_line.value) if end_line else start + _duration(length)
        end = end.date() if isinstance(end, datetime) else end
        # Some programs write the last day itself; an event that lies on no day at all would be free time.
        return max(end, start + timedelta(days=1))

    def _moment(self, calendar: Block, line: Line) -> tuple[datetime | date, str]:
        """The instant (UTC) or day of a line, and its IANA zone."""
        moment = parse_moment(line.value)
        if not isinstance(moment, datetime):
            return moment, ""
        if moment.tzinfo is not None:
            return moment.astimezone(UTC), "UTC"
        name = self._zone_name(calendar, line)
        return moment.replace(tzinfo=zone(name)).astimezone(UTC), name

    def _zone_name(self, calendar: Block, line: Line) -> str:
        tzid = line.params.get("TZID", "")
        if tzid:
            return _resolved(calendar, tzid)
        floating = self.floating()
        if not floating:
            raise BadText("a time without a zone")
        return floating

    # -- people -------------------------------------------------------------------------------------------------

    def _own_answer(self, event: Block) -> str:
        for attendee in event.lines("ATTENDEE"):
            if _address(attendee.value) in self.addresses:
                return attendee.params.get("PARTSTAT", "").upper()
        return ""

    def _foreign(self, event: Block) -> bool:
        organizer = event.value("ORGANIZER")
        return bool(organizer) and _address(organizer) not in self.addresses


def content_tag(text: str) -> str:
    """A tag for servers that give no ETag: of the content, whatever its line ends."""
    return "h:" + hashlib.sha256(text.replace("\r\n", "\n").strip().encode()).hexdigest()


def uid_of(op_key: str) -> str:
    return f"{op_key}@kalends"


def zone_of_calendar(text: str) -> str:
    """The IANA zone of a calendar-timezone property (RFC 4791, 5.2.2), "" if it has none that we know."""
    try:
        calendar = parse(text)
        names = [_resolved(calendar, block.value("TZID")) for block in calendar.blocks("VTIMEZONE")]
    except _UNREADABLE:
        return ""
    return names[0] if names else ""


def _resolved(calendar: Block, tzid: str) -> str:
    stated = next((block for block in calendar.blocks("VTIMEZONE") if block.value("TZID") == tzid), None)
    found = resolve_tzid(tzid, render(stated) if stated else None)
    if found is None:
        raise BadText("TZID")
    return found.key


def _recurrence(calendar: Block, event: Block) -> tuple[str, ...]:
    """The recurrence lines, their zones by IANA name: the VTIMEZONE that explains others stays behind."""

    def named(match: re.Match[str]) -> str:
        return f";TZID={_resolved(calendar, match[1].strip(chr(34)))}"

    return tuple(_TZID.sub(named, with_quoted_zone(text), count=1) for text in event.texts(*_RECURRENCE))


def _instant(value: str) -> datetime | None:
    try:
        moment = parse_moment(value) if value else None
    except BadRecurrence:
        return None
    return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None


def _duration(text: str) -> timedelta:
    if not text:
        return timedelta(0)
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None or match[1] == "-":
        raise BadText("DURATION")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _busy(event: Block, answer: str) -> BusyState:
    if event.value("TRANSP").upper() == "TRANSPARENT":
        return BusyState.FREE
    outlook = _OUTLOOK_BUSY.get(event.value("X-MICROSOFT-CDO-BUSYSTATUS").upper())
    if outlook is not None:
        return outlook
    tentative = "TENTATIVE" in (event.value("STATUS").upper(), answer)
    return BusyState.TENTATIVE if tentative else BusyState.BUSY


def _address(value: str) -> str:
    return value.strip().lower().removeprefix("mailto:")


def _content(event: Block, when: When) -> Content:
    """Of an event of ours that was made all-day, the span is its days in UTC: only its texts are compared then."""
    if isinstance(when, AllDay):
        span = Span(datetime.combine(when.start, time(), UTC), datetime.combine(when.end, time(), UTC))
        name = "UTC"
    else:
        span, name = when.span, when.timezone
    notes = read_notes(event.words("DESCRIPTION"))
    return Content(span, name, event.words("SUMMARY"), event.words("LOCATION"), notes)


# -- writing ----------------------------------------------------------------------------------------------------------


def new_text(intent: Intent, now: datetime) -> str:
    """Our event as a resource of its own, without organizer and attendees: the server has nobody to mail."""
    event = Block("VEVENT", [f"UID:{uid_of(intent.op_key)}", "SEQUENCE:0", "STATUS:CONFIRMED", "TRANSP:OPAQUE"])
    calendar = Block("VCALENDAR", ["VERSION:2.0", "PRODID:-//Kalends//Kalends//EN", "CALSCALE:GREGORIAN", event])
    _set_owned(calendar, event, intent, now)
    return render(calendar)


def changed_text(intent: Intent, raw: str, now: datetime) -> str:
    """The fetched resource with what we own set and the rest kept: alarms, colour, attendees. Raises BadText.

    It is one single event again, whatever it was made into.
    """
    calendar = parse(raw)
    masters = [event for event in calendar.blocks("VEVENT") if not event.texts("RECURRENCE-ID")]
    if not masters:
        raise BadText("VEVENT")
    event = masters[0]
    calendar.body = [part for part in calendar.body if not _is_exception(part)]
    event.drop(*_RECURRENCE, "DURATION", "X-MICROSOFT-CDO-ALLDAYEVENT")
    event.put("SEQUENCE", f"SEQUENCE:{_number(event.value('SEQUENCE')) + 1}")
    _set_owned(calendar, event, intent, now)
    return render(calendar)


def _is_exception(part: str | Block) -> bool:
    return isinstance(part, Block) and part.name == "VEVENT" and bool(part.texts("RECURRENCE-ID"))


def _number(value: str) -> int:
    return int(value) if value.isdecimal() else 0


def _set_owned(calendar: Block, event: Block, intent: Intent, now: datetime) -> None:
    content = intent.content
    _set_time(calendar, event, content)
    _set_words(event, "SUMMARY", content.title)
    _set_words(event, "LOCATION", content.location)
    before = event.words("DESCRIPTION")
    _set_words(event, "DESCRIPTION", write_notes(before, content.notes))
    if event.words("DESCRIPTION") != before:
        event.drop("X-ALT-DESC")
    for name in ("DTSTAMP", "LAST-MODIFIED"):
        event.put(name, f"{name}:{utc(now)}")
    event.put(KEY, f"{KEY}:{intent.op_key}")


def _set_time(calendar: Block, event: Block, content: Content) -> None:
    walls = [at.astimezone(zone(content.timezone)) for at in (content.span.start, content.span.end)]
    # Of a wall time that comes twice a year the second instant can only be said in UTC, and readers differ on the first.
    in_utc = content.timezone == "UTC" or not all(map(_shown_once, walls))
    for name, wall in zip(("DTSTART", "DTEND"), walls, strict=True):
        event.put(name, f"{name}:{utc(wall)}" if in_utc else f"{name};TZID={content.timezone}:{wall:%Y%m%dT%H%M%S}")
    if not in_utc:
        _set_zone(calendar, content)


def _shown_once(wall: datetime) -> bool:
    return wall.replace(fold=0).utcoffset() == wall.replace(fold=1).utcoffset()


def _set_zone(calendar: Block, content: Content) -> None:
    """The zone's rules stand in the resource, so that every reader finds the same instants (F14)."""
    wrapped = f"BEGIN:VCALENDAR{CRLF}{vtimezone(content.timezone, content.span)}END:VCALENDAR{CRLF}"
    rules = parse(wrapped).blocks("VTIMEZONE")
    others = [
        part
        for part in calendar.body
        if not (isinstance(part, Block) and part.name == "VTIMEZONE" and part.value("TZID") == content.timezone)
    ]
    place = next((i for i, part in enumerate(others) if isinstance(part, Block)), len(others))
    calendar.body = [*others[:place], *rules, *others[place:]]


def _set_words(event: Block, name: str, words: str) -> None:
    """An equal text keeps its line, with the parameters that others gave it."""
    if event.texts(name) and event.words(name) == words:
        return
    event.put(name, *([f"{name}:{escaped(words)}"] if words or name == "SUMMARY" else []))


def _stamp(moment: datetime | date) -> str:
    return utc(moment) if isinstance(moment, datetime) else f"{moment:%Y%m%d}"
