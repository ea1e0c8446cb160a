"""What the states and codes of calendar sync mean, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from kalends.calendars.announcing import Announced


@dataclass(frozen=True, slots=True)
class StateWords:
    name: Any
    kind: str  # of the pill: ok, info, warn, bad, ""
    meaning: Any


STATES = {
    "connecting": StateWords(
        _("Calendars not chosen"), "warn", _("The account is connected. Choose its calendars, then sync begins.")
    ),
    "active": StateWords(_("In sync"), "ok", _("Appointments and busy times are kept equal on both sides.")),
    "throttled": StateWords(
        _("Slowed down"), "warn", _("The calendar system asked us to wait. Sync goes on by itself; nothing is lost.")
    ),
    "frozen": StateWords(
        _("Held: please look"),
        "bad",
        _(
            "Unusually many events were deleted at once, so nothing was done. Say whether they are to be put back, or "
            "whether it was meant."
        ),
    ),
    "paused": StateWords(
        _("Paused"), "", _("Nothing is read and nothing is written. Busy times known before still block.")
    ),
    "needs_attention": StateWords(
        _("Needs attention"),
        "bad",
        _("The access does not work any more. Connect again with the same account: everything is taken up again."),
    ),
    "disconnected": StateWords(_("Disconnected"), "", _("Sync has ended.")),
}

RESTORED = StateWords(
    _("Held since a restore"),
    "warn",
    _(
        "The data here came out of a backup and may be older than the calendar. It is read, and busy times block, but "
        "nothing is written there and nothing is taken from it until you let it go on."
    ),
)

STALE = StateWords(
    _("Not readable"),
    "bad",
    _(
        "It could not be read for so long that no times of this staff member are offered. It is tried again and again; "
        "if the calendar system works, connect it again or disconnect it."
    ),
)

# Why a connection needs attention, where it is not the access.
LACKS = {
    "calendar_gone": _("A chosen calendar is not there any more. Choose another one below, or put it back there."),
    "rights_lost": _("The calendar may not be written to any more. Ask for the right again, or choose another one."),
    "forbidden": _("The calendar service refuses. Choose another calendar, or connect again."),
}

MODES = {
    "one_way": _("One way: appointments go to the calendar; changes made there are put back"),
    "two_way": _("Both ways: a move in the calendar moves the appointment and tells the customer"),
}

_WHY_READ = {
    "off": _("This server has no public https address at which a calendar could tell it."),
    "cannot": _("This kind of calendar does not tell."),
    "opening": _("It was asked to tell, and nothing has come so far."),
    "silent": _("It failed to tell of a change, and is being asked again."),
    "refused": _("It did not agree to tell, and will be asked again."),
}


def update_words(fact: Announced) -> str:
    """How soon a change in the calendar is seen here."""
    if fact.at_once:
        return gettext("At once: the calendar tells of it.")
    if fact.every_seconds % 60:
        often = ngettext(
            "Within %(number)s second: the calendar is read that often.",
            "Within %(number)s seconds: the calendar is read that often.",
            fact.every_seconds,
        ) % {"number": fact.every_seconds}
    else:
        minutes = fact.every_seconds // 60
        often = ngettext(
            "Within %(number)s minute: the calendar is read that often.",
            "Within %(number)s minutes: the calendar is read that often.",
            minutes,
        ) % {"number": minutes}
    return f"{often} {_WHY_READ[fact.why]}"


LINK_STATES = {
    "ok": (_("in the calendar"), "ok"),
    "pending": (_("on its way"), "info"),
    "asked": (_("the staff member was asked about a deletion"), "warn"),
    "refused": (_("refused by the calendar system"), "bad"),
    "diverged": (_("changed outside again and again: please look"), "bad"),
    "orphaned": (_("left behind in a calendar that is not connected any more"), "warn"),
    "closing": (_("being removed from the calendar"), "info"),
    "closed": (_("removed from the calendar"), ""),
}

PROVIDERS = {
    "google": "Google Calendar",
    "office365": "Microsoft 365",
    "outlook": "Outlook.com",
    "caldav": "CalDAV",
    "ics": "iCalendar",
}

ICONS = {"google": "google", "office365": "microsoft", "outlook": "outlook", "caldav": "caldav", "ics": "calendar"}


# Kinds of mail, as a list of them says it.
MAILS = {
    "appointment_confirmed": _("To the customer: confirmed"),
    "appointment_moved": _("To the customer: moved"),
    "appointment_cancelled": _("To the customer: cancelled"),
    "staff_appointment_new": _("To the staff member: new appointment"),
    "staff_appointment_moved": _("To the staff member: appointment moved"),
    "staff_appointment_cancelled": _("To the staff member: appointment cancelled"),
    "move_put_back": _("To the staff member: a move was put back"),
    "connection_needs_attention": _("A calendar needs attention"),
    "staff_question": _("Question to the staff member"),
    "calendar_invitation": _("Invitation to connect a calendar"),
    "member_invitation": _("Invitation to sign in"),
    "webhook_paused": _("A webhook was paused"),
}


def mail_words(kind: str) -> Any:
    return MAILS.get(kind) or kind.replace("_", " ")


# Why the calendar system refuses one event.
REASONS = {
    "foreign_organize": _("The event belongs to somebody else now."),  # the column has 16 characters
    "forbidden": _("The calendar system does not allow it."),
    "permanent": _("The calendar system refuses it for good."),
    "too_large": _("The event is too large for the calendar system."),
}


def reason_words(code: str) -> Any:
    return REASONS.get(code) or code.replace("_", " ")


def state_words(state: str) -> StateWords:
    return STATES.get(state) or StateWords(state, "", "")


# A line of the journal by its rule; what is not here is shown as it is stored.
RULES = {
    "create": _("Written into the calendar"),
    "ours_changed": _("Changed here, so the event was changed"),
    "same": _("Equal on both sides"),
    "same_value": _("Changed to the same on both sides"),
    "cancelled": _("Cancelled here, so the event was removed"),
    "cancelled_foreign_organizer": _(
        "Cancelled here; the event belongs to somebody else now: left alone, and it blocks"
    ),
    "cancelled_and_gone": _("Cancelled here; the event was gone already"),
    "moved": _("The event was moved in the calendar, so the appointment was moved"),
    "move_put_back": _("The event was moved in the calendar and put back"),
    "judged_put_back": _("The event was moved in the calendar and put back"),
    "one_way_restore": _("Changed in the calendar and put back: this connection is one way"),
    "odd_shape_put_back": _("Made an all-day or recurring event in the calendar, and put back"),
    "past_put_back": _("Moved into the past in the calendar, and put back"),
    "past_left_alone": _("It is over: left as it is"),
    "texts_put_back": _("Title or place was changed in the calendar, and put back"),
    "conflict_ours_wins": _("Changed on both sides: the later change, made here, holds"),
    "conflict_deletion_loses": _("Deleted in the calendar but changed here: written again"),
    "deleted_ask": _("Deleted in the calendar: the staff member was asked"),
    "deleted_cancel": _("Deleted in the calendar, so the appointment was cancelled"),
    "deleted_put_back": _("Deleted in the calendar and put back"),
    "deleted_answered_cancel": _("Deleted in the calendar; cancelled, as the staff member answered"),
    "deleted_answered_keep": _("Deleted in the calendar; put back, as the staff member answered"),
    "deleted_unanswered": _("Deleted in the calendar; nobody answered, so it was put back"),
    "foreign_organizer": _("The event belongs to somebody else now: left alone"),
    "grace": _("A change in the calendar was seen; waiting whether it stays"),
    "hint": _("The calendar hinted at a change; the event is read directly"),
    "cursor_expired": _("The calendar forgot where we were: read as a whole again"),
    "malformed": _("One event could not be read and was set aside"),
    "deletion_budget": _("Unusually many events were deleted at once: held until a person looks"),
    "released_by_person": _("A person looked at the deletions and let sync go on"),
    "tried_again_by_person": _("A person had the event written once more"),
    "restored_from_backup": _("Restored from a backup: held until a person releases it"),
    "marked_without_link": _("An event with our mark that belongs to no appointment here: kept, and it blocks"),
    "set_by_person": _("A person changed the direction of the connection"),
    "disconnected_by_person": _("A person ended the connection"),
    "auth_revoked": _("The access does not work any more"),
    "late_arrival": _("An event of ours that came too late was removed"),
    "implausible_drop": _("Many events were missing at once: read again before believing it"),
}


def rule_words(rule: str) -> Any:
    if rule.startswith("unknown:"):
        return _("The event could not be read, so nothing was done")
    return RULES.get(rule) or rule.replace("_", " ")


# What a decision rested on, and what was done; the class and action names of `kalends.sync`.
EVIDENCE = {
    "Present": _("read directly: it is there"),
    "Gone": _("read directly: it is not there"),
    "HintDeleted": _("the calendar said that it was deleted"),
    "AbsentFromList": _("missing from a list"),
    "Unknown": _("could not be read"),
}
ACTIONS = {
    "create": _("written"),
    "update": _("changed"),
    "delete": _("removed"),
    "put_back": _("put back"),
    "adopt": _("taken over as it is"),
    "hold": _("waited for"),
    "wait": _("waited for"),
    "read": _("read again"),
    "read_again": _("read again"),
    "read_everything": _("read as a whole"),
    "move_appointment": _("appointment moved"),
    "cancel_appointment": _("appointment cancelled"),
    "ask_staff": _("staff member asked"),
    "move_accepted": _("accepted"),
    "move_flagged": _("accepted, flagged: please have a look"),
    "move_put_back_overlap": _("put back: another appointment is there"),
    "move_put_back_rule": _("put back, by your company’s rule"),
    "move_put_back_past": _("put back: that time is over"),
    "move_stale": _("left out: the appointment was changed here after it"),
    "refuse": _("given up for now"),
    "close": _("finished"),
    "nothing": _("nothing done"),
    "quarantine": _("set aside"),
    "freeze": _("held"),
    "diverged": _("left as it is: a person should look"),
    "refused": _("given up for now"),
    "keep_foreign": _("left alone: it is not ours"),
    "needs_attention": _("a person was asked to mend it"),
    "release": _("your company's rule applies to each"),
    "release_and_restore": _("deleted events put back"),
    "mode_one_way": _("one way from now on"),
    "mode_two_way": _("both ways from now on"),
    "keep_events": _("our events stay in the calendar"),
    "remove_events": _("our events are removed from the calendar"),
}


def evidence_words(evidence: str) -> Any:
    return EVIDENCE.get(evidence) or evidence


# What set a look at the calendar going.
SIGNALS = {
    "outside_deletion": _("found by sync"),
    "followed": _("followed into another calendar"),
    "person": _("by a person"),
}


def signal_words(signal: str) -> Any:
    return SIGNALS.get(signal) or ("" if signal == "run" else signal)


def action_words(action: str) -> Any:
    return ACTIONS.get(action) or action.replace("_", " ")
