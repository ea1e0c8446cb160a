"""Google's events as values of the port, and what we own as the body of a request. Pure.

An event of ours carries two private extended properties, which its other guests do not see: the operation that made it
and the calendar it was written to. A copy made by hand carries them too, so they mark an event and never identify it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from json import dumps, loads
from typing import Any

from kalends.core.span import Span
from kalends.core.zones import is_zone
from kalends.providers.notes import read_notes, write_notes
from kalends.sync.port import (
    AllDay,
    BusyState,
    Content,
    Deleted,
    Intent,
    PageItem,
    Quarantined,
    RemoteEvent,
    Timed,
    When,
)

KEY, CALENDAR = "kalendsKey", "kalendsCalendar"
_FREE_TYPES = {"birthday": BusyState.FREE, "workingLocation": BusyState.ELSEWHERE}

Json = Mapping[str, Any]


def to_item(event: Json, calendar_zone: str) -> PageItem:
    """One item of a list. A cancelled event keeps only its id; a cancelled occurrence says which one it was."""
    event_id = str(event.get("id", ""))
    try:
        if event.get("status") == "cancelled" and not event.get("recurringEventId"):
            return Deleted(event_id)
        return to_event(event, calendar_zone)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Quarantined(event_id, type(error).__name__)


def to_event(event: Json, calendar_zone: str) -> RemoteEvent:
    """One event. `calendar_zone` serves where the event states no zone. Raises KeyError, TypeError, ValueError."""
    cancelled = event.get("status") == "cancelled"
    when = None if cancelled and "start" not in event else _when(event, calendar_zone)
    marker = str(event.get("extendedProperties", {}).get("private", {}).get(KEY, ""))
    ours = bool(marker) and not cancelled
    return RemoteEvent(
        id=event["id"],
        tag=event.get("etag", ""),
        when=when,
        cancelled=cancelled,
        busy=_busy(event),
        declined=_own_answer(event) == "declined",
        recurrence=tuple(event.get("recurrence", ())),
        series_id=event.get("recurringEventId", ""),
        original_start=_moment(event["originalStartTime"]) if "originalStartTime" in event else None,
        op_key=marker,
        updated=datetime.fromisoformat(event["updated"]).astimezone(UTC) if event.get("updated") else None,
        foreign_organizer="organizer" in event and not event["organizer"].get("self", False),
        content=_content(event, when) if ours and when else None,
        raw=dumps(event) if ours else "",
    )


def _when(event: Json, calendar_zone: str) -> When:
    start, end = event["start"], event["end"]
    if "date" in start:
        return AllDay(date.fromisoformat(start["date"]), date.fromisoformat(end["date"]))
    zone = _zone(start.get("timeZone", ""), calendar_zone, needed=bool(event.get("recurrence")))
    return Timed(Span(_instant(start), _instant(end)), zone)


def _zone(stated: str, calendar_zone: str, *, needed: bool) -> str:
    """A single event is an instant whatever its zone; a series runs on the clock of its zone."""
    if stated and is_zone(stated):
        return stated
    if stated and needed:
        raise ValueError("unknown zone of a series")
    return calendar_zone if is_zone(calendar_zone) else "UTC"


def _instant(moment: Json) -> datetime:
    at = datetime.fromisoformat(moment["dateTime"])
    if at.tzinfo is None:
        raise ValueError("a time without an offset")
    return at.astimezone(UTC)


def _moment(moment: Json) -> datetime | date:
    return date.fromisoformat(moment["date"]) if "date" in moment else _instant(moment)


def _busy(event: Json) -> BusyState:
    kind = event.get("eventType", "default")
    if kind in _FREE_TYPES:
        return _FREE_TYPES[kind]
    if event.get("transparency") == "transparent":
        return BusyState.FREE
    if kind == "outOfOffice":
        return BusyState.OUT_OF_OFFICE
    tentative = event.get("status") == "tentative" or _own_answer(event) == "tentative"
    return BusyState.TENTATIVE if tentative else BusyState.BUSY


def _own_answer(event: Json) -> str:
    for attendee in event.get("attendees", ()):
        if attendee.get("self"):
            return str(attendee.get("responseStatus", ""))
    return ""


def _content(event: Json, when: When) -> Content:
    """Of an event of ours that was made all-day, the span is its days in UTC: only its texts are compared then."""
    if isinstance(when, AllDay):
        span = Span(datetime.combine(when.start, time(), UTC), datetime.combine(when.end, time(), UTC))
        zone = "UTC"
    else:
        span, zone = when.span, when.timezone
    return Content(
        span=span,
        timezone=zone,
        title=event.get("summary", ""),
        location=event.get("location", ""),
        notes=read_notes(event.get("description", "")),
    )


def new_body(intent: Intent, calendar_id: str) -> dict[str, Any]:
    """The body that creates our event under our own id. It has no attendees, so nobody is mailed."""
    return {"id": intent.op_key, **_owned(intent, "", calendar_id)}


def changed_body(intent: Intent, calendar_id: str, raw: str) -> dict[str, Any]:
    """The body of a PATCH: what we own and nothing else. `raw` is the event as it was read, from RemoteEvent.raw."""
    before: Json = loads(raw)
    body = _owned(intent, before.get("description", ""), calendar_id)
    if "date" in before.get("start", {}):
        body["start"]["date"] = body["end"]["date"] = None
    if before.get("recurrence"):
        body["recurrence"] = []
    return body


def _owned(intent: Intent, description: str, calendar_id: str) -> dict[str, Any]:
    content = intent.content
    return {
        "summary": content.title,
        "location": content.location,
        "description": write_notes(description, content.notes),
        "start": _stamp(content.span.start, content.timezone),
        "end": _stamp(content.span.end, content.timezone),
        "extendedProperties": {"private": {KEY: intent.op_key, CALENDAR: calendar_id}},
    }


def _stamp(at: datetime, zone: str) -> dict[str, Any]:
    return {"dateTime": at.astimezone(UTC).isoformat().replace("+00:00", "Z"), "timeZone": zone}
