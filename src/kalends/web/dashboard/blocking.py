"""Why a time is, or is not, offered: the rules in words, and each thing in the way with where it was read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kalends.bookings.selectors import explain
from kalends.calendars.announcing import announced
from kalends.calendars.models import BusySpan, CalendarConnection, Provider
from kalends.companies.models import Company, Service, Staff
from kalends.core.span import Span
from kalends.scheduling.busy import APPOINTMENT, CLOSING, EXTERNAL, HOLD, TIME_OFF
from kalends.scheduling.explain import Blocker
from kalends.web.dashboard import words

RULES = {
    "minute": (_("Begins on a whole minute"), _("Does not begin on a whole minute")),
    "hours": (_("Within working hours"), _("Outside working hours")),
    "restriction": (_("Within opening hours"), _("Outside opening hours")),
    "notice": (_("Far enough ahead"), _("Too soon: within the notice of the service")),
    "horizon": (_("Near enough to be booked"), _("Too far ahead: beyond the horizon of the service")),
    "limits": (_("Within the limits"), _("A limit is reached")),
    "busy": (_("Nothing is in the way"), _("Something is in the way")),
    "seats": (_("Places are left"), _("All places are taken")),
    "grid": (_("A start of the service’s grid"), _("Between the starts of the service’s grid")),
}
KINDS = {
    APPOINTMENT: _("Another appointment"),
    HOLD: _("Held for a visitor who is booking now"),
    TIME_OFF: _("Time off"),
    CLOSING: _("Closing"),
    EXTERNAL: _("An event in an outside calendar"),
}
STALE = {
    "first_sync_pending": _("A calendar of this staff member was not read yet, so no time is offered."),
    "calendar_stale": _("A calendar of this staff member was not read for too long, so no time is offered."),
}


@dataclass(frozen=True, slots=True)
class InTheWay:
    """`origin` is where an outside event was read; `signal` how its calendar tells of changes."""

    name: Any
    span: Span
    buffer: bool
    url: str = ""
    label: str = ""
    origin: CalendarConnection | None = None
    calendar: str = ""
    event: Span | None = None
    read_at: datetime | None = None
    signal: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    ok: bool | None
    text: Any
    blockers: list[InTheWay]


@dataclass(frozen=True, slots=True)
class Answer:
    offered: bool
    span: Span
    stale: Any
    rules: list[Judged]


def answer_for(*, company: Company, service: Service, staff: Staff, at: datetime, now: datetime) -> Answer:
    """Raises NotFound for a staff member who does not give the service."""
    found = explain(company=company, service=service, staff=staff, at=at, now=now)
    explanation = found.explanation
    blockers = [item for result in explanation.rules for item in result.blockers]
    origins = _origins(company, blockers, now)
    rules = [
        Judged(
            result.ok,
            RULES[result.rule][result.ok is False],
            [_in_the_way(item, staff, origins.get(item.id)) for item in result.blockers],
        )
        for result in explanation.rules
        if result.ok is not None
    ]
    return Answer(found.offered, Span(explanation.start, explanation.end), STALE.get(found.stale_reason, ""), rules)


def _origins(company: Company, blockers: Iterable[Blocker], now: datetime) -> dict[str, tuple[BusySpan, str]]:
    """The busy spans among the blockers, with how soon their calendar tells of changes."""
    ids = [UUID(item.id) for item in blockers if item.kind == EXTERNAL and item.id]
    rows = list(BusySpan.objects.filter(company=company, pk__in=ids).select_related("event", "calendar__connection"))
    told = announced({row.calendar_id: row.calendar for row in rows}.values(), now=now)
    return {str(row.pk): (row, words.update_words(told[row.calendar_id])) for row in rows}


def _in_the_way(item: Blocker, staff: Staff, origin: tuple[BusySpan, str] | None) -> InTheWay:
    name = KINDS.get(item.kind, item.kind)
    if item.kind == EXTERNAL and origin is None:
        name = _("A move in the calendar that waits whether it stays")
    url = reverse("dashboard:appointment", args=[item.id]) if item.kind == APPOINTMENT else ""
    if origin is None:
        return InTheWay(name, item.span, item.buffer, url, item.label)
    row, signal = origin
    connection, event = row.calendar.connection, row.event
    return InTheWay(
        name,
        item.span,
        item.buffer,
        _connection_url(connection, staff),
        origin=connection,
        calendar=row.calendar.name or connection.label,
        event=Span(event.start, event.end) if event.start and event.end and not event.recurrence else None,
        read_at=row.calendar.fresh_as_of,
        signal=signal,
    )


def _connection_url(connection: CalendarConnection, staff: Staff) -> str:
    if connection.provider != Provider.ICS:
        return reverse("dashboard:connection", args=[connection.pk])
    if connection.staff_id is None:
        return f"{reverse('dashboard:closings')}#external"
    return f"{reverse('dashboard:staff', args=[staff.pk])}#external"
