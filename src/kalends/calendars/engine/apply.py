"""Decisions that change rows of ours: what is remembered of a link, and what becomes of its appointment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from kalends.calendars import codec
from kalends.calendars.engine import journal, rows
from kalends.calendars.engine.context import Run
from kalends.calendars.engine.lease import check_fence
from kalends.calendars.engine.plan import Planned, is_outside_deletion, signal_of
from kalends.calendars.engine.pull import derive_spans
from kalends.calendars.handlers import MoveResult, OutsideMove, handler
from kalends.calendars.models import Link, LinkStatus
from kalends.calendars.questions import ask_staff
from kalends.companies.services import raise_schedule_revision
from kalends.jobs.saved import save
from kalends.sync import actions
from kalends.sync.decide import decide
from kalends.sync.evidence import Present, Unknown
from kalends.sync.link import PendingKind, Verdict, hold
from kalends.sync.plan import Candidate, settle_sets
from kalends.sync.port import RemoteEvent


def remember(run: Run, planned: Planned) -> None:
    """Adopt, Hold, Wait, Close, Refuse, Nothing: rows of ours only."""
    with transaction.atomic():
        handler().lock_staff([planned.link.staff_id])
        check_fence(run)
        link = rows.lock_link(run, planned)
        if link is None:
            run.report.again = True
            return
        _remember(run, planned, link)
    run.at("remembered")


def _remember(run: Run, planned: Planned, link: Link) -> None:
    decision, evidence = planned.decision, planned.seen.evidence
    match decision.action:
        case actions.Adopt() as agreed:
            _adopt(run, planned, link, agreed)
        case actions.Hold(pending):
            codec.set_pending(link, pending)
            link.due_at = pending.act_after
            link.status = LinkStatus.PENDING
            save(link)
            raise_schedule_revision([link.staff_id])
            _journal(run, planned, link, signal_of(run, planned))
        case actions.Wait(until):
            link.due_at = until
            save(link)
        case actions.Close():
            refused = link.status == LinkStatus.REFUSED
            _close(run, planned, link)
            if isinstance(evidence, Present):
                _leave(run, link, evidence.event, told=refused)
        case actions.Refuse(reason):
            link.attempts += 1
            if rows.refuse(link, run, reason):
                _journal(run, planned, link)
        case _ if isinstance(evidence, Unknown):
            link.attempts += 1
            link.due_at = run.now + rows.pause_after(link)
            save(link)
        case actions.Read():
            rows.look_again(link, run)
        case _:
            rows.settle(link, LinkStatus.OK)


def _adopt(run: Run, planned: Planned, link: Link, agreed: actions.Adopt) -> None:
    held = link.pending is not None
    # A put-back whose answer was lost: that it was carried out is told now.
    put_back = link.sent is not None and link.sent == link.base
    link.base, link.echo = codec.content_json(agreed.base), codec.shape_json(agreed.echo)
    link.tag, link.remote_id = agreed.tag, agreed.remote_id
    rows.settle(link, LinkStatus.OK)
    rows.close_question(link, run)
    if held:
        raise_schedule_revision([link.staff_id])
    if planned.decision.rule != "same" or planned.seen.followed is not None or put_back:
        signal = "followed" if planned.seen.followed else "run"
        _journal(run, planned, link, signal, action="put_back" if put_back else "")


def _close(run: Run, planned: Planned, link: Link) -> None:
    link.remote_id = link.tag = ""
    link.base = link.echo = None
    rows.settle(link, LinkStatus.CLOSED)
    rows.close_question(link, run)
    _journal(run, planned, link)


def _leave(run: Run, link: Link, event: RemoteEvent, *, told: bool) -> None:
    """What goes on standing there is no link's any more: it makes busy from now on; later in this run our marker goes."""
    run.stirred = True
    if derive_spans(run, link.calendar, [event.id]):
        raise_schedule_revision([link.staff_id])
    if not told:
        rows.note(link, run, "foreign_organizer")


def _journal(run: Run, planned: Planned, link: Link, signal: str = "run", action: str = "") -> None:
    seen = planned.seen
    journal.write_decision(
        run.connection, link, seen.state, seen.evidence, planned.decision, now=run.now, signal=signal, action=action
    )


# -- moves --------------------------------------------------------------------------------------------------------


def apply_moves(run: Run, moves: Sequence[Planned]) -> None:
    """The due moves of each staff member as one set, together with those that they collide with (swaps work)."""
    by_id = {planned.link.pk: planned for planned in moves}
    ready, postponed = settle_sets([_candidate(planned) for planned in moves], _waiting(run, moves))
    for link_id, until in postponed.items():
        _postpone(run, by_id[link_id], until)
    for staff_id in dict.fromkeys(candidate.staff_id for candidate in ready):
        _apply_set(run, [by_id[c.link_id] for c in ready if c.staff_id == staff_id])


def _candidate(planned: Planned) -> Candidate:
    action, wanted = planned.decision.action, planned.seen.state.wanted
    assert isinstance(action, actions.MoveAppointment)
    assert wanted is not None
    return Candidate(planned.link.pk, planned.link.staff_id, wanted.content.span, action.span, run_after(planned))


def run_after(planned: Planned) -> datetime:
    pending = planned.seen.state.pending
    assert pending is not None
    return pending.act_after


def _waiting(run: Run, moves: Sequence[Planned]) -> list[Candidate]:
    """Moves of the same staff members whose grace time is not over."""
    held = Link.objects.filter(
        staff_id__in={planned.link.staff_id for planned in moves}, pending_start__isnull=False, act_after__gt=run.now
    ).exclude(pk__in=[planned.link.pk for planned in moves])
    found = []
    for link in held.exclude(wanted__isnull=True):
        state = codec.state_of(link)
        if state.wanted and state.pending and state.pending.shape and state.pending.shape.span:
            target = state.pending.shape.span
            found.append(Candidate(link.pk, link.staff_id, state.wanted.content.span, target, state.pending.act_after))
    return found


def _postpone(run: Run, planned: Planned, until: datetime) -> None:
    with transaction.atomic():
        check_fence(run)
        link = rows.lock_link(run, planned)
        if link is not None:
            link.due_at = until
            save(link, ["due_at"])


def _apply_set(run: Run, moves: Sequence[Planned]) -> None:
    with transaction.atomic():
        handler().lock_staff([moves[0].link.staff_id])
        check_fence(run)
        # Under the staff lock nobody else changes what is wanted: what is checked here stands until the commit.
        pairs = [(planned, rows.lock_link(run, planned)) for planned in moves]
        standing = [(planned, link) for planned, link in pairs if link is not None]
        run.report.again = run.report.again or len(standing) < len(pairs)
        for _, link in standing:
            # The new place is no longer held: it would look busy to the very move that takes it.
            rows.let_go(link)
            save(link)
        results = handler().move_set(
            [_outside_move(run, planned) for planned, _ in standing],
            rule=run.connection.company.on_outside_move,
            now=run.now,
        )
        run.at("moved, not committed")
        for (planned, link), result in zip(standing, results, strict=True):
            _moved(run, planned, link.pk, result)
    run.at("moves committed")


def _outside_move(run: Run, planned: Planned) -> OutsideMove:
    action = planned.decision.action
    assert isinstance(action, actions.MoveAppointment)
    return OutsideMove(
        appointment_id=planned.link.appointment_id,
        staff_id=planned.link.staff_id,
        start=action.span.start,
        end=action.span.end,
        at=action.at,
        link_id=planned.link.pk,
        source=run.connection.provider,
    )


def _moved(run: Run, planned: Planned, link_id: UUID, result: MoveResult) -> None:
    """Stores the outcome. An accepted move has set what is wanted; often nothing is left but to agree."""
    link = Link.objects.select_related("calendar", "staff").get(pk=link_id)
    action = planned.decision.action
    assert isinstance(action, actions.MoveAppointment)
    raise_schedule_revision([link.staff_id])
    _journal(run, planned, link, action=f"move_{result.outcome}")
    if result.outcome.put_back:
        link.verdict = codec.verdict_json(Verdict(action.shape))
    if result.outcome.moved:
        run.report.moves += 1
        again = decide(codec.state_of(link), planned.seen.evidence, run.policy, run.now)
        if isinstance(again.action, actions.Adopt):
            _adopt(run, Planned(planned.seen, again), link, again.action)
            return
    link.attempts += not result.outcome.moved
    rows.look_again(link, run)


# -- deletions ----------------------------------------------------------------------------------------------------


def cancel_appointment(run: Run, planned: Planned) -> None:
    action = planned.decision.action
    assert isinstance(action, actions.CancelAppointment)
    with transaction.atomic():
        handler().lock_staff([planned.link.staff_id])
        check_fence(run)
        link = rows.lock_link(run, planned)
        if link is None:
            run.report.again = True
            return
        done = handler().cancel(
            link.appointment_id,
            reason="deleted_outside",
            source=run.connection.provider,
            at=action.at,
            now=run.now,
        )
        run.at("cancelled, not committed")
        link.refresh_from_db()
        rows.close_question(link, run)
        _journal(run, planned, link, signal_of(run, planned))
        if done and link.wanted is None:
            run.report.cancels += 1
            link.remote_id = link.tag = ""
            rows.settle(link, LinkStatus.CLOSED)
        else:
            link.attempts += 1
            rows.look_again(link, run)
    run.at("cancellation committed")


def ask(run: Run, planned: Planned) -> None:
    """Once a deletion: until the answer or the deadline the appointment stands and the event stays away."""
    action = planned.decision.action
    assert isinstance(action, actions.AskStaff)
    with transaction.atomic():
        handler().lock_staff([planned.link.staff_id])
        check_fence(run)
        link = rows.lock_link(run, planned)
        if link is None:
            run.report.again = True
            return
        ask_staff(link, run.connection, deadline=action.deadline, now=run.now)
        rows.note(link, run, planned.decision.flag)
        link.status = LinkStatus.ASKED
        link.due_at = action.deadline
        save(link)
        _journal(run, planned, link, signal_of(run, planned))
    run.at("question committed")


def hold_all(run: Run, plan: Sequence[Planned]) -> None:
    """Before a freeze: what was confirmed gone is remembered as seen now, so that a release does not count it again."""
    for planned in plan:
        if not is_outside_deletion(planned, run.now):
            continue
        link = rows.lock_link(run, planned)
        if link is not None:
            state = planned.seen.state
            pending = hold(state.pending, PendingKind.DELETED, None, grace=run.policy.grace, now=run.now)
            codec.set_pending(link, pending)
            link.status = LinkStatus.PENDING
            save(link)
            if pending != state.pending:
                _journal(run, planned, link, journal.OUTSIDE_DELETION, action="freeze")
