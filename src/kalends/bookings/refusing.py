"""Why a time was refused: taken, or not offered at all, and by which rule. For people and programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from kalends.bookings.values import Alternative, NotOffered, SlotTaken
from kalends.scheduling.explain import explain_slot
from kalends.scheduling.slots import SlotQuery

# Somebody has the time: these rules speak of what stands there already.
_TAKEN = frozenset({"busy", "seats", "limits"})
# What is worth saying first, where members are refused for different reasons: the rules that hold for everybody, then
# the nearest to being offered.
_ORDER = ("past", "horizon", "notice", "calendar", "minute", "grid", "hours", "staff")


def refused_because(query: SlotQuery, start: datetime, now: datetime, *, any_minute: bool) -> str:
    """For the one member of `query`: the name of the rule that refuses, `taken`, or "" where no rule does."""
    if start < now:
        return "past"
    failed = [result.rule for result in explain_slot(query, start).rules if result.ok is False]
    if any_minute:
        failed = [rule for rule in failed if rule != "grid"]
    rules = ["hours" if rule == "restriction" else str(rule) for rule in failed if rule not in _TAKEN]
    return next((rule for rule in _ORDER if rule in rules), "taken" if failed else "")


def first_reason(reasons: Iterable[str], *, together: bool) -> str:
    """One reason for all members asked for. Whom no rule refuses ("") lost a race or was busy in their calendar.

    `together`: all of them are needed, so the time counts as taken only where nothing else refuses anybody.
    """
    found = set(reasons)
    if not together and found & {"", "taken"}:
        return "taken"
    return next((reason for reason in _ORDER if reason in found), "taken")


def refusal(reason: str, alternatives: Sequence[Alternative] = ()) -> SlotTaken:
    """The error for a reason of this module. `slot_taken` stays what it was: somebody else has the time."""
    if reason == "taken":
        return SlotTaken(_("This time is not free any more."), alternatives)
    return NotOffered(_WORDS[reason](), alternatives, reason=reason)


_WORDS: dict[str, Callable[[], str]] = {
    "past": lambda: _("This time is over."),
    "horizon": lambda: _("This time is too far ahead: it cannot be booked yet."),
    "notice": lambda: _("This time is too soon: it cannot be booked at such short notice any more."),
    "calendar": lambda: _("The calendar cannot be read just now, so nobody knows whether this time is free."),
    "minute": lambda: _("An appointment begins on a whole minute."),
    "grid": lambda: _("No appointment begins at this time; choose one of the times that are offered."),
    "hours": lambda: _("This time is outside working hours."),
    "staff": lambda: _("Nobody gives this service at the moment."),
}
