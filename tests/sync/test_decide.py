"""The truth table of two-way sync, row by row, and the laws that hold for every input."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.sync import actions
from kalends.sync.decide import decide
from kalends.sync.evidence import AbsentFromList, Gone, HintDeleted, Present, Unknown
from kalends.sync.link import (
    Answer,
    DeleteRule,
    LinkState,
    Mode,
    Pending,
    PendingKind,
    Policy,
    Question,
    Shape,
    Verdict,
    Wanted,
    shape_of,
    shape_sent,
)
from kalends.sync.port import AllDay, BusyState, Content, Guard, Intent, RemoteEvent, Timed

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GRACE = timedelta(seconds=90)
TWO_WAY = Policy(Mode.TWO_WAY, DeleteRule.CANCEL, GRACE)
ONE_WAY = Policy(Mode.ONE_WAY, DeleteRule.CANCEL, GRACE)
TAG, NEW_TAG = "tag-1", "tag-2"


def span(hour: int, day: int = 3) -> Span:
    start = datetime(2026, 3, day, hour, 0, tzinfo=UTC)
    return Span(start, start + timedelta(minutes=30))


def content(hour: int = 10, title: str = "Cut – Ada", day: int = 3) -> Content:
    return Content(span(hour, day), "Europe/Paris", title, "Salon", "notes")


BASE = content()


def event(at: Content = BASE, tag: str = NEW_TAG, **changes) -> RemoteEvent:
    made = RemoteEvent("ev", tag, Timed(at.span, at.timezone), op_key="k", content=at, updated=NOW)
    return replace(made, **changes)


def link(**changes) -> LinkState:
    made = LinkState(
        wanted=Wanted(BASE, NOW - timedelta(hours=1)), remote_id="ev", tag=TAG, base=BASE, echo=shape_sent(BASE)
    )
    return replace(made, **changes)


def wants(changed: Content, at: datetime = NOW - timedelta(minutes=5)) -> LinkState:
    return link(wanted=Wanted(changed, at))


def settled(kind: PendingKind, shape: Shape | None) -> Pending:
    """Seen a grace time ago, so that it may be acted on."""
    return Pending(kind, shape, NOW - GRACE, NOW)


def moved(hour: int = 14, **changes) -> RemoteEvent:
    return event(content(hour), **changes)


def ready(state: LinkState, remote: RemoteEvent) -> LinkState:
    return replace(state, pending=settled(PendingKind.CHANGED, shape_of(remote)))


DELETED = settled(PendingKind.DELETED, None)
GUARD = Guard("ev", NEW_TAG, "")


# -- the table, row by row ----------------------------------------------------------------------------------------


def test_same_and_same_is_nothing():
    assert decide(link(), Present(event(tag=TAG)), TWO_WAY, NOW).action == actions.Nothing()


def test_same_and_same_with_a_new_tag_is_remembered_without_a_write():
    decision = decide(link(), Present(event()), TWO_WAY, NOW)
    assert decision == actions.Decision("same", actions.Adopt(BASE, shape_sent(BASE), NEW_TAG, "ev"))


@pytest.mark.parametrize("policy", [TWO_WAY, ONE_WAY])
def test_changed_and_same_writes_ours_guarded_by_the_tag(policy):
    decision = decide(wants(content(11)), Present(event(tag=TAG)), policy, NOW)
    assert decision.action == actions.Update(content(11), Guard("ev", TAG, ""))


def test_same_and_changed_is_held_for_the_grace_time_first():
    decision = decide(link(), Present(moved()), TWO_WAY, NOW)
    assert decision.action == actions.Hold(Pending(PendingKind.CHANGED, shape_of(moved()), NOW, NOW + GRACE))


def test_same_and_changed_two_way_moves_the_appointment():
    decision = decide(ready(link(), moved()), Present(moved()), TWO_WAY, NOW)
    assert decision.action == actions.MoveAppointment(span(14), NOW, shape_of(moved()))


def test_same_and_changed_one_way_writes_ours_back():
    decision = decide(link(), Present(moved()), ONE_WAY, NOW)
    assert decision.action == actions.Update(BASE, GUARD, puts_back=True)


@pytest.mark.parametrize("policy", [TWO_WAY, ONE_WAY])
def test_changed_to_the_same_value_is_adopted(policy):
    decision = decide(wants(content(14)), Present(moved()), policy, NOW)
    assert decision.action == actions.Adopt(content(14), shape_of(moved()), NEW_TAG, "ev")


def test_changed_otherwise_later_outside_wins():
    state = ready(wants(content(11)), moved())
    assert decide(state, Present(moved()), TWO_WAY, NOW).action == actions.MoveAppointment(
        span(14), NOW, shape_of(moved())
    )


@pytest.mark.parametrize(
    "updated", [None, NOW - timedelta(minutes=10), NOW - timedelta(minutes=5), NOW + timedelta(seconds=1)]
)
def test_changed_otherwise_ours_wins_if_theirs_is_older_unknown_equal_or_in_the_future(updated):
    state = ready(wants(content(11)), moved())
    decision = decide(state, Present(moved(updated=updated)), TWO_WAY, NOW)
    assert decision == actions.Decision("conflict_ours_wins", actions.Update(content(11), GUARD))


def test_text_is_ours_even_if_only_theirs_changed():
    remote = event(content(title="Mine"))
    decision = decide(link(), Present(remote), TWO_WAY, NOW)
    assert decision == actions.Decision("texts_put_back", actions.Update(BASE, GUARD, puts_back=True))


@pytest.mark.parametrize("policy", [TWO_WAY, ONE_WAY])
@pytest.mark.parametrize("remote", [event(tag=TAG), moved(), event(content(title="x"))])
def test_cancelled_and_anything_deletes(policy, remote):
    decision = decide(link(wanted=None), Present(remote), policy, NOW)
    assert decision.action == actions.Delete(Guard("ev", remote.tag, ""))


def test_cancelled_and_gone_closes():
    assert decide(link(wanted=None), Gone(), TWO_WAY, NOW).action == actions.Close()


@pytest.mark.parametrize(
    ("rule", "action"),
    [
        (DeleteRule.CANCEL, actions.CancelAppointment(NOW)),
        (DeleteRule.ASK, actions.AskStaff(NOW + timedelta(hours=24))),
        (DeleteRule.PUT_BACK, actions.Create(BASE, 2)),
    ],
)
def test_same_and_deleted_two_way_follows_the_rule_after_the_grace_time(rule, action):
    policy = replace(TWO_WAY, on_outside_delete=rule)
    assert decide(link(), Gone(), policy, NOW).action == actions.Hold(
        Pending(PendingKind.DELETED, None, NOW, NOW + GRACE)
    )
    assert decide(link(pending=DELETED), Gone(), policy, NOW).action == action


def test_same_and_deleted_one_way_restores_at_once():
    assert decide(link(), Gone(), ONE_WAY, NOW).action == actions.Create(BASE, 2)


@pytest.mark.parametrize("policy", [TWO_WAY, ONE_WAY])
def test_changed_and_deleted_the_deletion_loses(policy):
    decision = decide(replace(wants(content(11)), pending=DELETED), Gone(), policy, NOW)
    assert decision.action == actions.Create(content(11), 2)


# -- what a change outside means ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remote", "rule"),
    [
        (event(when=AllDay(date(2026, 3, 3), date(2026, 3, 4))), "odd_shape_put_back"),
        (event(recurrence=("RRULE:FREQ=DAILY",)), "odd_shape_put_back"),
        (event(content(14), recurrence=("RRULE:FREQ=DAILY",)), "odd_shape_put_back"),
        (event(content(10, day=1)), "past_put_back"),
    ],
)
def test_all_day_recurring_and_past_are_put_back_and_flagged(remote, rule):
    decision = decide(ready(link(), remote), Present(remote), TWO_WAY, NOW)
    assert decision == actions.Decision(rule, actions.Update(BASE, GUARD, puts_back=True), flag="move_put_back")


@pytest.mark.parametrize("busy", [BusyState.FREE, BusyState.TENTATIVE, BusyState.OUT_OF_OFFICE])
def test_busy_state_is_theirs(busy):
    remote = event(busy=busy)
    decision = decide(link(), Present(remote), TWO_WAY, NOW)
    assert decision == actions.Decision(f"set_{busy}_stays", actions.Adopt(BASE, shape_of(remote), NEW_TAG, "ev"))


def test_judged_value_is_put_back_without_asking_again():
    state = link(verdict=Verdict(shape_of(moved())))
    decision = decide(state, Present(moved()), TWO_WAY, NOW)
    assert decision == actions.Decision("judged_put_back", actions.Update(BASE, GUARD, puts_back=True))


def test_another_value_than_the_judged_one_is_a_new_move():
    state = link(verdict=Verdict(shape_of(moved(15))))
    assert isinstance(decide(state, Present(moved()), TWO_WAY, NOW).action, actions.Hold)


def test_event_of_another_organizer_is_never_written():
    decision = decide(wants(content(11)), Present(event(foreign_organizer=True)), TWO_WAY, NOW)
    assert decision.action == actions.Refuse("foreign_organizer")


def test_event_of_another_organizer_is_let_go_when_the_appointment_is_cancelled():
    decision = decide(link(wanted=None), Present(event(foreign_organizer=True)), TWO_WAY, NOW)
    assert decision == actions.Decision("cancelled_foreign_organizer", actions.Close())


def test_deletion_of_what_is_over_is_left_alone():
    past = content(10, day=1)
    state = link(wanted=Wanted(past, NOW), base=past, echo=shape_sent(past), pending=DELETED)
    for policy in (TWO_WAY, ONE_WAY):
        assert decide(state, Gone(), policy, NOW) == actions.Decision("past_left_alone", actions.Close())


# -- grace, questions, lost answers -------------------------------------------------------------------------------


def test_undone_move_is_forgotten():
    state = link(pending=settled(PendingKind.CHANGED, shape_of(moved())))
    assert decide(state, Present(event(tag=TAG)), TWO_WAY, NOW).action == actions.Adopt(
        BASE, shape_sent(BASE), TAG, "ev"
    )


def test_drag_again_starts_the_grace_time_anew_but_not_for_ever():
    first = Pending(PendingKind.CHANGED, shape_of(moved(13)), NOW - 9.5 * GRACE, NOW)
    decision = decide(link(pending=first), Present(moved(14)), TWO_WAY, NOW)
    assert decision.action == actions.Hold(
        Pending(PendingKind.CHANGED, shape_of(moved(14)), first.first_seen, first.first_seen + 10 * GRACE)
    )


@pytest.mark.parametrize(
    ("question", "now", "action"),
    [
        (Question(NOW + GRACE), NOW, actions.Wait(NOW + GRACE)),
        (Question(NOW), NOW, actions.Create(BASE, 2)),
        (Question(NOW + GRACE, Answer.KEEP), NOW, actions.Create(BASE, 2)),
        (Question(NOW + GRACE, Answer.CANCEL), NOW, actions.CancelAppointment(NOW)),
    ],
)
def test_question_waits_for_its_answer_or_deadline(question, now, action):
    policy = replace(TWO_WAY, on_outside_delete=DeleteRule.ASK)
    assert decide(link(pending=DELETED, question=question), Gone(), policy, now).action == action


def test_never_made_is_created_in_its_own_generation():
    state = LinkState(wanted=Wanted(BASE, NOW), generation=3)
    assert decide(state, Gone("never made"), TWO_WAY, NOW).action == actions.Create(BASE, 3)


def test_found_after_a_lost_answer_is_adopted_if_it_shows_what_was_sent():
    state = LinkState(wanted=Wanted(BASE, NOW), sent=BASE)
    assert decide(state, Present(event()), TWO_WAY, NOW).action == actions.Adopt(BASE, shape_sent(BASE), NEW_TAG, "ev")


def test_found_after_a_lost_answer_with_other_texts_is_written_once_more():
    state = LinkState(wanted=Wanted(BASE, NOW), sent=BASE)
    decision = decide(state, Present(event(content(title="CUT"))), TWO_WAY, NOW)
    assert decision.action == actions.Update(BASE, GUARD, own=BASE)


def test_lost_write_of_ours_never_wins_over_our_next_change():
    """The calendar stamps it later than our change; it is recognised by what was sent."""
    state = replace(wants(content(12)), sent=content(11))
    decision = decide(state, Present(event(content(11))), TWO_WAY, NOW)
    assert decision.action == actions.Update(content(12), GUARD, own=content(11))


def test_provider_clock_behind_ours_does_not_make_a_move_older_than_it_is():
    state = ready(link(wanted=Wanted(BASE, NOW - timedelta(seconds=1))), moved())
    remote = moved(updated=NOW - timedelta(minutes=3))
    assert decide(state, Present(remote), TWO_WAY, NOW).action == actions.MoveAppointment(
        span(14), NOW - timedelta(seconds=1), shape_of(remote)
    )


# -- all combinations ---------------------------------------------------------------------------------------------

WANTED = {"same": BASE, "time": content(11), "text": content(title="Cut – Eve"), "cancelled": None}
REMOTE = {
    "same": event(tag=TAG),
    "time": moved(),
    "to ours": moved(11),
    "text": event(content(title="Mine")),
    "both": event(content(14, "Mine")),
    "gone": None,
}


def expected(wanted: str, remote: str, mode: Mode) -> type:
    """The table of the module's docstring, written a second time, as a person reads it."""
    if wanted == "cancelled":
        return actions.Close if remote == "gone" else actions.Delete
    if remote == "gone":
        if wanted != "same" or mode is Mode.ONE_WAY:
            return actions.Create
        return actions.CancelAppointment
    if remote == "same":
        return actions.Nothing if wanted == "same" else actions.Update
    if remote == "text":
        return actions.Update
    if remote == "to ours" and wanted == "time":
        return actions.Adopt
    return actions.Update if mode is Mode.ONE_WAY else actions.MoveAppointment


@pytest.mark.parametrize(("wanted", "remote", "mode"), list(product(WANTED, REMOTE, Mode)))
def test_every_row_of_the_table(wanted, remote, mode):
    ours, theirs = WANTED[wanted], REMOTE[remote]
    state = link(wanted=Wanted(ours, NOW - timedelta(minutes=5)) if ours else None)
    shape = shape_of(theirs) if theirs else None
    kind = PendingKind.CHANGED if theirs else PendingKind.DELETED
    state = replace(state, pending=None if remote == "same" else settled(kind, shape))
    evidence = Present(theirs) if theirs else Gone()
    decision = decide(state, evidence, replace(TWO_WAY, mode=mode), NOW)
    assert type(decision.action) is expected(wanted, remote, mode)


# -- laws ---------------------------------------------------------------------------------------------------------

HOURS = st.integers(8, 17)
CONTENTS = st.builds(content, HOURS, st.sampled_from(["Cut – Ada", "Cut – Eve", "Mine"]), st.sampled_from([1, 3]))
INSTANTS = st.integers(-7200, 7200).map(lambda seconds: NOW + timedelta(seconds=seconds))
EVENTS = st.builds(
    event,
    CONTENTS,
    st.sampled_from([TAG, NEW_TAG, ""]),
    updated=st.none() | INSTANTS,
    busy=st.sampled_from(BusyState),
    recurrence=st.sampled_from([(), (), ("RRULE:FREQ=DAILY",)]),
    cancelled=st.booleans(),
    foreign_organizer=st.sampled_from([False, False, True]),
)
SHAPES = EVENTS.map(shape_of)
PENDINGS = st.builds(Pending, st.just(PendingKind.CHANGED), SHAPES, INSTANTS, INSTANTS) | st.builds(
    Pending, st.just(PendingKind.DELETED), st.none(), INSTANTS, INSTANTS
)
LINKS = st.builds(
    LinkState,
    wanted=st.none() | st.builds(Wanted, CONTENTS, INSTANTS),
    generation=st.integers(1, 9),
    remote_id=st.sampled_from(["", "ev"]),
    tag=st.sampled_from(["", TAG]),
    base=st.none() | CONTENTS,
    echo=st.none() | SHAPES,
    sent=st.none() | CONTENTS,
    pending=st.none() | PENDINGS,
    verdict=st.none() | st.builds(Verdict, st.none() | SHAPES),
    question=st.none() | st.builds(Question, INSTANTS, st.sampled_from(Answer)),
)
POLICIES = st.builds(Policy, st.sampled_from(Mode), st.sampled_from(DeleteRule), st.just(GRACE))
EVIDENCE = (
    st.builds(Present, EVENTS)
    | st.just(Gone())
    | st.just(HintDeleted())
    | st.just(AbsentFromList())
    | st.builds(Unknown, st.text(max_size=5))
)


@given(LINKS, st.text(max_size=9), POLICIES, INSTANTS)
def test_F19_unknown_never_has_an_effect(state, reason, policy, now):
    assert decide(state, Unknown(reason), policy, now).action == actions.Nothing()


@given(LINKS, st.sampled_from([HintDeleted(), AbsentFromList()]), POLICIES, INSTANTS)
def test_F18_hint_only_ever_asks_for_a_direct_read(state, hint, policy, now):
    assert decide(state, hint, policy, now).action == actions.Read()


@given(LINKS, EVIDENCE, POLICIES, INSTANTS)
def test_same_arguments_give_the_same_decision(state, evidence, policy, now):
    assert decide(state, evidence, policy, now) == decide(state, evidence, policy, now)


@given(LINKS, EVIDENCE, POLICIES, INSTANTS)
def test_one_way_never_touches_an_appointment(state, evidence, policy, now):
    decision = decide(state, evidence, replace(policy, mode=Mode.ONE_WAY), now)
    assert not isinstance(decision.action, (*actions.CUSTOMER_EFFECTS, actions.AskStaff))


@given(LINKS, EVIDENCE, POLICIES, INSTANTS)
def test_customer_effect_needs_direct_evidence_and_a_settled_grace_time(state, evidence, policy, now):
    decision = decide(state, evidence, policy, now)
    if isinstance(decision.action, actions.CUSTOMER_EFFECTS):
        assert isinstance(evidence, Present | Gone)
        assert state.pending is not None
        assert state.pending.act_after <= now


@given(LINKS, EVENTS, POLICIES, INSTANTS)
def test_every_write_carries_the_tag_that_was_read(state, remote, policy, now):
    decision = decide(state, Present(remote), policy, now)
    if isinstance(decision.action, actions.Update | actions.Delete):
        assert decision.action.guard == Guard(remote.id, remote.tag, remote.raw)
    assert not isinstance(decision.action, actions.Create)


@given(LINKS, EVENTS, POLICIES, INSTANTS)
def test_foreign_events_and_tombstones_are_never_written(state, remote, policy, now):
    decision = decide(state, Present(remote), policy, now)
    if remote.foreign_organizer or remote.cancelled:
        assert not isinstance(decision.action, actions.EFFECTS)


@given(CONTENTS, st.sampled_from(BusyState), POLICIES, INSTANTS, INSTANTS)
def test_own_echo_is_stable(ours, busy, policy, set_at, now):
    """After a write and its receipt, the event coming back changes nothing (G4)."""
    back = event(ours, TAG, busy=busy)
    state = LinkState(Wanted(ours, set_at), remote_id="ev", tag=TAG, base=ours, echo=shape_of(back))
    assert decide(state, Present(back), policy, now).action == actions.Nothing()
    again = decide(state, Present(replace(back, tag=NEW_TAG)), policy, now)
    assert again.action == actions.Adopt(ours, shape_of(back), NEW_TAG, "ev")


@given(LINKS, EVENTS, POLICIES, INSTANTS)
def test_what_is_adopted_stays_adopted(state, remote, policy, now):
    """A decision to agree leaves nothing to do: no churn (F05)."""
    decision = decide(state, Present(remote), policy, now)
    if isinstance(decision.action, actions.Adopt):
        agreed = decision.action
        after = LinkState(state.wanted, state.generation, agreed.remote_id, agreed.tag, agreed.base, agreed.echo)
        assert decide(after, Present(remote), policy, now).action == actions.Nothing()


@given(LINKS, EVIDENCE, POLICIES, INSTANTS)
def test_cancelled_appointment_is_only_removed_or_closed(state, evidence, policy, now):
    decision = decide(replace(state, wanted=None), evidence, policy, now)
    assert isinstance(decision.action, actions.Delete | actions.Close | actions.Nothing | actions.Read | actions.Refuse)


@given(LINKS, POLICIES, INSTANTS)
def test_an_event_that_stood_is_only_made_again_under_a_new_id(state, policy, now):
    decision = decide(state, Gone(), policy, now)
    if isinstance(decision.action, actions.Create):
        assert decision.action.generation == state.generation + bool(state.remote_id)


def test_op_key_names_link_and_generation():
    intent = Intent(UUID(int=7), 2, BASE)
    assert intent.op_key == f"{UUID(int=7).hex}0002"
