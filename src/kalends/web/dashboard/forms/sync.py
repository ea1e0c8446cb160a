"""Calendar sync: the company's switches, the invitation, an External iCalendar URL."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from kalends.companies.models import Company, FeedPrivacy, OutsideDeleteRule, OutsideMoveRule, Staff
from kalends.companies.services import CALENDAR_SYNC_FIELDS, PROVIDER_SWITCHES
from kalends.messages.wording import default_invitation
from kalends.web.dashboard.forms.base import BaseForm


def _switch(label: Any, help_text: Any = "") -> forms.BooleanField:
    widget = forms.CheckboxInput(attrs={"role": "switch"})
    return forms.BooleanField(label=label, required=False, widget=widget, help_text=help_text)


class CalendarSyncForm(BaseForm):
    """The seed's page: the labels are its words."""

    bidirectional = _switch(_("Activate bidirectional synchronization"))
    google_enabled = _switch(_("Enable Google Calendar Syncing"))
    outlook_enabled = _switch(_("Enable Outlook Calendar Syncing"))
    office365_enabled = _switch(_("Enable Office365 Calendar Syncing"))
    caldav_enabled = _switch(_("Enable CalDAV Syncing"))
    on_outside_move = forms.ChoiceField(
        label=_("When an event is moved outside working hours, or onto busy time"),
        choices=OutsideMoveRule.choices,
        widget=forms.RadioSelect,
    )
    on_outside_delete = forms.ChoiceField(
        label=_("When an event is deleted"), choices=OutsideDeleteRule.choices, widget=forms.RadioSelect
    )

    stale_after_hours = forms.IntegerField(
        label=_("A connected calendar is trusted for, hours"),
        min_value=1,
        max_value=168,
        required=False,
        help_text=_("Not read for longer: its staff member is not offered until it can be read again."),
    )
    stale_after_hours_ics = forms.IntegerField(
        label=_("An External iCalendar URL is trusted for, hours"),
        min_value=1,
        max_value=336,
        required=False,
        help_text=_("The same for calendars that are read from an address."),
    )

    @classmethod
    def of(cls, company: Company) -> CalendarSyncForm:
        return cls(initial={name: getattr(company, name) for name in CALENDAR_SYNC_FIELDS})

    @property
    def changes(self) -> dict[str, Any]:
        """A number left empty stays as it is."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}

    def switched_off(self, company: Company) -> list[str]:
        """The kinds of provider that this form would switch off."""
        return [
            name.removesuffix("_enabled")
            for name in PROVIDER_SWITCHES
            if getattr(company, name) and not self.cleaned_data[name]
        ]


class PrivacyForm(BaseForm):
    privacy = forms.ChoiceField(label=_("What it shows"), choices=FeedPrivacy.choices)


class InvitationForm(BaseForm):
    email = forms.EmailField(label=pgettext_lazy("recipient", "To"), max_length=254)
    subject = forms.CharField(label=_("Subject"), max_length=160)
    html = forms.CharField(
        label=_("Message"),
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 10, "data-editor": "yes"}),
        help_text=_(
            "{company}, {staff} and {link} are replaced when it is sent; {link} becomes the button that connects."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "invite_%s")
        super().__init__(*args, **kwargs)

    def clean_subject(self) -> str:
        """A header is one line."""
        return " ".join(self.cleaned_data["subject"].split())

    @classmethod
    def of(cls, staff: Staff, company: Company) -> InvitationForm:
        """In the staff member's language; the company's name is filled in when it is sent."""
        subject, html = default_invitation(staff.locale)
        return cls(initial={"email": staff.email, "subject": subject, "html": html})


class ExternalCalendarForm(BaseForm):
    """The prefix https:// stands fixed before the field; an address pasted with its own is taken as it is."""

    url = forms.CharField(label=_("External iCalendar URL:"), max_length=2000, required=False)

    def clean_url(self) -> str:
        text = self.cleaned_data["url"].strip()
        for prefix in ("webcal://", "webcals://"):
            if text.lower().startswith(prefix):
                text = text[len(prefix) :]
        if not text or text.lower().startswith(("https://", "http://")):
            return text
        return f"https://{text}"


class CalDavForm(BaseForm):
    url = forms.CharField(
        label=_("Address of the calendar server, or your e-mail address"),
        max_length=2000,
        help_text=_("Such as caldav.icloud.com, cloud.example.org, or you@fastmail.com."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocapitalize": "off", "spellcheck": "false"}),
    )
    username = forms.CharField(
        label=_("User name"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("App password"),
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Not your main password: make one for Kalends only, as described below. It is kept encrypted."),
    )
