"""Words of the product's own that a manager may change before they are sent."""

from __future__ import annotations

from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext as _


def default_invitation(locale: str) -> tuple[str, str]:
    """Subject and HTML of an invitation to connect a calendar, with the placeholders {company}, {staff} and {link}."""
    with translation.override(locale):
        paragraphs = (
            _(
                "I am managing our booking for {company} online. Please click on the link below to connect your Online "
                "Scheduling appointments with your Google Calendar, Outlook, Microsoft 365 or other calendar."
            ),
            "{link}",
        )
        html = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
        return _("Sync your appointments with your calendar"), html
