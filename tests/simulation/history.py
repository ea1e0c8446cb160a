"""A history: people on both sides act, things break between, a worker dies; then quiet. Steps replay one by one.

Each step carries a seed of its own, so that leaving one out changes no other: that is how a failing history shrinks.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from kalends.bookings.models import Appointment
from kalends.calendars import services
from kalends.calendars.engine.lease import due_connections
from kalends.calendars.models import CalendarConnection, Link, LinkStatus
from kalends.calendars.services.joining import store_grant
from kalends.core.span import Span
from kalends.jobs.prepared import Prepared
from kalends.sync.connection import State
from kalends.sync.memory_server import MemoryCalendar, MemoryServer
from kalends.sync.port import RemoteEvent, Timed
from tests.calendars.world import HALF_HOUR, POLL, World, at
from tests.simulation.watch import CONNECTIONS, Watch

NAMED = (LinkStatus.REFUSED, LinkStatus.DIVERGED, LinkStatus.ORPHANED)
_PAUSES = (1, 20, 95, 125, 300, 4000)
_READY = (State.ACTIVE, State.THROTTLED, State.FROZEN)


# A run reads its connection itself.
_DUE = Prepared(lambda now: due_connections(now).only("state"), now=datetime)
_FROZEN = Prepared(
    lambda: CalendarConnection.objects.select_related("company", "staff").filter(state=State.FROZEN).order_by("pk")
)
_WAITING = Prepared(
    lambda soon: (
        Link.objects.filter(due_at__lte=soon).exclude(status__in=(LinkStatus.CLOSED, *NAMED)).values_list("pk")[:1]
    ),
    soon=datetime,
)
APPOINTMENTS = Prepared(lambda: Appointment.objects.order_by("pk"))


@dataclass(frozen=True)
class Step:
    """One act by its name, or "work"; what it chooses follows from its seed."""

    name: str
    seed: int


@dataclass
class History:
    world: World
    random: random.Random
    watch: Watch
    appointments: list[Appointment] = field(default_factory=list)
    given: defaultdict[UUID, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    given_here: defaultdict[UUID, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    # Who gave an appointment its time last: the time, when, and whether that was here.
    last: dict[UUID, tuple[datetime, datetime, bool]] = field(default_factory=dict)
    # The last time that people gave over there.
    moved_there: dict[UUID, datetime] = field(default_factory=dict)
    mirrored: dict[tuple[str, str, str], str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def play(self, steps: list[Step]) -> None:
        from tests.simulation.acts import ACTS

        for step in steps:
            self.random = random.Random(step.seed)
            self.log.append(step.name)
            if step.name == "work":
                self.work()
                if self.watch.hooks:
                    self.log += self.watch.hooks.work(step.seed)
            else:
                ACTS[step.name](self)
                self.world.deliver()

    def work(self) -> None:
        """Time passes and workers run; sometimes one is killed between two steps."""
        self.world.pass_time(timedelta(seconds=self.random.choice(_PAUSES)))
        self.answer_freeze()
        self.post()
        if self.random.random() < 0.3:
            self.act_between()
        if self.random.random() < 0.15:
            step = self.random.randint(1, 14)
            self.log.append(f"  killed at {step}")
            self.kill(step, self.random.choice(self.connections()))
        self.run_due()
        self.watch.check_isolation()

    def kill(self, step: int, connection: CalendarConnection) -> None:
        with self.watch.run_of(connection):
            killed = self.world.run_killed_at(step, connection)
        if killed is not None:
            self.watch.forget_unstored(connection, killed)

    def run_due(self, most: int = 3) -> None:
        """Whatever the rows say is due, as the sweep finds it. A worker that died is seen by its lease."""
        for _ in range(most):
            rows = _DUE.rows(now=self.world.now)
            for row in rows:
                with self.watch.run_of(row):
                    self.world.run(row)
            if not rows:
                return

    def post(self) -> None:
        """What the calendars have to say arrives: late, twice, in another order, or never."""
        for server in self.world.servers.values():
            notices = list(server.notices)
            server.notices.clear()
            match self.random.choice(("arrive", "arrive", "lost", "twice", "shuffled", "some")):
                case "lost":
                    notices = []
                case "twice":
                    notices *= 2
                case "shuffled":
                    self.random.shuffle(notices)
                case "some":
                    notices = [notice for notice in notices if self.random.random() < 0.5]
            if notices:
                services.receive_notifications(hook="google", notifications=notices, now=self.world.now)

    def act_between(self) -> None:
        """Somebody acts while a request is under way: between what was decided and what is written."""
        from tests.simulation.acts import BETWEEN

        operation, act = self.random.choice(("put", "remove", "get", "pull")), self.random.choice(BETWEEN)
        server = self.random.choice(list(self.world.servers.values()))

        def meddle(asked: str, calendar_id: str) -> None:
            if asked == operation:
                server.meddle = None
                self.log.append(f"  {act.__name__} before {operation}")
                act(self)

        server.meddle = meddle

    def answer_freeze(self) -> None:
        for connection in _FROZEN.rows():
            if self.random.random() < 0.5:
                self.log.append("  unfreeze")
                self.watch.released[connection.pk] = self.world.now
                services.unfreeze(connection=connection, restore=self.random.random() < 0.5, now=self.world.now)

    # -- finding something to act on -------------------------------------------------------------------------

    def connections(self) -> list[CalendarConnection]:
        return CONNECTIONS.rows()

    def slot(self) -> Span:
        start = at(self.random.choice((3, 4, 5)), 9) + HALF_HOUR * self.random.randint(0, 15)
        return Span(start, start + HALF_HOUR)

    def standing(self) -> Appointment | None:
        rows = {row.pk: row for row in APPOINTMENTS.rows()}
        self.appointments = [rows[appointment.pk] for appointment in self.appointments]
        found = [row for row in self.appointments if row.status == "confirmed" and row.start > self.world.now]
        return self.random.choice(found) if found else None

    def own_event(self) -> tuple[Appointment, MemoryServer, MemoryCalendar, RemoteEvent] | None:
        appointment = self.standing()
        found = own_events(self.world, appointment) if appointment else []
        return (appointment, *found[0]) if appointment and found else None

    def set_time(self, appointment: Appointment, start: datetime, *, here: bool) -> None:
        self.given[appointment.pk].add(start)
        if here:
            self.given_here[appointment.pk].add(start)
        else:
            self.moved_there[appointment.pk] = start
        self.last[appointment.pk] = (start, self.world.now, here)

    def touch(self, appointment: Appointment, event: RemoteEvent) -> None:
        """Something else is done to the event. A calendar tells when an event was last changed, not when it got its time:
        one that was moved there, unseen by us, counts as moved once more, also after a change here.
        """
        start = event.when.span.start if isinstance(event.when, Timed) else None
        if start and start == self.moved_there.get(appointment.pk) and start != appointment.start:
            self.set_time(appointment, start, here=False)

    # -- quiet -----------------------------------------------------------------------------------------------

    def quiet(self) -> None:
        """People and faults stop. A person mends and releases what asks for it; questions run into their deadline.

        A list of changes that a server answered with nothing is made good by the next full read, a week later at the
        most; here it is asked for, since after a week every appointment would be over.
        """
        for server in self.world.servers.values():
            server.clear_faults()
            server.meddle, server.revoked = None, False
            for calendar in server.calendars.values():
                calendar.there = calendar.writable = True
        for connection in self.connections():
            self.mend(connection)
            services.sync_now(connection=connection, everything=True, now=self.world.now)
        for pause in (POLL, timedelta(hours=7), timedelta(hours=9), timedelta(hours=13)):
            self.world.pass_time(pause)
            self.settle()

    def settle(self) -> None:
        """Poll after poll, until nothing is due within the next poll."""
        for _ in range(8):
            self.deliver_all()
            self.run_due(6)
            for connection in self.connections():
                self.mend(connection)
            if not _WAITING.rows(soon=self.world.now + POLL) and not any(c.last_error for c in self.connections()):
                return
            self.world.pass_time(POLL)
        self.deliver_all()
        self.run_due(6)

    def deliver_all(self) -> None:
        for server in self.world.servers.values():
            if server.notices:
                services.receive_notifications(hook="google", notifications=list(server.notices), now=self.world.now)
                server.notices.clear()

    def mend(self, connection: CalendarConnection) -> None:
        """What a person does who reads the mail: connect again, look again, release, resume."""
        now = self.world.now
        if connection.state == State.PAUSED:
            services.resume(connection=connection, now=now)
        if connection.state == State.FROZEN:
            self.watch.released[connection.pk] = now
            services.unfreeze(connection=connection, restore=True, now=now)
        if connection.state == State.NEEDS_ATTENTION:
            secret = {"subject": connection.subject}
            store_grant(
                staff=connection.staff,
                provider=connection.provider,
                subject=connection.subject,
                label=connection.label,
                secret=secret,
                invitation=None,
                now=now,
            )
            connection.refresh_from_db()
            if connection.state in _READY or connection.state == State.NEEDS_ATTENTION:
                services.sync_now(connection=connection, everything=True, now=now)


_LINKS = Prepared(
    lambda appointment: Link.objects.filter(appointment_id=appointment).values_list("pk"), appointment=UUID
)


def own_events(world: World, appointment: Appointment) -> list[tuple[MemoryServer, MemoryCalendar, RemoteEvent]]:
    """Live events of an appointment, without the copies that people and tools made."""
    keys = {link.hex for (link,) in _LINKS.rows(appointment=appointment.pk)}
    return [
        (server, calendar, event)
        for server in world.servers.values()
        for calendar in server.calendars.values()
        for event in calendar.standing()
        if event.op_key[:32] in keys and not event.id.startswith("copy-")
    ]
