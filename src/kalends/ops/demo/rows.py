"""The demo company: made once, through the same services as everything else."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

from kalends.accounts.models import User
from kalends.bookings import services as bookings
from kalends.bookings.selectors import slots
from kalends.bookings.values import CustomerInput
from kalends.calendars import services as calendars
from kalends.calendars.selectors import calendars_of, connections_for_staff
from kalends.companies import services
from kalends.companies.models import Company, Service, Staff
from kalends.companies.values import Hours, WeeklyRange
from kalends.core.clock import utc_now
from kalends.messages.wording import default_invitation
from kalends.ops.demo.caldav import USER

logger = logging.getLogger(__name__)

SLUG, TIMEZONE = "lakeside", "Europe/Paris"
OWNER, PASSWORD = "owner@lakeside.example", "lakeside-demo"
_ACTOR = "demo"

_OPEN = ((9 * 60, 12 * 60 + 30), (13 * 60 + 30, 18 * 60))
_STAFF = (
    ("John Smith", "john@lakeside.example", "#2563eb"),
    ("Emma Morris", "emma@lakeside.example", "#0f766e"),
    ("Taylor Carpenter", "taylor@lakeside.example", "#b45309"),
    ("Juan Sanchez", "juan@lakeside.example", "#7c3aed"),
)
_GROUPS = (("Doctors", ("John Smith", "Emma Morris")), ("Therapists", ("Taylor Carpenter", "Juan Sanchez")))
_SERVICES: tuple[tuple[str, str, dict[str, int], tuple[str, ...]], ...] = (
    ("First consultation", "We take the time to listen, examine and plan.", {"duration": 45, "buffer_after": 15},
     ("John Smith", "Emma Morris")),
    ("Follow-up", "How it went, and what comes next.", {"duration": 30}, ("John Smith", "Emma Morris")),
    ("Physiotherapy", "Treatment at the practice, in the large room.", {"duration": 60, "buffer_before": 10},
     ("Taylor Carpenter", "Juan Sanchez")),
    ("Blood test", "Please come without breakfast.", {"duration": 15, "notice": 720},
     ("Emma Morris", "Taylor Carpenter")),
    ("Advice by phone", "We ring you.", {"duration": 20}, tuple(name for name, _email, _color in _STAFF)),
)  # fmt: skip
_CUSTOMERS = (
    ("Amélie Laurent", "amelie.laurent@customers.example", "fr", "Europe/Paris"),
    ("Noah Fischer", "noah.fischer@customers.example", "en", "Europe/Berlin"),
    ("Priya Nair", "priya.nair@customers.example", "en", "Asia/Kolkata"),
    ("Oskar Lindqvist", "oskar.lindqvist@customers.example", "en", "Europe/Stockholm"),
    ("Chloé Bernard", "chloe.bernard@customers.example", "fr", "Europe/Paris"),
    ("Grace Okafor", "grace.okafor@customers.example", "en", "Africa/Lagos"),
)


def make_demo() -> None:
    """The company if it is not there yet; John's connection and Emma's invitation if they are missing."""
    now = utc_now()
    company = Company.objects.filter(slug=SLUG).first() or _make_company(now)
    if place := _place():
        _connect_john(company, place, now)
    _invite_emma(company, now)


def sign_in() -> tuple[str, str]:
    return OWNER, PASSWORD


def _place() -> dict[str, str] | None:
    """What `kalends demo --run` keeps of its stand-ins; nothing where only the rows were asked for."""
    file = settings.KALENDS.var / "demo.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def _make_company(now: datetime) -> Company:
    owner = User.objects.filter(email=OWNER).first() or User.objects.create_user(OWNER, PASSWORD, name="Olivia Lake")
    company = services.create_company(name="Lakeside Clinic", slug=SLUG, timezone=TIMEZONE, owner=owner)
    services.change_company(
        company=company,
        actor=_ACTOR,
        now=now,
        address="12 Quai du Lac, Annecy",
        phone="+33 4 50 00 00 00",
        description="A small practice by the lake: medicine, physiotherapy, and time to listen.",
    )
    # Two-way before the first connection: the switch is copied into connections when they are made.
    company = services.change_calendar_sync(
        company=company,
        google_enabled=True,
        office365_enabled=True,
        outlook_enabled=True,
        caldav_enabled=True,
        bidirectional=True,
        actor=_ACTOR,
        now=now,
    )
    staff = {name: _make_staff(company, name, email, color, now) for name, email, color in _STAFF}
    for name, pair in _GROUPS:
        services.create_group(
            company=company, name=name, staff=[staff[member] for member in pair], actor=_ACTOR, now=now
        )
    for name, description, details, members in _SERVICES:
        services.create_service(
            company=company,
            name=name,
            description=description,
            staff=[staff[member] for member in members],
            actor=_ACTOR,
            now=now,
            **details,
        )
    _make_appointments(company, now)
    return company


def _make_staff(company: Company, name: str, email: str, color: str, now: datetime) -> Staff:
    staff = services.create_staff(company=company, name=name, email=email, color=color, actor=_ACTOR, now=now)
    weekly = [WeeklyRange(day, *span) for day in range(5) for span in _OPEN]
    services.set_hours(staff=staff, hours=Hours(TIMEZONE, weekly), actor=_ACTOR, now=now)
    return staff


def _make_appointments(company: Company, now: datetime) -> None:
    """Two for each customer over the coming days, at times that are free."""
    offered: list[Service] = list(company.services.all())
    today = now.astimezone(ZoneInfo(TIMEZONE)).date()
    for number, (name, email, locale, timezone) in enumerate(_CUSTOMERS * 2):
        service = offered[number % len(offered)]
        day = today + timedelta(days=1 + number // 2)
        found = slots(
            company=company, service=service, from_date=day, to_date=day + timedelta(days=4), tz=TIMEZONE, now=now
        ).found.epochs
        start = datetime.fromtimestamp(found[(number * 5) % min(len(found), 12)], ZoneInfo(TIMEZONE))
        bookings.book_appointment(
            company=company,
            service=service,
            start=start,
            customer=CustomerInput(name=name, email=email, locale=locale, timezone=timezone),
            timezone=timezone,
            source="demo",
            now=now,
        )


def _connect_john(company: Company, place: dict[str, str], now: datetime) -> None:
    john = company.staff.get(name="John Smith")
    if connections_for_staff(staff=john):
        return
    connection = calendars.connect_caldav(
        staff=john,
        url=f"http://127.0.0.1:{place['caldav_port']}/{USER}/",
        username=USER,
        password=place["caldav_password"],
        now=now,
    )
    first = calendars_of(connection=connection)[0]
    calendars.choose_calendars(connection=connection, receives=first.pk, blocks=[first.pk], now=now)


def _invite_emma(company: Company, now: datetime) -> None:
    """A fresh invitation at each start while Emma is not connected: its link is kept as a hash only."""
    emma = company.staff.get(name="Emma Morris")
    if connections_for_staff(staff=emma):
        _invitation_file().unlink(missing_ok=True)
        return
    subject, html = default_invitation(emma.locale)
    _invitation, token = calendars.create_invitation(
        staff=emma, email=emma.email, subject=subject, html=html, by=_ACTOR, now=now
    )
    _invitation_file().write_text(calendars.invitation_url(token), encoding="utf-8")
    _invitation_file().chmod(0o600)


def _invitation_file() -> Path:
    return settings.KALENDS.var / "demo-invitation"


def invitation_url() -> str:
    """Emma's invitation of this start, for the greeting; empty once she is connected."""
    file = _invitation_file()
    return file.read_text(encoding="utf-8") if file.exists() else ""
