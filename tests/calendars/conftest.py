from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kalends.calendars.models import CalendarConnection
from kalends.calendars.providers import provider_factory
from kalends.sync.link import Mode
from kalends.sync.port import Provider
from tests.calendars.world import World, make_world


@pytest.fixture
def new_world(db) -> Iterator[Callable[..., World]]:
    """Makes worlds whose connections lead to calendars in memory."""
    made: list[World] = []

    def find(connection: CalendarConnection) -> Provider:
        return made[-1].provider_for(connection)

    def make(mode: Mode = Mode.TWO_WAY, *, members: int = 1, connected: bool = True, **company: str) -> World:
        world = make_world(mode, members=members, **company)
        made.append(world)
        if connected:
            world.connect(mode=mode)
            world.run()
        return world

    with provider_factory(find):
        yield make


@pytest.fixture
def world(new_world) -> World:
    """Two-way, connected, first sync done; the default rules: accept_and_flag, ask."""
    return new_world()
