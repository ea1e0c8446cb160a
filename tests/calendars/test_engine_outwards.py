"""What we want reaches the calendar, once."""

from __future__ import annotations

from datetime import timedelta

from tests.calendars.world import World, at


def test_booking_creates_one_event_with_our_content(world: World):
    appointment = world.book(at(3, 10))
    world.run()
    event = world.event(appointment)
    assert world.span_of(event).start == at(3, 10)
    assert event.content is not None
    assert event.content.title == "Consultation – Customer 1"
    assert world.link(appointment).status == "ok"


def test_rescheduling_here_updates_in_place(world: World):
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
