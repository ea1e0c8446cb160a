"""At the moment of booking, and what staleness means."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from kalends.bookings.values import NotOffered, SlotTaken
from kalends.calendars import selectors, services
from kalends.calendars.models import CalendarConnection
from kalends.core.span import Span
from kalends.sync.memory_server import Fault
from tests.calendars.blocking import busy_spans
from tests.calendars.world import POLL, World, at


def check(world: World, span: Span) -> tuple[bool, str]:
    result = services.live_check(staff_ids=[world.staff.pk], span=span, now=world.now)[world.staff.pk]
    return result.ok, result.reason


SLOT = Span(at(3, 10), at(3, 10) + timedelta(minutes=30))


def test_fresh_mirror_needs_no_question(world: World):
    world.forget_requests()
    world.pass_time(timedelta(seconds=60))
    assert check(world, SLOT) == (True, "")
    assert world.server.requests == []


def test_older_mirror_asks_one_question_for_all_calendars(world: World):
    world.forget_requests()
    world.pass_time(timedelta(seconds=61))
    assert check(world, SLOT) == (True, "")
    assert world.server.requests == [("busy", "cal-1,cal-2")]


def test_meeting_made_a_moment_ago_refuses_the_slot_and_wakes_the_connection(world: World):
    world.pass_time(timedelta(seconds=61))
    world.server.add(world.extra, Span(at(3, 10), at(3, 11)))
    assert check(world, SLOT) == (False, "busy_outside")
    with pytest.raises(SlotTaken):
        world.book(at(3, 10))
    assert services.wake_due_connections(now=world.now) == 1


def test_own_event_does_not_stand_in_its_own_way(world: World):
    appointment = world.book_synced(at(3, 10))
    world.pass_time(timedelta(seconds=61))
    assert check(world, SLOT) == (True, "")
    world.reschedule(appointment, at(3, 10) + timedelta(minutes=15))


@pytest.mark.parametrize(("minutes", "answer"), [(14, (True, "")), (16, (False, "calendar_unreachable"))])
def test_F68_unanswered_question_is_served_from_the_mirror_until_15_minutes(world: World, minutes, answer):
    world.pass_time(timedelta(minutes=minutes))
    world.server.fail("busy", Fault.TEMPORARY)
    assert check(world, SLOT) == answer


def test_F68_booking_refused_for_an_unread_calendar_says_so(world: World):
    world.pass_time(timedelta(minutes=16))
    world.server.fail("busy", Fault.TEMPORARY)
    with pytest.raises(NotOffered) as refused:
        world.book(at(3, 10))
    assert (refused.value.code, refused.value.reason) == ("not_offered", "calendar")


def test_F68_booking_of_a_member_whose_calendar_is_too_old_says_so(world: World):
    world.pass_time(timedelta(hours=7))
    with pytest.raises(NotOffered) as refused:
        world.book(at(3, 14))
    assert refused.value.reason == "calendar"


@pytest.mark.parametrize(("hours", "stale"), [(1, False), (5, False), (7, True), (24, True)])
def test_F68_slots_are_served_with_age_until_the_bound_then_not_at_all(world: World, hours, stale):
    world.pass_time(timedelta(hours=hours))
    found = selectors.stale_staff(staff_ids=[world.staff.pk], now=world.now)
    assert found == ({world.staff.pk: "calendar_stale"} if stale else {})


def test_F69_standstill_is_told_once_when_it_makes_the_staff_member_unavailable(world: World):
    world.pass_time(timedelta(hours=5))
    assert services.tell_of_stale_calendars(now=world.now) == 0
    told = []
    for _ in range(3):
        world.pass_time(timedelta(hours=2))
        told.append(services.tell_of_stale_calendars(now=world.now))
        world.deliver()
    assert told == [1, 0, 0]
    assert world.mails("connection_needs_attention") == 1


def test_calendar_that_was_never_read_makes_its_staff_member_unavailable(new_world):
    world = new_world(connected=False)
    world.connect()
    found = selectors.stale_staff(staff_ids=[world.staff.pk], now=world.now)
    assert found == {world.staff.pk: "first_sync_pending"}
    world.run()
    assert selectors.stale_staff(staff_ids=[world.staff.pk], now=world.now) == {}


def test_company_may_change_the_bound(new_world):
    world = new_world(stale_after_hours=1)
    world.pass_time(timedelta(minutes=61))
    assert selectors.stale_staff(staff_ids=[world.staff.pk], now=world.now) == {world.staff.pk: "calendar_stale"}


def test_connection_that_cannot_be_asked_serves_its_last_mirror(world: World):
    world.server.revoked = True
    world.settle(2)
    world.pass_time(timedelta(hours=1))
    world.forget_requests()
    assert check(world, SLOT) == (True, "")
    assert world.server.requests == []


def test_move_in_grace_blocks_its_new_place_as_well(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.move(world.main, world.event(appointment).id, Span(at(3, 14), at(3, 15)))
    world.pass_time(POLL)
    world.run()
    busy = busy_spans(staff_ids=[world.staff.pk], span=Span(at(3, 8), at(3, 18)))
    start = int(at(3, 14).timestamp())
    assert busy == {world.staff.pk: [(start, start + 3600, None, "Work")]}
    with pytest.raises(SlotTaken):
        world.book(at(3, 14))
    with pytest.raises(SlotTaken):
        world.book(at(3, 10))


def test_busy_spans_touch_no_calendar_that_does_not_block(world: World):
    world.server.add(world.extra, Span(at(3, 9), at(3, 10)))
    world.settle(1)
    CalendarConnection.objects.get().calendars.filter(remote_id="cal-2").update(blocks=False)
    span = Span(at(3, 8), at(3, 18))
    assert busy_spans(staff_ids=[world.staff.pk], span=span) == {world.staff.pk: []}


def test_G12_while_told_to_wait_a_booking_asks_nothing_either(world: World):
    """The mirror serves meanwhile, as for any question that is not answered."""
    world.server.fail("pull", Fault.THROTTLED)
    world.pass_time(POLL)
    world.run()
    world.forget_requests()
    assert check(world, SLOT) == (True, "")
    assert world.server.requests == []


def test_G12_what_a_booking_was_told_to_wait_holds_for_the_worker(world: World):
    world.pass_time(POLL)
    world.server.fail("busy", Fault.THROTTLED)
    assert check(world, SLOT) == (True, "")
    assert world.connection().throttled_until == world.now + timedelta(seconds=60)
    world.forget_requests()
    world.pass_time(timedelta(seconds=59))
    world.run()
    assert world.server.requests == []
    world.pass_time(timedelta(seconds=1))
    world.run()
    assert world.connection().state == "active"


def test_G12_what_a_booking_was_told_to_wait_during_a_run_outlasts_the_run(world: World):
    answers = []

    def book(asked: str, _calendar_id: str) -> None:
        if asked == "pull":
            world.server.meddle = None
            answers.append(check(world, SLOT))

    world.pass_time(POLL)
    world.server.fail("busy", Fault.THROTTLED)
    world.server.meddle = book
    world.run()
    until = world.now + timedelta(seconds=60)
    connection = world.connection()
    assert (answers, connection.state, connection.throttled_until) == ([(True, "")], "throttled", until)
    assert connection.due_at == until
    world.forget_requests()
    world.pass_time(timedelta(seconds=59))
    world.run()
    assert world.server.requests == []
    world.pass_time(timedelta(seconds=1))
    world.run()
    assert world.connection().state == "active"


def _resume(connection: CalendarConnection, now: datetime) -> None:
    services.pause(connection=connection, now=now)
    services.resume(connection=connection, now=now)


def _switch(connection: CalendarConnection, now: datetime) -> None:
    for enabled in (False, True):
        services.set_provider_switch(company=connection.company, provider="google", enabled=enabled, now=now)


_ACTS = {
    "sync_now": lambda connection, now: services.sync_now(connection=connection, now=now),
    "resume": _resume,
    "switch": _switch,
    "unfreeze": lambda connection, now: services.unfreeze(connection=connection, now=now),
    "disconnect": lambda connection, now: services.disconnect(connection=connection, events="remove", now=now),
}


@pytest.mark.parametrize("act", _ACTS)
def test_G12_wait_that_was_told_outlasts_what_a_person_does(world: World, act):
    world.book_synced(at(3, 10))
    world.server.fail("pull", Fault.THROTTLED)
    world.pass_time(POLL)
    world.run()
    until = world.now + timedelta(seconds=60)
    _ACTS[act](world.connection(), world.now)
    world.forget_requests()
    world.pass_time(timedelta(seconds=59))
    world.run()
    assert (world.server.requests, world.connection().throttled_until) == ([], until)
    world.pass_time(timedelta(seconds=1))
    world.run()
    assert world.server.requests != []
