"""The network loses, the provider lies, the worker dies: nothing doubles, nothing is lost, nobody is cancelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from kalends.calendars import services
from kalends.calendars.models import CalendarConnection, Journal, Link, LinkStatus, RemoteEvent
from kalends.companies.models import Company, Staff
from kalends.core.span import Span
from kalends.sync.connection import State
from kalends.sync.link import Mode
from kalends.sync.memory_server import Fault
from kalends.sync.port import Deleted, Page, Quarantined, Texts
from tests.calendars.world import GRACE, HALF_HOUR, POLL, World, at

READS = ["pull", "get", "find", "busy", "calendar"]


def move_outside(world: World, appointment, start) -> None:
    world.server.move(world.main, world.event(appointment).id, Span(start, start + HALF_HOUR))


# -- duplicates and lost answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
@pytest.mark.parametrize("own_ids", [True, False])
def test_F02_lost_answer_of_a_create_never_doubles(world: World, fault, own_ids):
    world.server.own_ids = own_ids
    world.server.fail("put", fault)
    appointment = world.book_synced(at(3, 10))
    world.settle(2)
    assert len(world.events(appointment)) == 1
    assert world.link(appointment).status == "ok"


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
def test_F02_lost_answer_of_an_update_or_delete_converges(world: World, fault):
    appointment = world.book_synced(at(3, 10))
    world.server.fail("put", fault)
    world.reschedule(appointment, at(3, 11))
    world.run()
    world.settle(2)
    assert world.span_of(world.event(appointment)).start == at(3, 11)
    assert world.link(appointment).status == "ok"
    world.server.fail("remove", fault)
    world.cancel(appointment)
    world.run()
    world.settle(2)
    assert world.events(appointment) == []
    assert Link.objects.get(appointment_id=appointment.pk).status == "closed"


def test_F02_own_write_whose_answer_was_lost_is_not_taken_for_a_move(world: World):
    """The calendar stamps our lost write later than our next change: it must not win over it."""
    appointment = world.book_synced(at(3, 10))
    world.server.fail("put", Fault.AFTER, Fault.TEMPORARY)
    world.reschedule(appointment, at(3, 11))
    world.pass_time(timedelta(seconds=1))

    def reschedule_first(operation: str, calendar_id: str) -> None:
        world.server.meddle = None
        world.reschedule(appointment, at(3, 12))
        world.pass_time(timedelta(seconds=1))

    world.server.meddle = lambda operation, calendar: (
        reschedule_first(operation, calendar) if operation == "put" else None
    )
    world.run()
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 12)
    assert world.span_of(world.event(appointment)).start == at(3, 12)


@pytest.mark.parametrize("tombstones", [True, False])
@pytest.mark.parametrize("own_ids", [True, False])
def test_F02_event_moved_to_another_calendar_before_its_answer_was_stored_is_followed(
    world: World, own_ids, tombstones
):
    """The worker dies after the create; a person finds the event, and puts it into another calendar of the account."""
    world.server.own_ids, world.server.tombstones = own_ids, tombstones
    appointment = world.book(at(3, 10))
    assert world.run_killed_at("written, receipt not stored") is not None
    world.server.transfer(world.main, world.event(appointment).id, world.extra)
    world.settle(3)
    assert (len(world.events(appointment)), len(world.events(appointment, world.extra))) == (1, 1)
    assert (world.link(appointment).calendar.remote_id, world.link(appointment).status) == ("cal-2", "ok")
    assert world.busy() == []


def test_F03_taken_id_of_a_deleted_event_leads_to_the_next_generation(world: World):
    appointment = world.book(at(3, 10))
    link = world.link(appointment)
    world.main.made[f"{link.pk.hex}0001"] = "tombstone"
    world.run()
    world.settle(1)
    assert world.event(appointment).op_key == f"{link.pk.hex}0002"


def test_F03_cancelled_and_booked_again_at_the_same_time(world: World):
    first = world.book_synced(at(3, 10))
    world.cancel(first)
    world.run()
    second = world.book_synced(at(3, 10))
    assert (len(world.events(first)), len(world.events(second))) == (0, 1)


def test_F01_copy_with_our_marker_is_foreign_and_blocks(world: World):
    appointment = world.book_synced(at(3, 10))
    copy = world.server.copy(world.main, world.event(appointment).id)
    world.server.move(world.main, copy.id, Span(at(3, 15), at(3, 16)))
    world.forget_requests()
    world.settle(2)
    assert world.count("put", "remove") == 0
    assert world.busy() == [(at(3, 15), at(3, 16))]
    assert len(world.events(appointment)) == 2
    world.cancel(appointment)
    world.settle(1)
    assert [event.id for event in world.events(appointment)] == [copy.id]


def test_F79_event_that_somebody_else_took_over_stays_and_blocks_after_the_cancellation(world: World):
    appointment = world.book_synced(at(3, 10))
    taken = world.server.store(world.main, replace(world.event(appointment), foreign_organizer=True))
    world.forget_requests()
    world.settle(1)
    assert world.busy() == []
    world.cancel(appointment)
    world.settle(2)
    assert (Link.objects.get().status, world.count("put", "remove")) == (LinkStatus.CLOSED, 0)
    assert [event.id for event in world.events(appointment)] == [taken.id]
    assert world.busy() == [(at(3, 10), at(3, 10, 30))]
    world.forget_requests()
    world.settle(2)
    assert world.count("put", "remove", "find") == 0
    world.server.delete(world.main, taken.id)
    world.settle(1)
    assert world.busy() == []


@pytest.mark.parametrize("marked", [True, False])
def test_F79_event_that_somebody_else_took_over_blocks_from_the_moment_its_link_is_closed(world: World, marked):
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    world.server.store(
        world.main, replace(event, foreign_organizer=True, op_key=event.op_key if marked else "", content=None)
    )
    world.settle(1)
    world.cancel(appointment)
    steps = 0
    while (killed := world.run_killed_at(steps + 1)) is not None:
        steps += 1
        stands = Link.objects.get().status == LinkStatus.CLOSED
        assert world.busy() == ([(at(3, 10), at(3, 10, 30))] if stands else []), killed
        world.pass_time(timedelta(minutes=20))
    assert steps > 0
    world.settle(1)
    assert (Link.objects.get().status, world.busy()) == (LinkStatus.CLOSED, [(at(3, 10), at(3, 10, 30))])


def test_F04_same_page_twice_stores_each_event_once(world: World):
    world.server.add(world.extra, Span(at(4, 9), at(4, 10)))
    world.settle(1)
    CalendarConnection.objects.get().calendars.update(cursor="", next_poll_at=None)
    world.run()
    assert RemoteEvent.objects.count() == 1
    assert world.busy() == [(at(4, 9), at(4, 10))]


def test_F05_second_run_without_a_change_writes_nothing(world: World):
    world.server.normalise = lambda t: Texts(t.title.upper(), t.location.strip(), t.notes[:40])
    for hour in range(9, 14):
        world.book(at(3, hour))
    world.settle(2)
    world.forget_requests()
    world.settle(3)
    assert world.count("put", "remove") == 0


def test_F13_text_that_the_provider_rewrites_is_written_once(world: World):
    world.server.normalise = lambda t: Texts(t.title[:10], t.location, t.notes.replace("&", "&amp;"))
    appointment = world.book_synced(at(3, 10))
    version = world.salon.service.pk and appointment.version
    world.forget_requests()
    world.settle(3)
    appointment.refresh_from_db()
    assert (world.count("put"), appointment.version) == (0, version)


def test_F13_what_was_stored_otherwise_than_the_answer_said_is_the_echo(world: World):
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    stored = replace(event.content, title=f"Re: {event.content.title}")
    world.main.events[event.id] = replace(event, content=stored)
    world.forget_requests()
    world.settle(2)
    world.server.touch(world.main, event.id)
    world.settle(3)
    assert (world.count("put"), world.event(appointment).content) == (0, stored)


def test_F12_our_own_writes_never_become_busy_time(world: World):
    for hour in range(9, 12):
        world.book(at(3, hour))
    world.settle(2)
    CalendarConnection.objects.get().calendars.update(cursor="")
    world.settle(1)
    assert world.busy() == []


def test_late_arrival_at_a_closed_link_is_removed_when_seen(world: World):
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    world.cancel(appointment)
    world.run()
    world.server.store(world.main, event)
    world.settle(2)
    assert world.events(appointment) == []


def test_late_arrival_never_makes_other_times_busy_at_the_same_revision(world: World):
    """What is kept between requests is kept by revision; the arrival is removed after its page was stored."""
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    world.cancel(appointment)
    world.run()
    world.server.store(world.main, event)
    seen: dict[int, list] = {}

    def look(step: str) -> None:
        busy = world.busy()
        assert seen.setdefault(Staff.objects.get().schedule_revision, busy) == busy, step

    for _ in range(2):
        world.pass_time(POLL)
        world.run(at=look)
        look("end")
    assert [*seen.values()] == [[], [(at(3, 10), at(3, 10, 30))], []]


def test_place_that_a_move_waits_for_is_let_go_with_a_new_revision(world: World):
    appointment, _other = world.book_synced(at(3, 10)), world.book_synced(at(3, 14))
    move_outside(world, appointment, at(3, 14))
    link = world.link(appointment)
    seen: dict[int, datetime | None] = {}

    def look(step: str) -> None:
        held = Link.objects.get(pk=link.pk).pending_start
        assert step == "moved, not committed" or seen.setdefault(Staff.objects.get().schedule_revision, held) == held

    for _ in range(3):
        world.pass_time(GRACE)
        world.run(at=look)
        look("end")
    assert (list(seen.values())[-2:], world.span_of(world.event(appointment)).start) == ([at(3, 14), None], at(3, 10))


# -- crash points -------------------------------------------------------------------------------------------------


def act_book(world: World):
    return world.book(at(3, 10))


def act_reschedule(world: World):
    appointment = world.book_synced(at(3, 10))
    world.reschedule(appointment, at(3, 11))
    return appointment


def act_cancel(world: World):
    appointment = world.book_synced(at(3, 10))
    world.cancel(appointment)
    return appointment


def act_outside_move(world: World):
    appointment = world.book_synced(at(3, 10))
    move_outside(world, appointment, at(3, 14))
    world.pass_time(POLL)
    world.run()
    world.pass_time(GRACE)
    return appointment


def act_outside_move_put_back(world: World):
    appointment, other = world.book_synced(at(3, 10)), world.book_synced(at(3, 14))
    move_outside(world, appointment, world.span_of(world.event(other)).start)
    world.pass_time(POLL)
    world.run()
    world.pass_time(GRACE)
    return appointment


def act_outside_delete(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.pass_time(POLL)
    world.run()
    world.pass_time(GRACE)
    return appointment


ACTS = {
    "book": (act_book, at(3, 10), "confirmed"),
    "reschedule": (act_reschedule, at(3, 11), "confirmed"),
    "cancel": (act_cancel, at(3, 10), "cancelled"),
    "outside_move": (act_outside_move, at(3, 14), "confirmed"),
    "outside_move_put_back": (act_outside_move_put_back, at(3, 10), "confirmed"),
    "outside_delete": (act_outside_delete, at(3, 10), "cancelled"),
}


def test_G3_put_back_whose_answer_was_lost_with_its_worker_is_told(new_world):
    world = new_world(Mode.ONE_WAY)
    appointment = world.book_synced(at(3, 10))
    world.server.move(world.main, world.event(appointment).id, Span(at(3, 14), at(3, 15)))
    world.pass_time(POLL)
    assert world.run_killed_at("written, receipt not stored") is not None
    assert not Journal.objects.filter(action="put_back").exists()
    world.settle(2)
    assert world.span_of(world.event(appointment)).start == at(3, 10)
    (line,) = Journal.objects.filter(action="put_back")
    assert (line.appointment_id, line.evidence) == (appointment.pk, "Present")


@pytest.mark.parametrize("name", ACTS)
def test_F06_F33_killed_between_any_two_steps_converges(new_world, name):
    """Each step of the run is a kill point, enumerated: restart, and the world ends as if nothing had happened."""
    act, start, status = ACTS[name]
    step = 1
    while True:
        untouched = transaction.savepoint()
        world = new_world(on_outside_delete="cancel")
        appointment = act(world)
        if not world.run_killed_at(step):
            assert step > 3
            return
        world.settle(4)
        appointment.refresh_from_db()
        assert (appointment.start, appointment.status) == (start, status), f"step {step}"
        events = world.events(appointment)
        assert len(events) == (status == "confirmed"), f"step {step}"
        if events:
            assert world.span_of(events[0]).start == start, f"step {step}"
        assert world.mails("appointment_moved") <= 1
        assert world.mails("appointment_cancelled") <= 1
        transaction.savepoint_rollback(untouched)
        step += 1


def test_F06_worker_that_lost_its_lease_commits_nothing(world: World):
    appointment = world.book(at(3, 10))
    connection = world.connection()

    def lose(name: str) -> None:
        if name == "intention stored":
            CalendarConnection.objects.update(fence=connection.fence + 10, lease_until=None)

    report = world.run(at=lose)
    assert report.skipped
    assert world.link(appointment).remote_id == ""
    world.settle(2)
    assert len(world.events(appointment)) == 1


def test_second_worker_stays_away_while_the_lease_holds(world: World):
    world.book(at(3, 10))
    skipped = []
    world.run(at=lambda name: skipped.append(world.run().skipped))
    assert skipped
    assert all(skipped)


# -- false deletions ----------------------------------------------------------------------------------------------


def test_F18_phantom_delete_cancels_nothing(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.settle(1)
    world.server.lie_deleted(world.main, world.event(appointment).id)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert (world.link(appointment).status, world.link(appointment).pending) == ("ok", None)


@pytest.mark.parametrize("fault", [Fault.TEMPORARY, Fault.FORBIDDEN, Fault.AUTH, Fault.THROTTLED, Fault.BEFORE])
def test_F19_error_of_a_direct_read_is_never_a_deletion(new_world, fault):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.server.lie_deleted(world.main, world.event(appointment).id)
    world.pass_time(POLL)
    world.run()
    world.server.fail("get", *[fault] * 20)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert len(world.events(appointment)) == 1


def test_F19_losing_the_calendar_deletes_nothing_and_asks_for_help(new_world):
    world = new_world(on_outside_delete="cancel")
    appointments = [world.book_synced(at(3, hour)) for hour in (10, 11)]
    world.main.there = False
    world.settle(6)
    for appointment in appointments:
        appointment.refresh_from_db()
        assert appointment.status == "confirmed"
    connection = world.connection()
    assert (connection.state, connection.last_error) == (State.NEEDS_ATTENTION, "calendar_gone")
    assert world.mails("connection_needs_attention") == 1


def test_F20_empty_full_read_frees_nobody_until_a_second_agrees(world: World):
    for day in (4, 5, 6):
        for hour in (9, 11, 13):
            world.server.add(world.extra, Span(at(day, hour), at(day, hour + 1)))
    world.settle(1)
    assert len(world.busy()) == 9
    extra = world.connection().calendars.get(remote_id="cal-2")
    extra.cursor = ""
    extra.save()
    world.server.fail("pull", Fault.EMPTY)
    world.connection().calendars.exclude(pk=extra.pk).update(next_poll_at=world.now + timedelta(days=1))
    world.pass_time(POLL)
    world.run()
    assert len(world.busy()) == 9
    world.settle(1)
    assert len(world.busy()) == 9


def test_F20_mass_deletion_freezes_and_a_person_releases(new_world):
    world = new_world(on_outside_delete="cancel")
    appointments = [world.book(at(3 + number // 4, 9 + number % 4)) for number in range(8)]
    world.run()
    for appointment in appointments[:6]:
        world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)
    connection = world.connection()
    assert connection.state == State.FROZEN
    assert world.mails("appointment_cancelled") == 0
    assert world.mails("connection_needs_attention") == 1
    from kalends.calendars.services import unfreeze

    unfreeze(connection=connection, restore=True, now=world.now)
    world.settle(3)
    assert [len(world.events(appointment)) for appointment in appointments] == [1] * 8
    assert world.connection().state == State.ACTIVE


@pytest.mark.parametrize("rule", ["cancel", "put_back"])
def test_G11_deletions_one_after_the_other_count_within_the_hour(new_world, rule):
    """Each is seen in a list of changes, and its grace time is over when it is confirmed."""
    world = new_world(on_outside_delete=rule)
    appointments = [world.book(at(3 + number // 4, 9 + number % 4)) for number in range(8)]
    world.run()
    states = []
    for appointment in appointments[:6]:
        world.server.delete(world.main, world.event(appointment).id)
        world.settle(2)
        states.append(world.connection().state)
    assert states == [State.ACTIVE] * 5 + [State.FROZEN]
    assert world.mails("appointment_cancelled") == (5 if rule == "cancel" else 0)


def test_G11_released_deletions_follow_the_company_rule(new_world):
    from kalends.calendars.services import unfreeze

    world = new_world(on_outside_delete="cancel")
    appointments = [world.book(at(3, 9 + number)) for number in range(3)]
    world.run()
    for appointment in appointments:
        world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)
    assert world.connection().state == State.FROZEN
    unfreeze(connection=world.connection(), now=world.now)
    world.settle(3)
    assert world.mails("appointment_cancelled") == 3


def test_F22_deletion_while_the_cursor_expired_is_found(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    foreign = world.server.add(world.extra, Span(at(4, 9), at(4, 10)))
    world.settle(1)
    world.server.delete(world.main, world.event(appointment).id)
    world.server.delete(world.extra, foreign.id)
    for calendar in (world.main, world.extra):
        world.server.expire_cursors(calendar)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "cancelled"
    assert world.busy() == []


def test_F23_change_that_the_log_forgot_is_found_by_the_hourly_check(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    event_id = world.event(appointment).id
    world.settle(1)
    move_outside(world, appointment, at(3, 14))
    world.server.forget_changes(world.main, event_id)
    world.pass_time(timedelta(hours=1))
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 14)


def test_F34_changes_are_merged_by_id_and_never_replace_the_mirror(world: World):
    kept = world.server.add(world.extra, Span(at(4, 9), at(4, 10)))
    world.settle(1)
    world.server.add(world.extra, Span(at(4, 11), at(4, 12)))
    world.settle(1)
    assert world.busy() == [(at(4, 9), at(4, 10)), (at(4, 11), at(4, 12))]
    world.server.delete(world.extra, kept.id)
    world.settle(1)
    assert world.busy() == [(at(4, 11), at(4, 12))]


def test_F35_resync_reads_everything_and_raises_the_generation(world: World):
    from kalends.calendars.services import sync_now

    before = {calendar.remote_id: calendar.generation for calendar in world.connection().calendars.all()}
    sync_now(connection=world.connection(), everything=True, now=world.now)
    world.run()
    after = {calendar.remote_id: calendar.generation for calendar in world.connection().calendars.all()}
    assert after == {remote_id: generation + 1 for remote_id, generation in before.items()}


@pytest.mark.parametrize("broken_page", [1, 2, 3])
def test_F72_partial_read_proves_nothing(world: World, broken_page):
    world.server.page_size = 4
    for number in range(10):
        world.server.add(world.extra, Span(at(4, 9) + number * HALF_HOUR, at(4, 9) + (number + 1) * HALF_HOUR))
    world.settle(1)
    extra = world.connection().calendars.get(remote_id="cal-2")
    fresh = extra.fresh_as_of
    extra.cursor = ""
    extra.next_poll_at = None
    extra.save()
    world.connection().calendars.exclude(pk=extra.pk).update(next_poll_at=world.now + timedelta(days=1))
    failing = {"left": broken_page}

    def meddle(operation: str, calendar_id: str) -> None:
        if operation == "pull":
            failing["left"] -= 1
            if failing["left"] == 0:
                world.server.fail("pull", Fault.TEMPORARY)

    world.server.meddle = meddle
    world.pass_time(POLL)
    world.run()
    world.server.meddle = None
    extra.refresh_from_db()
    assert (len(world.busy()), extra.cursor, extra.fresh_as_of) == (10, "", fresh)


# -- lost updates -------------------------------------------------------------------------------------------------


def test_F38_stale_tag_leads_to_reading_and_deciding_again(world: World):
    appointment = world.book_synced(at(3, 10))
    world.reschedule(appointment, at(3, 11))

    def meddle(operation: str, calendar_id: str) -> None:
        if operation == "put":
            world.server.meddle = None
            world.server.touch(world.main, world.event(appointment).id)

    world.server.meddle = meddle
    world.run()
    assert world.span_of(world.event(appointment)).start == at(3, 11)
    assert world.link(appointment).status == "ok"
    assert world.count("put") == 3


def test_F40_no_tag_on_write_still_leaves_the_next_write_guarded(world: World):
    world.server.gives_tag_on_write = False
    appointment = world.book_synced(at(3, 10))
    world.reschedule(appointment, at(3, 11))
    world.run()
    world.reschedule(appointment, at(3, 12))
    world.run()
    assert world.span_of(world.event(appointment)).start == at(3, 12)
    world.forget_requests()
    world.settle(2)
    assert world.count("put") == 0


def test_F43_forbidden_write_decays_and_is_a_named_state(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.fail("put", *[Fault.FORBIDDEN] * 1000)
    world.reschedule(appointment, at(3, 11))
    world.run()
    assert world.link(appointment).status == LinkStatus.REFUSED
    for _ in range(48):
        world.pass_time(timedelta(minutes=30))
        world.run()
    world.forget_requests()
    for _ in range(48):
        world.pass_time(timedelta(minutes=30))
        world.run()
    assert 3 <= world.count("put") <= 6
    world.server.clear_faults()
    world.pass_time(timedelta(hours=8))
    world.run()
    assert world.span_of(world.event(appointment)).start == at(3, 11)


def test_put_back_war_becomes_diverged(world: World):
    appointment = world.book_synced(at(3, 10))
    for number in range(12):
        world.server.retitle(world.main, world.event(appointment).id, f"Mine {number}")
        world.settle(1)
    assert world.link(appointment).status == LinkStatus.DIVERGED
    world.pass_time(timedelta(hours=6))
    world.settle(1)
    event = world.event(appointment)
    assert event.content is not None
    assert event.content.title == "Consultation – Customer 1"


def test_F42_booking_stands_although_the_calendar_is_gone(world: World):
    world.main.there = False
    appointment = world.book(at(3, 10))
    world.settle(2)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.connection().state == State.NEEDS_ATTENTION


def test_F44_one_malformed_item_is_set_aside_and_the_rest_serves(world: World):
    good = world.server.add(world.extra, Span(at(4, 9), at(4, 10)))
    provider = world.provider_for(world.connection())
    items = (Quarantined("bad", "dtstart"), good, Deleted("never seen"))
    provider.pull = lambda calendar_id, cursor, window: iter([Page(items, next_cursor="1:0", last=True)])  # type: ignore[method-assign]
    from kalends.calendars.engine.run import run_connection

    world.pass_time(POLL)
    run_connection(world.connection().pk, now=world.now, provider=provider)
    assert (at(4, 9), at(4, 10)) in world.busy()
    assert Journal.objects.filter(rule="malformed", action="quarantine").count() == 2


def test_F44_series_that_nobody_can_follow_blocks_once_and_is_shown(world: World):
    world.server.add(world.extra, Span(at(4, 9), at(4, 10)), recurrence=["RRULE:FREQ=SOMETIMES"])
    world.settle(1)
    assert world.busy() == [(at(4, 9), at(4, 10))]
    assert world.connection().calendars.get(remote_id="cal-2").quarantined == 1


# -- authorisation ------------------------------------------------------------------------------------------------


def test_F51_revoked_grant_needs_attention_after_the_second_answer_and_calls_stop(world: World):
    world.server.revoked = True
    world.pass_time(POLL)
    world.run()
    assert world.connection().state == State.ACTIVE
    world.pass_time(timedelta(seconds=30))
    world.run()
    assert world.connection().state == State.NEEDS_ATTENTION
    world.forget_requests()
    world.settle(5)
    assert world.server.requests == []
    assert world.mails("connection_needs_attention") == 1


@pytest.mark.parametrize("fault", [Fault.TEMPORARY, Fault.THROTTLED, Fault.AUTH, Fault.BEFORE])
def test_F80_no_other_failure_is_an_auth_verdict(world: World, fault):
    for operation in READS:
        world.server.fail(operation, *[fault] * 30)
    for _ in range(20):
        world.pass_time(timedelta(minutes=31))
        world.run()
    assert world.connection().state in (State.ACTIVE, State.THROTTLED)
    assert world.mails("connection_needs_attention") == 0


def test_throttled_connection_keeps_retry_after(world: World):
    world.server.fail("pull", Fault.THROTTLED)
    world.pass_time(POLL)
    world.run()
    connection = world.connection()
    assert (connection.state, connection.due_at) == (State.THROTTLED, world.now + timedelta(seconds=60))
    world.forget_requests()
    world.pass_time(timedelta(seconds=59))
    world.run()
    assert world.server.requests == []
    world.pass_time(timedelta(seconds=1))
    world.run()
    assert world.connection().state == State.ACTIVE


def test_F69_attention_mails_leave_at_once_and_on_day_1_3_and_7(world: World):
    from kalends.calendars.services import remind_of_connections

    world.main.there = False
    world.pass_time(POLL)
    world.run()
    sent = [world.mails("connection_needs_attention")]
    for _ in range(10):
        world.pass_time(timedelta(days=1))
        world.deliver()
        remind_of_connections(now=world.now)
        sent.append(world.mails("connection_needs_attention"))
    assert sent == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]


def test_F76_no_people_reach_the_calendar(world: World):
    """The port has no attendees at all: an event of ours is times and our own texts."""
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    assert not any("attendee" in name for name in event.__dataclass_fields__)


def test_disconnect_remove_from_a_server_that_never_takes_our_tag_pauses_between_tries(world: World):
    """F30, G12: one try an event and run; the worker and the server are not kept busy for nothing."""
    appointments = [world.book(at(3, 9 + number)) for number in range(3)]
    world.settle(2)
    world.server.fail("remove", *[Fault.CONFLICT] * 6)
    services.disconnect(connection=world.connection(), events="remove", now=world.now)
    world.forget_requests()
    world.run()
    assert world.count("remove") == 3
    assert world.connection().purge
    assert CalendarConnection.objects.get().due_at > world.now
    world.settle(3)
    assert [world.events(appointment) for appointment in appointments] == [[], [], []]
    assert not world.connection().purge


@pytest.mark.parametrize("operation", ["find", "remove"])
def test_event_that_cannot_be_removed_keeps_no_other_waiting(world: World, operation: str):
    """A late arrival of ours that the server will not give up: what is booked next is written all the same."""
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    world.cancel(appointment)
    world.run()
    world.server.store(world.main, event)
    world.server.fail(operation, *[Fault.PERMANENT] * 50)
    other = world.book(at(4, 10))
    world.settle(2)
    assert len(world.events(other)) == 1
    assert [left.id for left in world.events(appointment)] == [event.id]


def test_deletion_is_not_believed_while_another_calendar_cannot_be_searched(world: World):
    """G7: the event may have been moved there. Unknown is no evidence; later it is looked for again."""
    Company.objects.update(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.server.fail("find", *[Fault.FORBIDDEN] * 100)
    world.settle(6)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    world.server.clear_faults()
    world.pass_time(timedelta(hours=8))
    world.settle(3)
    appointment.refresh_from_db()
    assert appointment.status == "cancelled"
