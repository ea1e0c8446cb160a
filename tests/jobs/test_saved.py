from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from kalends.calendars.models import RemoteCalendar
from kalends.jobs.saved import save
from tests.calendars.conftest import new_world, world  # noqa: F401 - the fixtures
from tests.calendars.world import World, at

pytestmark = pytest.mark.django_db


def values_of(row) -> dict:
    return type(row).objects.filter(pk=row.pk).values().get()


def test_saved_row_reads_as_one_that_django_saved(world: World):  # noqa: F811
    link = world.link(world.book_synced(at(3, 10)))
    link.pending, link.wanted, link.tag, link.attempts = {"kind": "é"}, None, "it's", 3
    with transaction.atomic():
        link.save()
        expected = values_of(link)
        transaction.set_rollback(True)
    with CaptureQueriesContext(connection) as queries:
        save(link)
    assert len(queries) == 1
    assert values_of(link) == expected


def test_saved_fields_are_those_that_are_named(world: World):  # noqa: F811
    calendar = RemoteCalendar.objects.get(remote_id="cal-1")
    before = values_of(calendar)
    calendar.cursor, calendar.name, calendar.capabilities = "next", "Other", {"push": True}
    save(calendar, ["cursor", "capabilities"])
    assert values_of(calendar) == before | {"cursor": "next", "capabilities": {"push": True}}


def test_saving_a_row_that_is_gone_fails(world: World):  # noqa: F811
    link = world.link(world.book(at(3, 10)))
    link.delete()
    with pytest.raises(DatabaseError, match="there is no"):
        save(link, ["tag"])
