"""Event bodies: what a request may hold, how it is kept, and how it is given back."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from kalends.sandbox.microsoft import errors, recurrence, text
from kalends.sandbox.microsoft.store import Account, Event
from kalends.sandbox.microsoft.zones import read_local, windows_name, write_instant, write_local, zone_of

Body = dict[str, Any]
SUBJECT = 255
SHOW_AS = ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown")
_CHOICES = {
    "showAs": SHOW_AS,
    "importance": ("low", "normal", "high"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
}
_FLAGS = ("isReminderOn", "responseRequested", "allowNewTimeProposals", "hideAttendees", "isOnlineMeeting")
_NEVER = "0001-01-01T00:00:00Z"
DEFAULTS: Body = {
    "subject": "",
    "html": "",
    "showAs": "busy",
    "importance": "normal",
    "sensitivity": "normal",
    "isAllDay": False,
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "isOnlineMeeting": False,
    "categories": [],
    "attendees": [],
    "locations": [],
    "recurrence": None,
}


def merge(kept: Body, given: Mapping[str, Any]) -> Body:
    """The kept body with a request's properties applied; what is read-only is passed over. Raises GraphError 400."""
    body = copy.deepcopy(kept)
    if "subject" in given:
        body["subject"] = str(given["subject"] or "")[:SUBJECT]
    if "body" in given:
        body["html"] = text.normalise(given["body"])
    for name, allowed in _CHOICES.items():
        if name in given:
            if given[name] not in allowed:
                raise errors.invalid(f"Requested value '{given[name]}' was not found.", "RequestBodyRead")
            body[name] = given[name]
    for name in _FLAGS:
        if given.get(name) is not None:
            body[name] = bool(given[name])
    for name in ("categories", "reminderMinutesBeforeStart"):
        if given.get(name) is not None:
            body[name] = given[name]
    if "attendees" in given:
        body["attendees"] = _attendees(given["attendees"] or [])
    if "locations" in given or "location" in given:
        body["locations"] = [_location(one) for one in given.get("locations") or [given.get("location") or {}]]
    return _merge_times(body, given)


def _attendees(given: list[Body]) -> list[Body]:
    if len(given) > 500:
        raise errors.invalid("The number of attendees is over 500.", "ErrorTooManyObjectsOpened")
    return [
        {
            "type": one.get("type") or "required",
            "status": {"response": "none", "time": _NEVER},
            "emailAddress": {"name": "", "address": "", **(one.get("emailAddress") or {})},
        }
        for one in given
    ]


def _location(given: Body) -> Body:
    name = str(given.get("displayName") or "")
    return {**given, "displayName": name, "locationType": "default", "uniqueId": name, "uniqueIdType": "private"}


# -- times ------------------------------------------------------------------------------------------------------


def _merge_times(body: Body, given: Mapping[str, Any]) -> Body:
    if given.get("isAllDay") is not None:
        body["isAllDay"] = bool(given["isAllDay"])
    if given.get("isAllDay") is not None or "start" in given or "end" in given:
        ends = {name: given.get(name) or _as_given(body, name) for name in ("start", "end")}
        _set_times(body, ends)
    if "recurrence" in given or (body["recurrence"] and "start" in given):
        wanted = given.get("recurrence", body["recurrence"])
        body["recurrence"] = wanted and recurrence.normalise(wanted, first_day(body), body["zone"])
    return body


def _as_given(body: Body, name: str) -> Body:
    if name not in body:
        raise errors.invalid_property(f"The {name} of the event is missing.")
    if len(body[name]) == 10:
        return {"dateTime": f"{body[name]}T00:00:00", "timeZone": body["zone"]}
    local = datetime.fromisoformat(body[name]).astimezone(ZoneInfo(body["zone"]))
    return {"dateTime": write_local(local), "timeZone": body["zone"]}


def _set_times(body: Body, ends: Mapping[str, Body]) -> None:
    for name, value in ends.items():
        if not isinstance(value, dict):
            raise errors.invalid_property(f"The {name} of the event cannot be read.")
        zone = zone_of(value.get("timeZone") or "UTC")
        local = read_local(value.get("dateTime"))
        if local.tzinfo is not None:
            local = local.astimezone(zone).replace(tzinfo=None)
        body[f"{name}Zone"] = windows_name(zone)
        if name == "start":
            body["zone"] = zone.key
        if not body["isAllDay"]:
            body[name] = local.replace(tzinfo=zone).astimezone(UTC).isoformat()
        elif local.time() != time():
            message = f"The Event.{name.title()} property for an all-day event needs to be set to midnight."
            raise errors.invalid_property(message)
        else:
            body[name] = local.date().isoformat()
    if body["isAllDay"] and body["startZone"] != body["endZone"]:
        raise errors.invalid_property("The start and end of an all-day event must be in the same time zone.")
    if body["isAllDay"] and body["start"] >= body["end"]:
        raise errors.invalid_property("The duration of an event marked as All day must be at least 24 hours.")
    if body["start"] > body["end"]:
        raise errors.invalid(
            "The end date can't be before the start date.", "ErrorCalendarEndDateIsEarlierThanStartDate"
        )


def first_day(body: Body) -> date:
    """The day of the start, in the author's zone."""
    if body["isAllDay"]:
        return date.fromisoformat(body["start"])
    return datetime.fromisoformat(body["start"]).astimezone(ZoneInfo(body["zone"])).date()


def span_of(body: Body, mailbox_zone: str) -> tuple[datetime, datetime]:
    """The instants of start and end; an all-day event lies on the days of the mailbox's zone."""
    start, end = (
        datetime.combine(date.fromisoformat(body[name]), time(), ZoneInfo(mailbox_zone))
        if body["isAllDay"]
        else datetime.fromisoformat(body[name])
        for name in ("start", "end")
    )
    return start.astimezone(UTC), end.astimezone(UTC)


def on_day(body: Body, day: date) -> Body:
    """A series' body as that of its occurrence on a day of its zone: the wall times stay."""
    shifted = {**body, "recurrence": None}
    move = day - first_day(body)
    for name in ("start", "end"):
        if body["isAllDay"]:
            shifted[name] = (date.fromisoformat(body[name]) + move).isoformat()
        else:
            zone = ZoneInfo(body["zone"])
            local = datetime.fromisoformat(body[name]).astimezone(zone).replace(tzinfo=None) + move
            shifted[name] = local.replace(tzinfo=zone).astimezone(UTC).isoformat()
    return shifted


# -- replies ----------------------------------------------------------------------------------------------------


class View:
    """How a request wants events to be shown: its zone's name as it was given, and the kind of text."""

    def __init__(self, account: Account, base_url: str, *, zone: str = "UTC", plain: bool = False) -> None:
        self.account = account
        self.base_url = base_url
        self.zone_name = zone
        self.zone = zone_of(zone)
        self.plain = plain

    def moment(self, value: str) -> Body:
        """A kept time as a dateTimeTimeZone; a day is midnight in every zone."""
        local = datetime.fromisoformat(value)
        if len(value) > 10:
            local = local.astimezone(self.zone)
        return {"dateTime": write_local(local), "timeZone": self.zone_name}


def shown(event: Event, view: View, event_id: str, client_id: str, *, master_id: str = "", kind: str = "") -> Body:
    """The event resource. `event_id` and `master_id` are in the form of id that was asked for."""
    body = event.body
    content = text.plain(body["html"]) if view.plain else body["html"]
    organizer = {"name": view.account.name, "address": view.account.email}
    kept = ("subject", "showAs", "importance", "sensitivity", "isAllDay", "isReminderOn", "categories",
            "reminderMinutesBeforeStart", "responseRequested", "allowNewTimeProposals", "hideAttendees",
            "isOnlineMeeting", "attendees", "locations", "recurrence")  # fmt: skip
    original = {"originalStart": write_instant(_original(event))} if event.day else {}
    return {
        "@odata.etag": event.etag,
        "id": event_id,
        "createdDateTime": body["created"],
        "lastModifiedDateTime": body["modified"],
        "changeKey": event.change_key,
        "transactionId": body.get("transactionId") if event.app == client_id else None,
        "originalStartTimeZone": body["startZone"],
        "originalEndTimeZone": body["endZone"],
        "iCalUId": _uid(body["uid"], event.day),
        "hasAttachments": False,
        "bodyPreview": text.plain(body["html"])[: text.PREVIEW],
        "isCancelled": False,
        "isOrganizer": body.get("organizer") is None,
        "seriesMasterId": master_id or None,
        "type": kind or ("seriesMaster" if body["recurrence"] else "singleInstance"),
        "webLink": f"{view.base_url}/?account={quote(view.account.email)}&event={quote(event_id)}",
        "onlineMeetingUrl": None,
        "onlineMeetingProvider": "unknown",
        "isDraft": False,
        "onlineMeeting": None,
        "responseStatus": body.get("response") or {"response": "organizer", "time": _NEVER},
        "body": {"contentType": "text" if view.plain else "html", "content": content},
        "start": view.moment(body["start"]),
        "end": view.moment(body["end"]),
        "location": body["locations"][0] if body["locations"] else _location({}) | {"locationType": "default"},
        "organizer": {"emailAddress": body.get("organizer") or organizer},
        **original,
        **{name: copy.deepcopy(body[name]) for name in kept},
    }  # fmt: skip


def _original(event: Event) -> datetime:
    return datetime.fromisoformat(event.body["original"]).replace(tzinfo=UTC)


def _uid(uid: str, day: str) -> str:
    """The iCalUId: an occurrence's differs from its series' by the day in it."""
    return f"040000008200E00074C5B7101A82E008{day.replace('-', '') or '00000000'}{uid}"


def new_uid(event_id: str) -> str:
    return hashlib.sha256(event_id.encode()).hexdigest()[:48].upper()


def end_of_all_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
