"""Company, staff, groups, services, API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kalends.companies.models import Company, Grid, Location, Service, Staff, StaffGroup
from kalends.web.dashboard.forms.base import BaseForm, ColorField, ZoneField


def _language(**kwargs: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=settings.LANGUAGES, **kwargs)


def _initial(row: Any, names: list[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


class CompanyForm(BaseForm):
    name = forms.CharField(label=_("Company name"), max_length=120)
    slug = forms.SlugField(
        label=_("Address of the booking page"),
        max_length=60,
        help_text=_("Small letters, digits and hyphens. Links that were given out stop working when you change it."),
    )
    timezone = ZoneField(
        help_text=_("For closings, reports and this dashboard. Each staff member keeps their own zone for their hours.")
    )
    locale = _language(label=_("Language"), help_text=_("Of mails, unless the customer chose another."))
    email = forms.EmailField(
        label=_("Contact e-mail"), max_length=254, required=False, help_text=_("Customers answer to it.")
    )
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    address = forms.CharField(label=_("Street address"), max_length=240, required=False)
    description = forms.CharField(
        label=_("A few words for the booking page"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    @classmethod
    def of(cls, company: Company) -> CompanyForm:
        return cls(initial=_initial(company, list(cls.base_fields)))


class StaffForm(BaseForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        required=False,
        help_text=_("Invitations and questions about their calendar go there."),
    )
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    timezone = ZoneField(help_text=_("Their working hours are read on this clock."))
    locale = _language(label=_("Language"), help_text=_("Of mails to them."))
    color = ColorField()
    active = forms.BooleanField(
        label=_("Can be booked"),
        required=False,
        help_text=_("Without it they are not offered; what is booked stays."),
    )
    all_day_blocks = forms.BooleanField(
        label=_("All-day events make the day busy"),
        required=False,
        help_text=_("Events over whole days in a connected calendar, such as holidays or trips."),
    )

    @classmethod
    def of(cls, staff: Staff) -> StaffForm:
        return cls(initial=_initial(staff, list(cls.base_fields)))


class NewStaffForm(BaseForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    email = forms.EmailField(label=_("E-mail"), max_length=254, required=False)
    timezone = ZoneField()


class StaffServicesForm(BaseForm):
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Services")
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["services"].queryset = company.services.all()  # type: ignore[attr-defined]


class GroupForm(BaseForm):
    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("Customers who may choose a group are given one of its members.")
    )
    staff = forms.ModelMultipleChoiceField(
        queryset=Staff.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Members")
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].queryset = company.staff.all()  # type: ignore[attr-defined]

    @classmethod
    def of(cls, group: StaffGroup) -> GroupForm:
        members = list(group.staff.values_list("pk", flat=True))
        return cls(company=group.company, initial={"name": group.name, "staff": members})


def _minutes(
    label: Any, most: int, *, least: int = 0, help_text: Any = "", required: bool = True
) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, help_text=help_text, required=required)


class ServiceForm(BaseForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    description = forms.CharField(
        label=_("Description"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    duration = _minutes(_("Duration, minutes"), 1440, least=1, help_text=_("What the customer sees as the length."))
    buffer_before = _minutes(
        _("Time before, minutes"), 1440, help_text=_("To prepare. Nothing else is booked then."), required=False
    )
    buffer_after = _minutes(
        _("Time after, minutes"),
        1440,
        help_text=_("To tidy up or travel. Nothing else is booked then."),
        required=False,
    )
    interval = _minutes(
        _("A start every, minutes"),
        1440,
        least=1,
        required=False,
        help_text=_("Empty: one duration after the other. 15 with a duration of 30 offers 9:00, 9:15, 9:30 ..."),
    )
    grid = forms.ChoiceField(
        label=_("Where starts may lie"),
        choices=Grid.choices,
        help_text=_(
            "Counted from opening time: 9:10, 9:40 for a day that opens at 9:10. On clean clock times: 9:30, 10:00. "
            "As many as fit: also right after another appointment."
        ),
    )
    notice = _minutes(
        _("Earliest booking, minutes ahead"),
        525_600,
        required=False,
        help_text=_("120: nobody books less than two hours before."),
    )
    horizon = _minutes(_("Latest booking, days ahead"), 730, least=1, help_text=_("How far the calendar opens."))
    capacity = _minutes(
        _("Seats"), 500, least=1, help_text=_("More than 1: several customers share one appointment, as in a class.")
    )
    color = ColorField()
    active = forms.BooleanField(
        label=_("Can be booked"), required=False, help_text=_("Without it the service is not offered.")
    )
    location = forms.ModelChoiceField(
        queryset=Location.objects.none(),
        required=False,
        label=_("Place"),
        empty_label=_("The company’s address"),
        help_text=_("Customers read it on the page and in their calendar."),
    )
    staff = forms.ModelMultipleChoiceField(
        queryset=Staff.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Staff who give it"),
        help_text=_("Nobody: it is not offered."),
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].queryset = company.staff.all()  # type: ignore[attr-defined]
        self.fields["location"].queryset = company.locations.order_by("name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("buffer_before", "buffer_after", "notice"):
            if name in data and data[name] is None:
                data[name] = 0
        return data

    @classmethod
    def of(cls, service: Service) -> ServiceForm:
        names = [name for name in cls.base_fields if name != "staff"]
        members = list(service.staff.values_list("pk", flat=True))
        return cls(company=service.company, initial={**_initial(service, names), "staff": members})


class LocationForm(BaseForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    address = forms.CharField(label=_("Street address"), max_length=240, required=False)
    timezone = ZoneField()


class ApiKeyForm(BaseForm):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Which program will use it."))
    may_write = forms.BooleanField(
        label=_("May change things"), required=False, help_text=_("Without it the key can only read.")
    )
