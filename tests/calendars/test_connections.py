"""The life of a connection: choosing, pausing, reconnecting, disconnecting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kalends.calendars import selectors, services
from kalends.calendars.models import BusySpan, CalendarConnection, Link, RemoteCalendar, RemoteEvent
from kalends.companies.models import Staff
from kalends.companies.services import change_calendar_sync
from kalends.core.errors import Conflict, InvalidInput
from kalends.core.ids import new_id
from kalends.core.span import Span
from kalends.sync.connection import State
from kalends.sync.link import Mode
from kalends.sync.memory_server import Fault
from kalends.sync.port import AllDay
from tests.calendars.blocking import busy_spans
from tests.calendars.world import POLL, Killed, World, at


def test_connection_made_later_writes_the_appointments_to_come(new_world: Callable[..., World]):
    world = new_world(connected=False)
    appointment = world.book(at(3, 10))
    world.connect()
    world.run()
    assert world.span_of(world.event(appointment)).start == at(3, 10)


@pytest.mark.parametrize(("bidirectional", "mode"), [(False, "one_way"), (True, "two_way")])
def test_new_connection_takes_the_company_switch_and_keeps_its_mode(new_world, bidirectional, mode):
    from kalends.calendars.services.joining import store_grant

    world = new_world(connected=False)
    world.salon.company.bidirectional = bidirectional
    world.salon.company.save()
    grant = {"staff": world.staff, "provider": "google", "label": "a", "secret": {}, "invitation": None}
    world.staff.company.refresh_from_db()
    connection = store_grant(subject="s", now=world.now, **grant)
    assert connection.mode == mode
    world.staff.company.bidirectional = not bidirectional
    again = store_grant(subject="s", now=world.now, **grant)
    assert (again.pk, again.mode) == (connection.pk, mode)


def test_change_of_the_receiving_calendar_moves_the_events(world: World):
    appointment = world.book_synced(at(3, 10))
    connection = world.connection()
    work, private = connection.calendars.all()
    world.choose(connection, private, [work, private])
    world.settle(1)
    assert world.events(appointment, world.main) == []
    assert world.span_of(world.event(appointment, world.extra)).start == at(3, 10)
    world.choose(connection, work, [work, private])
    world.settle(1)
    assert world.event(appointment).op_key[-4:] == "0002"
    assert world.events(appointment, world.extra) == []


def test_at_most_one_calendar_receives_for_a_staff_member(world: World):
    appointment = world.book_synced(at(3, 10))
    world.add_server("account-2")
    world.connect(subject="account-2")
    world.settle(1)
    receiving = RemoteCalendar.objects.get(staff=world.staff, receives=True)
    assert receiving.connection.subject == "account-2"
    assert world.events(appointment, world.main) == []
    assert len(world.events(appointment)) == 1


def test_choice_is_checked(world: World):
    connection = world.connection()
    work, private = connection.calendars.all()
    RemoteCalendar.objects.filter(pk=private.pk).update(writable=False)
    with pytest.raises(InvalidInput) as error:
        services.choose_calendars(connection=connection, receives=private.pk, blocks=[], now=world.now)
    assert error.value.field == "receives"
    with pytest.raises(InvalidInput):
        services.choose_calendars(connection=connection, receives=None, blocks=[], now=world.now)
    with pytest.raises(InvalidInput):
        services.choose_calendars(connection=connection, receives=work.pk, blocks=[connection.pk], now=world.now)


def test_calendar_that_ceases_to_block_frees_its_time(world: World):
    world.server.add(world.extra, Span(at(3, 9), at(3, 17)))
    world.settle(1)
    assert len(world.busy()) == 1
    connection = world.connection()
    work, _ = connection.calendars.all()
    world.choose(connection, work, [work])
    assert world.busy() == []


def test_choice_about_all_day_events_holds_from_the_next_poll(world: World):
    world.server.add(world.extra, AllDay(date(2026, 3, 4), date(2026, 3, 5)))
    world.settle(1)
    assert len(world.busy()) == 1
    Staff.objects.filter(pk=world.staff.pk).update(all_day_blocks=False)
    world.settle(1)
    assert world.busy() == []
    Staff.objects.filter(pk=world.staff.pk).update(all_day_blocks=True, timezone="Asia/Tokyo")
    world.settle(1)
    assert world.busy() == [(at(4, 0) - timedelta(hours=8), at(5, 0) - timedelta(hours=8))]


# -- pause --------------------------------------------------------------------------------------------------------


def test_paused_connection_makes_no_request_and_its_mirror_goes_on_blocking(world: World):
    world.server.add(world.extra, Span(at(3, 9), at(3, 12)))
    world.settle(1)
    services.pause(connection=world.connection(), by="Olivia", now=world.now)
    appointment = world.book(at(3, 14))
    world.forget_requests()
    world.settle(3)
    assert world.server.requests == []
    assert world.busy() == [(at(3, 9), at(3, 12))]
    world.pass_time(timedelta(days=2))
    assert selectors.stale_staff(staff_ids=[world.staff.pk], now=world.now) == {}
    services.resume(connection=world.connection(), by="Olivia", now=world.now)
    world.run()
    assert len(world.events(appointment)) == 1


def test_pausing_stops_a_worker_that_is_at_it(world: World):
    world.book(at(3, 10))

    def pause(name: str) -> None:
        if name == "intention stored" and world.connection().state != State.PAUSED:
            services.pause(connection=world.connection(), now=world.now)

    assert world.run(at=pause).skipped
    assert world.connection().state == State.PAUSED


def test_switching_a_provider_off_pauses_and_on_again_resumes(world: World):
    change_calendar_sync(company=world.salon.company, actor="Olivia", now=world.now, google_enabled=False)
    assert world.connection().state == State.PAUSED
    with pytest.raises(Conflict):
        services.resume(connection=world.connection(), now=world.now)
    change_calendar_sync(company=world.salon.company, actor="Olivia", now=world.now, google_enabled=True)
    assert world.connection().state == State.ACTIVE


def test_mode_changed_by_a_person_decides_what_is_pending(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.shift(world.main, world.event(appointment).id, timedelta(hours=2))
    world.pass_time(POLL)
    world.run()
    services.set_mode(connection=world.connection(), mode="one_way", now=world.now)
    world.settle(2)
    assert world.span_of(world.event(appointment)).start == at(3, 10)
    with pytest.raises(InvalidInput):
        services.set_mode(connection=world.connection(), mode="both", now=world.now)


# -- the end, and coming back -------------------------------------------------------------------------------------


def test_disconnect_keep_leaves_events_and_deletes_secrets_and_mirror(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.add(world.extra, Span(at(3, 14), at(3, 15)))
    world.settle(1)
    services.disconnect(connection=world.connection(), events="keep", by="Olivia", now=world.now)
    connection = world.connection()
    assert (connection.state, connection.credentials) == (State.DISCONNECTED, "")
    assert (RemoteEvent.objects.count(), BusySpan.objects.count()) == (0, 0)
    assert len(world.events(appointment)) == 1
    assert Link.objects.get(appointment_id=appointment.pk).status == "orphaned"


def test_F30_disconnect_remove_is_resumable_wherever_it_is_killed(world: World):
    appointments = [world.book(at(3, 9 + number)) for number in range(4)]
    world.run()
    services.disconnect(connection=world.connection(), events="remove", now=world.now)
    for _ in range(3):
        assert world.run_killed_at(2)
        world.pass_time(POLL)
    world.run()
    assert [world.events(appointment) for appointment in appointments] == [[], [], [], []]
    connection = world.connection()
    assert (connection.state, connection.purge, connection.credentials) == (State.DISCONNECTED, False, "")


def test_F30_thousand_events_are_removed_once_each_though_the_worker_is_killed_midway(world: World):
    synced = world.link(world.book_synced(at(3, 10)))
    event = world.main.events[synced.remote_id]
    links = []
    for _ in range(999):
        ident = new_id()
        copy = replace(event, id=ident.hex, op_key=f"{ident.hex}0001")
        tag = world.server.store(world.main, copy).tag
        values = {"id": ident, "appointment_id": new_id(), "remote_id": copy.id, "tag": tag}
        links.append(Link(**{**Link.objects.filter(pk=synced.pk).values().get(), **values}))
    Link.objects.bulk_create(links)
    services.disconnect(connection=world.connection(), events="remove", now=world.now)
    world.forget_requests()
    assert world.run_killed_at(500)
    left = len(world.main.standing())
    assert 400 < left < 600
    world.pass_time(POLL)
    world.run()
    assert world.main.standing() == []
    assert world.count("remove") == 1000
    assert set(Link.objects.values_list("status", flat=True)) == {"closed"}
    connection = world.connection()
    assert (connection.state, connection.purge, connection.credentials) == (State.DISCONNECTED, False, "")


def test_disconnect_remove_with_a_dead_grant_ends_all_the_same(world: World):
    appointment = world.book_synced(at(3, 10))
    services.disconnect(connection=world.connection(), events="remove", now=world.now)
    world.server.revoked = True
    world.settle(3)
    connection = world.connection()
    assert (connection.state, connection.purge) == (State.DISCONNECTED, False)
    assert Link.objects.get(appointment_id=appointment.pk).status == "orphaned"


def test_F10_reconnecting_the_same_account_ten_times_takes_the_old_links_up(world: World):
    appointment = world.book_synced(at(3, 10))
    event_id = world.event(appointment).id
    for _ in range(10):
        services.disconnect(connection=world.connection(), events="keep", now=world.now)
        world.connect()
        world.settle(1)
    assert CalendarConnection.objects.count() == 1
    assert world.event(appointment).id == event_id
    assert world.link(appointment).status == "ok"


def test_reconnect_removes_what_was_cancelled_meanwhile(world: World):
    gone, moved = world.book_synced(at(3, 10)), world.book_synced(at(3, 11))
    services.disconnect(connection=world.connection(), events="keep", now=world.now)
    world.cancel(gone)
    world.reschedule(moved, at(3, 12))
    world.connect()
    world.settle(1)
    assert world.events(gone) == []
    assert world.span_of(world.event(moved)).start == at(3, 12)


def test_reconnect_after_a_lost_grant_is_active_again(world: World):
    world.server.revoked = True
    world.settle(2)
    assert world.connection().state == State.NEEDS_ATTENTION
    appointment = world.book(at(3, 10))
    world.server.revoked = False
    world.connect()
    world.settle(1)
    assert world.connection().state == State.ACTIVE
    assert len(world.events(appointment)) == 1


def test_grant_is_given_back_only_if_nobody_else_lives_on_it(new_world):
    world = new_world(members=2)
    world.connect(world.salon.staff[1])
    first, second = CalendarConnection.objects.order_by("pk")
    services.disconnect(connection=first, events="keep", now=world.now)
    assert world.count("revoke") == 0
    services.disconnect(connection=second, events="keep", now=world.now)
    assert world.count("revoke") == 1


def test_revoke_calendar_sync_disconnects_the_named_providers(world: World):
    assert services.revoke_calendar_sync(staff=world.staff, providers=["caldav"], now=world.now) == 0
    assert services.revoke_calendar_sync(staff=world.staff, by="api", now=world.now) == 1
    with pytest.raises(InvalidInput):
        services.revoke_calendar_sync(staff=world.staff, providers=["yahoo"], now=world.now)


def test_F09_one_meeting_blocks_each_staff_member_whose_calendar_shows_it(new_world):
    world = new_world(members=2)
    world.add_server("account-2")
    world.connect(world.salon.staff[1], "account-2")
    for server in world.servers.values():
        server._counter = 1000
        server.add(server.calendars["cal-2"], Span(at(4, 9), at(4, 10)))
    world.settle(1)
    busy = busy_spans(staff_ids=[s.pk for s in world.salon.staff], span=Span(at(4, 8), at(4, 12)))
    assert [len(spans) for spans in busy.values()] == [1, 1]
    assert len(set(RemoteEvent.objects.values_list("remote_id", flat=True))) == 1


# -- isolation, sweeps, plans -------------------------------------------------------------------------------------


def test_broken_connection_delays_no_other(new_world):
    world = new_world(members=2)
    world.add_server("account-2")
    other = world.connect(world.salon.staff[1], "account-2")
    world.run(other)
    world.server.fail("pull", *[Fault.TEMPORARY] * 50)
    appointment = world.book(at(3, 10), world.salon.staff[1])
    world.settle(2)
    assert len(world.events(appointment)) == 1
    assert world.connection(other.pk).state == State.ACTIVE


def test_sweep_finds_what_is_due_and_what_died(world: World):
    assert services.wake_due_connections(now=world.now) == 0
    world.pass_time(POLL)
    assert services.wake_due_connections(now=world.now) == 1
    with pytest.raises(Killed):
        world.run(at=lambda name: (_ for _ in ()).throw(Killed(name)))
    assert services.wake_due_connections(now=world.now) == 0
    CalendarConnection.objects.update(lease_until=world.now - timedelta(days=365))
    assert services.wake_due_connections(now=world.now) == 1


def test_dry_run_shows_the_plan_and_changes_nothing(world: World):
    appointment = world.book(at(3, 10))
    plan = services.plan_connection(world.connection().pk, now=world.now)
    assert [(line.appointment_id, line.action, line.rule) for line in plan] == [(appointment.pk, "create", "create")]
    assert world.events(appointment) == []
    assert world.count("put") == 0


def test_frozen_connection_reads_and_shows_its_plan_but_writes_nothing(world: World):
    from kalends.calendars.life import change_life

    connection = world.connection()
    change_life(connection, lambda life: life.frozen(world.now))
    appointment = world.book(at(3, 10))
    world.server.add(world.extra, Span(at(4, 9), at(4, 10)))
    world.settle(2)
    assert world.events(appointment) == []
    assert world.busy() == [(at(4, 9), at(4, 10))]
    assert [line.action for line in services.plan_connection(connection.pk, now=world.now)] == ["create"]
    services.unfreeze(connection=world.connection(), now=world.now)
    world.run()
    assert len(world.events(appointment)) == 1


def test_person_who_moved_staff_gets_the_event_moved_to_the_other_calendar(new_world):
    from kalends.bookings.services import move_appointment
    from tests.bookings.support import MANAGER

    world = new_world(members=2)
    world.add_server("account-2")
    world.connect(world.salon.staff[1], "account-2", mode=Mode.TWO_WAY)
    world.settle(1)
    appointment = world.book_synced(at(3, 10))
    move_appointment(
        appointment_id=appointment.pk,
        company=world.salon.company,
        staff=world.salon.staff[1],
        by=MANAGER,
        now=world.now,
    )
    world.settle(1)
    assert world.events(appointment, world.main) == []
    assert len(world.events(appointment, world.servers["account-2"].calendars["cal-1"])) == 1


def test_states_of_appointments_name_their_connections(world: World):
    appointment = world.book_synced(at(3, 10))
    connection = world.connection()
    expected = [{"connection": str(connection.pk), "state": "ok"}]
    assert selectors.sync_state_of_appointment(appointment.pk) == expected
    facts = selectors.connections_for_staff(staff=world.staff)
    assert [(fact.state, fact.mode, fact.counts, fact.first_sync.finished) for fact in facts] == [
        ("active", "two_way", {"ok": 1}, True)
    ]
