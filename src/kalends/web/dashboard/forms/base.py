"""What every form of ours has: our markup, and errors of a service shown at their field."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from kalends.core.errors import KalendsError
from kalends.core.span import YEARS
from kalends.core.zones import is_zone, zone, zone_names


class Renderer(DjangoTemplates):
    form_template_name = "dashboard/forms/form.html"
    field_template_name = "dashboard/forms/field.html"


class BaseForm(forms.Form):
    default_renderer = Renderer
    error_css_class = "is-invalid"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def refuse(self, error: KalendsError, *, message: Any = None, **renamed: str) -> None:
        """A service said no: shown at the field it named, or above the form."""
        name = renamed.get(error.field or "", error.field)
        self.add_error(name if name in self.fields else None, message or error.message)

    @property
    def changes(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class ZoneField(forms.ChoiceField):
    """A time zone. The list holds one name per country and clock; any IANA name is accepted when sent."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Time zone"))
        super().__init__(choices=_zone_choices, **kwargs)

    def valid_value(self, value: str) -> bool:
        return is_zone(str(value))

    def prepare_value(self, value: Any) -> Any:
        """An older spelling that is stored stays in the list, so that saving does not change it."""
        names = zone_names()
        if isinstance(value, str) and value not in names and is_zone(value):
            self.widget.choices = [(value, value), *_zone_choices()]
        return value


def _zone_choices() -> list[tuple[str, Any]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in zone_names():
        region, _slash, city = name.partition("/")
        groups.setdefault(region if city else "", []).append((name, city.replace("_", " ") or name))
    plain: list[tuple[str, Any]] = [*groups.pop("", [])]
    return plain + sorted(groups.items())


class ColorField(forms.RegexField):
    widget = forms.TextInput(attrs={"type": "color"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"^#[0-9a-fA-F]{6}$", label=_("Colour"), required=False, **kwargs)

    def clean(self, value: Any) -> str:
        return super().clean(value) or "#2563eb"


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", **kwargs)


class DateTimeLocalInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", **kwargs)


def date_field(**kwargs: Any) -> forms.DateField:
    """A day of 1970 to 2199: beyond, the arithmetic of zones runs over the ends of the calendar."""
    first, last = date(YEARS[0], 1, 2), date(YEARS[-1], 12, 30)
    message = _("Choose a date of the years 1970 to 2199.")
    limits = [MinValueValidator(first, message), MaxValueValidator(last, message)]
    return forms.DateField(widget=DateInput(), input_formats=["%Y-%m-%d"], validators=limits, **kwargs)


def time_field(**kwargs: Any) -> forms.TimeField:
    return forms.TimeField(widget=TimeInput(), input_formats=["%H:%M", "%H:%M:%S"], **kwargs)


class SpanForm(BaseForm):
    """Days away: whole days unless times are given. `span(timezone)` gives the two instants."""

    from_date = date_field(label=_("From"))
    from_time = time_field(label=_("at"), required=False)
    to_date = date_field(label=_("To (this day included)"), required=False)
    to_time = time_field(label=_("at"), required=False)
    label = forms.CharField(label=_("Name"), max_length=120, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("from_date"), data.get("to_date") or data.get("from_date")
        if first and last:
            data["to_date"] = last
            if (last, data.get("to_time") or time.max) <= (first, data.get("from_time") or time.min):
                self.add_error("to_date", _("It must end after it starts."))
        return data

    def span(self, timezone: str) -> tuple[datetime, datetime]:
        data = self.cleaned_data
        start = _at(data["from_date"], data["from_time"], timezone)
        if data["to_time"]:
            return start, _at(data["to_date"], data["to_time"], timezone)
        return start, _at(data["to_date"] + timedelta(days=1), None, timezone)


def _at(day: date, at: time | None, timezone: str) -> datetime:
    """The instant of a wall time; one that the clocks skip counts on from before the change."""
    return datetime.combine(day, at or time.min, tzinfo=zone(timezone))


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: everything that was posted, were it nothing; unbound on a GET."""
    return request.POST if request.method == "POST" else None
