"""The heart: link + evidence + policy + now -> one decision. Pure and total; the truth table of docs/sync.md.

    wanted vs base | remote vs echo        | decision
    same           | same                  | nothing
    changed        | same                  | write wanted, guarded by the tag
    same           | changed               | two-way: a move is offered to the appointment; one-way: ours is written back
    changed        | changed to the same   | adopt
    changed        | changed otherwise     | field by field; where one field differs on both sides, the conflict rule
    cancelled      | anything              | delete remote
    same           | deleted               | two-way: the company's rule; one-way: restore
    changed        | deleted               | the deletion loses: its time is not known

Conflict rule, for time only (text is ours): the latest human act wins. Theirs is the provider's `updated` if it is
there and not in the future, otherwise ours wins. Nothing else compares clocks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kalends.sync.actions import (
    Action,
    Adopt,
    AskStaff,
    CancelAppointment,
    Close,
    Create,
    Decision,
    Delete,
    Hold,
    MoveAppointment,
    Nothing,
    Read,
    Refuse,
    Update,
    Wait,
)
from kalends.sync.evidence import AbsentFromList, Evidence, Gone, HintDeleted, Present, Unknown
from kalends.sync.link import (
    Answer,
    DeleteRule,
    LinkState,
    Mode,
    Pending,
    PendingKind,
    Policy,
    Shape,
    Wanted,
    hold,
    shape_of,
    shape_sent,
    texts_of,
)
from kalends.sync.port import Content, Guard, RemoteEvent


def decide(link: LinkState, evidence: Evidence, policy: Policy, now: datetime) -> Decision:
    """What to do about one link. The same arguments give the same answer; Unknown never gives an effect."""
    match evidence:
        case Unknown(reason):
            return Decision(f"unknown:{reason}", Nothing())
        case HintDeleted() | AbsentFromList():
            return Decision("hint", Read())
        case Present(event) if event.cancelled:
            # Cancelled is a deletion only once the calendar itself was read and is there: the reader says Gone then.
            return Decision("hint", Read())
        case Present(event):
            return _present(link, event, policy, now)
        case Gone():
            return _gone(link, policy, now)


# -- the event is not there ---------------------------------------------------------------------------------------


def _gone(link: LinkState, policy: Policy, now: datetime) -> Decision:
    wanted = link.wanted
    if wanted is None:
        return Decision("cancelled_and_gone", Close())
    if not link.remote_id:
        return Decision("create", Create(wanted.content, link.generation))
    again = Create(wanted.content, link.generation + 1)
    if link.verdict is not None and link.verdict.shape is None:
        return Decision("deleted_put_back", again)
    if wanted.content.span.end <= now:
        return Decision("past_left_alone", Close())
    if link.base is not None and wanted.content != link.base:
        return Decision("conflict_deletion_loses", again, flag="delete_put_back")
    if policy.mode is Mode.ONE_WAY:
        return Decision("one_way_restore", again, flag="delete_put_back")
    return _deleted(link, again, policy, now)


def _deleted(link: LinkState, again: Create, policy: Policy, now: datetime) -> Decision:
    """Two-way, unchanged here, confirmed gone: the company's rule, once the grace time is over."""
    pending = hold(link.pending, PendingKind.DELETED, None, grace=policy.grace, now=now)
    if pending.act_after > now:
        return Decision("grace", _held(link, pending))
    if policy.on_outside_delete is DeleteRule.CANCEL:
        return Decision("deleted_cancel", CancelAppointment(now))
    if policy.on_outside_delete is DeleteRule.PUT_BACK:
        return Decision("deleted_put_back", again, flag="delete_put_back")
    return _asked(link, again, policy, now)


def _asked(link: LinkState, again: Create, policy: Policy, now: datetime) -> Decision:
    question = link.question
    if question is None:
        return Decision("deleted_ask", AskStaff(now + policy.answer_within), flag="asked")
    if question.answer is Answer.CANCEL:
        return Decision("deleted_answered_cancel", CancelAppointment(now))
    if question.answer is Answer.KEEP:
        return Decision("deleted_answered_keep", again, flag="answered_keep")
    if now >= question.deadline:
        return Decision("deleted_unanswered", again, flag="delete_put_back")
    return Decision("deleted_ask", Wait(question.deadline))


# -- the event is there -------------------------------------------------------------------------------------------


def _present(link: LinkState, event: RemoteEvent, policy: Policy, now: datetime) -> Decision:
    if event.foreign_organizer and link.wanted is None:
        # Somebody else's meeting, which goes on and makes busy like any other once no link calls it ours.
        return Decision("cancelled_foreign_organizer", Close())
    if event.foreign_organizer:
        return Decision("foreign_organizer", Refuse("foreign_organizer"), flag="foreign_organizer")
    if link.wanted is None:
        return Decision("cancelled", Delete(_guard(event)))
    shape = shape_of(event)
    base, echo = _agreed(link, link.wanted, event, shape)
    return _compare(link, link.wanted, base, echo, event, shape, policy, now)


def _agreed(link: LinkState, wanted: Wanted, event: RemoteEvent, shape: Shape) -> tuple[Content, Shape]:
    """Base and echo, after telling a write of our own whose answer was lost from somebody else's change."""
    if link.tag and link.tag == event.tag and link.base is not None:
        return link.base, shape
    if link.sent is not None and shape.is_single and shape.span == link.sent.span:
        # Our own write. Where the texts differ, nobody can tell a calendar's normalising from a person's change, so
        # the echo is what was sent and the texts are written once more.
        return link.sent, replace(shape_sent(link.sent), busy=shape.busy)
    if link.base is None or link.echo is None:
        base = link.sent or wanted.content
        return base, replace(shape_sent(base), busy=shape.busy)
    return link.base, link.echo


def _compare(
    link: LinkState,
    wanted: Wanted,
    base: Content,
    echo: Shape,
    event: RemoteEvent,
    shape: Shape,
    policy: Policy,
    now: datetime,
) -> Decision:
    if not shape.same_time(echo) and not (shape.is_single and shape.span == wanted.content.span):
        decided = _moved(link, wanted, base, event, shape, policy, now)
        if decided is not None:
            return decided
    time_stands = shape.is_single and shape.span == wanted.content.span
    ours_text = texts_of(wanted.content) != texts_of(base) or wanted.content.timezone != base.timezone
    theirs_text = shape.texts != echo.texts
    texts_stand = shape.texts == texts_of(wanted.content) or not (ours_text or theirs_text)
    if time_stands and texts_stand:
        return _adopt(link, wanted, event, shape, echo)
    own = link.sent if base == link.sent else None
    if ours_text or wanted.content.span != base.span:
        return Decision("ours_changed", Update(wanted.content, _guard(event), own=own))
    return Decision("texts_put_back", Update(wanted.content, _guard(event), puts_back=own is None, own=own))


def _adopt(link: LinkState, wanted: Wanted, event: RemoteEvent, shape: Shape, echo: Shape) -> Decision:
    """Everything stands as wanted. Only what we remember may have to follow."""
    agreed = Adopt(wanted.content, shape, event.tag, event.id)
    if shape.busy != echo.busy:
        return Decision(f"set_{shape.busy}_stays", agreed)
    remembered = Adopt(link.base, link.echo, link.tag, link.remote_id) if link.base and link.echo else None
    loose_ends = link.pending or link.verdict or link.sent or link.question
    if remembered == agreed and not loose_ends:
        return Decision("same", Nothing())
    return Decision("same" if wanted.content == link.base else "same_value", agreed)


def _moved(
    link: LinkState,
    wanted: Wanted,
    base: Content,
    event: RemoteEvent,
    shape: Shape,
    policy: Policy,
    now: datetime,
) -> Decision | None:
    """The time differs from the echo and from what is wanted. None: ours is to be written."""
    put_back = Update(wanted.content, _guard(event), puts_back=True)
    if link.verdict is not None and link.verdict.shape is not None and link.verdict.shape.same_time(shape):
        return Decision("judged_put_back", put_back)
    if policy.mode is Mode.ONE_WAY:
        return Decision("one_way_restore", put_back, flag="move_put_back")
    at = event.updated if event.updated is not None and event.updated <= now else None
    if wanted.content.span != base.span and (at is None or at <= wanted.time_set_at):
        return Decision("conflict_ours_wins", Update(wanted.content, _guard(event)))
    pending = hold(link.pending, PendingKind.CHANGED, shape, grace=policy.grace, now=now)
    if pending.act_after > now:
        return Decision("grace", _held(link, pending))
    if not shape.is_single or shape.span is None:
        return Decision("odd_shape_put_back", put_back, flag="move_put_back")
    if shape.span.start < now:
        return Decision("past_put_back", put_back, flag="move_put_back")
    # The last act on the time is theirs, whatever their clock says: never earlier than ours.
    return Decision("moved", MoveAppointment(shape.span, max(at or now, wanted.time_set_at), shape))


def _held(link: LinkState, pending: Pending) -> Action:
    return Wait(pending.act_after) if link.pending == pending else Hold(pending)


def _guard(event: RemoteEvent) -> Guard:
    return Guard(event.id, event.tag, event.raw)
