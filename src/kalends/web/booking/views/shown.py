"""An appointment as its customer sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats
from django.utils.translation import get_language

from kalends.bookings.models import Attendee, Status
from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.messages.dates import format_when, zone_label
from kalends.web.booking.access import speak
from kalends.web.booking.download import place


@dataclass(frozen=True, slots=True)
class When:
    """A time in words: `day` "Thursday 4 June 2026", `hours` "09:00 – 09:30", `zone` "Europe/Paris, UTC+2"."""

    day: str
    hours: str
    zone: str
    whole: str

    @classmethod
    def of(cls, span: Span, tz: str) -> When:
        start, end = span.start.astimezone(ZoneInfo(tz)), span.end.astimezone(ZoneInfo(tz))
        last = _clock(end) if start.date() == end.date() else f"{formats.date_format(end, 'l j F')}, {_clock(end)}"
        return cls(
            day=formats.date_format(start, "l j F Y"),
            hours=f"{_clock(start)} – {last}",
            zone=zone_label(start, tz),
            whole=format_when(span, tz, get_language() or "en"),
        )

    @classmethod
    def of_start(cls, start: datetime, minutes: int, tz: str) -> When:
        return cls.of(Span(start, start + timedelta(minutes=minutes)), tz)


def _clock(local: datetime) -> str:
    return formats.time_format(local.time(), "TIME_FORMAT")


def appointment_page(
    request: HttpRequest, attendee: Attendee, token: str, *, template: str, status: int = 200, **more: Any
) -> HttpResponse:
    appointment = attendee.appointment
    speak(request, attendee.locale)
    now = utc_now()
    context = {
        "company": appointment.company,
        "attendee": attendee,
        "appointment": appointment,
        "token": token,
        "when": When.of(appointment.span, attendee.timezone),
        "place": place(attendee),
        "stands": stands(attendee),
        "is_past": appointment.start <= now,
        "may_change": may_change(attendee, now),
        "may_move": may_move(attendee, now),
    }
    return render(request, template, context | more, status=status)


def stands(attendee: Attendee) -> bool:
    return attendee.appointment.stands and attendee.status == Status.CONFIRMED


def may_change(attendee: Attendee, now: datetime) -> bool:
    return stands(attendee) and attendee.appointment.start > now


def may_move(attendee: Attendee, now: datetime) -> bool:
    """Where others share the time, it is not one customer's to move."""
    coming = [other for other in attendee.appointment.attendees.all() if other.status == Status.CONFIRMED]
    return may_change(attendee, now) and len(coming) == 1
