"""Disconnecting with "remove": our events leave the calendar, one by one, resumable (F30); then the rest goes."""

from __future__ import annotations

from django.db import transaction

from kalends.calendars.disconnecting import finish_disconnect
from kalends.calendars.engine import lease
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.plan import open_links
from kalends.calendars.links import forget_remote
from kalends.calendars.models import Link, LinkStatus
from kalends.sync.port import (
    Conflict,
    Forbidden,
    Guard,
    Malformed,
    NotFound,
    Permanent,
    ProviderError,
    RemoteEvent,
)

_BATCH = 50


def purge(run: Run) -> ProviderError | None:
    """Removes what can be removed; what the calendar refuses is left there and named orphaned.

    Each event is tried once a run. Returns what stood in the way of any: the next run, after a pause, tries again.
    """
    links = open_links(run.connection).select_related("calendar").order_by("pk")
    conflict: ProviderError | None = None
    batch = list(links[:_BATCH])
    while batch:
        for link in batch:
            conflict = _purge_link(run, link) or conflict
        batch = list(links.filter(pk__gt=batch[-1].pk)[:_BATCH])
    if conflict is not None:
        return conflict
    with transaction.atomic():
        lease.check_fence(run)
        finish_disconnect(run.connection, now=run.now)
    return None


def _purge_link(run: Run, link: Link) -> ProviderError | None:
    removed = True
    try:
        event = _event_of(run, link)
        if event is not None and not event.cancelled and not event.foreign_organizer:
            run.provider.remove(link.calendar.remote_id, Guard(event.id, event.tag, event.raw))
            run.report.writes += 1
    except Conflict as conflict:
        return conflict  # changed this moment, or a server that never takes our tag
    except (Forbidden, NotFound, Permanent, Malformed):
        removed = False
    run.at("purged, not stored")
    with transaction.atomic():
        lease.check_fence(run)
        row = Link.objects.select_for_update(of=("self",)).get(pk=link.pk)
        if removed:
            forget_remote(row)
        row.status = LinkStatus.CLOSED if removed else LinkStatus.ORPHANED
        row.due_at = None
        row.save()
    return None


def _event_of(run: Run, link: Link) -> RemoteEvent | None:
    if link.remote_id:
        return run.provider.get(link.calendar.remote_id, [link.remote_id]).get(link.remote_id)
    if not link.attempts and link.sent is None:
        return None
    return run.provider.find(link.calendar.remote_id, f"{link.pk.hex}{link.generation:04x}")
