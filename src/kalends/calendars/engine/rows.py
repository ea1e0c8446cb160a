"""Changes of link rows that every step of the engine shares. Inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from kalends.calendars import codec
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.plan import Planned
from kalends.calendars.engine.pull import derive_spans
from kalends.calendars.handlers import handler
from kalends.calendars.models import Link, LinkStatus, RemoteCalendar, StaffQuestion
from kalends.companies.services import raise_schedule_revision
from kalends.jobs.prepared import Given, Prepared, PreparedUpdate
from kalends.jobs.rows import backoff
from kalends.jobs.saved import save

LONGEST_WAIT = timedelta(hours=6)
_FIRST_WAIT = timedelta(minutes=1)
# Conflicts and lost answers are looked into at once this often, then with growing pauses.
_AT_ONCE = 3

_LOCKED = Prepared(
    lambda pk: (
        Link.objects.select_for_update(of=("self",)).select_related("calendar__connection", "staff").filter(pk=pk)
    ),
    pk=UUID,
)


def locked(link: Link) -> Link:
    """The row as it is now, under lock."""
    (row,) = _LOCKED.rows(pk=link.pk)
    return row


def lock_link(run: Run, planned: Planned) -> Link | None:
    """The row under lock, if it is still what the decision was based on; None: decide again.

    Where its event was followed, the row is there from now on, whatever is decided: the event is ours there as well, and
    its time no longer blocked by the mirror.
    """
    was = planned.link
    link = locked(was)
    based_on = (was.wanted, was.time_set_at, was.generation, was.remote_id, was.verdict, was.status)
    if (link.wanted, link.time_set_at, link.generation, link.remote_id, link.verdict, link.status) != based_on:
        return None
    if planned.seen.followed is None:
        return link
    if not _follow(link, planned.seen.followed, planned.seen.state.remote_id):
        return None
    save(link, ["calendar", "remote_id"])
    if derive_spans(run, link.calendar, [link.remote_id]):
        raise_schedule_revision([link.staff_id])
    return link


def _follow(link: Link, calendar: RemoteCalendar, remote_id: str) -> bool:
    """Puts the link where its event was moved to. An older link of the appointment there gives way once it is closed."""
    older = Link.objects.filter(calendar=calendar, appointment_id=link.appointment_id).exclude(pk=link.pk).first()
    if older is not None and older.status != LinkStatus.CLOSED:
        return False
    if older is not None:
        older.delete()
    link.calendar, link.remote_id = calendar, remote_id
    return True


def look_again(link: Link, run: Run) -> None:
    """At once while that may help, then with growing pauses (F43)."""
    pause = timedelta(0) if link.attempts <= _AT_ONCE else pause_after(link)
    link.due_at = run.now + pause
    save(link)
    run.report.again = run.report.again or not pause


def pause_after(link: Link) -> timedelta:
    return backoff(link.attempts, base=_FIRST_WAIT, cap=LONGEST_WAIT)


def settle(link: Link, status: str) -> None:
    """Nothing is left to do for this link until something changes."""
    link.status = status
    link.due_at = None
    link.sent = None
    link.verdict = None
    link.attempts = 0
    link.last_error = link.last_error_detail = ""
    let_go(link)
    save(link)


def let_go(link: Link) -> None:
    """The place that an outside move waits for is held no longer. Under the staff's lock if there is one."""
    if link.pending_start is not None:
        raise_schedule_revision([link.staff_id])
    codec.set_pending(link, None)


_CLOSED = PreparedUpdate(
    lambda link, **_: StaffQuestion.objects.filter(link=link, closed_at__isnull=True),
    {"closed_at": Given("now", datetime)},
    link=UUID,
    now=datetime,
)


def close_question(link: Link, run: Run) -> None:
    _CLOSED.run(link=link.pk, now=run.now)


def refuse(link: Link, run: Run, code: str, detail: str = "") -> bool:
    """A named state that a person is shown; tried again, at last every 6 h. True if it is news."""
    news = link.status != LinkStatus.REFUSED
    link.status = LinkStatus.REFUSED
    link.last_error, link.last_error_detail = code[:16], detail[:200]
    link.due_at = run.now + pause_after(link)
    save(link)
    if news:
        note(link, run, "sync_refused", reason=code)
    return news


def note(link: Link, run: Run, text_key: str, **detail: str) -> None:
    """A line in the appointment's history, with the calendar it came from."""
    described = {"source": run.connection.provider, **detail}
    handler().note(link.appointment_id, text_key=text_key, detail=described, now=run.now)
