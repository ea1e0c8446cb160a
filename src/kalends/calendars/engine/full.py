"""The end of a full read: what it did not meet. Of ours that is a hint, of foreign events a deletion, if plausible."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, DateField, Q
from django.db.models.functions import Cast

from kalends.calendars.engine import journal
from kalends.calendars.engine.context import Run
from kalends.calendars.links import OVER
from kalends.calendars.models import Link, RemoteCalendar, RemoteEvent
from kalends.jobs.prepared import Prepared
from kalends.jobs.saved import save
from kalends.sync.busy import rolling_window
from kalends.sync.plan import implausible_drop

WEEK = timedelta(days=7)


def sweep(run: Run, calendar: RemoteCalendar) -> bool:
    """By id: what a full read did not meet. Of ours that is a hint; of foreign events a deletion, if plausible."""
    _look_at_absent(run, calendar)
    calendar.next_full_at = run.now + WEEK + _stagger(calendar)
    if _implausible(run, calendar):
        calendar.next_full_at = run.now
        return False
    calendar.suspected_drop = 0
    if _UNSEEN.first(calendar=calendar.pk, generation=calendar.generation) is None:
        return False
    RemoteEvent.objects.filter(calendar=calendar, seen_generation__lt=calendar.generation).delete()
    return True


_UNSEEN = Prepared(
    lambda calendar, generation: RemoteEvent.objects.filter(
        calendar=calendar, seen_generation__lt=generation
    ).values_list("pk")[:1],
    calendar=UUID,
    generation=int,
)
_AHEAD = Prepared(
    lambda calendar, generation, now: (
        RemoteEvent.objects.filter(
            Q(end__gt=now) | Q(end_date__gt=Cast(now, DateField())) | ~Q(recurrence=[]), calendar=calendar
        )
        .order_by()
        .values("calendar")
        .annotate(mirrored=Count("pk"), missing=Count("pk", filter=Q(seen_generation__lt=generation)))
        .values_list("mirrored", "missing")
    ),
    calendar=UUID,
    generation=int,
    now=datetime,
)


def ahead(run: Run, calendar: RemoteCalendar) -> tuple[int, int]:
    """Events that are not over: how many are mirrored, and how many of these the present generation did not meet."""
    found = _AHEAD.first(calendar=calendar.pk, generation=calendar.generation, now=run.now)
    return found or (0, 0)


def stable_ids(calendar: RemoteCalendar) -> bool:
    return bool(calendar.capabilities.get("stable_ids", True))


def _implausible(run: Run, calendar: RemoteCalendar) -> bool:
    """F20: an empty list with status 200 is no reason to call somebody free. A second full read decides."""
    mirrored, missing = ahead(run, calendar)
    if not stable_ids(calendar):
        # What changed comes under another id: what counts is by how much the calendar has become emptier.
        before = run.mirrored.get(calendar.pk, 0)
        missing, mirrored = max(0, before - (mirrored - missing)), before
    if calendar.suspected_drop or not implausible_drop(missing=missing, mirrored=mirrored):
        return False
    calendar.suspected_drop = missing
    journal.write(run.connection, now=run.now, rule="implausible_drop", action="read_again", calendar=calendar)
    return True


_ABSENT = Prepared(
    lambda calendar, generation, begin: (
        Link.objects.filter(calendar=calendar, wanted_end__gt=begin)
        .exclude(status__in=OVER)
        .exclude(remote_id="")
        .exclude(
            remote_id__in=RemoteEvent.objects.filter(calendar=calendar, seen_generation=generation).values("remote_id")
        )
    ),
    calendar=UUID,
    generation=int,
    begin=datetime,
)


def _look_at_absent(run: Run, calendar: RemoteCalendar) -> None:
    begin = rolling_window(run.now).start
    hint_absent(run, _ABSENT.rows(calendar=calendar.pk, generation=calendar.generation, begin=begin))


def hint_absent(run: Run, links: Iterable[Link]) -> None:
    """A complete list lacks them: each is read directly, now."""
    for link in links:
        if link.due_at is None or link.due_at > run.now:
            link.due_at = run.now
            save(link, ["due_at"])


def _stagger(calendar: RemoteCalendar) -> timedelta:
    """Up to a day, always the same for one calendar, so that full reads do not come all at once."""
    return timedelta(seconds=zlib.crc32(calendar.pk.bytes) % 86_400)
