"""What a seed says before anything happens: who is connected with what, which rules hold, how the calendars behave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from unittest import mock

from django.conf import settings

from kalends.calendars.models import CalendarConnection
from kalends.calendars.providers import provider_factory
from kalends.core import ids
from kalends.sync.link import Mode
from kalends.sync.memory import MemoryProvider
from kalends.sync.memory_server import MemoryCalendar
from kalends.sync.port import Guard, Intent, Provider, Receipt, Texts, Throttled
from tests.calendars.world import World, make_world

# alone: one person, one account. accounts: one person, two accounts. mirrored: two people. In the last two a tool of
# somebody else's copies each account's calendar into the other's.
PEOPLE = ("alone", "alone", "accounts", "mirrored")
MOVES, DELETES = ("accept", "accept_and_flag", "put_back"), ("cancel", "ask", "put_back")


@dataclass(frozen=True)
class Setting:
    people: str
    mode: Mode
    push: bool
    own_ids: bool
    tombstones: bool
    gives_updated: bool
    gives_tag: bool
    rewrites: bool
    page_size: int
    on_outside_move: str
    on_outside_delete: str

    @classmethod
    def of(cls, chance: random.Random) -> Setting:
        return cls(
            people=chance.choice(PEOPLE),
            mode=chance.choice(list(Mode)),
            push=chance.random() < 0.4,
            own_ids=chance.random() < 0.7,
            tombstones=chance.random() < 0.7,
            gives_updated=chance.random() < 0.8,
            gives_tag=chance.random() < 0.8,
            rewrites=chance.random() < 0.5,
            page_size=chance.choice((2, 50)),
            on_outside_move=chance.choice(MOVES),
            on_outside_delete=chance.choice(DELETES),
        )


class WatchedProvider(MemoryProvider):
    """Asks of each request, at once, what can only be seen then: G12 (we were told to wait) and G13 (not ours)."""

    waits: dict[str, datetime]

    def __init__(self, world: World, subject: str, waits: dict[str, datetime]) -> None:
        super().__init__(world.servers[subject])
        self.subject, self.waits, self.world = subject, waits, world

    def _begin(self, operation: str, calendar_id: str):
        until = self.waits.get(self.subject)
        assert until is None or until <= self.world.now, f"G12: {operation} before the time that was set"
        try:
            return super()._begin(operation, calendar_id)
        except Throttled as error:
            self.waits[self.subject] = error.retry_at or self.world.now
            raise

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        self._check_own(calendar_id, guard)
        return super().put(calendar_id, intent, guard)

    def remove(self, calendar_id: str, guard: Guard) -> None:
        self._check_own(calendar_id, guard)
        super().remove(calendar_id, guard)

    def _check_own(self, calendar_id: str, guard: Guard) -> None:
        event = self._server.calendars[calendar_id].events.get(guard.remote_id)
        foreign = event is not None and (not event.op_key or event.id.startswith("copy-") or event.foreign_organizer)
        assert not foreign, "G13: an event that we did not make"


@contextmanager
def made(setting: Setting, chance: random.Random) -> Iterator[World]:
    """A world as the setting says, connected and read once; ids and jitter come from `chance`, so that it replays."""
    worlds: list[World] = []
    waits: dict[str, datetime] = {}

    def find(connection: CalendarConnection) -> Provider:
        return WatchedProvider(worlds[0], connection.subject, waits)

    told = replace(settings.KALENDS, push=setting.push)
    with provider_factory(find), mock.patch.object(settings, "KALENDS", told), _counted(chance):
        world = make_world(
            members=2 if setting.people == "mirrored" else 1,
            on_outside_move=setting.on_outside_move,
            on_outside_delete=setting.on_outside_delete,
        )
        worlds.append(world)
        if setting.people != "alone":
            world.add_server("account-2")
        for server in world.servers.values():
            _behave(server, setting)
        _connect(world, setting)
        yield world


def _behave(server, setting: Setting) -> None:
    server.own_ids, server.tombstones = setting.own_ids, setting.tombstones
    server.gives_updated, server.gives_tag_on_write = setting.gives_updated, setting.gives_tag
    server.page_size, server.push = setting.page_size, setting.push
    server.push_renews = setting.push and setting.page_size == 2
    if setting.rewrites:
        server.normalise = lambda t: Texts(t.title[:20], t.location.strip(), t.notes.replace("&", "&amp;")[:60])


def _connect(world: World, setting: Setting) -> None:
    world.connect(mode=setting.mode)
    if setting.people == "mirrored":
        world.connect(world.salon.staff[1], "account-2", mode=setting.mode)
    if setting.people == "accounts":
        second = world.connect(subject="account-2", mode=setting.mode)
        world.choose(second, None, list(second.calendars.order_by("remote_id")))
        # The first connection goes on receiving: choosing for the second took that away from it.
        first = world.connection()
        work, private = first.calendars.order_by("remote_id")
        world.choose(first, work, [work, private])
    for connection in CalendarConnection.objects.order_by("pk"):
        world.run(connection)


@contextmanager
def _counted(chance: random.Random) -> Iterator[None]:
    """Chance from the seed only: the rows' ids and the jitter of renewals."""
    state = random.getstate()
    random.seed(chance.getrandbits(64))
    counter = iter(range(1_000_000_000))
    time = SimpleNamespace(time_ns=lambda: (1_772_000_000_000 + next(counter)) * 1_000_000)
    source = SimpleNamespace(urandom=chance.randbytes)
    try:
        with mock.patch.multiple(ids, time=time, os=source, _last=(0, 0)):
            yield
    finally:
        random.setstate(state)


def calendars_of(world: World) -> list[tuple[str, MemoryCalendar]]:
    return [(subject, calendar) for subject, server in world.servers.items() for calendar in server.calendars.values()]
