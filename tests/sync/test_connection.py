from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kalends.sync.connection import REMINDERS, Life, PausedBy, State

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ACTIVE = Life().chosen(NOW)


@pytest.mark.parametrize(
    ("life", "state"),
    [
        (Life(), State.CONNECTING),
        (ACTIVE, State.ACTIVE),
        (ACTIVE.throttled(LATER), State.THROTTLED),
        (ACTIVE.throttled(LATER).worked(LATER), State.ACTIVE),
        (ACTIVE.throttled(LATER).worked(NOW), State.THROTTLED),
        (ACTIVE.frozen(NOW), State.FROZEN),
        (ACTIVE.frozen(NOW).released(LATER), State.ACTIVE),
        (ACTIVE.lacking(NOW), State.NEEDS_ATTENTION),
        (ACTIVE.lacking(NOW).mended(), State.ACTIVE),
        (ACTIVE.lacking(NOW).chosen(NOW), State.ACTIVE),
        (ACTIVE.paused(NOW, PausedBy.PERSON), State.PAUSED),
        (ACTIVE.paused(NOW, PausedBy.PERSON).resumed(PausedBy.PERSON), State.ACTIVE),
        (ACTIVE.disconnected(NOW), State.DISCONNECTED),
        (ACTIVE.disconnected(NOW).reconnected(), State.CONNECTING),
    ],
)
def test_each_transition_leads_to_its_state(life, state):
    assert life.state == state


def test_freeze_outlasts_a_lost_grant_and_its_mending():
    assert ACTIVE.frozen(NOW).lacking(NOW).reconnected().state == State.FROZEN


def test_pause_outlasts_everything_but_the_end():
    paused = ACTIVE.paused(NOW, PausedBy.PERSON)
    for life in (paused.lacking(NOW), paused.frozen(NOW), paused.throttled(LATER)):
        assert life.state == State.PAUSED
    assert paused.disconnected(NOW).state == State.DISCONNECTED


def test_switch_resumes_only_what_it_paused():
    assert ACTIVE.paused(NOW, PausedBy.PERSON).resumed(PausedBy.SWITCH).state == State.PAUSED
    assert ACTIVE.paused(NOW, PausedBy.SWITCH).resumed(PausedBy.SWITCH).state == State.ACTIVE
    by_person = ACTIVE.paused(NOW, PausedBy.PERSON).paused(LATER, PausedBy.SWITCH)
    assert by_person.resumed(PausedBy.SWITCH).state == State.PAUSED


def test_auth_verdict_needs_the_same_answer_twice_in_a_row():
    once = ACTIVE.auth_refused(NOW)
    assert once.state == State.ACTIVE
    assert once.worked(NOW).auth_refused(LATER).state == State.ACTIVE
    assert once.auth_refused(LATER).state == State.NEEDS_ATTENTION


def test_G12_a_shorter_wait_does_not_cut_a_longer_one():
    assert ACTIVE.throttled(LATER).throttled(NOW).throttled_until == LATER
    assert ACTIVE.throttled(NOW).throttled(LATER).throttled_until == LATER


def test_reminders_are_due_at_once_and_on_day_1_3_and_7():
    life, due = ACTIVE.lacking(NOW), []
    while (at := life.reminder_due_at()) is not None:
        due.append(at - NOW)
        life = life.reminded()
    assert due == list(REMINDERS)


def test_lacking_twice_keeps_the_first_instant_and_its_reminders():
    life = ACTIVE.lacking(NOW).reminded().lacking(LATER)
    assert (life.needs_attention_since, life.reminders_sent) == (NOW, 1)


@pytest.mark.parametrize(
    ("state", "reads", "writes"),
    [
        (State.ACTIVE, True, True),
        (State.THROTTLED, True, True),
        (State.FROZEN, True, False),
        (State.PAUSED, False, False),
        (State.NEEDS_ATTENTION, False, False),
        (State.CONNECTING, False, False),
        (State.DISCONNECTED, False, False),
    ],
)
def test_what_a_state_allows(state, reads, writes):
    assert (state.reads, state.writes) == (reads, writes)
