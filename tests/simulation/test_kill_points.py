"""Every point of every kind of process: killed there once, started again, and the world ends as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import connection

from kalends.bookings.models import Appointment
from kalends.bookings.services import set_notes
from kalends.calendars import services
from kalends.calendars.engine.lease import due_connections
from kalends.calendars.models import BusySpan, CalendarConnection, Channel, ExternalCalendar, Link
from kalends.calendars.providers import _from_registry, provider_factory
from kalends.companies.models import AuditEntry
from kalends.core.ids import new_id
from kalends.core.span import Span
from kalends.messages.models import Event, OutgoingMessage, WebhookDelivery, WebhookEndpoint
from kalends.messages.webhooks import change_webhook, create_webhook, resend_delivery
from kalends.sync.memory import MemoryProvider
from kalends.sync.port import BusyState
from tests.bookings.support import MANAGER, person
from tests.calendars.test_feeds import calendar, hour
from tests.calendars.world import GRACE, HALF_HOUR, POLL, START, World, at, make_world
from tests.simulation.kills import (
    MailServer,
    NumberedProvider,
    Points,
    Receiver,
    Snapshot,
    numbered_commits,
    own_database,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Scene:
    """One world with its mail server and, if a scenario wants it, a feed somewhere."""

    world: World
    points: Points
    mails: MailServer
    receiver: Receiver
    httpserver: Any
    request: dict[str, Any] = field(default_factory=dict)

    def run_due(self) -> None:
        for _ in range(6):
            rows = list(due_connections(self.world.now))
            for row in rows:
                services.run_connection(row.pk, now=self.world.now)
            if not rows:
                return

    def go_on(self) -> None:
        """The process is started again: sweeps find what is due, and half an hour passes."""
        for pause in (timedelta(), GRACE, POLL, POLL, timedelta(minutes=6), timedelta(minutes=31), POLL):
            self.world.pass_time(pause)
            _receive(self)
            self.run_due()
            self.mails.deliver(self.world)
            self.receiver.hear(self.world)

    def move_outside(self, start) -> None:
        event = self.world.event(Appointment.objects.get())
        self.world.server.move(self.world.main, event.id, Span(start, start + HALF_HOUR))


Prepare = Callable[[Scene], Callable[[], object]]


# -- what is prepared, and the process that is killed -----------------------------------------------------------------


def a_booking(scene: Scene) -> Callable[[], object]:
    """The customer's program repeats a request that was not answered; `attendee_id` says that it is the same one."""
    ident = new_id()
    return lambda: scene.world.salon.book(at(3, 10), person(1), now=scene.world.now, attendee_id=ident)


def booked(scene: Scene) -> Appointment:
    return scene.world.salon.book(at(3, 10), person(1), now=scene.world.now).appointment


def settled(scene: Scene) -> Appointment:
    appointment = booked(scene)
    scene.run_due()
    scene.mails.deliver(scene.world)
    return appointment


def a_run_that_writes(scene: Scene) -> Callable[[], object]:
    booked(scene)
    return scene.run_due


def a_run_that_updates(scene: Scene) -> Callable[[], object]:
    scene.world.reschedule(settled(scene), at(3, 11))
    return scene.run_due


def a_run_that_deletes(scene: Scene) -> Callable[[], object]:
    scene.world.cancel(settled(scene))
    return scene.run_due


def a_change_here(scene: Scene) -> Callable[[], object]:
    appointment = settled(scene)
    return lambda: scene.world.reschedule(appointment, at(3, 11))


def a_cancellation_here(scene: Scene) -> Callable[[], object]:
    appointment = settled(scene)

    def cancel() -> None:
        appointment.refresh_from_db()
        if appointment.status != "cancelled":
            scene.world.cancel(appointment)

    return cancel


def _after_grace(scene: Scene) -> Callable[[], object]:
    scene.world.pass_time(POLL)
    scene.run_due()
    scene.world.pass_time(GRACE)
    return scene.run_due


def a_run_that_moves(scene: Scene) -> Callable[[], object]:
    settled(scene)
    scene.move_outside(at(3, 14))
    return _after_grace(scene)


def a_run_that_puts_back(scene: Scene) -> Callable[[], object]:
    scene.world.salon.company.on_outside_move = "put_back"
    scene.world.salon.company.save()
    settled(scene)
    scene.move_outside(at(3, 20))
    return _after_grace(scene)


def a_run_that_cancels(scene: Scene) -> Callable[[], object]:
    appointment = settled(scene)
    scene.world.server.delete(scene.world.main, scene.world.event(appointment).id)
    return _after_grace(scene)


def a_run_that_asks(scene: Scene) -> Callable[[], object]:
    scene.world.salon.company.on_outside_delete = "ask"
    scene.world.salon.company.save()
    return a_run_that_cancels(scene)


def a_full_read(scene: Scene) -> Callable[[], object]:
    """The cursor is no good any more; meanwhile events came, went and moved."""
    settled(scene)
    server, extra = scene.world.server, scene.world.extra
    events = [server.add(extra, Span(at(4, 9 + n), at(4, 10 + n))) for n in range(5)]
    scene.world.pass_time(POLL)
    scene.run_due()
    server.page_size = 2
    server.delete(extra, events[0].id)
    server.move(extra, events[1].id, Span(at(5, 9), at(5, 10)))
    server.set_busy(extra, events[2].id, BusyState.FREE)
    server.expire_cursors(extra)
    scene.world.pass_time(POLL)
    return scene.run_due


def a_disconnection(scene: Scene) -> Callable[[], object]:
    settled(scene)
    services.disconnect(connection=scene.world.connection(), events="remove", now=scene.world.now)
    return scene.run_due


def a_message(scene: Scene) -> Callable[[], object]:
    booked(scene)
    scene.run_due()
    return lambda: scene.mails.deliver(scene.world)


def a_webhook_delivery(scene: Scene) -> Callable[[], object]:
    scene.world.reschedule(settled(scene), at(3, 11))
    return lambda: scene.receiver.hear(scene.world)


def a_webhook_that_is_paused_and_resumed(scene: Scene) -> Callable[[], object]:
    """Nothing is taken for five days, and what happens while it fails and while it is paused waits. Then somebody mends
    the receiver, resumes the webhook and sends again what was given up.
    """
    world, receiver = scene.world, scene.receiver
    appointment = world.salon.book(at(17, 10), person(1), now=world.now).appointment
    scene.mails.deliver(world)
    receiver.well = False

    def note(words: str) -> None:
        set_notes(appointment_id=appointment.pk, company=world.salon.company, notes=words, by=MANAGER, now=world.now)

    def fail_until_paused() -> None:
        for _ in range(6):
            if WebhookEndpoint.objects.filter(paused_by="failures").exists():
                return
            receiver.hear(world)
            scene.mails.deliver(world)
            note("at once" if world.now == START else "while it fails")
            world.pass_time(41 * HOUR)
        raise AssertionError("never paused")

    def go() -> None:
        if not receiver.well:
            fail_until_paused()
        note("while it is paused")
        receiver.well = True
        _resume(scene)
        receiver.hear(world)
        scene.mails.deliver(world)

    return go


def _resume(scene: Scene) -> None:
    company, now, endpoint = scene.world.salon.company, scene.world.now, WebhookEndpoint.objects.get()
    change_webhook(company=company, webhook_id=endpoint.pk, paused=False, actor="t", now=now)
    for row in WebhookDelivery.objects.filter(state="failed"):
        resend_delivery(company=company, webhook_id=endpoint.pk, delivery_id=row.pk, now=now)


def an_opening_of_channels(scene: Scene) -> Callable[[], object]:
    settled(scene)
    scene.world.server.push = True
    services.refresh_calendars(connection=scene.world.connection())
    scene.world.pass_time(POLL)
    return scene.run_due


def _pushing(scene: Scene) -> None:
    an_opening_of_channels(scene)()
    _receive(scene)
    scene.run_due()


def _receive(scene: Scene) -> None:
    notices = list(scene.world.server.notices)
    scene.world.server.notices.clear()
    services.receive_notifications(hook="google", notifications=notices, now=scene.world.now)


def a_push_delivery(scene: Scene) -> Callable[[], object]:
    """What is not answered is sent again, or not: here it is not, the server takes it for delivered."""
    _pushing(scene)
    scene.world.server.notices.clear()
    scene.world.pass_time(MINUTE)
    scene.move_outside(at(3, 14))
    return lambda: _receive(scene)


def a_renewal(scene: Scene) -> Callable[[], object]:
    _pushing(scene)
    scene.world.now = Channel.objects.order_by("-renew_at")[0].renew_at
    return scene.run_due


def a_read_of_a_feed(scene: Scene) -> Callable[[], object]:
    settled(scene)
    texts = [calendar(hour(3, 9), hour(4, 9)), calendar(hour(3, 14), hour(4, 9), hour(5, 9))]
    scene.httpserver.expect_ordered_request("/feed.ics").respond_with_data(texts[0], content_type="text/calendar")
    scene.httpserver.expect_ordered_request("/feed.ics").respond_with_data(texts[0], content_type="text/calendar")
    address = scene.httpserver.url_for("/feed.ics")
    company, staff = scene.world.salon.company, scene.world.staff
    services.add_external_calendar(company=company, staff=staff, url=address, now=scene.world.now)
    scene.run_due()
    scene.httpserver.clear()
    scene.httpserver.expect_request("/feed.ics").respond_with_data(texts[1], content_type="text/calendar")
    services.read_external_calendar(
        company=company, staff=staff, calendar_id=ExternalCalendar.objects.get().pk, now=scene.world.now
    )
    return scene.run_due


REPEATED = (a_booking, a_change_here, a_cancellation_here, a_webhook_that_is_paused_and_resumed)
PROCESSES: tuple[Prepare, ...] = (
    *REPEATED[:3],
    a_run_that_writes,
    a_run_that_updates,
    a_run_that_deletes,
    a_run_that_moves,
    a_run_that_puts_back,
    a_run_that_cancels,
    a_run_that_asks,
    a_full_read,
    a_disconnection,
    a_message,
    a_webhook_delivery,
    an_opening_of_channels,
    a_push_delivery,
    a_renewal,
    a_read_of_a_feed,
)


# -- the harness ------------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(transactional_db, httpserver) -> Iterator[Scene]:
    if connection.vendor != "sqlite":
        pytest.skip("Commits are numbered in a database of this process; tests/e2e kills processes on PostgreSQL.")
    points = Points()
    mails, receiver = MailServer(points), Receiver(points)
    worlds: list[World] = []

    def find(row: CalendarConnection) -> Any:
        inner = _from_registry(row) if row.provider == "ics" else MemoryProvider(worlds[0].servers[row.subject])
        return NumberedProvider(inner, points)

    host = f"{httpserver.host}:{httpserver.port}"
    told = replace(settings.KALENDS, push=True, allow_private_hosts=(host,))
    with ExitStack() as stack:
        stack.enter_context(own_database())
        stack.enter_context(provider_factory(find))
        stack.enter_context(mock.patch.object(settings, "KALENDS", told))
        stack.enter_context(numbered_commits(points))
        worlds.append(make_world(on_outside_delete="cancel"))
        worlds[0].connect()
        create_webhook(
            company=worlds[0].salon.company, url="https://shop.example/", events=Event.values, actor="t", now=START
        )
        found = Scene(worlds[0], points, mails, receiver, httpserver)
        found.run_due()
        yield found


def end_of(scene: Scene) -> dict[str, Any]:
    """What people see: appointments, events, busy time, mails, webhooks; and that nothing is left half done."""
    world = scene.world
    servers = world.servers.values()
    ours = {link.pk.hex: link.status for link in Link.objects.all()}
    return {
        "appointments": list(Appointment.objects.values_list("start", "status", "version")),
        "events": sorted(
            (calendar.id, str(event.when), event.op_key[:32] in ours, event.content.title if event.content else "")
            for server in servers
            for calendar in server.calendars.values()
            for event in calendar.standing()
        ),
        "links": sorted(Link.objects.values_list("status", flat=True)),
        "busy": list(BusySpan.objects.order_by("start").values_list("start", "end")),
        "mails": sorted(OutgoingMessage.objects.values_list("kind", "recipient", "state")),
        "taken": sorted({name for name, _ in scene.mails.taken}),
        "webhooks": sorted(WebhookDelivery.objects.values_list("event", "version", "state")),
        "heard": sorted({name for name, _ in scene.receiver.taken}),
        "endpoints": list(WebhookEndpoint.objects.values_list("paused_by", "failures", "lease_until")),
        "audit": sorted(AuditEntry.objects.values_list("action", flat=True)),
        "channels": sorted(
            Counter(
                channel.calendar_id for server in servers for channel in server.channels.values() if not channel.stopped
            ).items()
        ),
        "states": list(CalendarConnection.objects.order_by("pk").values_list("state", "lease_holder", "last_error")),
    }


@pytest.mark.parametrize("prepare", PROCESSES, ids=lambda prepare: prepare.__name__)
def test_F06_F33_F46_killed_at_each_numbered_point_ends_as_if_nothing_had_happened(scene: Scene, prepare: Prepare):
    end_wherever_killed(scene, prepare)


def test_G5_webhook_killed_at_each_point_on_its_way_to_a_pause_and_back_loses_nothing(scene: Scene):
    end = end_wherever_killed(scene, a_webhook_that_is_paused_and_resumed)
    assert end["webhooks"] == [
        *[("appointment.changed", version, "delivered") for version in (2, 3, 4)],
        ("appointment.created", 1, "delivered"),
    ]
    assert len(end["heard"]) == 4
    assert end["endpoints"] == [("", 0, None)]
    # It was paused once, which its owner was told, and resumed once.
    told = [mail for mail in end["mails"] if mail[0] == "webhook_paused"]
    assert told == [("webhook_paused", "owner@lakeside.example", "sent")]
    assert [action for action in end["audit"] if action == "webhook.changed"] == ["webhook.changed"]


def end_wherever_killed(scene: Scene, prepare: Prepare) -> dict[str, Any]:
    """The one end of all lives of a process: of that which is not killed, and of those which are, each at its point."""
    process = prepare(scene)
    before, well = Snapshot(scene.world), scene.receiver.well
    sent, heard = list(scene.mails.taken), list(scene.receiver.taken)

    def live(fatal: int) -> dict[str, Any]:
        before.restore()
        scene.mails.taken[:], scene.receiver.taken[:], scene.receiver.well = sent, heard, well
        scene.points.fatal, scene.points.dead, scene.points.names = fatal, False, []
        came_to_its_end = scene.points.live(process)
        if not came_to_its_end and prepare in REPEATED:
            process()
        scene.go_on()
        return end_of(scene)

    expected = live(0)
    names = scene.points.names
    assert len(names) >= 2
    for number, name in enumerate(names, 1):
        if number > 1 and name.startswith("before"):
            continue  # nothing that lasts lies between this point and the one before it
        found = live(number)
        where = f"killed {name}, point {number} of {len(names)}"
        assert without_names(found) == without_names(expected), where
        check_repeated(scene.mails.taken, gap=name == "after mail", where=where)
        check_repeated(scene.receiver.taken, gap=name == "after webhook", where=where)
    return expected


def without_names(end: dict[str, Any]) -> dict[str, Any]:
    """Ids differ from life to life."""
    return end | {"taken": len(end["taken"]), "heard": len(end["heard"])}


def check_repeated(taken: list[tuple[str, bytes]], *, gap: bool, where: str) -> None:
    """G5: each left once. Killed between the other side's answer and our commit, one is repeated, byte for byte."""
    times = Counter(name for name, _ in taken)
    again = [name for name, count in times.items() if count > 1]
    assert len(again) == gap, where
    assert all(times[name] == 2 for name in again), where
    assert len(set(taken)) == len(times), where
