"""External iCalendar URLs on a page: a staff member's in their CALENDAR SYNC block, the company's among its closings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse

from kalends.calendars.selectors import ExternalFacts, external_calendars_of, external_url
from kalends.companies.models import Staff
from kalends.core.span import Span
from kalends.core.zones import zone
from kalends.web.dashboard.access import MemberRequest
from kalends.web.dashboard.forms.sync import ExternalCalendarForm

_PILLS = {"waiting": "info", "read": "ok", "failing": "bad"}


@dataclass(frozen=True, slots=True)
class ExternalRow:
    """One address as shown; `address` is "" for those who may not write: whoever has it reads the calendar."""

    facts: ExternalFacts
    address: str
    preview_url: str
    act_url: str

    @property
    def pill(self) -> str:
        return _PILLS[self.facts.state]


def page_of(staff: Staff | None) -> str:
    """Where the addresses are entered."""
    page = reverse("dashboard:staff", args=[staff.pk]) if staff else reverse("dashboard:closings")
    return f"{page}#external"


def external_block(request: MemberRequest, staff: Staff | None) -> dict[str, Any]:
    may_write = request.membership.may_write
    return {
        "external": [
            _row(facts, staff, may_write) for facts in external_calendars_of(company=request.company, staff=staff)
        ],
        "external_add_url": _url("external_calendar", staff),
        "external_form": ExternalCalendarForm(),
        "external_address": "",
    }


def _row(facts: ExternalFacts, staff: Staff | None, may_write: bool) -> ExternalRow:
    address = external_url(facts.row) if may_write else ""
    ident = facts.row.pk
    return ExternalRow(facts, address, _url("external_preview", staff, ident), _url("external_act", staff, ident))


def _url(name: str, staff: Staff | None, *more: Any) -> str:
    if staff is None:
        return reverse(f"dashboard:company_{name}", args=more)
    return reverse(f"dashboard:{name}", args=[staff.pk, *more])


def days_of(spans: list[Span], timezone: str) -> list[tuple[date, list[tuple[str, str]]]]:
    """The spans by local day, each day's as clock times; a whole day is one pair of "00:00" and "24:00"."""
    clock = zone(timezone)
    days: dict[date, list[tuple[str, str]]] = {}
    for span in spans:
        start, end = span.start.astimezone(clock), span.end.astimezone(clock)
        while start < end:
            midnight = datetime.combine(start.date() + timedelta(days=1), datetime.min.time(), tzinfo=clock)
            until = min(end, midnight)
            shown = f"{until:%H:%M}" if until < midnight else "24:00"
            days.setdefault(start.date(), []).append((f"{start:%H:%M}", shown))
            start = midnight
    return sorted(days.items())
