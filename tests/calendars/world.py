"""A small world: one salon, one account of calendars in memory, a clock that tests move, and the real engine between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kalends.bookings.models import Appointment
from kalends.bookings.services import cancel_appointment, move_appointment
from kalends.calendars import services
from kalends.calendars.engine.context import Report, no_step
from kalends.calendars.models import BusySpan, CalendarConnection, Journal, Link, RemoteCalendar
from kalends.calendars.services.joining import store_grant
from kalends.companies.models import Staff
from kalends.core.span import Span
from kalends.jobs.prepared import PreparedUpdate
from kalends.messages.models import OutgoingMessage
from kalends.sync.link import Mode
from kalends.sync.memory import MemoryProvider
from kalends.sync.memory_server import MemoryCalendar, MemoryServer
from kalends.sync.port import RemoteEvent, Timed
from tests.bookings.support import MANAGER, Salon, at, make_salon, person

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
POLL = timedelta(seconds=120)
GRACE = timedelta(seconds=90)
HALF_HOUR = timedelta(minutes=30)


_SENT = PreparedUpdate(lambda: OutgoingMessage.objects.filter(state="queued"), {"state": "sent"})


class Killed(BaseException):
    """The worker's process ends here and now."""


@dataclass
class World:
    """`main` receives and blocks; `extra` only blocks. Working hours are 9 to 17 in Paris, as in the salon."""

    salon: Salon
    now: datetime = START
    servers: dict[str, MemoryServer] = field(default_factory=dict)
    customers: int = 0

    @property
    def staff(self) -> Staff:
        return self.salon.staff[0]

    @property
    def server(self) -> MemoryServer:
        return self.servers["account-1"]

    @property
    def main(self) -> MemoryCalendar:
        return self.server.calendars["cal-1"]

    @property
    def extra(self) -> MemoryCalendar:
        return self.server.calendars["cal-2"]

    # -- setting up ------------------------------------------------------------------------------------------

    def add_server(self, subject: str) -> MemoryServer:
        server = MemoryServer(clock=lambda: self.now, subject=subject)
        server.add_calendar("Work", primary=True, timezone="Europe/Paris")
        server.add_calendar("Private", timezone="")
        self.servers[subject] = server
        return server

    def connect(
        self, staff: Staff | None = None, subject: str = "account-1", *, mode: Mode = Mode.TWO_WAY
    ) -> CalendarConnection:
        staff = staff or self.staff
        connection = store_grant(
            staff=staff,
            provider="google",
            subject=subject,
            label=f"{subject}@example.org",
            secret={"subject": subject},
            invitation=None,
            now=self.now,
        )
        CalendarConnection.objects.filter(pk=connection.pk).update(mode=mode)
        connection.refresh_from_db()
        work, private = services.refresh_calendars(connection=connection)
        self.choose(connection, work, [work, private])
        return connection

    def choose(
        self, connection: CalendarConnection, receives: RemoteCalendar | None, blocks: list[RemoteCalendar]
    ) -> None:
        services.choose_calendars(
            connection=connection,
            receives=receives.pk if receives else None,
            blocks=[calendar.pk for calendar in blocks],
            now=self.now,
        )

    def provider_for(self, connection: CalendarConnection) -> MemoryProvider:
        return MemoryProvider(self.servers[connection.subject])

    # -- time and runs ---------------------------------------------------------------------------------------

    def pass_time(self, amount: timedelta) -> None:
        self.now += amount

    def run(self, connection: CalendarConnection | None = None, at: Callable[[str], None] = no_step) -> Report:
        connection = connection or CalendarConnection.objects.order_by("pk")[0]
        return services.run_connection(connection.pk, now=self.now, at=at)

    def run_killed_at(self, step: int | str, connection: CalendarConnection | None = None) -> Killed | None:
        """One run whose worker dies at its n-th boundary, or at one of that name; None if it came to none. Its lease has run
        out afterwards.
        """
        counter = Counter[str]()

        def die(name: str) -> None:
            counter["steps"] += 1
            if step in (counter["steps"], name):
                raise Killed(name)

        try:
            self.run(connection, at=die)
        except Killed as killed:
            CalendarConnection.objects.exclude(lease_holder="").update(lease_until=START)
            return killed
        return None

    def settle(self, rounds: int = 8) -> None:
        """People and faults have stopped: runs, poll after poll, until nothing is left to do."""
        for _ in range(rounds):
            self.pass_time(POLL)
            for connection in CalendarConnection.objects.order_by("pk"):
                self.run(connection)

    # -- people ----------------------------------------------------------------------------------------------

    def book(self, start: datetime, staff: Staff | None = None) -> Appointment:
        self.customers += 1
        booked = self.salon.book(start, person(self.customers), now=self.now, staff=staff or self.staff)
        self.deliver()
        return booked.appointment

    def deliver(self) -> None:
        """The mails that were promised so far have left."""
        _SENT.run()

    def book_synced(self, start: datetime) -> Appointment:
        appointment = self.book(start)
        self.run()
        return appointment

    def reschedule(self, appointment: Appointment, start: datetime) -> None:
        move_appointment(
            appointment_id=appointment.pk, company=self.salon.company, start=start, by=MANAGER, now=self.now
        )

    def cancel(self, appointment: Appointment) -> None:
        cancel_appointment(appointment_id=appointment.pk, company=self.salon.company, by=MANAGER, now=self.now)

    # -- looking ---------------------------------------------------------------------------------------------

    def link(self, appointment: Appointment) -> Link:
        return Link.objects.exclude(status="closed").get(appointment_id=appointment.pk)

    def event(self, appointment: Appointment, calendar: MemoryCalendar | None = None) -> RemoteEvent:
        """The one live event of an appointment."""
        (found,) = self.events(appointment, calendar)
        return found

    def events(self, appointment: Appointment, calendar: MemoryCalendar | None = None) -> list[RemoteEvent]:
        calendars = [calendar] if calendar else [c for s in self.servers.values() for c in s.calendars.values()]
        keys = {link.pk.hex for link in Link.objects.filter(appointment_id=appointment.pk)}
        return [event for c in calendars for event in c.standing() if event.op_key[:32] in keys]

    def span_of(self, event: RemoteEvent) -> Span:
        assert isinstance(event.when, Timed)
        return event.when.span

    def count(self, *operations: str) -> int:
        return sum(operation in operations for operation, _ in self.server.requests)

    def forget_requests(self) -> None:
        for server in self.servers.values():
            server.requests.clear()

    def mails(self, kind: str) -> int:
        return OutgoingMessage.objects.filter(kind=kind).exclude(state="superseded").count()

    def mails_of(self, appointment: Appointment, kind: str) -> int:
        """Those of its attendees: a mail's subject is the attendee's place."""
        subjects = [appointment.pk, *appointment.attendees.values_list("pk", flat=True)]
        rows = OutgoingMessage.objects.filter(subject_id__in=subjects, kind=kind)
        return rows.exclude(state="superseded").count()

    def rules(self, appointment: Appointment) -> list[str]:
        lines = Journal.objects.filter(appointment_id=appointment.pk).order_by("at", "pk")
        return list(lines.values_list("rule", flat=True))

    def busy(self) -> list[tuple[datetime, datetime]]:
        return list(BusySpan.objects.filter(staff=self.staff).order_by("start").values_list("start", "end"))

    def connection(self, connection_id: UUID | None = None) -> CalendarConnection:
        rows = CalendarConnection.objects.order_by("pk")
        return rows.get(pk=connection_id) if connection_id else rows[0]


def make_world(mode: Mode = Mode.TWO_WAY, *, members: int = 1, **company: str) -> World:
    salon = make_salon(members)
    for name, value in company.items():
        setattr(salon.company, name, value)
    salon.company.google_enabled = True
    salon.company.save()
    world = World(salon)
    world.add_server("account-1")
    return world


__all__ = ["GRACE", "HALF_HOUR", "POLL", "START", "Killed", "World", "at", "make_world"]
