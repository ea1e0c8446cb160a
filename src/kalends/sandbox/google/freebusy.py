"""freeBusy.query: merged busy times of calendars, without saying what they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from kalends.core.span import Span, merge
from kalends.sandbox.google import bodies, errors, listing
from kalends.sandbox.google.store import Calendar, Event, Store

MAX_CALENDARS = 50


def answer(store: Store, email: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to a freeBusy query of `email`. Raises ApiError 400 for bounds that cannot be used."""
    given = {name: [str(body[name])] for name in ("timeMin", "timeMax") if body.get(name)}
    low, high = listing.moment(given, "timeMin"), listing.moment(given, "timeMax")
    if low is None or high is None:
        raise errors.bad_request("Missing timeMin or timeMax parameter.", reason="required")
    if low >= high:
        raise errors.bad_request("The specified time range is empty.", reason="timeRangeEmpty")
    items = body.get("items") or []
    ceiling = min(int(body.get("calendarExpansionMax") or MAX_CALENDARS), MAX_CALENDARS)
    if len(items) > ceiling:
        message = "The number of calendars requested is too large for a single query."
        raise errors.bad_request(message, reason="tooManyCalendarsRequested")
    zone = ZoneInfo(str(body.get("timeZone") or "UTC"))
    window = Span(low, high)
    calendars = {item["id"]: _calendar(store, email, item["id"], window, zone) for item in items}
    bounds = {"timeMin": _text(low, ZoneInfo("UTC")), "timeMax": _text(high, ZoneInfo("UTC"))}
    return {"kind": "calendar#freeBusy", **bounds, "calendars": calendars}


def _calendar(store: Store, email: str, name: str, window: Span, zone: ZoneInfo) -> dict[str, Any]:
    calendar = store.calendars.get(email if name == "primary" else name)
    if calendar is None or calendar.deleted or calendar.roles.get(email, "none") == "none":
        return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    spans = merge(busy_spans(store, calendar, window))
    return {"busy": [{"start": _text(span.start, zone), "end": _text(span.end, zone)} for span in spans]}


def busy_spans(store: Store, calendar: Calendar, window: Span) -> list[Span]:
    """Busy times within the window, cut at its ends."""
    found = []
    for event in store.events(calendar.id):
        occurrences = [event]
        if "recurrence" in event.body:
            occurrences = list(listing.expand(store, calendar, event, window.start, window.end))
        for occurrence in occurrences:
            start, end = bodies.span_of(occurrence.body, calendar)
            if _blocks(occurrence, calendar) and start < window.end and end > window.start:
                found.append(Span(max(start, window.start), min(end, window.end)))
    return found


def _blocks(event: Event, calendar: Calendar) -> bool:
    body = event.body
    declined = any(
        person.get("email") == calendar.id and person.get("responseStatus") == "declined"
        for person in body.get("attendees", ())
    )
    free = body.get("transparency") == "transparent" or body.get("eventType") in ("workingLocation", "birthday")
    return not (event.cancelled or declined or free)


def _text(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat().replace("+00:00", "Z")
