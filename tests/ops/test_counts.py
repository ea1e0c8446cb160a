"""Each count of sync rises when what it counts happens, with the real engine over calendars in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from kalends.calendars.models import CalendarConnection
from kalends.core.span import Span
from kalends.jobs import counters
from kalends.ops.metrics import exposition
from kalends.sync.memory_server import Fault
from tests.calendars.conftest import new_world  # noqa: F401 - the fixture
from tests.calendars.world import HALF_HOUR, POLL, World, at


def a_write_and_its_echo(world: World) -> None:
    world.book_synced(at(3, 10))
    world.settle(2)


def a_move_outside(world: World) -> None:
    appointment = world.book_synced(at(3, 10))
    world.server.move(world.main, world.event(appointment).id, Span(at(3, 14), at(3, 14) + HALF_HOUR))
    world.settle(3)


def changes_on_both_sides(world: World) -> None:
    appointment = world.book_synced(at(3, 10))
    world.server.move(world.main, world.event(appointment).id, Span(at(3, 14), at(3, 14) + HALF_HOUR))
    world.pass_time(timedelta(seconds=5))
    world.reschedule(appointment, at(3, 11))
    world.settle(4)


def a_deletion_outside(world: World) -> None:
    world.server.delete(world.main, world.event(world.book_synced(at(3, 10))).id)
    world.settle(3)


def all_deleted(world: World) -> None:
    for appointment in [world.book_synced(at(3, hour)) for hour in (9, 10, 11, 12)]:
        world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)


def throttling(world: World) -> None:
    world.server.fail("pull", Fault.THROTTLED)
    world.pass_time(POLL)
    world.run()


def a_lease_taken_over(world: World) -> None:
    world.book(at(3, 10))
    taken = CalendarConnection.objects.filter(pk=world.connection().pk)

    def lose(name: str) -> None:
        if name == "intention stored":
            taken.update(fence=world.connection().fence + 10, lease_until=None)

    assert world.run(at=lose).skipped


@pytest.mark.parametrize(
    ("happen", "names"),
    [
        (a_write_and_its_echo, ("writes", "echoes", "runs")),
        (a_move_outside, ("moves",)),
        (changes_on_both_sides, ("conflicts",)),
        (a_deletion_outside, ("cancels",)),
        (all_deleted, ("freezes",)),
        (throttling, ("throttles", "errors")),
        (a_lease_taken_over, ("lease_losses",)),
    ],
)
def test_count_rises_when_it_happens(new_world, happen: Callable[[World], None], names: tuple[str, ...]):  # noqa: F811
    world = new_world(on_outside_delete="cancel")
    before = _counts()
    happen(world)
    after = _counts()
    assert [name for name in names if after.get(name, 0) <= before.get(name, 0)] == []


def _counts() -> dict[str, float]:
    """By the middle of its name, of all labels together."""
    counters.flush()
    found: dict[str, float] = {}
    for line in exposition().decode().splitlines():
        if line.startswith("kalends_sync_") and "_total{" in line:
            name = line.partition("{")[0].removeprefix("kalends_sync_").removesuffix("_total")
            found[name] = found.get(name, 0) + float(line.rpartition(" ")[2])
    return found
