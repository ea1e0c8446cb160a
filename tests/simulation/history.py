"""A random history from a seed: people on both sides, faults between, a worker that dies; then quiet, and the guarantees."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from kalends.bookings.models import Appointment
from kalends.bookings.values import SlotTaken
from kalends.calendars import services
from kalends.calendars.models import CalendarConnection, Link, LinkStatus
from kalends.core.span import Span, merge
from kalends.sync.connection import State
from kalends.sync.memory_server import Fault, MemoryCalendar
from kalends.sync.port import AllDay, BusyState, RemoteEvent, Timed
from tests.calendars.world import HALF_HOUR, POLL, World, at

NAMED = (LinkStatus.REFUSED, LinkStatus.DIVERGED, LinkStatus.ORPHANED)
WRITES, READS = ("put", "remove"), ("pull", "get", "find", "busy", "calendar")


@dataclass
class History:
    world: World
    random: random.Random
    appointments: list[Appointment] = field(default_factory=list)
    cancelled_here: set[UUID] = field(default_factory=set)
    deleted_outside: set[UUID] = field(default_factory=set)
    given: defaultdict[UUID, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    log: list[str] = field(default_factory=list)

    def play(self, acts: int) -> None:
        for _ in range(acts):
            act = self.random.choice(ACTS)
            self.log.append(act.__name__)
            act(self)
            self.world.deliver()
            if self.random.random() < 0.6:
                self.work()

    def work(self) -> None:
        """Time passes and a worker runs; sometimes it is killed between two steps."""
        self.world.pass_time(timedelta(seconds=self.random.choice((1, 20, 95, 125, 300, 4000))))
        self.answer_freeze()
        if self.random.random() < 0.3:
            self.act_between()
        if self.random.random() < 0.15:
            step = self.random.randint(1, 12)
            self.log.append(f"killed at {step}")
            self.world.run_killed_at(step)
        else:
            self.world.run()

    def act_between(self) -> None:
        """Somebody acts while a request is under way: between what was decided and what is written."""
        operation, act = self.random.choice(("put", "remove", "get", "pull")), self.random.choice(BETWEEN)

        def meddle(asked: str, calendar_id: str) -> None:
            if asked == operation:
                self.world.server.meddle = None
                self.log.append(f"{act.__name__} before {operation}")
                act(self)

        self.world.server.meddle = meddle

    def answer_freeze(self) -> None:
        connection = self.world.connection()
        if connection.state == State.FROZEN and self.random.random() < 0.5:
            self.log.append("unfreeze")
            services.unfreeze(connection=connection, restore=self.random.random() < 0.5, now=self.world.now)

    # -- finding something to act on -------------------------------------------------------------------------

    def slot(self) -> Span:
        start = at(self.random.choice((3, 4, 5)), 9) + HALF_HOUR * self.random.randint(0, 15)
        return Span(start, start + HALF_HOUR)

    def standing(self) -> Appointment | None:
        for appointment in self.appointments:
            appointment.refresh_from_db()
        found = [row for row in self.appointments if row.status == "confirmed" and row.start > self.world.now]
        return self.random.choice(found) if found else None

    def own_event(self) -> tuple[Appointment, MemoryCalendar, RemoteEvent] | None:
        appointment = self.standing()
        found = own_events(self.world, appointment) if appointment else []
        return (appointment, *found[0]) if appointment and found else None

    # -- quiet -----------------------------------------------------------------------------------------------

    def quiet(self) -> None:
        """People and faults stop. A person releases a freeze; questions run into their deadline.

        A list of changes that a server answered with nothing is made good by the next full read, a week later at the
        most; here it is asked for, since after a week every appointment would be over.
        """
        self.world.server.clear_faults()
        self.world.server.meddle = None
        services.sync_now(connection=self.world.connection(), everything=True, now=self.world.now)
        for _ in range(5):
            self.world.pass_time(timedelta(hours=7))
            for _ in range(8):
                self.world.pass_time(POLL)
                self.world.run()
                connection = self.world.connection()
                if connection.state == State.FROZEN:
                    services.unfreeze(connection=connection, restore=True, now=self.world.now)


def own_events(world: World, appointment: Appointment) -> list[tuple[MemoryCalendar, RemoteEvent]]:
    """Live events of an appointment, without the copies that people made."""
    keys = {link.pk.hex for link in Link.objects.filter(appointment_id=appointment.pk)}
    return [
        (calendar, event)
        for calendar in world.server.calendars.values()
        for event in calendar.standing()
        if event.op_key[:32] in keys and not event.id.startswith("copy-")
    ]


# -- acts -------------------------------------------------------------------------------------------------------------


def book(history: History) -> None:
    try:
        appointment = history.world.book(history.slot().start)
        history.appointments.append(appointment)
        history.given[appointment.pk].add(appointment.start)
    except SlotTaken:
        history.log.append("(taken)")


def reschedule(history: History) -> None:
    appointment = history.standing()
    if appointment is not None:
        start = history.slot().start
        try:
            history.world.reschedule(appointment, start)
            history.given[appointment.pk].add(start)
        except SlotTaken:
            history.log.append("(taken)")


def cancel(history: History) -> None:
    appointment = history.standing()
    if appointment is not None:
        history.world.cancel(appointment)
        history.cancelled_here.add(appointment.pk)


def outside_move(history: History) -> None:
    if found := history.own_event():
        appointment, calendar, event = found
        span = history.slot()
        history.world.server.move(calendar, event.id, span)
        history.given[appointment.pk].add(span.start)


def outside_delete(history: History) -> None:
    if found := history.own_event():
        appointment, calendar, event = found
        history.world.server.delete(calendar, event.id)
        history.deleted_outside.add(appointment.pk)


def outside_edit(history: History) -> None:
    if found := history.own_event():
        _, calendar, event = found
        server = history.world.server
        edits: list[Callable[[], object]] = [
            lambda: server.retitle(calendar, event.id, "Mine") if event.content else None,
            lambda: server.touch(calendar, event.id),
            lambda: server.set_busy(calendar, event.id, BusyState.FREE),
            lambda: server.make_all_day(calendar, event.id, history.slot().start.date()),
            lambda: server.make_recurring(calendar, event.id, "RRULE:FREQ=DAILY;COUNT=2"),
        ]
        history.random.choice(edits)()


def outside_copy(history: History) -> None:
    if found := history.own_event():
        _, calendar, event = found
        history.world.server.copy(calendar, event.id)


def outside_transfer(history: History) -> None:
    if found := history.own_event():
        _, calendar, event = found
        world = history.world
        world.server.transfer(calendar, event.id, world.extra if calendar is world.main else world.main)


def foreign_event(history: History) -> None:
    server = history.world.server
    calendar = history.random.choice(list(server.calendars.values()))
    foreign = [event for event in calendar.standing() if not event.op_key]
    match history.random.choice(("add", "move", "delete", "series")) if foreign else "add":
        case "add":
            server.add(calendar, history.slot())
        case "series":
            server.add(calendar, history.slot(), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
        case "move":
            server.move(calendar, history.random.choice(foreign).id, history.slot())
        case "delete":
            server.delete(calendar, history.random.choice(foreign).id)


def faults(history: History) -> None:
    lost = (Fault.BEFORE, Fault.AFTER, Fault.TEMPORARY, Fault.THROTTLED, Fault.AUTH)
    for operation in history.random.sample((*WRITES, *READS), 2):
        history.world.server.fail(
            operation, *[history.random.choice(lost) for _ in range(history.random.randint(1, 3))]
        )


def lies(history: History) -> None:
    server = history.world.server
    if found := history.own_event():
        _, calendar, event = found
        server.lie_deleted(calendar, event.id)
    if history.random.random() < 0.3:
        server.expire_cursors(history.random.choice(list(server.calendars.values())))


def empty_full_read(history: History) -> None:
    history.world.server.expire_cursors(history.world.main)
    history.world.server.fail("pull", Fault.TEMPORARY, Fault.EMPTY)


ACTS: list[Callable[[History], None]] = [
    book,
    book,
    book,
    reschedule,
    reschedule,
    cancel,
    outside_move,
    outside_move,
    outside_delete,
    outside_edit,
    outside_copy,
    outside_transfer,
    foreign_event,
    foreign_event,
    faults,
    faults,
    lies,
    empty_full_read,
]


BETWEEN: list[Callable[[History], None]] = [
    book,
    reschedule,
    cancel,
    outside_move,
    outside_delete,
    outside_edit,
    outside_copy,
    outside_transfer,
    foreign_event,
]


# -- the guarantees -----------------------------------------------------------------------------------------------


def check(history: History) -> None:
    world = history.world
    for appointment in history.appointments:
        appointment.refresh_from_db()
        check_events(world, appointment)
        assert appointment.start in history.given[appointment.pk], "G7: moved where nobody moved it"
        moved = world.mails_of(appointment, "appointment_moved")
        assert moved <= appointment.version - 1, "G5: more mails than changes"
        if appointment.status == "cancelled":
            allowed = history.cancelled_here | history.deleted_outside
            assert appointment.pk in allowed, "G7: cancelled without a deletion"
    check_mirror(world)
    check_churn(world)


def check_events(world: World, appointment: Appointment) -> None:
    """G1, G2: one live event with our start and title, or none, or a state with a name."""
    found = own_events(world, appointment)
    if appointment.status == "cancelled":
        assert found == [], "G1: cancelled, but its event stands"
        return
    states = set(Link.objects.filter(appointment_id=appointment.pk).values_list("status", flat=True))
    if states & set(NAMED) or appointment.end <= world.now:
        return
    assert len(found) == 1, f"G1, G2: {len(found)} events"
    event = found[0][1]
    assert isinstance(event.when, Timed), "G1: all-day"
    assert (event.when.span, event.recurrence) == (Span(appointment.start, appointment.end), ()), "G1: another time"
    link = Link.objects.exclude(status=LinkStatus.CLOSED).get(appointment_id=appointment.pk)
    assert event.content is not None
    assert link.wanted is not None
    assert event.content.title == link.wanted["title"], "G1: another title"
    assert link.status == LinkStatus.OK


def check_mirror(world: World) -> None:
    """What the calendars show as busy and is not ours is what blocks, and nothing else."""
    ours = {event.id for a in Appointment.objects.all() for _, event in own_events(world, a)}
    expected: list[Span] = []
    for calendar in world.server.calendars.values():
        for event in calendar.standing():
            if event.id in ours or not event.busy.blocks:
                continue
            if isinstance(event.when, AllDay):
                clock = ZoneInfo(calendar.timezone or world.staff.timezone)
                first, end = (datetime.combine(day, time(), clock) for day in (event.when.start, event.when.end))
                expected.append(Span(first, end))
            elif isinstance(event.when, Timed):
                days = 3 if "COUNT=3" in "".join(event.recurrence) else 2 if event.recurrence else 1
                expected += [
                    Span(event.when.span.start + timedelta(days=d), event.when.span.end + timedelta(days=d))
                    for d in range(days)
                ]
    mirrored = [span for span in merge(Span(start, end) for start, end in world.busy()) if span.end > world.now]
    assert mirrored == [span for span in merge(expected) if span.end > world.now], "mirror"


def check_churn(world: World) -> None:
    """G4: a second run with nothing changed writes nothing."""
    world.forget_requests()
    for _ in range(2):
        world.pass_time(POLL)
        world.run()
    assert world.count(*WRITES) == 0, "G4: churn"
    due = Link.objects.filter(due_at__lte=world.now).exclude(status__in=(LinkStatus.CLOSED, *NAMED))
    assert not due.exists()
    assert CalendarConnection.objects.get().last_error == ""
