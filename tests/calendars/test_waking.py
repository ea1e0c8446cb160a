"""Wake-ups that come twice, late, or all at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kalends.calendars import services, tasks
from kalends.calendars.models import CalendarConnection
from kalends.core.clock import utc_now
from kalends.jobs.queue import huey, waiting
from tests.calendars.world import World

pytestmark = pytest.mark.django_db
FULL = 10_000


@pytest.fixture
def queue() -> Iterator[None]:
    huey.flush()
    yield
    huey.flush()


def test_second_wake_up_of_one_time_asks_no_provider_and_little_of_the_database(world: World):
    ident = str(world.connection().pk)
    world.forget_requests()
    tasks.sync_connection.call_local(ident)
    assert world.count("pull") > 0
    world.forget_requests()
    with CaptureQueriesContext(connection) as queries:
        tasks.sync_connection.call_local(ident)
    assert world.server.requests == []
    assert len(queries) == 1


@pytest.mark.usefixtures("queue")
def test_sweep_adds_nothing_to_a_queue_that_is_full(world: World):
    CalendarConnection.objects.update(due_at=utc_now() - timedelta(hours=1))
    for _ in range(FULL):
        huey.storage.enqueue(b"waits")
    assert services.wake_due_connections(now=utc_now()) == 0
    assert waiting() == FULL
    huey.flush()
    assert services.wake_due_connections(now=utc_now()) == 1


@pytest.mark.usefixtures("queue")
def test_what_has_just_come_due_is_woken_however_full_the_queue_is(world: World):
    now = utc_now()
    CalendarConnection.objects.update(due_at=now - timedelta(seconds=1))
    for _ in range(FULL):
        huey.storage.enqueue(b"waits")
    assert services.wake_due_connections(now=now, since=now - timedelta(seconds=2)) == 1
