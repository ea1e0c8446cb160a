"""Failure cases that need a world of their own: split series, logs cut short, thousands of calendars, machine zones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from kalends.bookings.selectors import slots
from kalends.calendars.engine import lease
from kalends.calendars.models import CalendarConnection
from kalends.companies.models import Staff
from kalends.core.ids import new_id
from kalends.core.span import Span
from tests.calendars.world import HALF_HOUR, POLL, START, World, at

HOUR = timedelta(hours=1)
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=6"


def weeks(*hours: int) -> list[tuple[datetime, datetime]]:
    """One hour on each Wednesday from 4 March 2026 on, at these hours in UTC."""
    starts = [datetime(2026, 3, 4, hour, tzinfo=UTC) + timedelta(weeks=week) for week, hour in enumerate(hours)]
    return [(start, start + HOUR) for start in starts]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_F11_split_series_under_other_ids_blocks_each_occurrence_once(world: World, order: tuple[int, ...]):
    """ "This and following": the old series ends, its exception goes, both come again under other ids, in any order."""
    first = Span(*weeks(9)[0])
    series = world.server.add(world.extra, first, recurrence=(WEEKLY,))
    fourth = weeks(0, 0, 0, 9)[3][0]
    moved = Span(*weeks(0, 0, 0, 14)[3])
    exception = world.server.add(world.extra, moved, series_id=series.id, original_start=fourth)
    world.settle(1)
    assert world.busy() == weeks(9, 9, 9, 14, 9, 9)

    def end_the_old() -> None:
        world.server.make_recurring(world.extra, series.id, "RRULE:FREQ=WEEKLY;COUNT=2")
        world.settle(1)

    def drop_the_exception() -> None:
        world.server.delete(world.extra, exception.id)
        world.settle(1)

    def begin_the_new() -> None:
        later = Span(*weeks(0, 0, 9)[2])
        renamed = world.server.add(world.extra, later, recurrence=("RRULE:FREQ=WEEKLY;COUNT=4",))
        world.server.add(world.extra, moved, series_id=renamed.id, original_start=fourth)
        world.settle(1)

    steps = (end_the_old, drop_the_exception, begin_the_new)
    for step in order:
        steps[step]()
    assert world.busy() == weeks(9, 9, 9, 14, 9, 9)


def test_F27_change_that_a_cut_log_lost_is_found_by_the_weekly_full_read(world: World):
    event = world.server.add(world.extra, Span(at(4, 9), at(4, 10)))
    world.server.add(world.extra, Span(at(20, 9), at(20, 10)))
    world.settle(1)
    world.server.move(world.extra, event.id, Span(at(20, 14), at(20, 15)))
    world.server.forget_changes(world.extra, event.id)
    world.settle(1)
    assert world.busy() == [(at(4, 9), at(4, 10)), (at(20, 9), at(20, 10))]
    for _day in range(8):
        world.pass_time(timedelta(days=1))
        world.settle(1)
    assert world.busy() == [(at(20, 9), at(20, 10)), (at(20, 14), at(20, 15))]


def test_F36_none_of_5000_calendars_waits_for_longer_than_two_intervals(new_world):
    """A worker that manages half of them in an interval, whatever is added or read meanwhile: each has its turn."""
    world: World = new_world(connected=False)
    company = world.salon.company
    staff = Staff.objects.bulk_create(
        Staff(id=new_id(), company=company, name=f"Member {number}", timezone="UTC") for number in range(5000)
    )
    CalendarConnection.objects.bulk_create(
        CalendarConnection(
            company=company, staff=member, provider="google", subject=str(number), state="active", due_at=START
        )
        for number, member in enumerate(staff)
    )
    now, read_at, longest = START, dict.fromkeys(CalendarConnection.objects.values_list("pk", flat=True), START), POLL
    for _turn in range(6):
        now += POLL
        turn = list(lease.due_connections(now).values_list("pk", flat=True)[:2500])
        assert len(turn) == 2500
        longest = max(longest, *(now - read_at[pk] for pk in turn))
        read_at.update(dict.fromkeys(turn, now))
        CalendarConnection.objects.filter(pk__in=turn).update(due_at=now + POLL)
    assert longest == 2 * POLL
    assert now - min(read_at.values()) == POLL


@pytest.fixture
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The process's own zone, as the machine's setting would make it."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("machine_zone", ["UTC", "Pacific/Kiritimati", "America/St_Johns"], indirect=True)
def test_F61_machine_zone_changes_no_time(world: World, machine_zone: str):
    assert time.tzname[0] == {"UTC": "UTC", "Pacific/Kiritimati": "+14", "America/St_Johns": "NST"}[machine_zone]
    salon = world.salon
    day = date(2026, 3, 3)
    offered = slots(
        company=salon.company, service=salon.service, from_date=day, to_date=day, tz="Europe/Paris", now=world.now
    )
    starts = [slot.start for slot in offered.days()[day]]
    assert (starts[0], starts[-1]) == (at(3, 9), at(3, 17) - HALF_HOUR)
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    assert world.span_of(event) == Span(at(3, 10), at(3, 10) + HALF_HOUR)
    world.server.shift(world.main, event.id, HOUR)
    world.settle(3)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 11)
