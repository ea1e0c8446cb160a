"""Filters of the list, and what a manager does with one appointment."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kalends.bookings.models import Status
from kalends.companies.models import Company, Service, Staff
from kalends.core.span import Span
from kalends.core.zones import zone
from kalends.web.dashboard.forms.base import BaseForm, date_field, time_field


class FilterForm(BaseForm):
    """What cannot be read is left out: a link with a bad filter shows more, not an error."""

    q = forms.CharField(label=_("Name or e-mail"), max_length=120, required=False)
    staff = forms.ModelChoiceField(
        label=_("Staff"), queryset=Staff.objects.none(), required=False, empty_label=_("Everybody")
    )
    service = forms.ModelChoiceField(
        label=_("Service"), queryset=Service.objects.none(), required=False, empty_label=_("All services")
    )
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("All")), *Status.choices, ("flagged", _("To look at"))],
    )
    from_date = date_field(label=_("From"), required=False)
    to_date = date_field(label=_("To"), required=False)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company = company
        self.fields["staff"].queryset = company.staff.all()  # type: ignore[attr-defined]
        self.fields["service"].queryset = company.services.all()  # type: ignore[attr-defined]

    def selection(self) -> dict[str, Any]:
        """Arguments of `bookings.selectors.appointments_of`."""
        self.is_valid()
        data = self.cleaned_data
        status = data.get("status") or ""
        return {
            "search": (data.get("q") or "").strip(),
            "staff_ids": [data["staff"].pk] if data.get("staff") else None,
            "status": "" if status == "flagged" else status,
            "flagged": status == "flagged",
            "span": self._span(data.get("from_date"), data.get("to_date")),
        }

    def _span(self, first: date | None, last: date | None) -> Span | None:
        if first is None and last is None:
            return None
        tz = zone(self.company.timezone)
        first, last = first or date(2000, 1, 1), last or date(2999, 12, 31)
        if not date(1970, 1, 2) < first <= last < date(9000, 1, 1):
            return None
        start = datetime.combine(first, time.min, tzinfo=tz)
        return Span(start, datetime.combine(last + timedelta(days=1), time.min, tzinfo=tz))


class MoveForm(BaseForm):
    date = date_field(label=_("Date"))
    time = time_field(label=_("Time"))
    staff = forms.ModelChoiceField(label=_("Staff"), queryset=Staff.objects.none(), empty_label=None)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].queryset = company.staff.filter(active=True)  # type: ignore[attr-defined]


class WhyForm(BaseForm):
    """Which time of whom is asked about."""

    staff = forms.ModelChoiceField(label=_("Staff"), queryset=Staff.objects.none(), empty_label=None)
    service = forms.ModelChoiceField(label=_("Service"), queryset=Service.objects.none(), empty_label=None)
    date = date_field(label=_("Date"))
    time = time_field(label=_("Time"))

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].queryset = company.staff.filter(active=True)  # type: ignore[attr-defined]
        self.fields["service"].queryset = company.services.filter(active=True)  # type: ignore[attr-defined]


class CancelForm(BaseForm):
    reason = forms.CharField(
        label=_("Reason"), max_length=400, required=False, help_text=_("The customer is told, in these words.")
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class NotesForm(BaseForm):
    notes = forms.CharField(
        label=_("Notes"), max_length=4000, required=False, strip=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class NewAppointmentForm(BaseForm):
    service = forms.ModelChoiceField(label=_("Service"), queryset=Service.objects.none(), empty_label=None)
    staff = forms.ModelChoiceField(
        label=_("Staff"), queryset=Staff.objects.none(), required=False, empty_label=_("Whoever is free")
    )
    date = date_field(label=_("Date"))
    time = time_field(label=_("Time"))
    name = forms.CharField(label=_("Customer's name"), max_length=120)
    email = forms.EmailField(label=_("Customer's e-mail"), max_length=254, help_text=_("The confirmation goes there."))
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    notes = forms.CharField(label=_("Notes"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["service"].queryset = company.services.filter(active=True)  # type: ignore[attr-defined]
        self.fields["staff"].queryset = company.staff.filter(active=True)  # type: ignore[attr-defined]


def instant(day: date, at: time, timezone: str) -> datetime:
    """The instant of a wall time in a zone."""
    return datetime.combine(day, at, tzinfo=zone(timezone))
