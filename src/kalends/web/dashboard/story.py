"""The history of an appointment, and the journal of sync, as sentences in the company's language and zone.

The active time zone is the company's (`access.member` sees to it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from kalends.bookings.history import entry_text, may_book_again, move_to_undo, spans_of, where_of
from kalends.bookings.models import Appointment, Flag, HistoryEntry
from kalends.calendars.models import Journal
from kalends.core.span import Span, as_utc
from kalends.messages.models import OutgoingMessage
from kalends.messages.selectors import messages_of_subjects
from kalends.web.dashboard import words

# Lines that change what the customer knows: each says when they were told.
_TELLING = ("created", "moved", "moved_outside", "cancelled", "cancelled_outside")
_OUTCOMES = ("move_accepted", "move_flagged", "move_put_back_overlap", "move_put_back_rule", "move_put_back_past")
# Of these the rule says what was to be done; it was not.
_UNDONE = {
    "refused": gettext_lazy("The calendar system refused what was to be written"),
    "diverged": gettext_lazy("Changed in the calendar again and again: not put back any more"),
}
_State = OutgoingMessage.State


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an appointment's history. `undo`: "move", "booking", or "" where nothing can be undone any more."""

    entry: HistoryEntry
    text: str
    flagged: bool = False
    undo: str = ""


def story_of(appointment: Appointment, history: Sequence[HistoryEntry], *, now: datetime) -> list[Line]:
    """`history` oldest first; the lines newest first. One query, for what the customers were told."""
    mails = _mails(appointment)
    flags = {entry.version: entry for entry in history if entry.kind == "move_flagged"}
    undo = move_to_undo(appointment, history, now)
    again = may_book_again(appointment, history, now)
    lines = []
    for entry in history:
        if entry.kind == "move_flagged":
            continue  # said with the move itself
        flag = flags.get(entry.version) if entry.kind == "moved_outside" else None
        parts = [_sentence(entry, flag), _told(mails.get(entry.version, [])) if entry.kind in _TELLING else ""]
        way = "move" if entry is undo else "booking" if again and entry.kind == "cancelled_outside" else ""
        lines.append(Line(entry, _joined(*parts), flag is not None, way))
    return lines[::-1]


def _mails(appointment: Appointment) -> Mapping[int, list[OutgoingMessage]]:
    places = [attendee.pk for attendee in appointment.attendees.all()]
    found: dict[int, list[OutgoingMessage]] = {}
    for mail in messages_of_subjects(company=appointment.company, subject_kind="attendee", subject_ids=places):
        found.setdefault(mail.version, []).append(mail)
    return found


def _joined(*parts: str) -> str:
    """What was done; what came of it; whom it was told."""
    first, *rest = filter(None, parts)
    for then in rest:
        first = _("%(first)s; %(then)s") % {"first": first, "then": then}
    return first


def _sentence(entry: HistoryEntry, flag: HistoryEntry | None) -> str:
    spans = spans_of(entry)
    if spans is None or spans[0] == spans[1]:
        return entry_text(entry)
    given = {**_from_to(*spans), "by": entry.by_label or entry.get_by_kind_display(), "where": where_of(entry)}
    given["at"] = _clock(entry.at)
    match entry.kind:
        case "moved_outside":
            moved = _("Moved in %(where)s by %(by)s from %(old)s to %(new)s at %(at)s") % given
            return _joined(moved, _accepted(flag))
        case "move_put_back":
            moved = _("Moved in %(where)s by %(by)s from %(old)s to %(new)s at %(at)s") % given
            return _joined(moved, _("put back"))
        case "moved":
            return _("Moved by %(by)s from %(old)s to %(new)s at %(at)s") % given
    return f"{entry_text(entry)}: {given['old']} → {given['new']}"


def _accepted(flag: HistoryEntry | None) -> str:
    if flag is None:
        return _("accepted")
    labels: Mapping[str, Any] = {value: label for value, label in Flag.choices if value}
    why = str(labels.get(str(flag.detail.get("flag", "")), ""))
    return _("accepted, flagged: %(why)s") % {"why": why[:1].lower() + why[1:]}


def _told(mails: Sequence[OutgoingMessage]) -> str:
    """What became of the mails to the customers about one change."""
    if not mails:
        return ""
    states = {mail.state for mail in mails}
    if states == {_State.SENT}:
        at = max(mail.settled_at or mail.created_at for mail in mails)
        return ngettext("customer told at %(at)s", "customers told at %(at)s", len(mails)) % {"at": _clock(at)}
    for state, text in (
        (_State.FAILED, _("the mail to the customer could not be delivered")),
        (_State.HELD, _("the mail to the customer is held since a restore")),
        (_State.QUEUED, _("the mail to the customer is about to leave")),
    ):
        if state in states:
            return text
    return _("the customer was not told: it was changed again, or given up, before the mail left")


# -- times ------------------------------------------------------------------------------------------------------------


def _from_to(old: Span, new: Span) -> dict[str, str]:
    """Both times; the day is named once where it stays, the ends only where the length changed."""
    ends = old.end - old.start != new.end - new.start
    same_day = timezone.localtime(old.start).date() == timezone.localtime(new.start).date()
    return {"old": _when(old, day=True, end=ends), "new": _when(new, day=not same_day, end=ends)}


def _when(span: Span, *, day: bool, end: bool) -> str:
    begins = (
        date_format(timezone.localtime(span.start), pgettext("date format", "D j M H:i")) if day else _clock(span.start)
    )
    return f"{begins} – {_clock(span.end)}" if end else begins


def _clock(at: datetime) -> str:
    return date_format(timezone.localtime(at), "H:i")


# -- the journal ------------------------------------------------------------------------------------------------------


def journal_text(row: Journal) -> str:
    """One line of the journal. What was stored beside it is older than this version at times: then the rule's words."""
    there, here = _stored(row.before), _stored(row.after)
    if row.rule == "moved" and there and here:
        moved = _("Moved in %(where)s from %(old)s to %(new)s") % {**_from_to(here, there), "where": where(row)}
        return _joined(moved, str(words.action_words(row.action))) if row.action in _OUTCOMES else moved
    if row.rule == "grace":
        return _grace(row, there, here)
    if row.action in _UNDONE:
        return str(_UNDONE[row.action])
    return str(words.rule_words(row.rule))


def _grace(row: Journal, there: Span | None, here: Span | None) -> str:
    if row.evidence == "Gone":
        return _joined(_("Deleted in %(where)s") % {"where": where(row)}, _("waiting whether it stays so"))
    if there and here and there != here:
        given = {**_from_to(here, there), "where": where(row)}
        moved = _("Moved in %(where)s from %(old)s to %(new)s") % given
        return _joined(moved, _("waiting whether it stays so"))
    return str(words.rule_words(row.rule))


def where(row: Journal) -> str:
    """The kind of calendar a line is about."""
    return words.PROVIDERS.get(row.connection.provider, row.connection.provider)


def _stored(value: Any) -> Span | None:
    try:
        return Span(*(as_utc(datetime.fromisoformat(value[name])) for name in ("start", "end")))
    except (KeyError, TypeError, ValueError):
        return None
