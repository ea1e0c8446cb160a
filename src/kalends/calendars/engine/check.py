"""Once an hour, one windowed list of the next 48 h: whatever the changes left out is found before it is due (G8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from kalends.calendars import codec
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.full import hint_absent
from kalends.calendars.engine.lease import check_fence
from kalends.calendars.engine.pull import CHECK_EVERY, note_hint
from kalends.calendars.handlers import handler
from kalends.calendars.models import Link, LinkStatus, RemoteCalendar
from kalends.core.span import Span
from kalends.jobs.prepared import Prepared
from kalends.jobs.saved import save
from kalends.sync.link import shape_of
from kalends.sync.port import RemoteEvent

AHEAD = timedelta(hours=48)
_TIMEOUT_SECONDS = 10.0
_NEAR = Prepared(
    lambda calendar, begin, end: (
        Link.objects.filter(calendar=calendar, wanted_start__lt=end, wanted_end__gt=begin)
        .exclude(remote_id="")
        .exclude(status__in=(LinkStatus.CLOSED, LinkStatus.ORPHANED))
    ),
    calendar=UUID,
    begin=datetime,
    end=datetime,
)


def check_calendar(run: Run, calendar: RemoteCalendar) -> None:
    """Only what is missing or changed is read directly afterwards."""
    span = Span(run.now, run.now + AHEAD)
    events = run.provider.busy([calendar.remote_id], span, _TIMEOUT_SECONDS).get(calendar.remote_id, [])
    run.at("window read")
    run.stirred = True
    with transaction.atomic():
        if calendar.staff_id is not None:
            handler().lock_staff([calendar.staff_id])
        check_fence(run)
        _compare(run, calendar, span, events)
        calendar.next_check_at = run.now + CHECK_EVERY
        save(calendar, ["next_check_at"])


def _compare(run: Run, calendar: RemoteCalendar, span: Span, events: Sequence[RemoteEvent]) -> None:
    listed = {event.id: event for event in events}
    for link in _NEAR.rows(calendar=calendar.pk, begin=span.start, end=span.end):
        event = listed.get(link.remote_id)
        if event is None:
            hint_absent(run, [link])
        elif event.tag != link.tag and shape_of(event) != codec.state_of(link).echo:
            note_hint(run, link, event)
