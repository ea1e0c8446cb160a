"""Events that carry our marker and belong to no standing link: a late arrival of our own, or a copy made by hand.

Only the id that a look-up by our key gives is our own write (F01). A request of a worker that had lost its lease may
arrive after its link was closed: such an event is removed when seen. A copy is foreign, read-only, and blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from kalends.calendars.engine import journal
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.lease import check_fence
from kalends.calendars.engine.pull import derive_spans
from kalends.calendars.handlers import handler
from kalends.calendars.links import OVER
from kalends.calendars.mirror import forget_events, staff_of
from kalends.calendars.models import Link, RemoteCalendar, RemoteEvent
from kalends.calendars.ours import Ours, parse_op_key
from kalends.companies.services import raise_schedule_revision
from kalends.jobs.prepared import Prepared
from kalends.jobs.saved import save
from kalends.sync.port import Ambiguous, Conflict, Forbidden, Guard, Malformed, NotFound, Permanent
from kalends.sync.port import RemoteEvent as Event

# "Greater than nothing" is a range of the index, "not nothing" would be a walk through the calendar.
_CLAIM = Link.objects.filter(calendar=OuterRef("calendar"), remote_id=OuterRef("remote_id")).exclude(status__in=OVER)
_UNCLAIMED = Prepared(
    lambda connection: RemoteEvent.objects.filter(
        ~Exists(_CLAIM), calendar__connection=connection, op_key__gt=""
    ).values_list("pk")[:1],
    connection=UUID,
)

_MARKED = Prepared(
    lambda calendar: RemoteEvent.objects.filter(~Exists(_CLAIM), calendar=calendar, op_key__gt=""), calendar=UUID
)
_LINK = Prepared(
    lambda pk, connection: Link.objects.filter(pk=pk, calendar__connection=connection), pk=UUID, connection=UUID
)


@dataclass(frozen=True, slots=True)
class _Stray:
    calendar: RemoteCalendar
    row: RemoteEvent
    link: Link | None
    generation: int


def settle_strays(run: Run) -> None:
    """Costs a look-up for each marked event that no link claims; judged once, it costs nothing any more.

    To find out that there is none costs a step of an index for each event of ours: nothing that an idle poll should do.
    It is done when a page or a link has something to say, and with the hourly list.
    """
    if not _UNCLAIMED.rows(connection=run.connection.pk):
        return
    for calendar in run.chosen_calendars():
        for stray in _strays(calendar):
            _settle(run, stray)


def _strays(calendar: RemoteCalendar) -> list[_Stray]:
    marked = _MARKED.rows(calendar=calendar.pk)
    ours = Ours.among(calendar, [(row.remote_id, row.op_key) for row in marked])
    found = []
    for row in marked:
        if row.op_key in ours.expected:
            continue
        named = parse_op_key(row.op_key)
        link = _LINK.first(pk=named[0], connection=calendar.connection_id) if named else None
        found.append(_Stray(calendar, row, link, named[1] if named else 0))
    return found


def _settle(run: Run, stray: _Stray) -> None:
    link = stray.link
    if link is None:
        # A restored backup, or another installation's: kept and shown, and it blocks.
        _call_foreign(run, stray, "marked_without_link")
        return
    if link.status not in OVER and link.generation == stray.generation and link.due_at is not None:
        return  # its own link is being looked at: perhaps this is where its event was moved to
    try:
        event = run.provider.find(stray.calendar.remote_id, stray.row.op_key)
    except (Malformed, Permanent):
        return  # what cannot be read is left alone, and must not keep the links of the connection waiting
    run.at("stray looked up")
    if event is None or event.cancelled or event.id != stray.row.remote_id or _is_live(link, stray):
        _call_foreign(run, stray, "copy")
    elif event.foreign_organizer:
        _call_foreign(run, stray, "foreign_organizer")
    else:
        _remove(run, stray, event)


def _is_live(link: Link, stray: _Stray) -> bool:
    """The event of a standing link in another calendar was copied under the same id: the copy is foreign."""
    return link.status not in OVER and link.generation == stray.generation


def _call_foreign(run: Run, stray: _Stray, rule: str) -> None:
    whose = staff_of(stray.calendar)
    with transaction.atomic():
        handler().lock_staff(whose)
        check_fence(run)
        stray.row.op_key = ""
        save(stray.row, ["op_key"])
        if derive_spans(run, stray.calendar, [stray.row.remote_id]):
            raise_schedule_revision(whose)
        journal.write(
            run.connection, now=run.now, rule=rule, action="keep_foreign", calendar=stray.calendar, link=stray.link
        )


def _remove(run: Run, stray: _Stray, event: Event) -> None:
    try:
        run.provider.remove(stray.calendar.remote_id, Guard(event.id, event.tag, event.raw))
    except (Conflict, Ambiguous, NotFound, Forbidden, Malformed, Permanent):
        return  # the marker stays in the mirror: the next run looks again
    run.report.writes += 1
    run.at("stray removed")
    whose = staff_of(stray.calendar)
    with transaction.atomic():
        handler().lock_staff(whose)
        check_fence(run)
        forget_events(stray.calendar, [stray.row.remote_id])
        raise_schedule_revision(whose)
        journal.write(
            run.connection, now=run.now, rule="late_arrival", action="delete", calendar=stray.calendar, link=stray.link
        )
