"""What a seed says before anything happens: who is connected with what, which rules hold, how the calendars behave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest import mock

from django.conf import settings

from kalends.calendars.models import CalendarConnection
from kalends.calendars.providers import provider_factory
from kalends.sync.link import Mode
from kalends.sync.memory_server import MemoryCalendar
from kalends.sync.port import Provider, Texts
from tests.calendars.world import World, make_world
from tests.simulation.chance import counted
from tests.simulation.watch import Watch, WatchedProvider
from tests.simulation.webhooks import Hooks

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
    # The seed of what a webhook's receiver does; 0: the company has none.
    webhook: int = 0

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


@contextmanager
def made(setting: Setting, chance: random.Random) -> Iterator[Watch]:
    """A world as the setting says and who watches it, connected and read once; ids and jitter come from `chance`, so that it replays."""
    watches: list[Watch] = []

    def find(connection: CalendarConnection) -> Provider:
        return WatchedProvider(watches[0], connection.subject)

    told = replace(settings.KALENDS, push=setting.push)
    with provider_factory(find), mock.patch.object(settings, "KALENDS", told), counted(chance):
        world = make_world(
            members=2 if setting.people == "mirrored" else 1,
            on_outside_move=setting.on_outside_move,
            on_outside_delete=setting.on_outside_delete,
        )
        watches.append(Watch(world, push=setting.push))
        if setting.people != "alone":
            world.add_server("account-2")
        for server in world.servers.values():
            _behave(server, setting)
        with _listening(world, setting) as watches[0].hooks:
            _connect(world, setting)
            yield watches[0]


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
def _listening(world: World, setting: Setting) -> Iterator[Hooks | None]:
    if not setting.webhook:
        yield None
        return
    hooks = Hooks(world, setting.webhook)
    with hooks.listening():
        yield hooks


def calendars_of(world: World) -> list[tuple[str, MemoryCalendar]]:
    return [(subject, calendar) for subject, server in world.servers.items() for calendar in server.calendars.values()]
