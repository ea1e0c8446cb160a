"""Trust in channels, and what they need."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from kalends.sync.push import (
    HEARTBEAT,
    LIFE,
    PATIENCE,
    SLACK,
    VERIFY_WITHIN,
    Channel,
    ChannelState,
    Close,
    Forget,
    Open,
    Renew,
    next_poll,
    next_upkeep,
    proven,
    renewal_at,
    silent,
    unannounced_since,
    upkeep,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLL = timedelta(minutes=2)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OLD = Channel(
    id=UUID(int=1),
    state=ChannelState.OPEN,
    opened_at=NOW - DAY,
    expires_at=NOW + 5 * DAY,
    renew_at=NOW + 4 * DAY,
    verified_at=NOW - DAY,
)
NEW = replace(OLD, id=UUID(int=2), opened_at=NOW - MINUTE, verified_at=None)


def care(*channels, wanted=True, renews=False, retry_at=None, now=NOW):
    return upkeep(channels, wanted=wanted, renews=renews, retry_at=retry_at, now=now)


def test_channel_that_is_verified_and_lives_is_proven():
    assert proven(OLD, NOW)
    assert not proven(replace(OLD, verified_at=None), NOW)
    assert not proven(replace(OLD, expires_at=NOW), NOW)
    for state in (ChannelState.OPENING, ChannelState.CLOSING, ChannelState.CLOSED):
        assert not proven(replace(OLD, state=state), NOW)


def test_channel_is_silent_once_a_known_change_went_unannounced_for_three_minutes():
    waiting = replace(OLD, awaiting_since=NOW - PATIENCE + MINUTE)
    assert proven(waiting, NOW)
    assert not silent(waiting, NOW)
    assert silent(waiting, NOW + MINUTE)
    assert not proven(waiting, NOW + MINUTE)


def test_successor_of_a_silent_channel_is_proven_by_a_change_only():
    tried = replace(OLD, on_trial=True)
    assert not proven(tried, NOW)
    assert proven(replace(tried, heard_at=NOW - HOUR), NOW)


def test_G9_poll_interval_without_a_proven_channel_and_heartbeat_behind_one():
    assert next_poll([], POLL, NOW) == NOW + POLL
    assert next_poll([NEW], POLL, NOW) == NOW + POLL
    assert next_poll([OLD], POLL, NOW) == NOW + HEARTBEAT
    assert next_poll([NEW, OLD], POLL, NOW) == NOW + HEARTBEAT
    assert next_poll([OLD], HOUR, NOW) == NOW + HOUR


def test_G9_heartbeat_ends_with_the_trust():
    assert next_poll([replace(OLD, expires_at=NOW + 10 * MINUTE)], POLL, NOW) == NOW + 10 * MINUTE
    assert next_poll([replace(OLD, awaiting_since=NOW)], POLL, NOW) == NOW + PATIENCE
    assert next_poll([replace(OLD, expires_at=NOW + MINUTE)], POLL, NOW) == NOW + POLL


def test_change_that_a_read_finds_unannounced_is_awaited_from_when_it_was_made():
    found = {"changed_at": NOW - 5 * MINUTE, "read_before": NOW - HOUR}
    assert unannounced_since(OLD, **found) == NOW - 5 * MINUTE
    assert unannounced_since(replace(OLD, heard_at=NOW - 4 * MINUTE), **found) is None
    assert unannounced_since(replace(OLD, heard_at=NOW - 5 * MINUTE - SLACK), **found) is None
    assert unannounced_since(replace(OLD, heard_at=NOW - HOUR), **found) == NOW - 5 * MINUTE
    assert unannounced_since(replace(OLD, awaiting_since=NOW - HOUR), **found) == NOW - HOUR


def test_channel_younger_than_the_read_before_announced_nothing_and_is_not_blamed():
    young = replace(OLD, verified_at=NOW - 10 * MINUTE)
    assert unannounced_since(young, changed_at=NOW - HOUR, read_before=NOW - HOUR) is None
    same_run = replace(OLD, opened_at=NOW - HOUR, verified_at=NOW - HOUR)
    assert unannounced_since(same_run, changed_at=NOW - HOUR, read_before=NOW - HOUR) is None
    assert unannounced_since(same_run, changed_at=NOW, read_before=NOW - MINUTE) == NOW
    assert unannounced_since(NEW, changed_at=NOW - HOUR, read_before=NOW - HOUR) is None


def test_F52_renewal_is_at_80_per_cent_of_the_life_give_or_take_5():
    life = timedelta(days=10)
    assert renewal_at(NOW, NOW + life, 0.5) == NOW + timedelta(days=8)
    assert renewal_at(NOW, NOW + life, 0.0) == NOW + timedelta(days=7.5)
    assert renewal_at(NOW, NOW + life, 1.0) == NOW + timedelta(days=8.5)


def test_calendar_without_a_channel_gets_one_unless_it_failed_just_now():
    assert care() == [Open()]
    assert care(retry_at=NOW + MINUTE) == []
    assert care(retry_at=NOW) == [Open()]
    assert care(wanted=False) == []


def test_F48_old_channel_stays_until_the_new_one_is_verified():
    ripe = replace(OLD, renew_at=NOW)
    assert care(ripe) == [Open()]
    assert care(ripe, NEW) == []
    assert care(ripe, replace(NEW, verified_at=NOW)) == [Close(OLD.id)]
    unheard = replace(NEW, opened_at=NOW - VERIFY_WITHIN)
    assert care(ripe, unheard) == [Close(NEW.id, failed=True)]


def test_channel_that_can_be_renewed_is_renewed():
    ripe = replace(OLD, renew_at=NOW)
    assert care(ripe, renews=True) == [Renew(OLD.id)]
    assert care(replace(ripe, retry_at=NOW + MINUTE), renews=True) == []
    assert care(replace(ripe, expires_at=NOW), renews=True) == [Open(), Forget(OLD.id)]


def test_silent_channel_is_replaced_by_one_on_trial_even_where_it_could_be_renewed():
    mute = replace(OLD, awaiting_since=NOW - PATIENCE)
    assert care(mute) == [Open(on_trial=True)]
    assert care(mute, renews=True) == [Open(on_trial=True)]
    assert care(mute, replace(NEW, verified_at=NOW, on_trial=True)) == [Close(OLD.id)]


def test_unwanted_and_left_over_channels_are_closed():
    assert care(OLD, NEW, wanted=False) == [Close(OLD.id), Close(NEW.id)]
    assert care(replace(OLD, state=ChannelState.OPENING), wanted=False) == [Close(OLD.id)]
    left = replace(OLD, state=ChannelState.CLOSING)
    assert care(left, wanted=False) == [Close(OLD.id)]
    assert care(replace(left, retry_at=NOW + MINUTE), wanted=False) == []
    assert care(replace(left, expires_at=NOW), wanted=False) == [Forget(OLD.id)]


# -- laws -----------------------------------------------------------------------------------------------------------

moments = st.integers(-20_000, 20_000).map(lambda minutes: NOW + minutes * MINUTE)
maybe = st.none() | moments


@st.composite
def channels(draw):
    found = []
    for number in range(draw(st.integers(0, 4))):
        opened = draw(moments.filter(lambda at: at <= NOW))
        expires = opened + draw(st.integers(1, int(LIFE / MINUTE))) * MINUTE
        found.append(
            Channel(
                id=UUID(int=number),
                state=draw(st.sampled_from(ChannelState)),
                opened_at=opened,
                expires_at=expires,
                renew_at=draw(st.just(expires) | st.just(opened + (expires - opened) * 0.8)),
                verified_at=draw(maybe),
                heard_at=draw(maybe),
                awaiting_since=draw(maybe),
                on_trial=draw(st.booleans()),
                retry_at=draw(maybe),
            )
        )
    return found


cases = st.fixed_dictionaries({"wanted": st.booleans(), "renews": st.booleans(), "retry_at": maybe})


@given(channels(), cases)
def test_proven_channel_is_never_closed_without_a_younger_verified_one(found, case):
    actions = upkeep(found, **{**case, "wanted": True}, now=NOW)
    closed = {action.id for action in actions if isinstance(action, Close)}
    for channel in found:
        if channel.id in closed and proven(channel, NOW):
            younger = [c for c in found if c.id not in closed and c.opened_at >= channel.opened_at]
            assert any(c.verified_at is not None and not silent(c, NOW) for c in younger)


@given(channels(), cases, st.floats(0, 1))
def test_next_upkeep_misses_nothing(found, case, part):
    """Between now and the instant it names there is nothing to do."""
    due = next_upkeep(found, **case, now=NOW)
    if due == NOW:
        assert upkeep(found, **case, now=NOW) != []
        return
    end = due if due is not None else NOW + 60 * DAY
    between = NOW + (end - NOW) * part
    if between < end:
        assert upkeep(found, **case, now=between) == []


@given(channels())
def test_next_poll_is_never_sooner_than_the_interval_nor_later_than_the_heartbeat(found):
    assert NOW + POLL <= next_poll(found, POLL, NOW) <= NOW + HEARTBEAT


@given(channels(), cases)
def test_one_channel_is_opened_at_a_time(found, case):
    actions = upkeep(found, **case, now=NOW)
    opened = [action for action in actions if isinstance(action, Open)]
    assert len(opened) <= int(case["wanted"])
