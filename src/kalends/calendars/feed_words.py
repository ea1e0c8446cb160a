"""What went wrong with an External iCalendar URL, and with single events in it, in plain words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_WRONG = {
    "empty": gettext_lazy("The address answered with nothing at all."),
    "login_page": gettext_lazy(
        "The address leads to a sign-in page. A calendar's secret or public iCal address is needed."
    ),
    "web_page": gettext_lazy("The address leads to a web page, not to a calendar."),
    "compressed": gettext_lazy("The address leads to a compressed file, not to a calendar."),
    "truncated": gettext_lazy("The calendar at this address breaks off in the middle."),
    "not_calendar": gettext_lazy("There is no iCalendar at this address."),
    "address_refused": gettext_lazy("The address leads into this server's own network."),
    "redirected": gettext_lazy("The address leads round in circles, or away from https."),
    "answer_too_large": gettext_lazy("The calendar is larger than 10 MB."),
    "timeout": gettext_lazy("The address did not answer in full within 20 seconds."),
    "unreachable": gettext_lazy("The address could not be reached."),
    "certificate": gettext_lazy("The server's certificate is not valid for this address."),
    "status_401": gettext_lazy("The address asks for a sign-in. A calendar's secret or public iCal address is needed."),
    "status_403": gettext_lazy("The address may not be read any more. Perhaps the calendar is shared no longer."),
    "status_404": gettext_lazy("There is nothing at this address any more. Perhaps the calendar has a new one."),
    "status_410": gettext_lazy("There is nothing at this address any more. Perhaps the calendar has a new one."),
    "status_429": gettext_lazy("The server asked us to come less often."),
}
_PROBLEMS = {
    "no_start": gettext_lazy("It has no beginning."),
    "bad_time": gettext_lazy("A time in it cannot be read."),
    "bad_end": gettext_lazy("Its end cannot be read."),
    "end_before_start": gettext_lazy("It ends before it begins."),
    "bad_duration": gettext_lazy("Its length cannot be read."),
    "unknown_zone": gettext_lazy("It stands in a time zone that nobody knows."),
    "bad_line": gettext_lazy("Its text is broken."),
    "out_of_range": gettext_lazy("A date in it lies outside of the calendar."),
    "bad_rule": gettext_lazy("Its repetition cannot be followed: it blocks the first time only."),
    "too_many": gettext_lazy("It repeats too often to be followed: it blocks the first time only."),
}


def wrong_words(detail: str) -> str:
    """One sentence for the `detail` of a failed read."""
    if detail in _WRONG:
        return str(_WRONG[detail])
    if detail.startswith("status_"):
        return _("The address answered with status %(status)s.") % {"status": detail.removeprefix("status_")}
    return _("The address could not be read just now.")


def problem_words(reason: str) -> str:
    """One sentence for why an event of a feed was set aside."""
    return str(_PROBLEMS.get(reason) or _("It cannot be read."))
