"""What can be done with events: the rules of creating, changing, deleting, and of series."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from kalends.sandbox.microsoft import bodies, errors, ids, recurrence
from kalends.sandbox.microsoft.store import Account, Calendar, Event, Store, new_id
from kalends.sandbox.microsoft.zones import write_instant

_TIMES = ("start", "end", "isAllDay", "recurrence")
Tags = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the mailbox's owner, and by what: a client's id, or "page" for a person's own hand."""

    account: Account
    app: str


def find_event(store: Store, account: Account, given: str, calendar: Calendar | None = None) -> Event:
    """A stored event or an occurrence, by either kind of id. Raises GraphError 400 or 404."""
    event_id, held = ids.read(given)
    event = store.event(account.email, event_id) or _occurrence(store, account, event_id)
    if event is None or held not in ("", event.calendar):
        raise errors.item_not_found()
    if calendar is not None and event.calendar != calendar.id:
        raise errors.item_not_found()
    return event


def _occurrence(store: Store, account: Account, event_id: str) -> Event | None:
    named = ids.occurrence(event_id)
    master = store.event(account.email, named[0]) if named else None
    if named is None or master is None or not master.body["recurrence"] or named[1] in master.cancelled:
        return None
    try:
        day = date.fromisoformat(named[1])
    except ValueError:
        return None
    found = next(recurrence.days(master.body["recurrence"], day), None)
    return occurrence_of(master, day) if found == day else None


def occurrence_of(master: Event, day: date) -> Event:
    """The occurrence of a series on a day, as an event without a row."""
    body = bodies.on_day(master.body, day)
    body["original"] = body["start"][:19]
    event_id = ids.of_occurrence(master.id, day.isoformat())
    return Event(event_id, master.calendar, body, master=master.id, day=day.isoformat(), app=master.app,
                 change=master.change, made=master.made, tags=dict(master.tags))  # fmt: skip


def expand(store: Store, account: Account, master: Event, low: datetime, high: datetime) -> Iterator[Event]:
    """Occurrences and exceptions of a series that overlap [low, high), in the order of their days."""
    exceptions = {row.day: row for row in store.exceptions(master)}
    start, end = bodies.span_of(master.body, account.timezone)
    since = (low - (end - start) - timedelta(days=2)).date()
    for day in recurrence.days(master.body["recurrence"], since):
        if day > (high + timedelta(days=2)).date():
            break
        text = day.isoformat()
        if text not in exceptions and text not in master.cancelled:
            found = occurrence_of(master, day)
            if overlaps(found, account, low, high):
                yield found
    yield from (row for row in exceptions.values() if overlaps(row, account, low, high))


def in_window(store: Store, account: Account, calendar: Calendar, low: datetime, high: datetime) -> list[Event]:
    """What a calendar view of [low, high) holds: single events, occurrences and exceptions."""
    found: list[Event] = []
    for row in store.events(calendar.id):
        if row.deleted or row.master:
            continue
        if row.body["recurrence"]:
            found += expand(store, account, row, low, high)
        elif overlaps(row, account, low, high):
            found.append(row)
    return found


def overlaps(event: Event, account: Account, low: datetime, high: datetime) -> bool:
    start, end = bodies.span_of(event.body, account.timezone)
    return start < high and (end > low or start == end >= low)


def kind_of(event: Event, store: Store) -> str:
    if not event.master:
        return "seriesMaster" if event.body["recurrence"] else "singleInstance"
    stored = any(row.id == event.id for row in store.events(event.calendar) if not row.deleted)
    return "exception" if stored else "occurrence"


# -- writing ----------------------------------------------------------------------------------------------------


def create_event(store: Store, calendar: Calendar, given: Mapping[str, Any], writer: Writer) -> Event:
    """A new event. Raises GraphError 400, or 403 where the calendar is read-only."""
    _check_writable(calendar)
    for name in ("start", "end"):
        if not given.get(name):
            raise errors.invalid_property(f"The {name} of the event is missing.")
    body = bodies.merge(copy.deepcopy(bodies.DEFAULTS), given)
    event = Event(new_id("AAkALg"), calendar.id, body, app=writer.app, tags=read_tags(given))
    body["uid"] = bodies.new_uid(event.id)
    if given.get("transactionId"):
        body["transactionId"] = str(given["transactionId"])
    body["created"] = body["modified"] = write_instant(store.now())
    return store.save(event)


def same_transaction(store: Store, calendar: Calendar, given: Mapping[str, Any], writer: Writer) -> Event | None:
    """The living event of the mailbox that this client made with the same transactionId."""
    wanted = given.get("transactionId")
    for row in store.calendars_of(calendar.account) if wanted else ():
        for event in store.events(row.id):
            if event.body.get("transactionId") == wanted and event.app == writer.app and not event.deleted:
                return event
    return None


def _check_writable(calendar: Calendar) -> None:
    if not calendar.can_edit:
        raise errors.access_denied()


def change_event(store: Store, calendar: Calendar, event: Event, given: Mapping[str, Any]) -> Event:
    """PATCH. An occurrence becomes a stored exception; new times of a series take its exceptions away."""
    _check_writable(calendar)
    if event.master and given.get("recurrence"):
        raise errors.invalid_property("An occurrence of a series cannot have a recurrence of its own.")
    wanted = given.get("transactionId")
    if wanted is not None and wanted != event.body.get("transactionId"):
        raise errors.invalid_property("The transactionId of an event cannot be changed.")
    before = {name: event.body[name] for name in _TIMES}
    event.body = bodies.merge(event.body, given)
    event.tags |= read_tags(given)
    event.body["modified"] = write_instant(store.now())
    if not event.master and {name: event.body[name] for name in _TIMES} != before:
        event.cancelled = []
        for row in store.exceptions(event):
            row.deleted = True
            store.save(row)
    if event.master:
        _touch_master(store, event)
    return store.save(event)


def _touch_master(store: Store, event: Event) -> None:
    """An exception changes its series too."""
    master = next(row for row in store.events(event.calendar) if row.id == event.master)
    store.save(master)


def delete_event(store: Store, calendar: Calendar, event: Event) -> None:
    """Delete an event; of an occurrence its day is taken out of the series; a series takes its exceptions along."""
    _check_writable(calendar)
    if not event.master:
        event.deleted = True
        store.save(event)
        for row in store.exceptions(event):
            row.deleted = True
            store.save(row)
        return
    stored = next((row for row in store.events(event.calendar) if row.id == event.id), None)
    if stored is not None:
        stored.deleted = True
        store.save(stored)
    master = next(row for row in store.events(event.calendar) if row.id == event.master)
    master.cancelled = [*master.cancelled, event.day]
    store.save(master)


def read_tags(given: Mapping[str, Any]) -> dict[str, str]:
    """The single-value extended properties of a request by id. Raises GraphError 400."""
    found = {}
    for item in given.get("singleValueExtendedProperties") or []:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or len(item["id"].split()) < 4:
            raise errors.invalid_property("The id of an extended property is not valid.")
        found[tag_id(item["id"])] = str(item.get("value") or "")
    return found


def tag_id(text: str) -> str:
    """An extended property's id as it is compared and given back: the GUID in lower case."""
    kind, guid, *rest = text.split(" ")
    return " ".join([kind, guid.lower(), *rest])
