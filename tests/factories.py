"""Rows for tests, made through the product's own services."""

from __future__ import annotations

from datetime import UTC, datetime

from kalends.accounts.models import User
from kalends.calendars.models import ExternalCalendar
from kalends.calendars.services.external import store_external_calendar
from kalends.companies import services
from kalends.companies.models import Company, Service, Staff
from kalends.companies.values import Hours, WeeklyRange

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday


def make_user(email: str = "owner@example.org", password: str = "a long enough password") -> User:
    return User.objects.create_user(email, password)


def make_company(slug: str = "lakeside", *, timezone: str = "Europe/Paris", owner: User | None = None) -> Company:
    return services.create_company(
        name=slug.title(), slug=slug, timezone=timezone, owner=owner or make_user(f"owner@{slug}.example")
    )


def make_staff(company: Company, name: str = "Emma Morris", *, open_hours: bool = True, **details) -> Staff:
    email = details.pop("email", f"{name.split(maxsplit=1)[0].lower()}@{company.slug}.example")
    staff = services.create_staff(company=company, name=name, email=email, actor="test", now=NOW, **details)
    if open_hours:
        weekly = [WeeklyRange(weekday=day, start=9 * 60, end=17 * 60) for day in range(5)]
        services.set_hours(staff=staff, hours=Hours(staff.timezone, weekly), actor="test", now=NOW)
    return staff


def make_service(company: Company, name: str = "Consultation", *, staff=(), duration: int = 30, **details) -> Service:
    return services.create_service(
        company=company, name=name, duration=duration, staff=staff, actor="test", now=NOW, **details
    )


def make_external(
    company: Company, staff: Staff | None, url: str = "https://calendars.example/a.ics"
) -> ExternalCalendar:
    """An address that nobody has read yet."""
    return store_external_calendar(company, staff, url, NOW)
