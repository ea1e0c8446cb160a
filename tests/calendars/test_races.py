"""Two workers, and a worker beside people: real threads on a database that they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kalends.calendars.models import CalendarConnection, Link
from kalends.calendars.providers import provider_factory
from kalends.sync.port import Provider
from tests.bookings.conftest import race, real_database  # noqa: F401 - fixtures
from tests.calendars.world import START, World, at, make_world


@pytest.fixture
def world(real_database) -> Iterator[World]:  # noqa: F811
    made: list[World] = []

    def find(connection: CalendarConnection) -> Provider:
        return made[0].provider_for(connection)

    with provider_factory(find):
        made.append(make_world())
        made[0].connect()
        made[0].run()
        yield made[0]


def test_F04_two_workers_at_once_write_one_event(world: World, race):  # noqa: F811
    appointment = world.book(at(3, 10))
    reports = race(*[world.run] * 4)
    assert [type(report).__name__ for report in reports] == ["Report"] * 4
    assert sum(not report.skipped for report in reports) >= 1
    world.settle(1)
    assert len(world.events(appointment)) == 1


def test_booking_while_the_worker_runs_loses_no_wake_up(world: World, race):  # noqa: F811
    world.book(at(3, 9))
    results = race(
        world.run,
        lambda: world.book(at(3, 10)),
        lambda: world.book(at(3, 11)),
        lambda: world.book(at(3, 12)),
        world.run,
    )
    assert [error for error in results if isinstance(error, BaseException)] == []
    assert Link.objects.count() == 4
    connection = CalendarConnection.objects.get()
    waiting = Link.objects.filter(due_at__lte=START).exists()
    assert not waiting or (connection.due_at is not None and connection.due_at <= START)
    world.run()
    assert len(world.main.standing()) == 4
