"""Hosts whose clocks differ by a minute: leases are counted by the database's clock, and all workers go by that one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError

from kalends.calendars import tasks
from kalends.calendars.engine import lease
from kalends.calendars.models import CalendarConnection
from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.jobs.rows import database_now
from tests.calendars.world import GRACE, HALF_HOUR, POLL, World, at

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
needs_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="with SQLite there is one machine, hence one clock"
)


def run_by(world: World, clock: timedelta):
    """A look by a worker whose clock is off by so much."""
    world.now += clock
    try:
        return world.run()
    finally:
        world.now -= clock


def test_lease_is_as_long_by_the_database_whatever_the_worker_clock_says(world: World):
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC)):
        assert lease.take(world.connection().pk) is not None
        held = CalendarConnection.objects.annotate(left=F("lease_until") - Now()).get()
    assert abs(held.left - lease.LENGTH) < MINUTE


def test_lease_is_neither_taken_nor_given_back_inside_a_transaction(world: World):
    """Its commit waits for no disk, which would hold for whatever else the transaction writes."""
    pk = world.connection().pk
    with transaction.atomic(), pytest.raises(TransactionManagementError):
        lease.take(pk)
    taken = lease.take(pk)
    assert taken is not None
    with transaction.atomic(), pytest.raises(TransactionManagementError):
        lease.release(pk, taken.fence, None)


@needs_postgres
def test_workers_go_by_the_clock_of_the_database():
    real = utc_now()
    with time_machine.travel(real + timedelta(days=400)):
        assert abs(database_now() - real) < timedelta(minutes=5)
        assert database_now().utcoffset() == timedelta(0)


@needs_postgres
def test_task_of_a_host_a_minute_ahead_acts_at_the_time_of_the_database(world: World):
    real = utc_now()
    with time_machine.travel(real + timedelta(days=1)):
        tasks.sync_connection.call_local(str(world.connection().pk))
    assert abs(world.connection().last_run_at - real) < timedelta(minutes=5)


@pytest.mark.parametrize("ahead", [-MINUTE, MINUTE, timedelta(days=1)])
def test_F06_worker_with_another_clock_stays_away_while_a_lease_holds(world: World, ahead: timedelta):
    world.book(at(3, 10))
    skipped = []
    world.run(at=lambda _name: skipped.append(run_by(world, ahead).skipped))
    assert skipped
    assert all(skipped)


@pytest.mark.parametrize("ahead", [-MINUTE, MINUTE])
def test_F06_lease_that_ran_out_goes_to_the_other_clock_and_the_first_commits_nothing(world: World, ahead: timedelta):
    appointment = world.book(at(3, 10))

    def lose(name: str) -> None:
        if name == "intention stored":
            CalendarConnection.objects.update(lease_until=datetime(2000, 1, 1, tzinfo=UTC))
            assert not run_by(world, ahead).skipped

    assert world.run(at=lose).skipped
    world.settle(2)
    assert len(world.events(appointment)) == 1
    assert world.link(appointment).status == "ok"


@pytest.mark.parametrize("first", [-MINUTE, MINUTE])
def test_G1_two_workers_a_minute_either_side_converge_with_one_event_and_one_mail_a_change(
    world: World, first: timedelta
):
    clocks = [first, -first]
    kept, moved, cancelled = (world.book(at(3, hour)) for hour in (9, 11, 13))
    for clock in clocks:
        run_by(world, clock)
    event = world.event(moved)
    world.server.move(world.main, event.id, Span(at(3, 15), at(3, 15) + HALF_HOUR))
    world.cancel(cancelled)
    for _ in range(4):
        world.pass_time(max(POLL, GRACE))
        for clock in clocks:
            run_by(world, clock)
    moved.refresh_from_db()
    assert moved.start == at(3, 15)
    assert [len(world.events(one)) for one in (kept, moved, cancelled)] == [1, 1, 0]
    assert world.span_of(world.event(moved)).start == at(3, 15)
    assert world.mails_of(moved, "appointment_moved") == 1
    world.forget_requests()
    for clock in clocks:
        assert run_by(world, clock).writes == 0
