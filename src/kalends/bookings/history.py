"""The history of an appointment: lines with a key, who did it, and how to read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from kalends.bookings.models import Appointment, HistoryEntry
from kalends.bookings.values import Actor
from kalends.core.span import Span, as_utc
from kalends.jobs.prepared import insert

_TIMES = ("old_start", "old_end", "start", "end")
_SOURCES = {"google": "Google Calendar", "office365": "Microsoft 365", "outlook": "Outlook.com", "caldav": "CalDAV"}

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
    "cancelled_outside": _("Cancelled because it was deleted in %(where)s by %(by)s"),
    "delete_put_back": _("Deleted in %(where)s and put back"),
    "asked": _("Deleted in %(where)s: the staff member was asked"),
    "sync_refused": _("The calendar refuses this event (%(reason)s): it is tried again, at last every six hours"),
    "sync_diverged": _("Changed in %(where)s again and again: no longer put back at once"),
    "foreign_organizer": _("The event in %(where)s belongs to somebody else now: left alone"),
    "answered_keep": _("Kept, as %(by)s answered"),
    "booked_again": _("Booked again by %(by)s, as another appointment"),
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
    words["where"] = where_of(entry)
    return str(text) % words


def where_of(entry: HistoryEntry) -> str:
    """The kind of calendar in which it happened."""
    return _SOURCES.get(str(entry.detail.get("source", "")), str(_("the calendar")))


def spans_of(entry: HistoryEntry) -> tuple[Span, Span] | None:
    """Where the appointment stood before this line and after it; None for a line that moved nothing."""
    try:
        old_start, old_end, start, end = (as_utc(datetime.fromisoformat(entry.detail[name])) for name in _TIMES)
    except (KeyError, TypeError, ValueError):
        return None
    return Span(old_start, old_end), Span(start, end)


def move_to_undo(appointment: Appointment, history: Iterable[HistoryEntry], now: datetime) -> HistoryEntry | None:
    """The outside move that the appointment stands by now, while its old time is still ahead. `history` oldest first."""
    moves = [entry for entry in history if entry.kind in ("moved", "moved_outside")]
    if not moves or moves[-1].kind != "moved_outside" or not appointment.stands:
        return None
    spans = spans_of(moves[-1])
    if spans is None or spans[1] != appointment.span or spans[0].start <= now:
        return None
    return moves[-1]


def may_book_again(appointment: Appointment, history: Iterable[HistoryEntry], now: datetime) -> bool:
    """Cancelled because its event was deleted outside, still ahead, and not booked again yet."""
    kinds = [entry.kind for entry in history]
    deleted = "cancelled_outside" in kinds and "booked_again" not in kinds
    return deleted and not appointment.stands and appointment.start > now


def time_change(old: tuple[datetime, datetime], new: tuple[datetime, datetime]) -> dict[str, str]:
    """The detail of a move: both times, ISO 8601 in UTC."""
    return {name: moment.isoformat() for name, moment in zip(_TIMES, (*old, *new), strict=True)}
