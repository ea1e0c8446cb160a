"""How fast one host is asked, whoever asks and whenever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kalends.sync.pace import BURST, GAP, Host, asked, is_open, queued

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
FRESH = Host(NOW, NOW)
MINUTE = timedelta(minutes=1)


def looks(host: Host, turns: dict[int, datetime | None], who: int, now: datetime) -> tuple[Host, bool]:
    """As a worker does: asks if it may, or is given a turn, unless its own is still to come."""
    mine = turns.get(who)
    if mine is not None and mine > now:
        return host, False
    if is_open(host, mine, now):
        turns[who] = None
        return asked(host, now), True
    host, turns[who] = queued(host, now)
    return host, False


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3000)), max_size=300))
def test_F70_no_span_of_time_holds_more_requests_than_gaps_and_a_burst(looks_at):
    host, turns, now, made = FRESH, {}, NOW, []
    for who, milliseconds in looks_at:
        now += timedelta(milliseconds=milliseconds)
        host, went = looks(host, turns, who, now)
        made += [now] if went else []
    for first, begin in enumerate(made):
        for count, end in enumerate(made[first:], start=1):
            assert count <= BURST + (end - begin) // GAP


def test_F70_thousand_that_come_at_once_each_get_a_turn_of_their_own():
    host, turns = FRESH, {}
    went = []
    for who in range(1000):
        host, now_went = looks(host, turns, who, NOW)
        went += [who] if now_went else []
    assert went == list(range(BURST))
    waiting = [turns[who] for who in range(BURST, 1000)]
    assert [after - before for before, after in pairwise(waiting)] == [GAP] * 995
    for who in range(BURST, 1000):
        host, now_went = looks(host, turns, who, turns[who])
        assert now_went
    assert host.open_at - NOW == 1000 * GAP


def test_F70_ten_thousand_addresses_of_fifty_hosts_are_all_asked_within_two_minutes():
    """All come at once, and each again when its turn is."""
    asked: dict[int, list[datetime]] = {}
    for number in range(50):
        host, turns, due = FRESH, {}, [(NOW, who) for who in range(200)]
        while due:
            now, who = due.pop(0)
            host, went = looks(host, turns, who, now)
            if went:
                asked.setdefault(number, []).append(now)
            else:
                due.append((turns[who], who))
    expected = [NOW] * BURST + [NOW + GAP * number for number in range(1, 201 - BURST)]
    assert list(asked.values()) == [expected] * 50
    assert expected[-1] - NOW < timedelta(minutes=2)


def test_who_comes_later_does_not_overtake_the_queue():
    host, turn = queued(FRESH, NOW)
    assert not is_open(host, None, NOW)
    assert is_open(host, turn, turn)
    assert is_open(host, None, host.tail)


@given(st.timedeltas(timedelta(0), MINUTE))
def test_turns_that_were_missed_together_are_spread_again(late):
    host, turns = FRESH, {}
    for who in range(100):
        host, _ = looks(host, turns, who, NOW)
    now = NOW + MINUTE + late
    went = 0
    for who in range(BURST, 100):
        host, now_went = looks(host, turns, who, now)
        went += now_went
    assert went == BURST
    assert len({turn for turn in turns.values() if turn is not None}) == 100 - 2 * BURST
