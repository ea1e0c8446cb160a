"""Writes to the calendar: the intention is stored, then the request goes, then the receipt is stored.

Of several writes the receipt of one and the intention of the next are one commit. A kill between any two steps leaves a
link that is still due and knows what it may have sent; the next look reads first.
`Ambiguous` leads to a look-up, never to another blind write (F02).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from kalends.calendars import codec
from kalends.calendars.engine import journal, rows
from kalends.calendars.engine.context import Run, error_name
from kalends.calendars.engine.lease import check_fence
from kalends.calendars.engine.plan import Planned, signal_of
from kalends.calendars.engine.read import check_calendar_stands
from kalends.calendars.handlers import handler
from kalends.calendars.links import forget_remote
from kalends.calendars.models import Link, LinkStatus
from kalends.calendars.ours import op_key_of
from kalends.jobs.saved import save
from kalends.sync.actions import Create, Delete, Update
from kalends.sync.link import shape_of, shape_sent
from kalends.sync.port import (
    Ambiguous,
    Conflict,
    Content,
    Forbidden,
    Guard,
    Intent,
    Malformed,
    NotFound,
    Permanent,
    Receipt,
)

# More than this many put-backs of one event within a day, and somebody or something keeps changing it.
PUT_BACKS = 5
_DAY = timedelta(days=1)


def perform(run: Run, plans: Sequence[Planned]) -> None:
    """Creates, updates or deletes events, in this order. Raises what concerns the whole connection (throttled, auth,
    Lacking).
    """
    waiting = deque(plans)
    done: tuple[Planned, Receipt | None] | None = None
    while waiting or done:
        with transaction.atomic():
            if done and done[0].link.pending_start is not None:
                handler().lock_staff([done[0].link.staff_id])
            check_fence(run)
            if done:
                _store(run, *done)
            begun = _begin_next(run, waiting)
        if done:
            run.at("receipt stored")
        run.at("intention stored")
        done = _request(run, *begun) if begun else None


def _begin_next(run: Run, waiting: deque[Planned]) -> tuple[Planned, Link] | None:
    while waiting:
        planned = waiting.popleft()
        link = _intend(run, planned)
        if link is not None:
            return planned, link
    return None


def _request(run: Run, planned: Planned, link: Link) -> tuple[Planned, Receipt | None] | None:
    """A write that was carried out, with its receipt (a deletion has none). Otherwise it is settled already."""
    action = planned.decision.action
    try:
        if isinstance(action, Delete):
            run.provider.remove(link.calendar.remote_id, action.guard)
            receipt = None
        else:
            assert isinstance(action, Create | Update)
            receipt = _put(run, link, action)
    except Conflict:
        _conflict(run, planned, link)
    except (Ambiguous, NotFound):
        _look_again(run, planned)
    except Forbidden:
        check_calendar_stands(run, link.calendar)
        _refused(run, planned, "forbidden", "")
    except (Permanent, Malformed) as error:
        _refused(run, planned, error_name(error), error.detail)
    else:
        run.report.writes += 1
        run.wrote.add(link.calendar_id)
        run.at("written, receipt not stored")
        return planned, receipt
    run.at("receipt stored")
    return None


def _put(run: Run, link: Link, action: Create | Update) -> Receipt:
    guard = action.guard if isinstance(action, Update) else Guard()
    return run.provider.put(link.calendar.remote_id, Intent(link.pk, link.generation, action.content), guard)


# -- before the request -------------------------------------------------------------------------------------------


def _intend(run: Run, planned: Planned) -> Link | None:
    action = planned.decision.action
    link = rows.lock_link(run, planned)
    if link is None:
        run.report.again = True
        return None
    if _puts_back(planned) and _diverged(run, planned, link):
        return None
    if isinstance(action, Create) and action.generation != link.generation:
        forget_remote(link)
        link.generation = action.generation
    if isinstance(action, Update) and action.own is not None:
        _remember_own(link, action.own, action.guard.remote_id)
    if not isinstance(action, Delete):
        link.sent = codec.content_json(action.content)  # type: ignore[union-attr]
    link.attempts += 1
    save(link)
    # What the later steps compare with is this row now.
    planned.seen.link = link
    return link


def _remember_own(link: Link, own: Content, remote_id: str) -> None:
    """The write whose answer was lost stands there. Without a tag: its texts, as stored, are not known."""
    link.base, link.echo = codec.content_json(own), codec.shape_json(shape_sent(own))
    link.remote_id, link.tag = remote_id, ""


def _puts_back(planned: Planned) -> bool:
    action = planned.decision.action
    if isinstance(action, Create):
        return action.generation != planned.link.generation
    return isinstance(action, Update) and action.puts_back


def _diverged(run: Run, planned: Planned, link: Link) -> bool:
    """Counts put-backs. Too many in a day: shown to a person, and tried once every 6 h from then on."""
    if link.put_back_since is None or link.put_back_since < run.now - _DAY:
        link.put_back_since, link.put_backs = run.now, 0
    if link.put_backs < PUT_BACKS or link.status == LinkStatus.DIVERGED:
        link.put_backs += 1
        return False
    link.status = LinkStatus.DIVERGED
    link.due_at = run.now + rows.LONGEST_WAIT
    save(link)
    state, evidence = planned.seen.state, planned.seen.evidence
    journal.write_decision(run.connection, link, state, evidence, planned.decision, now=run.now, action="diverged")
    rows.note(link, run, "sync_diverged")
    return True


# -- after the answer ---------------------------------------------------------------------------------------------


def _store(run: Run, planned: Planned, receipt: Receipt | None) -> None:
    link = rows.locked(planned.link)
    if receipt is None:
        _closed(link)
    else:
        _agree(run, link, planned.link, receipt)
    signal = signal_of(run, planned)
    if planned.seen.state.question is not None:
        rows.close_question(link, run)
    journal.write_decision(
        run.connection,
        link,
        planned.seen.state,
        planned.seen.evidence,
        planned.decision,
        now=run.now,
        signal=signal,
    )
    if planned.decision.flag:
        rows.note(link, run, planned.decision.flag)


def _closed(link: Link) -> None:
    """Removed. If it came to be wanted again meanwhile, it is made anew, under another id."""
    wanted = link.wanted is not None and link.status != LinkStatus.CLOSING
    forget_remote(link)
    if wanted:
        link.generation += 1
        link.attempts = 0
        save(link)
        return
    rows.settle(link, LinkStatus.CLOSED)


def _agree(run: Run, link: Link, intended: Link, receipt: Receipt) -> None:
    """Base and echo are what stands there now. What is wanted may have moved on while the request was under way."""
    event = receipt.event
    base: Content = codec.content_of(intended.sent) if intended.sent else codec.content_of(link.wanted)  # type: ignore[arg-type]
    link.remote_id, link.tag = event.id, event.tag
    link.base, link.echo = codec.content_json(base), codec.shape_json(shape_of(event))
    if link.wanted == link.base:
        rows.settle(link, LinkStatus.OK)
        return
    link.sent = link.verdict = None
    link.attempts = 0
    rows.let_go(link)
    rows.look_again(link, run)


def _look_again(run: Run, planned: Planned) -> None:
    with transaction.atomic():
        check_fence(run)
        link = rows.locked(planned.link)
        rows.look_again(link, run)


def _conflict(run: Run, planned: Planned, link: Link) -> None:
    """A stale tag: read and decide again (F38). A taken id: if what has it is deleted, the next generation's (F03)."""
    tombstone = False
    if isinstance(planned.decision.action, Create):
        event = run.provider.find(link.calendar.remote_id, op_key_of(link))
        tombstone = event is None or event.cancelled
    with transaction.atomic():
        check_fence(run)
        row = rows.locked(link)
        if tombstone:
            row.generation += 1
            row.sent = None
        rows.look_again(row, run)


def _refused(run: Run, planned: Planned, code: str, detail: str) -> None:
    with transaction.atomic():
        check_fence(run)
        link = rows.locked(planned.link)
        # Nothing was stored: the next attempt need not look for it.
        link.sent = None
        if rows.refuse(link, run, code, detail):
            journal.write_decision(
                run.connection,
                link,
                planned.seen.state,
                planned.seen.evidence,
                planned.decision,
                now=run.now,
                action="refused",
            )
