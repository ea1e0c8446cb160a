"""Four people at the door of one company, and calendars in memory behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from kalends.bookings.models import Appointment
from kalends.bookings.services import book_appointment
from kalends.bookings.values import CustomerInput
from kalends.calendars.models import CalendarConnection
from kalends.calendars.providers import provider_factory
from kalends.calendars.services.oauth import Flow, other_doors
from kalends.companies import services
from kalends.companies.models import Company, Role, Service, Staff
from kalends.core.clock import utc_now
from kalends.core.zones import zone
from kalends.sync.memory import MemoryProvider
from kalends.sync.memory_server import MemoryServer
from kalends.sync.port import AuthTransient
from tests.factories import NOW, make_company, make_service, make_staff, make_user


@dataclass
class House:
    """Lakeside with its owner, a viewer, and a stranger who owns another company."""

    company: Company
    staff: Staff
    service: Service
    other: Company
    owner: Client
    viewer: Client
    stranger: Client
    nobody: Client = field(default_factory=Client)

    def book(self, start: datetime | None = None, name: str = "Noah Fischer") -> Appointment:
        booked = book_appointment(
            company=self.company,
            service=self.service,
            start=start or next_monday(),
            customer=CustomerInput(name, "noah@example.org"),
            staff=self.staff,
            timezone="Europe/Paris",
            source="dashboard",
            now=utc_now(),
        )
        return booked.appointment

    def connect(
        self, subject: str = "account-1", provider: str = "google", *, receives: bool = True
    ) -> CalendarConnection:
        """A row as a finished connection leaves it, with two calendars."""
        row = CalendarConnection.objects.create(
            company=self.company,
            staff=self.staff,
            provider=provider,
            subject=subject,
            label=f"{subject}@example.org",
            mode="two_way",
            state="active",
            chosen_at=utc_now(),
        )
        row.calendars.create(
            staff=self.staff,
            remote_id="cal-1",
            name="Work",
            writable=True,
            primary=True,
            receives=receives,
            blocks=True,
        )
        row.calendars.create(staff=self.staff, remote_id="cal-2", name="Family", writable=True, blocks=True)
        return row


def make_house() -> House:
    company = make_company("lakeside")
    staff = make_staff(company)
    service = make_service(company, staff=[staff])
    viewer = make_user("viewer@lakeside.example")
    services.add_member(company=company, user=viewer, role=Role.VIEWER, actor="test", now=NOW)
    other = make_company("hillside")
    clients = [Client(), Client(), Client()]
    owners = (company.memberships.get(role=Role.OWNER).user, viewer, other.memberships.get().user)
    for client, user in zip(clients, owners, strict=True):
        client.force_login(user)
    return House(company, staff, service, other, *clients)


# Read once: a test that asks before and after midnight must be told of one Monday.
_BEGUN = utc_now()


def next_monday(hour: int = 10) -> datetime:
    """On a Monday that is at least two days ahead, in Paris an hour later by the clock: 10 is within working hours.

    That hour of UTC in winter, and the one before in summer, when the working hours are earlier too.
    """
    day = _BEGUN.date() + timedelta(days=2)
    day += timedelta(days=-day.weekday() % 7)
    return datetime(day.year, day.month, day.day, hour + 1, tzinfo=zone("Europe/Paris")).astimezone(UTC)


def service_fields(**given: Any) -> dict[str, Any]:
    return {
        "name": "Massage", "description": "", "duration": 50, "buffer_before": 5, "buffer_after": 10, "interval": "",
        "grid": "fixed", "notice": 60, "horizon": 30, "capacity": 1, "color": "#112233", "active": "on", **given,
    }  # fmt: skip


@contextmanager
def calendars_in_memory() -> Iterator[MemoryServer]:
    """Google's consent page and CalDAV's discovery lead to one account in memory. The password is "right"."""
    server = MemoryServer(clock=lambda: datetime.now(UTC))
    server.add_calendar("Work", primary=True, timezone="Europe/Paris")
    server.add_calendar("Private")

    def authorize(_settings: Any, *, state: str, verifier: str) -> str:
        return f"https://accounts.google.com/o/oauth2/v2/auth?state={state}"

    def exchange(_settings: Any, *, code: str, verifier: str, now: datetime) -> dict[str, str]:
        return {"subject": f"google-{code}", "email": "emma@gmail.example", "access_token": "t"}

    def discover(_settings: Any, *, address: str, username: str, password: str) -> dict[str, str]:
        if password != "right":
            raise AuthTransient("401")
        return {"url": f"https://{address}/", "username": username, "password": password, "principal": username}

    def build(_connection: CalendarConnection) -> MemoryProvider:
        return MemoryProvider(server)

    with other_doors(Flow(authorize, exchange), discover), provider_factory(build):
        yield server


def state_of(url: str) -> str:
    return url.rpartition("state=")[2]
