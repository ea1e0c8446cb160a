"""Ids of events: immutable ones, those that change with the calendar, and those of occurrences.

An occurrence has no row: its id names its series and its day. Graph's default ids of events change when an item moves;
here they name the calendar too. Both kinds are taken in requests, whatever is preferred for replies.
"""

from __future__ import annotations

import base64
import binascii
import json

from kalends.sandbox.microsoft import errors
from kalends.sandbox.microsoft.store import Event

_OCCURRENCE, _REGULAR = "AAkALgOCC", "AAMkAGR"


def _pack(prefix: str, *parts: str) -> str:
    return prefix + base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _unpack(text: str, prefix: str) -> list[str]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(text.removeprefix(prefix)))
    except (ValueError, binascii.Error) as error:
        raise errors.malformed_id() from error
    if not isinstance(parts, list) or len(parts) != 2:
        raise errors.malformed_id()
    return [str(part) for part in parts]


def of_occurrence(master: str, day: str) -> str:
    return _pack(_OCCURRENCE, master, day)


def shown(event: Event, *, immutable: bool) -> str:
    return of(event.id, event.calendar, immutable=immutable)


def of(event_id: str, calendar: str, *, immutable: bool) -> str:
    """An event's id in the form that was asked for."""
    return event_id if immutable or not event_id else _pack(_REGULAR, event_id, calendar)


def read(given: str) -> tuple[str, str]:
    """The immutable id, and the calendar that a default id names or "". Raises GraphError 400."""
    if given.startswith(_REGULAR):
        event_id, calendar = _unpack(given, _REGULAR)
        return event_id, calendar
    if not given.startswith("AA"):
        raise errors.malformed_id()
    return given, ""


def occurrence(event_id: str) -> tuple[str, str] | None:
    """Master and day of an occurrence's id; None for another id. Raises GraphError 400."""
    if not event_id.startswith(_OCCURRENCE):
        return None
    master, day = _unpack(event_id, _OCCURRENCE)
    return master, day
