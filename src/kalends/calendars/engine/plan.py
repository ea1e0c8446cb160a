"""Evidence -> decisions, and the budget of deletions. The dry run and the run read the same list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from kalends.calendars.engine import journal
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.read import Seen, read_links
from kalends.calendars.models import CalendarConnection, Journal, Link, LinkStatus
from kalends.jobs.prepared import Prepared
from kalends.sync.actions import Decision
from kalends.sync.decide import decide
from kalends.sync.evidence import Gone
from kalends.sync.link import PendingKind
from kalends.sync.plan import over_budget

BATCH = 25
HOUR = timedelta(hours=1)
OVER = (LinkStatus.CLOSED, LinkStatus.ORPHANED)


@dataclass(frozen=True, slots=True)
class Planned:
    seen: Seen
    decision: Decision

    @property
    def link(self) -> Link:
        return self.seen.link


def open_links(connection: CalendarConnection) -> QuerySet[Link]:
    return Link.objects.filter(calendar__connection=connection).exclude(status__in=OVER)


_DUE = Prepared(
    lambda connection, now: (
        open_links(connection)
        .select_related("calendar", "staff")
        .filter(due_at__lte=now)
        .order_by("due_at", "pk")[:BATCH]
    ),
    connection=UUID,
    now=datetime,
)
_DELETED = Prepared(
    lambda connection: (
        open_links(connection)
        .select_related("calendar", "staff")
        .filter(pending__kind=PendingKind.DELETED.value)
        .order_by("pk")
    ),
    connection=UUID,
)
_NEXT = Prepared(
    lambda connection: open_links(connection).filter(due_at__isnull=False).order_by("due_at").values_list("due_at")[:1],
    connection=UUID,
)


def next_link_at(connection: CalendarConnection) -> datetime | None:
    """When the first of its links is to be looked at."""
    found = _NEXT.first(connection=connection.pk)
    return found[0] if found else None


def due_links(run: Run) -> list[Link]:
    """What is due, oldest first; where a deletion is, all pending deletions, so that the budget sees them together."""
    due: list[Link] = _DUE.rows(connection=run.connection.pk, now=run.now)
    if any(link.pending and link.pending["kind"] == PendingKind.DELETED for link in due):
        seen = {link.pk for link in due}
        due += [link for link in _DELETED.rows(connection=run.connection.pk) if link.pk not in seen]
    return due


def make_plan(run: Run, links: Sequence[Link]) -> list[Planned]:
    return [Planned(seen, decide(seen.state, seen.evidence, run.policy, run.now)) for seen in read_links(run, links)]


def is_outside_deletion(planned: Planned, now: datetime) -> bool:
    """Confirmed gone although it stood, of an appointment that is still to come."""
    state = planned.seen.state
    if not isinstance(planned.seen.evidence, Gone) or not state.remote_id or state.wanted is None:
        return False
    return state.wanted.content.span.end > now and state.verdict is None


def signal_of(run: Run, planned: Planned) -> str:
    """What the journal calls it: a deletion outside is counted by its lines, once for each link, until it is released.

    It may come without a line before: seen in a list of changes, its grace time was over when it was confirmed.
    """
    asked = planned.seen.state.question is not None
    return journal.OUTSIDE_DELETION if _unreleased(run, planned) and not asked else "run"


def exceeds_budget(run: Run, plan: Sequence[Planned]) -> bool:
    """G11, over the rolling hour. What a person has released is not counted again."""
    connection = run.connection
    since = max(run.now - HOUR, connection.released_at or run.now - HOUR)
    fresh = {planned.link.pk for planned in plan if _unreleased(run, planned)}
    if not fresh:
        return False
    earlier = set(_journaled_deletions(connection, since))
    standing = open_links(connection).filter(Q(wanted_end__gt=run.now) & ~Q(remote_id=""))
    links = set(standing.values_list("pk", flat=True)) | earlier | fresh
    return over_budget(deletions=len(fresh | earlier), links=len(links))


def _unreleased(run: Run, planned: Planned) -> bool:
    """An outside deletion that was not seen yet when a person last released the connection."""
    released_at, pending = run.connection.released_at, planned.seen.state.pending
    released = released_at is not None and pending is not None and pending.first_seen <= released_at
    return is_outside_deletion(planned, run.now) and not released


def _journaled_deletions(connection: CalendarConnection, since: datetime) -> list[UUID]:
    lines = Journal.objects.filter(
        connection=connection, at__gt=since, signal=journal.OUTSIDE_DELETION, link_id__isnull=False
    )
    return [pk for pk in lines.values_list("link_id", flat=True).distinct() if pk is not None]
