"""What we want reaches the calendar, once."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from kalends.bookings.models import HistoryEntry
from kalends.calendars.engine.lease import due_connections
from kalends.calendars.models import CalendarConnection, Link
from kalends.calendars.selectors import sync_state_of_appointment
from kalends.sync.memory_server import Fault
from tests.calendars.world import World, at


def test_booking_creates_one_event_with_our_content(world: World):
    appointment = world.book(at(3, 10))
    world.run()
    event = world.event(appointment)
    assert world.span_of(event).start == at(3, 10)
    assert event.content is not None
    assert event.content.title == "Consultation – Customer 1"
    assert world.link(appointment).status == "ok"


def test_F17_rescheduling_here_updates_in_place(world: World):
    appointment = world.book_synced(at(3, 10))
    before = world.event(appointment).id
    world.reschedule(appointment, at(3, 11))
    world.run()
    assert world.event(appointment).id == before
    assert world.span_of(world.event(appointment)).start == at(3, 11)


def test_cancelling_here_deletes_the_event(world: World):
    appointment = world.book_synced(at(3, 10))
    world.cancel(appointment)
    world.run()
    assert world.events(appointment) == []


def test_idle_connection_costs_one_request_a_calendar(world: World):
    world.book_synced(at(3, 10))
    world.settle(2)
    world.forget_requests()
    world.pass_time(timedelta(minutes=2))
    world.run()
    assert world.server.requests == [("pull", "cal-1"), ("pull", "cal-2")]


def test_G10_own_writes_that_come_back_cost_by_the_page_not_by_their_number(world: World):
    world.book_synced(at(3, 10))
    world.settle(2)
    costs = []
    for hours in ([11], [12, 13, 14, 15, 16]):
        for hour in hours:
            world.book(at(3, hour))
        world.run()
        world.pass_time(timedelta(minutes=2))
        with CaptureQueriesContext(connection) as queries:
            world.run()
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_G10_reminders_given_to_ours_cost_by_the_page_not_by_their_number(world: World):
    events = [world.event(world.book_synced(at(3, hour))).id for hour in range(9, 15)]
    world.settle(2)
    costs = []
    for touched in (events[:1], events):
        for event_id in touched:
            world.server.touch(world.main, event_id)
        world.pass_time(timedelta(minutes=2))
        with CaptureQueriesContext(connection) as queries:
            world.run()
        costs.append(len(queries))
    assert costs[0] == costs[1]
    tags = set(Link.objects.values_list("remote_id", "tag"))
    assert tags == {(event.id, event.tag) for event in world.main.standing()}


def test_F15_text_never_grows_however_often_it_is_synced(world: World):
    appointment = world.book_synced(at(3, 10))
    before = world.event(appointment).content
    for hour in (11, 12, 10):
        world.reschedule(appointment, at(3, hour))
        world.run()
    world.settle(5)
    assert world.event(appointment).content == before


def test_F29_appointment_that_is_being_removed_is_never_taken_for_deleted_outside(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.cancel(appointment)
    world.settle(3)
    appointment.refresh_from_db()
    assert (appointment.status, appointment.version) == ("cancelled", 2)
    assert world.mails("appointment_cancelled") == 1


def test_F32_cancelling_one_of_several_appointments_removes_its_own_event_only(world: World):
    appointments = [world.book_synced(at(day, 10)) for day in (3, 4, 5)]
    world.cancel(appointments[1])
    world.run()
    assert [len(world.events(appointment)) for appointment in appointments] == [1, 0, 1]


def test_F36_connections_are_woken_oldest_first(new_world):
    world = new_world(members=2)
    world.add_server("account-2")
    late = world.connect(world.salon.staff[1], "account-2")
    first, second = CalendarConnection.objects.order_by("pk")
    CalendarConnection.objects.filter(pk=first.pk).update(due_at=world.now)
    CalendarConnection.objects.filter(pk=second.pk).update(due_at=world.now - timedelta(hours=1))
    assert [row.pk for row in due_connections(world.now)] == [late.pk, first.pk]


def test_F41_refused_write_is_shown_at_the_appointment_and_in_its_history(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.fail("put", *[Fault.FORBIDDEN] * 9)
    world.reschedule(appointment, at(3, 11))
    world.run()
    assert [line["state"] for line in sync_state_of_appointment(appointment.pk)] == ["refused"]
    kinds = HistoryEntry.objects.filter(appointment=appointment).values_list("kind", flat=True)
    assert list(kinds).count("sync_refused") == 1


def test_G10_changes_cost_by_their_number_not_by_the_number_of_appointments(world: World):
    appointments = [world.book(at(day, hour)) for day in (3, 4, 5) for hour in range(9, 17)]
    world.settle(2)
    world.forget_requests()
    world.reschedule(appointments[0], at(3, 9) + timedelta(minutes=30))
    world.run()
    assert world.server.requests == [("get", "cal-1"), ("put", "cal-1")]
