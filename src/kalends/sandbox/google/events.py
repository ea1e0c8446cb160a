"""What can be done with events: the rules of insert, patch, update, delete, move and import."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kalends.sandbox.google import bodies, errors, recurrence
from kalends.sandbox.google.store import Calendar, Event, Store, new_event_id, rfc3339

_OWN_ID = re.compile(r"^[a-v0-9]{5,1024}$")
_INSTANCE = re.compile(r"^(?P<master>.+)_(?P<day>\d{8})(?P<time>T\d{6}Z)?$")
_SHARED = ("start", "end", "summary", "location", "description", "recurrence")
_RESCHEDULES = ("start", "end", "recurrence", "status")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and by what: `via` is the name of the application, or "page" for a person's own hand."""

    email: str
    via: str


def read_event(store: Store, calendar: Calendar, event_id: str) -> Event:
    """A stored event, cancelled or not, or an occurrence of a series. Raises 404."""
    event = store.event(calendar.id, event_id)
    if event is not None:
        return event
    match = _INSTANCE.match(event_id)
    master = store.event(calendar.id, match["master"]) if match else None
    if match is None or master is None or "recurrence" not in master.body:
        raise errors.not_found()
    occurrence = _occurrence(master, calendar, match["day"], match["time"] or "")
    if occurrence is None:
        raise errors.not_found()
    return occurrence


def _occurrence(master: Event, calendar: Calendar, day: str, clock: str) -> Event | None:
    start = bodies.start_of(master.body)
    try:
        stamp = datetime.strptime(day + (clock or "T000000Z"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    wanted: datetime | date = stamp if clock else stamp.date()
    zone = bodies.zone_of(master.body, calendar)
    around = recurrence.occurrences(master.body["recurrence"], start, zone, stamp, stamp + timedelta(days=1))
    return bodies.occurrence_of(master, wanted) if wanted in set(around) else None


def insert_event(store: Store, calendar: Calendar, body: Mapping[str, Any], writer: Writer) -> Event:
    """A new event, under the caller's id if it gives one. Raises 400, or 409 for an id that was ever used."""
    wanted = {key: value for key, value in body.items() if key not in bodies.READ_ONLY}
    event_id = wanted.pop("id", None) or new_event_id()
    if not isinstance(event_id, str) or not _OWN_ID.match(event_id):
        raise errors.invalid("Invalid resource id value.")
    if "id" in body and wanted.get("iCalUID"):
        raise errors.invalid("Only one of id and iCalUID may be given.", location="iCalUID")
    _refuse_duplicate(store, calendar, event_id, wanted.get("iCalUID"))
    _check_type(wanted.get("eventType", "default"))
    wanted.pop("organizer", None)
    return _create(store, calendar, event_id, wanted, writer)


def import_event(store: Store, calendar: Calendar, body: Mapping[str, Any], writer: Writer) -> Event:
    """A private copy of an event that may be organised by somebody else; the same iCalUID again updates it."""
    wanted = {key: value for key, value in body.items() if key not in bodies.READ_ONLY and key != "id"}
    if not wanted.get("iCalUID"):
        raise errors.bad_request("Missing iCalUID.", reason="required", location="iCalUID")
    for event in store.events(calendar.id):
        if event.body.get("iCalUID") == wanted["iCalUID"] and not event.master_id:
            merged = bodies.merge(copy.deepcopy(event.body), wanted)
            return _store(store, calendar, event, merged, writer)
    return _create(store, calendar, new_event_id(), wanted, writer)


def _refuse_duplicate(store: Store, calendar: Calendar, event_id: str, uid: str | None) -> None:
    if store.event(calendar.id, event_id) is not None:
        raise errors.duplicate()
    if uid and any(event.body.get("iCalUID") == uid for event in store.events(calendar.id)):
        raise errors.duplicate()


def _check_type(kind: str) -> None:
    if kind not in bodies.TYPES:
        message = f"Event type cannot be used to create an event: {kind}"
        raise errors.bad_request(message, reason="eventTypeRestriction")


def _create(store: Store, calendar: Calendar, event_id: str, wanted: dict[str, Any], writer: Writer) -> Event:
    body = bodies.normalise(copy.deepcopy(wanted), calendar)
    body.setdefault("eventType", "default")
    body.setdefault("iCalUID", f"{event_id}@google.com")
    body.setdefault("sequence", 0)
    body["created"] = rfc3339(store.now())
    body["creator"] = {"email": writer.email}
    organizer = {"email": calendar.id}
    if calendar.id != calendar.owner:
        organizer["displayName"] = calendar.summary
    body.setdefault("organizer", organizer)
    return store.save(Event(event_id, calendar.id, body), via=writer.via)


def change_event(
    store: Store, calendar: Calendar, event_id: str, wanted: Mapping[str, Any], writer: Writer, *, replace: bool
) -> Event:
    """PATCH (`replace=False`) or PUT. An occurrence becomes a stored exception of its series."""
    event = read_event(store, calendar, event_id)
    changes = {key: value for key, value in wanted.items() if key not in bodies.READ_ONLY and key != "id"}
    changes.pop("organizer", None)
    _check_change(event, calendar, changes)
    if replace:
        fixed = ("created", "creator", "organizer", "iCalUID", "sequence", "eventType", "recurringEventId",
                 "originalStartTime", "updated")  # fmt: skip
        base = {key: event.body[key] for key in fixed if key in event.body}
        merged = base | {key: value for key, value in changes.items() if key != "iCalUID"}
    else:
        merged = bodies.merge(copy.deepcopy(event.body), changes)
    return _store(store, calendar, event, merged, writer)


def _check_change(event: Event, calendar: Calendar, changes: Mapping[str, Any]) -> None:
    sequence = changes.get("sequence")
    if sequence is not None and sequence < event.body.get("sequence", 0):
        message = "Invalid sequence value. The specified sequence number is below the current sequence number."
        raise errors.invalid(message, location="sequence")
    if changes.get("eventType", event.body.get("eventType")) != event.body.get("eventType"):
        raise errors.bad_request("The event type cannot be changed.", reason="eventTypeRestriction")
    if event.master_id and changes.get("recurrence"):
        raise errors.invalid("Instances of a recurring event cannot themselves be recurring.", location="recurrence")
    organizer = event.body.get("organizer", {}).get("email")
    foreign = organizer != calendar.id and not event.body.get("guestsCanModify")
    if foreign and any(name in changes for name in _SHARED):
        message = "Shared properties can only be changed by the organizer of the event."
        raise errors.ApiError(403, "forbiddenForNonOrganizer", message, domain="calendar")


def _store(store: Store, calendar: Calendar, event: Event, merged: dict[str, Any], writer: Writer) -> Event:
    body = bodies.normalise(merged, calendar)
    if any(body.get(name) != event.body.get(name) for name in _RESCHEDULES):
        body["sequence"] = max(body.get("sequence", 0), event.body.get("sequence", 0) + 1)
    quiet = {key: value for key, value in body.items() if key != "reminders"} == {
        key: value for key, value in event.body.items() if key != "reminders"
    } and body.get("reminders") != event.body.get("reminders")
    stored = Event(event.id, calendar.id, body, made=event.made, maker=event.maker)
    store.save(stored, via=writer.via, updated=not quiet)
    if stored.cancelled and not event.cancelled:
        _cancel_exceptions(store, calendar, stored, writer)
    return stored


def delete_event(store: Store, calendar: Calendar, event_id: str, writer: Writer) -> None:
    """Leave a tombstone. Raises 410 for an event that is one already."""
    event = read_event(store, calendar, event_id)
    if event.cancelled:
        raise errors.already_deleted()
    body = copy.deepcopy(event.body) | {"status": "cancelled"}
    stored = store.save(Event(event.id, calendar.id, body, made=event.made, maker=event.maker), via=writer.via)
    _cancel_exceptions(store, calendar, stored, writer)


def _cancel_exceptions(store: Store, calendar: Calendar, master: Event, writer: Writer) -> None:
    """A deleted series takes its exceptions with it."""
    for exception in store.exceptions(calendar.id, master.id):
        if not exception.cancelled:
            exception.body["status"] = "cancelled"
            store.save(exception, via=writer.via)


def move_event(store: Store, source: Calendar, event_id: str, target: Calendar, writer: Writer) -> Event:
    """Give the event to another calendar, which becomes its organizer; the source keeps a tombstone."""
    event = read_event(store, source, event_id)
    if event.cancelled:
        raise errors.not_found()
    if event.master_id:
        raise errors.bad_request("Instances of a recurring event cannot be moved.", reason="cannotChangeOrganizer")
    if event.body.get("organizer", {}).get("email") != source.id:
        message = "The event can only be moved by its organizer."
        raise errors.ApiError(403, "cannotChangeOrganizer", message, domain="calendar")
    present = store.event(target.id, event_id)
    if present is not None and not present.cancelled:
        raise errors.duplicate()
    body = copy.deepcopy(event.body) | {"organizer": {"email": target.id}}
    moved = store.save(Event(event.id, target.id, body, maker=event.maker), via=writer.via)
    for exception in store.exceptions(source.id, event_id):
        store.save(Event(exception.id, target.id, copy.deepcopy(exception.body)), via=writer.via)
    delete_event(store, source, event_id, writer)
    return moved
