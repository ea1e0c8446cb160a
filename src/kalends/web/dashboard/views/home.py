"""Today: what is on, what comes, what a person should look at; and how to begin, while there is nothing yet."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from kalends.bookings import selectors
from kalends.bookings.models import Status
from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.core.zones import zone
from kalends.web.dashboard import reads
from kalends.web.dashboard.access import MemberRequest, member

_NEXT_SHOWN = 8


@member
def home(request: MemberRequest) -> HttpResponse:
    now = utc_now()
    company = request.company
    day = timezone.localtime(now, zone(company.timezone)).date()
    midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone(company.timezone))
    today = Span(datetime.combine(day, time.min, tzinfo=midnight.tzinfo), midnight)
    confirmed = Status.CONFIRMED.value
    steps = reads.first_steps(company)
    context = {
        "today": list(selectors.appointments_of(company, span=today, status=confirmed)),
        "coming": list(
            selectors.appointments_of(
                company, span=Span(midnight, midnight + timedelta(days=30)), status=confirmed
            ).filter(start__gte=midnight)[:_NEXT_SHOWN]
        ),
        "flagged": list(selectors.appointments_of(company, flagged=True).filter(end__gt=now)[:20]),
        "troubled": reads.troubled_connections(company),
        "questions": reads.open_questions(company, now),
        "steps": steps,
        "first_days": not all(step.done for step in steps),
        "now": now,
    }
    return render(request, "dashboard/home.html", context)
