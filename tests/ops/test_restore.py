"""Yesterday's backup beside today's calendars: nothing is doubled, cancelled or mailed before a person has looked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from kalends.bookings.models import Appointment, Attendee
from kalends.calendars import services
from kalends.calendars.models import BusySpan, CalendarConnection, Link
from kalends.calendars.providers import provider_factory
from kalends.calendars.selectors import unlinked_events
from kalends.calendars.services.joining import store_grant
from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import send_due
from kalends.ops.backup import releasing
from kalends.ops.backup.restoring import Restored, restore_backup
from kalends.ops.backup.writing import write_backup
from kalends.providers.registry import build
from kalends.sync.port import Provider, RemoteEvent, Timed
from tests.bookings.support import MANAGER, Salon, make_salon, person
from tests.contract.conftest import caldav_world, google_world, radicale  # noqa: F401 - the fixtures
from tests.contract.google_world import GoogleWorld
from tests.contract.worlds import Stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

POLL = timedelta(seconds=125)
HOUR = timedelta(hours=1)


def quiet(table: str, done: int, total: int) -> None:
    """Nobody reads the progress here."""


@dataclass
class Clinic:
    """One staff member, whose appointments go into a calendar of the world; a clock that tests move."""

    world: object
    salon: Salon
    now: datetime

    @property
    def connection(self) -> CalendarConnection:
        return CalendarConnection.objects.select_related("company", "staff").get()

    def provider(self, _connection: CalendarConnection | None = None) -> Provider:
        world = self.world
        if isinstance(world, GoogleWorld):
            return build("google", world.stored, world.settings)
        return build("caldav", Stored(world.secret), world.settings)

    def connect(self) -> None:
        kind = "google" if isinstance(self.world, GoogleWorld) else "caldav"
        connection = store_grant(
            staff=self.salon.staff[0], provider=kind, subject="emma", label="emma", secret={"subject": "emma"},
            invitation=None, now=self.now,
        )  # fmt: skip
        services.set_mode(connection=connection, mode="two_way", now=self.now)
        calendars = services.refresh_calendars(connection=connection)
        receives = next(calendar for calendar in calendars if calendar.remote_id == self.world.calendar_id)
        services.choose_calendars(connection=connection, receives=receives.pk, blocks=[receives.pk], now=self.now)

    def slot(self, number: int) -> datetime:
        """Wednesday of the week after next, from 9 UTC, an hour apart: within working hours summer and winter."""
        day = (self.now + timedelta(days=16 - self.now.weekday())).replace(hour=9, minute=0, second=0, microsecond=0)
        return day + number * HOUR

    def book(self, number: int) -> Appointment:
        booked = self.salon.book(
            self.slot(number), person(number), now=self.now, staff=self.salon.staff[0], timezone="Europe/Paris"
        )
        return booked.appointment

    def settle(self, rounds: int = 4) -> None:
        """What web and worker do while nobody touches anything: runs, sweeps, mails."""
        for _ in range(rounds):
            self.now += POLL
            services.wake_due_connections(now=self.now)
            services.run_connection(self.connection.pk, now=self.now)
            services.remind_of_connections(now=self.now)
            services.tell_of_stale_calendars(now=self.now)
            send_due(now=self.now)

    def events(self) -> dict[str, RemoteEvent]:
        provider = self.provider()
        window = Span(self.now - timedelta(days=30), self.now + timedelta(days=90))
        items = [item for page in provider.pull(self.world.calendar_id, "", window) for item in page.items]
        provider.close()
        return {item.id: item for item in items if isinstance(item, RemoteEvent) and not item.cancelled}

    def event_of(self, appointment: Appointment) -> RemoteEvent:
        (link,) = Link.objects.filter(appointment_id=appointment.pk)
        (found,) = [event for event in self.events().values() if event.op_key.startswith(link.pk.hex)]
        return found


def start_of(event: RemoteEvent) -> datetime:
    assert isinstance(event.when, Timed)
    return event.when.span.start


@pytest.fixture(params=["google", "caldav"])
def clinic(request) -> Iterator[Clinic]:
    world = request.getfixturevalue(f"{request.param}_world")
    salon = make_salon()
    for name in ("google_enabled", "caldav_enabled"):
        setattr(salon.company, name, True)
    salon.company.on_outside_delete = "put_back"
    salon.company.save()
    made = Clinic(world, salon, utc_now().replace(microsecond=0))
    with provider_factory(made.provider):
        made.connect()
        made.settle(1)
        yield made


def mails() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in OutgoingMessage.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def lose_a_day(clinic: Clinic, appointments: list[Appointment]) -> Appointment:
    """What happens after the backup and is forgotten by it; returns an appointment that the backup does not know."""
    from kalends.bookings.services import cancel_appointment

    moved, cancelled, put_back, _unchanged = appointments
    start = start_of(clinic.event_of(moved)) + 6 * HOUR
    clinic.world.move(clinic.event_of(moved).id, Span(start, start + timedelta(minutes=30)))
    clinic.world.delete(clinic.event_of(put_back).id)
    cancel_appointment(appointment_id=cancelled.pk, company=clinic.salon.company, by=MANAGER, now=clinic.now)
    later = clinic.book(5)
    clinic.settle(6)
    assert len(clinic.events()) == 5, "moved, put back, unchanged, waiting and later"
    return later


def restored(clinic: Clinic, path: Path) -> Restored:
    call_command("flush", interactive=False, verbosity=0)
    clinic.now += timedelta(days=1)
    return restore_backup(path, now=clinic.now, progress=quiet)


def test_restored_backup_stands_still_until_released_and_then_converges(clinic: Clinic, tmp_path: Path):
    appointments = [clinic.book(number) for number in range(4)]
    clinic.settle()
    waiting = clinic.book(4)  # its mail has not left, its event is not made when the backup is
    write_backup(tmp_path / "backup", now=clinic.now, progress=quiet)
    later = lose_a_day(clinic, appointments)
    before = clinic.events()
    sequences = {row.pk: row.sequence for row in Attendee.objects.all()}

    report = restored(clinic, tmp_path / "backup")
    assert (report.connections, report.messages, report.attendees) == (1, 1, 5)
    assert not Appointment.objects.filter(pk=later.pk).exists()
    clinic.settle()
    assert clinic.connection.state == "frozen"
    assert clinic.connection.last_error == "restored"
    assert clinic.events() == before, "nothing was written outside"
    assert set(mails()) == {"sent", "held"}
    assert set(Appointment.objects.values_list("status", flat=True)) == {"confirmed"}
    for attendee in Attendee.objects.all():
        assert attendee.sequence >= sequences[attendee.pk] + 999, "higher than whatever the customer holds"
    assert [event.remote_id for event in unlinked_events(connection=clinic.connection)] != []
    (held,) = releasing.held_connections()
    assert (held.read_since, held.unlinked) == (True, 1)
    planned = {
        line.appointment_id: line.action for line in services.plan_connection(clinic.connection.pk, now=clinic.now)
    }
    assert appointments[0].pk in planned
    assert appointments[1].pk in planned
    assert BusySpan.objects.filter(start=later.start).count() == 1, "what nobody knows blocks"

    assert releasing.release_connections(ident=None, now=clinic.now) == 1
    assert releasing.discard_held(now=clinic.now) == 1
    clinic.settle(8)
    assert clinic.connection.state == "active"
    assert list(releasing.held_connections()) == []
    assert set(Appointment.objects.values_list("status", flat=True)) == {"confirmed"}
    for appointment in [*appointments, waiting]:
        appointment.refresh_from_db()
        assert start_of(clinic.event_of(appointment)) == appointment.start
    assert appointments[0].start == start_of(before[clinic.event_of(appointments[0]).id])
    assert len(clinic.events()) == 6, "five appointments, and the event that belongs to none"
    assert OutgoingMessage.objects.filter(kind="appointment_cancelled").exclude(state="superseded").count() == 0
    quiet_now = clinic.events()
    clinic.settle()
    assert clinic.events() == quiet_now


def test_restored_account_whose_grant_is_dead_mails_nobody(clinic: Clinic, tmp_path: Path):
    clinic.settle()
    write_backup(tmp_path / "backup", now=clinic.now, progress=quiet)
    restored(clinic, tmp_path / "backup")
    locked_out: Callable[[CalendarConnection], Provider] = lambda _row: clinic.world.locked_out()  # noqa: E731
    with provider_factory(locked_out):
        clinic.settle(4)
    assert clinic.connection.state == "needs_attention"
    assert OutgoingMessage.objects.filter(kind="connection_needs_attention").count() == 0
