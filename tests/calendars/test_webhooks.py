"""A connection that comes to need somebody is told to the company's webhooks, once each time."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from kalends.calendars.services import remind_of_connections, tell_of_stale_calendars
from kalends.messages.models import Event, WebhookDelivery
from kalends.messages.webhooks import create_webhook
from kalends.sync.memory_server import Fault
from tests.calendars.world import POLL, World, at


def listen(world: World) -> None:
    create_webhook(
        company=world.salon.company,
        url="https://shop.example/hook",
        events=[Event.NEEDS_ATTENTION],
        actor="owner",
        now=world.now,
    )


def told() -> list[dict]:
    bodies = WebhookDelivery.objects.order_by("pk").values_list("body", flat=True)
    return [json.loads(body)["data"]["connection"] for body in bodies]


def test_lost_calendar_is_told_once_and_without_credentials(world: World):
    listen(world)
    world.main.there = False
    world.pass_time(POLL)
    world.run()
    for _ in range(3):
        world.pass_time(timedelta(days=1))
        remind_of_connections(now=world.now)
    connection = world.connection()
    assert told() == [
        {
            "id": str(connection.pk),
            "staff": str(world.staff.pk),
            "provider": "google",
            "account": connection.label,
            "state": "needs_attention",
            "mode": connection.mode,
            "reason": "calendar_gone",
        }
    ]


def test_calendar_that_cannot_be_read_for_long_is_told_once(world: World):
    listen(world)
    world.server.fail("pull", *[Fault.TEMPORARY] * 300)
    for _ in range(3):
        world.pass_time(timedelta(hours=4))
        world.run()
        tell_of_stale_calendars(now=world.now)
    assert [shown["reason"] for shown in told()] == ["stale"]


@pytest.fixture
def frozen(new_world) -> World:
    world = new_world(on_outside_delete="cancel")
    listen(world)
    appointments = [world.book(at(3 + number // 4, 9 + number % 4)) for number in range(8)]
    world.run()
    for appointment in appointments[:6]:
        world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)
    return world


def test_frozen_connection_is_told_once(frozen: World):
    assert [(shown["state"], shown["reason"]) for shown in told()] == [("frozen", "deletions")]
