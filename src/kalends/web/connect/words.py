"""Errors of calendar sync in the reader's language, by their code."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from kalends.core.errors import KalendsError

_WORDS = {
    "invitation_invalid": _("This invitation is not valid any more. Ask for a new one."),
    "provider_off": _("Syncing with this kind of calendar is switched off for the company."),
    "not_configured": _("This kind of calendar is not configured on this server."),
    "consent_denied": _("The calendar was not shared, so nothing was connected."),
    "admin_consent_needed": _(
        "Your organisation lets only an administrator allow this. Your administrator must allow it first: "
        "ask them to do so, then begin again."
    ),
    "policy": _("Your organisation’s sign-in rules stopped this. Begin again, or ask your administrator."),
    "oauth_state_invalid": _("This sign-in has run out, or was begun in another browser. Begin again."),
    "permission_missing": _("A permission was left out. Connect again and allow all of them."),
    "provider_unreachable": _("The calendar service could not be reached. Try again in a few minutes."),
    "credentials_refused": _("The user name or the password is not accepted. Most services want an app password."),
    "no_calendars": _("No calendars were found at this address."),
    "other_server": _(
        "This server sends you on to another one, which was not given your password. If you trust it, enter its"
        " address instead: %(address)s"
    ),
    "address_refused": _(
        "This address cannot be used: it is not public, or does not begin with https://. Whoever runs this server can"
        " allow it."
    ),
    "no_basic_authentication": _(
        "This server does not let programs sign in with a user name and a password, so it cannot be connected."
    ),
    "invitation_used": _("Another calendar was connected by this invitation. Ask for a new one."),
    "too_many_invitations": _("Too many invitations in one hour. Please come back later."),
    "question_settled": _("This question was settled already."),
}
_WORDS["private_address"] = _WORDS["not_https"] = _WORDS["address_refused"]


def error_words(error: KalendsError) -> Any:
    words = _WORDS.get(error.code) or error.message
    return words % {"address": getattr(error, "address", "")} if error.code == "other_server" else words
