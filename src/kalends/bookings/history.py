"""The history of an appointment: lines with a key, who did it, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from kalends.bookings.models import Appointment, HistoryEntry
from kalends.bookings.values import Actor
from kalends.jobs.prepared import insert

_SOURCES = {"google": "Google Calendar", "microsoft": "Microsoft 365", "caldav": "CalDAV", "icsfeed": "iCalendar"}

# The placeholders are those of HistoryEntry.detail, with `by` (who) and `where` (which calendar) added.
TEXTS: Mapping[str, Any] = {
    "created": _("Booked by %(by)s"),
    "joined": _("%(name)s joined, booked by %(by)s"),
    "left": _("%(name)s left, by %(by)s"),
    "moved": _("Moved by %(by)s"),
    "moved_outside": _("Moved in %(where)s by %(by)s"),
    "move_flagged": _("Moved in %(where)s by %(by)s, outside the rules: please have a look"),
    "move_put_back": _("Moved in %(where)s by %(by)s and put back"),
    "move_stale": _("A move in %(where)s came too late: the appointment was changed here after it"),
    "staff_changed": _("Given to %(staff)s by %(by)s"),
    "notes_changed": _("Notes changed by %(by)s"),
    "flag_cleared": _("Looked at by %(by)s"),
    "cancelled": _("Cancelled by %(by)s"),
    "cancelled_outside": _("Cancelled because it was deleted outside, by %(by)s"),
    "delete_put_back": _("Deleted in %(where)s and put back"),
    "asked": _("Deleted in %(where)s: the staff member was asked"),
    "sync_refused": _("The calendar refuses this event (%(reason)s): it is tried again, at last every six hours"),
    "sync_diverged": _("Changed in %(where)s again and again: no longer put back at once"),
    "foreign_organizer": _("The event in %(where)s belongs to somebody else now: left alone"),
    "answered_keep": _("Kept, as %(by)s answered"),
}
_NOBODY = {
    "customer": _("the customer"),
    "manager": _("a manager"),
    "api": _("a program"),
    "outside": _("the staff member"),
    "system": pgettext_lazy("actor", "Kalends"),
}


def add_entry(
    appointment: Appointment, kind: str, *, by: Actor, at: datetime, detail: Mapping[str, Any] | None = None
) -> HistoryEntry:
    """Writes one line, inside the caller's transaction."""
    entry = entry_of(appointment, kind, by=by, at=at, detail=detail)
    insert(entry)
    return entry


def entry_of(
    appointment: Appointment, kind: str, *, by: Actor, at: datetime, detail: Mapping[str, Any] | None = None
) -> HistoryEntry:
    """Not stored yet."""
    return HistoryEntry(
        appointment=appointment,
        at=at,
        kind=kind,
        by_kind=by.kind,
        by_label=by.label[:160],
        version=appointment.version,
        detail=dict(detail or {}),
    )


def entry_text(entry: HistoryEntry) -> str:
    """The line in the active language; a key that is not ours is shown as it is."""
    text = TEXTS.get(entry.kind)
    if text is None:
        return entry.kind
    words = {"name": "", "staff": "", "reason": "", **{key: str(value) for key, value in entry.detail.items()}}
    words["by"] = entry.by_label or str(_NOBODY.get(entry.by_kind, ""))
    words["where"] = _SOURCES.get(str(entry.detail.get("source", "")), str(_("the calendar")))
    return str(text) % words


def time_change(old: tuple[datetime, datetime], new: tuple[datetime, datetime]) -> dict[str, str]:
    """The detail of a move: both times, ISO 8601 in UTC."""
    names = ("old_start", "old_end", "start", "end")
    return {name: moment.isoformat() for name, moment in zip(names, (*old, *new), strict=True)}
