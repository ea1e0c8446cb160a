"""Event bodies: what a request may hold, how it is kept, and how it is given back.

Kept bodies hold `dateTime` in UTC with the author's zone beside it. Google rewrites what it is sent; the rewriting
here is of the same kind, so that a client which compares with what it sent, not with what it got, is found out.
"""

from __future__ import annotations

import copy
import html
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kalends.sandbox.google import errors, recurrence
from kalends.sandbox.google.store import Calendar, Event

Body = dict[str, Any]

READ_ONLY = frozenset(
    ("kind", "etag", "created", "updated", "creator", "htmlLink", "hangoutLink", "recurringEventId",
     "originalStartTime", "locked", "privateCopy"),
)  # fmt: skip
DEFAULTS: Body = {
    "transparency": "opaque",
    "visibility": "default",
    "anyoneCanAddSelf": False,
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "attendeesOmitted": False,
    "endTimeUnspecified": False,
}
TYPES = ("default", "outOfOffice", "focusTime", "workingLocation")
_CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
}
_TEXTS = {"summary": 1024, "location": 1024, "description": 8192}
_UNSAFE = re.compile(r"<(script|style|iframe|object)\b.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def merge(base: Any, patch: Any) -> Any:
    """Patch semantics: objects merge key by key, null removes, all else (arrays too) is replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def normalise(body: Body, calendar: Calendar) -> Body:
    """The body as it is kept. Raises ApiError 400 for what Google refuses."""
    kept = {key: value for key, value in body.items() if value is not None}
    for name, limit in _TEXTS.items():
        _rewrite_text(kept, name, limit)
    for name, values in _CHOICES.items():
        if name in kept and kept[name] not in values:
            raise errors.invalid(f"Invalid value for: {kept[name]} is not a valid value", location=name)
    for name, default in DEFAULTS.items():
        if kept.get(name) == default:
            del kept[name]
    kept.setdefault("status", "confirmed")
    kept["reminders"] = kept.get("reminders") or {"useDefault": True}
    _limit_properties(kept)
    _check_times(kept, calendar)
    _check_attendees(kept, calendar)
    return kept


def _rewrite_text(kept: Body, name: str, limit: int) -> None:
    if name not in kept:
        return
    if not isinstance(kept[name], str):
        raise errors.bad_request(f"Parse Error: {name} is no string", reason="parseError")
    text = _CONTROL.sub("", kept[name].replace("\r\n", "\n").replace("\r", "\n"))
    text = _UNSAFE.sub("", text).rstrip() if name == "description" else re.sub(r"\s*\n\s*", " ", text).strip()
    kept[name] = text[:limit]
    if not kept[name]:
        del kept[name]


def _limit_properties(kept: Body) -> None:
    """Keys over 44 characters are dropped, values cut at 1024, as the guide to extended properties says."""
    groups = kept.get("extendedProperties")
    if groups is None:
        return
    for group in ("private", "shared"):
        values = groups.get(group) or {}
        limited = {key: str(value)[:1024] for key, value in values.items() if len(key) <= 44 and value is not None}
        groups[group] = dict(list(limited.items())[:300])
    kept["extendedProperties"] = {group: groups[group] for group in ("private", "shared") if groups[group]}
    if not kept["extendedProperties"]:
        del kept["extendedProperties"]


def _check_times(kept: Body, calendar: Calendar) -> None:
    for name in ("start", "end"):
        kept[name] = _moment(kept.get(name), name, calendar)
    if ("date" in kept["start"]) != ("date" in kept["end"]):
        raise errors.invalid("Invalid start or end: both are dates, or both are times.")
    begin, end = span_of(kept, calendar)
    if end < begin or ("date" in kept["start"] and end == begin):
        raise errors.bad_request("The specified time range is empty.", reason="timeRangeEmpty")
    lines = kept.get("recurrence")
    if not lines:
        kept.pop("recurrence", None)
        return
    if "dateTime" in kept["start"] and not kept["start"].get("timeZone"):
        raise errors.bad_request("Missing time zone definition for start time.", reason="required")
    try:
        recurrence.check_lines(lines, start_of(kept), zone_of(kept, calendar))
    except (ValueError, AttributeError, LookupError) as error:
        raise errors.invalid(f"Invalid recurrence rule. {error}", location="recurrence") from error


def _moment(value: Any, name: str, calendar: Calendar) -> Body:
    if not isinstance(value, dict) or not (value.get("date") or value.get("dateTime")):
        raise errors.bad_request(f"Missing {name} time.", reason="required")
    if value.get("date") and value.get("dateTime"):
        raise errors.invalid(f"Invalid {name} time.")
    zone = value.get("timeZone")
    try:
        tz = ZoneInfo(zone) if zone else None
        if value.get("date"):
            return {"date": date.fromisoformat(value["date"]).isoformat()}
        moment = datetime.fromisoformat(value["dateTime"])
    except (ValueError, TypeError, KeyError) as error:
        raise errors.invalid(f"Invalid value for: {name}: {error}") from error
    if moment.tzinfo is None and tz is None:
        raise errors.bad_request(f"Missing time zone definition for {name} time.", reason="required")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=tz)
    kept = {"dateTime": aware.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")}
    return kept | ({"timeZone": zone} if zone else {})


def _check_attendees(kept: Body, calendar: Calendar) -> None:
    for attendee in kept.get("attendees") or ():
        if "@" not in attendee.get("email", ""):
            raise errors.invalid("Invalid attendee email.", location="attendees")
        attendee.setdefault("responseStatus", "needsAction")
        attendee.pop("self", None)
    if not kept.get("attendees"):
        kept.pop("attendees", None)


# -- reading kept bodies ------------------------------------------------------------------------------------------


def start_of(body: Body) -> datetime | date:
    """The start as kept: a date, or an instant in UTC."""
    return _value(body["start"])


def _value(moment: Body) -> datetime | date:
    return date.fromisoformat(moment["date"]) if "date" in moment else datetime.fromisoformat(moment["dateTime"])


def zone_of(body: Body, calendar: Calendar) -> str:
    return body["start"].get("timeZone") or calendar.timezone


def instant(moment: Body, calendar: Calendar) -> datetime:
    """A start or end as an instant; a day begins at midnight of the calendar's zone."""
    value = _value(moment)
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time(), ZoneInfo(calendar.timezone)).astimezone(UTC)


def span_of(body: Body, calendar: Calendar) -> tuple[datetime, datetime]:
    return instant(body["start"], calendar), instant(body["end"], calendar)


def occurrence_of(master: Event, original: datetime | date) -> Event:
    """The occurrence of a series at its original start, as if it had been stored as an exception."""
    body = copy.deepcopy(master.body)
    body.pop("recurrence", None)
    for name, moment in (("start", original), ("end", original + _length(master.body))):
        body[name] = _stamped(moment, body[name])
    body["recurringEventId"] = master.id
    body["originalStartTime"] = dict(body["start"])
    event_id = f"{master.id}_{instance_stamp(original)}"
    return Event(event_id, master.calendar, body, master.change, master.made, master.via, master.maker)


def _length(body: Body) -> timedelta:
    start, end = _value(body["start"]), _value(body["end"])
    return end - start


def _stamped(moment: datetime | date, like: Body) -> Body:
    if isinstance(moment, datetime):
        zone = {"timeZone": like["timeZone"]} if "timeZone" in like else {}
        return {"dateTime": moment.astimezone(UTC).isoformat().replace("+00:00", "Z")} | zone
    return {"date": moment.isoformat()}


def instance_stamp(original: datetime | date) -> str:
    if isinstance(original, datetime):
        return f"{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{original:%Y%m%d}"


# -- giving back ----------------------------------------------------------------------------------------------------


def shown_moment(moment: Body, calendar: Calendar, zone: str) -> Body:
    """A start or end with the offset of `zone`, and the author's zone beside it."""
    if "date" in moment:
        return {"date": moment["date"]}
    local = datetime.fromisoformat(moment["dateTime"]).astimezone(ZoneInfo(zone))
    text = local.isoformat().replace("+00:00", "Z")
    return {"dateTime": text, "timeZone": moment.get("timeZone") or calendar.timezone}


def shown(event: Event, calendar: Calendar, *, email: str, zone: str, base_url: str) -> Body:
    """The resource as the API gives it to `email`, times with the offset of `zone`."""
    body = copy.deepcopy(event.body)
    for name in ("start", "end", "originalStartTime"):
        if name in body:
            body[name] = shown_moment(body[name], calendar, zone)
    for person in (body.get("creator", {}), body.get("organizer", {}), *body.get("attendees", ())):
        if person.get("email") == calendar.id:
            person["self"] = True
    if calendar.roles.get(email) == "freeBusyReader":
        public = ("start", "end", "status", "recurringEventId", "originalStartTime", "recurrence", "transparency")
        body = {key: body[key] for key in public if key in body} | {"visibility": "private"}
    link = f"{base_url}/?account={html.escape(email)}&event={event.id}"
    return {"kind": "calendar#event", "etag": event.etag, "id": event.id, "htmlLink": link, **body}


def tombstone(event: Event, calendar: Calendar, zone: str) -> Body:
    """A cancelled event in a list: only what Google guarantees, with kind, etag and status."""
    body: Body = {"kind": "calendar#event", "etag": event.etag, "id": event.id, "status": "cancelled"}
    if event.master_id:
        body["recurringEventId"] = event.master_id
        body["originalStartTime"] = shown_moment(event.body["originalStartTime"], calendar, zone)
    return body
