"""A small company to book at, and how to book there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kalends.accounts.models import User
from kalends.bookings.models import ActorKind, Claim
from kalends.bookings.services import book_appointment
from kalends.bookings.values import Actor, Booked, CustomerInput
from kalends.companies.models import Company, Service, Staff
from kalends.messages.models import OutgoingMessage
from tests.factories import NOW, make_company, make_service, make_staff

ADA = CustomerInput("Ada Lovelace", "ada@example.org", "+33 1 23 45 67 89", locale="en", timezone="Europe/Paris")
MANAGER = Actor(ActorKind.MANAGER, label="Olivia Owner")
CUSTOMER = Actor(ActorKind.CUSTOMER, label="Ada Lovelace")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """March 2026, in Paris before the change to summer time: UTC + 1."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


def person(number: int) -> CustomerInput:
    return CustomerInput(f"Customer {number}", f"customer{number}@example.org")


@dataclass
class Salon:
    """Open Monday to Friday, 9 to 17 in Paris; half-hour appointments; NOW is Monday, 2 March 2026, 9:00 there."""

    company: Company
    staff: list[Staff]
    service: Service
    booked: list[Booked] = field(default_factory=list)

    def book(self, start: datetime, customer: CustomerInput = ADA, **changes) -> Booked:
        arguments = {
            "company": self.company,
            "service": self.service,
            "start": start,
            "customer": customer,
            "timezone": "Europe/Paris",
            "source": "web",
            "now": NOW,
        }
        return book_appointment(**(arguments | changes))


def make_salon(members: int = 1, **service) -> Salon:
    # Nobody signs in here, so no password is hashed.
    company = make_company(owner=User.objects.create(email="owner@lakeside.example"))
    names = ["Emma Morris", "Noah Berg", "Lea Petit", "Ivan Orlov"]
    staff = [make_staff(company, names[number]) for number in range(members)]
    return Salon(company, staff, make_service(company, staff=staff, **service))


def mails(kind: str = "") -> list[OutgoingMessage]:
    rows = OutgoingMessage.objects.exclude(state="superseded").order_by("created_at", "id")
    return list(rows.filter(kind=kind) if kind else rows)


def claims_of(staff: Staff) -> list[tuple[datetime, datetime]]:
    return list(Claim.objects.filter(staff=staff).order_by("start").values_list("start", "end"))
