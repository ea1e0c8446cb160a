"""Reading changes: each page's effects, the journal and (with the last) the next cursor commit together (F33)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, transaction

from kalends.calendars import codec, mirror
from kalends.calendars.engine import journal
from kalends.calendars.engine.channels import next_poll_at, note_changes
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.full import ahead, stable_ids, sweep
from kalends.calendars.engine.lease import check_fence
from kalends.calendars.handlers import handler
from kalends.calendars.links import OVER, forget_remote
from kalends.calendars.models import Link, LinkStatus, RemoteCalendar, RemoteEvent
from kalends.calendars.ours import parse_op_key
from kalends.companies.services import raise_schedule_revision
from kalends.jobs import counters
from kalends.jobs.listed import Listed
from kalends.jobs.prepared import Given, PreparedUpdate
from kalends.jobs.saved import save
from kalends.sync.busy import rolling_window
from kalends.sync.link import shape_of
from kalends.sync.observe import observe
from kalends.sync.port import CalendarInfo, CursorExpired, Deleted, Page, PageItem, Quarantined, Series
from kalends.sync.port import RemoteEvent as Event

CHECK_EVERY = timedelta(hours=1)
SUSPECTED_AGAIN_IN = timedelta(minutes=5)
# What a read says of its calendar; other columns may have changed since the row was fetched.
_READ = {
    "cursor": str,
    "fresh_as_of": datetime,
    "next_poll_at": datetime,
    "next_full_at": datetime,
    "reading_full": bool,
    "suspected_drop": int,
    "quarantined": int,
}
_WAS_READ = PreparedUpdate(
    lambda pk, **_: RemoteCalendar.objects.filter(pk=pk),
    {name: Given(name, kind) for name, kind in _READ.items()},
    pk=UUID,
    **_READ,
)


def pull_calendar(run: Run, calendar: RemoteCalendar) -> None:
    """Reads what changed in one calendar, or all of it if there is no cursor or its weekly full read is due."""
    if calendar.derived_with != mirror.reading_key(calendar):
        _derive_anew(run, calendar)
    full = calendar.cursor == "" or (calendar.next_full_at is not None and calendar.next_full_at <= run.now)
    if not full:
        try:
            _pull(run, calendar, calendar.cursor)
            return
        except CursorExpired:
            _forget_cursor(run, calendar)
    _begin_full(run, calendar)
    _pull(run, calendar, "")


def _pull(run: Run, calendar: RemoteCalendar, cursor: str) -> None:
    window = rolling_window(run.now)
    for page in run.provider.pull(calendar.remote_id, cursor, window):
        run.at("page read")
        run.report.pages += 1
        with transaction.atomic():
            _apply_page(run, calendar, page)
            run.at("page applied, not committed")
        run.at("page committed")


def _derive_anew(run: Run, calendar: RemoteCalendar) -> None:
    """The staff member moved to another zone, or wants all-day events to block from now on, or no longer."""
    with transaction.atomic():
        handler().lock_staff(mirror.staff_of(calendar))
        check_fence(run)
        everything = RemoteEvent.objects.filter(calendar=calendar).values_list("remote_id", flat=True)
        if derive_spans(run, calendar, list(everything)):
            raise_schedule_revision(mirror.staff_of(calendar))
        calendar.derived_with = mirror.reading_key(calendar)
        save(calendar, ["derived_with"])


def _forget_cursor(run: Run, calendar: RemoteCalendar) -> None:
    with transaction.atomic():
        check_fence(run)
        calendar.cursor = ""
        save(calendar, ["cursor"])
        journal.write(run.connection, now=run.now, rule="cursor_expired", action="read_everything", calendar=calendar)


def _begin_full(run: Run, calendar: RemoteCalendar) -> None:
    """A new generation: what the finished read did not meet carries an older one (F22, F35)."""
    with transaction.atomic():
        check_fence(run)
        if not stable_ids(calendar):
            run.mirrored[calendar.pk] = ahead(run, calendar)[0]
        calendar.generation += 1
        calendar.reading_full = True
        save(calendar, ["generation", "reading_full"])


# -- one page -----------------------------------------------------------------------------------------------------


def _apply_page(run: Run, calendar: RemoteCalendar, page: Page) -> None:
    whose = mirror.staff_of(calendar) if page.items or page.complete else []
    if whose:
        handler().lock_staff(whose)
    check_fence(run)
    if page.info is not None:
        _take_info(calendar, page.info)
    run.stirred |= bool(page.items) or page.complete
    links = _links_of(calendar, page.items)
    changed = False
    touched = _store_plain(run, calendar, page.items, links)
    plain = set(touched)
    gone: list[str] = []
    for item in page.items:
        if item.id in plain:
            continue
        if _is_gone(item) and item.id not in links:
            gone.append(item.id)
            continue
        stored = _store_item(run, calendar, item, links)
        if stored is None:
            gone.append(item.id)
        elif stored:
            touched.append(item.id)
    removed, series = mirror.forget_events(calendar, gone)
    changed |= removed
    touched += series
    changed |= _drop_replaced_exceptions(calendar, page.items)
    changed |= _drop_lost_occurrences(calendar, page.series)
    changed |= derive_spans(run, calendar, touched)
    if not page.complete:
        note_changes(run, calendar, page.items)
    if page.last:
        changed |= _finish(run, calendar, page)
    if changed:
        raise_schedule_revision(whose)


def _take_info(calendar: RemoteCalendar, info: CalendarInfo) -> None:
    """A feed's name and zone may change with any read; what states neither keeps what it has."""
    name = (info.name or calendar.name)[:255]
    if (name, info.timezone) != (calendar.name, calendar.timezone):
        calendar.name, calendar.timezone = name, info.timezone
        save(calendar, ["name", "timezone"])


def _store_plain(run: Run, calendar: RemoteCalendar, items: Sequence[PageItem], links: dict[str, Link]) -> list[str]:
    """Mirrors at once what says nothing of a link; the ids of it. Where one fails, none is: each is then tried."""
    events = [item for item in items if isinstance(item, Event) and not _is_gone(item)]
    agreed = [(links[event.id], event) for event in events if event.id in links and _stands(links[event.id], event)]
    plain = [event for event in events if not event.op_key and event.id not in links] + [event for _, event in agreed]
    if not plain:
        return []
    try:
        with transaction.atomic():
            mirror.store_events(calendar, plain)
            _remember_standing(run, agreed)
    except (DatabaseError, ValueError):
        return []
    return [event.id for event in plain]


def _stands(link: Link, event: Event) -> bool:
    """Our event as we left it, by its tag or by its looks, and of a link that waits for nothing."""
    if link.wanted is None or link.echo is None or link.sent or link.pending or link.verdict:
        return False
    return (bool(link.tag) and link.tag == event.tag) or link.echo == codec.shape_json(shape_of(event))


def _remember_standing(run: Run, agreed: Sequence[tuple[Link, Event]]) -> None:
    """An unmoved tag is that of our last write: this is how the calendar keeps it, even if its answer said otherwise."""
    echoes = sum(link.tag == event.tag for link, event in agreed)
    other = []
    for link, event in agreed:
        seen = event.tag, codec.shape_json(shape_of(event))
        if (link.tag, link.echo) != seen:
            link.tag, link.echo = seen
            other.append(link)
    Link.objects.bulk_update(other, ["tag", "echo"])
    counters.count("kalends_sync_echoes", echoes, provider=run.connection.provider)


def _is_gone(item: PageItem) -> bool:
    """A cancelled occurrence is not: it is what its series lacks."""
    return isinstance(item, Deleted) or (isinstance(item, Event) and item.cancelled and not item.series_id)


def _store_item(run: Run, calendar: RemoteCalendar, item: PageItem, links: dict[str, Link]) -> bool | None:
    """True: mirrored; False: set aside; None: it is gone. One malformed item never stops the rest (F44)."""
    try:
        with transaction.atomic():
            link = links.get(item.id)
            if isinstance(item, Quarantined):
                _quarantine(run, calendar, item.reason)
                return False
            if isinstance(item, Deleted) or (item.cancelled and not item.series_id):
                if link is not None:
                    note_hint(run, link, None)
                return None
            mirror.store_event(calendar, item)
            if link is not None:
                note_hint(run, link, item)
            elif item.op_key:
                _expect_adoption(run, calendar, item)
            return True
    except (DatabaseError, ValueError) as error:
        _quarantine(run, calendar, type(error).__name__)
        return False


def _quarantine(run: Run, calendar: RemoteCalendar, reason: str) -> None:
    calendar.quarantined += 1
    save(calendar, ["quarantined"])
    journal.write(
        run.connection, now=run.now, rule="malformed", action="quarantine", evidence=reason, calendar=calendar
    )


_LINKS = Listed(
    lambda calendar, ids: (
        Link.objects.select_for_update(of=("self",))
        .filter(calendar=calendar, remote_id__in=ids)
        .exclude(status__in=OVER)
        .order_by("pk")
    ),
    calendar=UUID,
    ids=[str],
)


def _links_of(calendar: RemoteCalendar, items: Sequence[PageItem]) -> dict[str, Link]:
    if not items:
        return {}
    links = _LINKS.rows(calendar=calendar.pk, ids=[item.id for item in items])
    return {link.remote_id: link for link in links}


def note_hint(run: Run, link: Link, event: Event | None) -> None:
    """A page starts the grace time and asks for a direct read; it never acts."""
    state = codec.state_of(link)
    shape = None if event is None else shape_of(event)
    seen = observe(state, shape, event.tag if event else "", run.policy, run.now)
    if seen.pending != state.pending:
        codec.set_pending(link, seen.pending)
        link.status = LinkStatus.PENDING if link.status == LinkStatus.OK else link.status
        raise_schedule_revision([link.staff_id])
    if event is not None and shape is not None and event.tag and link.tag == event.tag:
        # Our last write, and this is how the calendar keeps it, even where its answer did not say so.
        counters.count("kalends_sync_echoes", provider=run.connection.provider)
        link.echo = codec.shape_json(shape)
    elif event is not None and shape == state.echo:
        link.tag = event.tag
    if seen.look_at is not None:
        link.due_at = seen.look_at if link.due_at is None else min(link.due_at, seen.look_at)
    save(link)


def _expect_adoption(run: Run, calendar: RemoteCalendar, event: Event) -> None:
    """Our marker on an unlinked event: perhaps a create of ours whose answer was lost. A direct read decides."""
    named = parse_op_key(event.op_key)
    if named is None:
        return
    waiting = Link.objects.filter(pk=named[0], generation=named[1], calendar=calendar, remote_id="")
    waiting.exclude(status__in=OVER).update(due_at=run.now)
    later = Link.objects.filter(pk=named[0], generation__lt=named[1], calendar=calendar).exclude(status__in=OVER)
    for link in later.select_for_update(of=("self",)):
        # Generations are stored before they are used: this row came out of a backup, and the event is newer than it.
        link.generation, link.status, link.attempts, link.due_at = named[1], LinkStatus.PENDING, 1, run.now
        forget_remote(link)
        save(link)


_INSIDE = Listed(
    lambda calendar, masters: RemoteEvent.objects.filter(calendar=calendar, series_id__in=masters).values_list(
        "pk", "remote_id", "series_id"
    ),
    calendar=UUID,
    masters=[str],
)


def _drop_replaced_exceptions(calendar: RemoteCalendar, items: Sequence[PageItem]) -> bool:
    """Exceptions that live inside their master's resource ("<id>#...") are replaced together with it."""
    masters = [item.id for item in items if isinstance(item, Event) and not item.series_id]
    if not masters:
        return False
    present = {item.id for item in items}
    rows = _INSIDE.rows(calendar=calendar.pk, masters=masters)
    gone = [pk for pk, ident, series in rows if ident.startswith(f"{series}#") and ident not in present]
    return bool(gone) and bool(RemoteEvent.objects.filter(pk__in=gone).delete()[0])


def _drop_lost_occurrences(calendar: RemoteCalendar, expanded: Sequence[Series]) -> bool:
    """A delta may say nothing of an occurrence that was cancelled; the series without it does (F25)."""
    changed = False
    for series in expanded:
        known = RemoteEvent.objects.filter(calendar=calendar, series_id=series.id)
        removed, _ = known.exclude(remote_id__in=series.members).delete()
        changed |= bool(removed)
    return changed


def derive_spans(run: Run, calendar: RemoteCalendar, remote_ids: Sequence[str]) -> bool:
    """Busy spans of these events anew; True if any changed. A series nobody can follow is shown, and blocks once."""
    if not remote_ids:
        return False
    changed, bad = mirror.rebuild_spans(calendar, remote_ids, rolling_window(run.now))
    for _ in bad:
        _quarantine(run, calendar, "unexpandable")
    return changed


# -- the last page ------------------------------------------------------------------------------------------------


def _finish(run: Run, calendar: RemoteCalendar, page: Page) -> bool:
    """The read is whole: the cursor moves, the mirror is fresh as of the run's beginning."""
    changed = sweep(run, calendar) if page.complete else False
    calendar.cursor = page.next_cursor
    calendar.fresh_as_of = run.now
    calendar.next_poll_at = _next_poll_at(run, calendar, page)
    calendar.reading_full = False
    _WAS_READ.run(pk=calendar.pk, **{name: getattr(calendar, name) for name in _READ})
    return changed


def _next_poll_at(run: Run, calendar: RemoteCalendar, page: Page) -> datetime:
    if page.again_in is None:
        return next_poll_at(run, calendar)
    return run.now + (min(page.again_in, SUSPECTED_AGAIN_IN) if calendar.suspected_drop else page.again_in)
