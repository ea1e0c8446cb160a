"""What the pages read beyond the selectors: rows put together for one look. Nothing here changes a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from kalends.bookings.models import Appointment, Attendee, Customer
from kalends.bookings.selectors import appointments_of
from kalends.calendars.announcing import Announced, announced
from kalends.calendars.engine.context import Lacking
from kalends.calendars.models import (
    CalendarConnection,
    Invitation,
    Journal,
    Link,
    LinkStatus,
    RemoteCalendar,
    StaffQuestion,
)
from kalends.calendars.services import plan_connection
from kalends.companies.models import Company, Service, Staff, WorkingHours
from kalends.core.clock import utc_now
from kalends.sync.port import ProviderError
from kalends.web.dashboard import words

_TROUBLE = ("needs_attention", "frozen", "connecting")
READING = ("active", "throttled")
_JOURNAL_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    url: str
    done: bool


def first_steps(company: Company) -> list[Step]:
    """The way from an empty company to a synchronised one."""
    staff = Staff.objects.filter(company=company, active=True)
    have = staff.aggregate(
        people=Count("pk", distinct=True),
        hours=Count("pk", filter=Exists(WorkingHours.objects.filter(staff=OuterRef("pk"))), distinct=True),
        connected=Count(
            "pk",
            filter=Exists(
                CalendarConnection.objects.filter(
                    staff=OuterRef("pk"), disconnected_at=None, chosen_at__isnull=False
                ).exclude(provider="ics")
            ),
            distinct=True,
        ),
    )
    services = Service.objects.filter(company=company, active=True, staff__active=True).exists()
    one = staff.first() if have["people"] == 1 else None
    hours_url = reverse("dashboard:staff", args=[one.pk]) if one else reverse("dashboard:staff_list")
    return [
        Step(
            _("Add your staff"),
            _("Everybody who can be booked, yourself included."),
            reverse("dashboard:staff_list"),
            have["people"] > 0,
        ),
        Step(
            _("Set their working hours"), _("Nobody is offered outside them."), f"{hours_url}#hours", have["hours"] > 0
        ),
        Step(
            _("Add a service"),
            _("What can be booked, and how long it takes."),
            reverse("dashboard:new_service"),
            services,
        ),
        Step(
            _("Switch calendar sync on"),
            _("Choose which calendars your staff may connect."),
            reverse("dashboard:calendar_sync"),
            bool(offered_providers(company)) or enabled(company) != [],
        ),
        Step(
            _("Connect a calendar"),
            _("Invite each staff member, or connect yours at once."),
            f"{hours_url}#calendar-sync",
            have["connected"] > 0,
        ),
    ]


# -- providers ------------------------------------------------------------------------------------------------------

SWITCHES = {
    "google": "google_enabled",
    "office365": "office365_enabled",
    "outlook": "outlook_enabled",
    "caldav": "caldav_enabled",
}


@dataclass(frozen=True, slots=True)
class Offer:
    kind: str
    name: str
    icon: str


def enabled(company: Company) -> list[str]:
    return [kind for kind, switch in SWITCHES.items() if getattr(company, switch)]


def supported() -> list[str]:
    """What this server can connect to, as it is configured."""
    config = settings.KALENDS
    microsoft = ["office365", "outlook"] if config.microsoft_configured else []
    return [*(["google"] if config.google_configured else []), *microsoft, "caldav"]


def offered_providers(company: Company) -> list[Offer]:
    """What a staff member may choose: switched on by the company, and within this server's reach."""
    return [Offer(kind, words.PROVIDERS[kind], words.ICONS[kind]) for kind in enabled(company) if kind in supported()]


# -- connections ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ConnectionView:
    """One connection as the pages show it."""

    row: CalendarConnection
    calendars: list[RemoteCalendar]
    counts: dict[str, int] = field(default_factory=dict)
    announced: dict[UUID, Announced] = field(default_factory=dict)

    @property
    def updates(self) -> list[tuple[Any, list[str]]]:
        """How soon a change outside is seen, with the calendars of which that holds."""
        found: dict[Announced, list[str]] = {}
        for calendar in self.calendars:
            if calendar.chosen and calendar.pk in self.announced:
                found.setdefault(self.announced[calendar.pk], []).append(calendar.name)
        return [(words.update_words(fact), names) for fact, names in found.items()]

    @property
    def told(self) -> bool:
        """Every calendar that is read tells of its changes: the last reading is as good as one now."""
        facts = [self.announced.get(calendar.pk) for calendar in self.calendars if calendar.chosen]
        listening = self.row.state not in ("paused", "needs_attention")
        return listening and bool(facts) and all(fact is not None and fact.at_once for fact in facts)

    @property
    def words(self) -> words.StateWords:
        if self.is_restored:
            return words.RESTORED
        return words.STALE if self.is_stale else words.state_words(self.row.state)

    @property
    def is_stale(self) -> bool:
        """It is tried to read it, and in vain for so long that its staff member is not offered (G9)."""
        bound = utc_now() - timedelta(hours=self.row.company.stale_after_hours)
        return self.row.state in READING and self.fresh_as_of is not None and self.fresh_as_of < bound

    @property
    def is_restored(self) -> bool:
        """Held because its rows came out of a backup, not because of what was seen in the calendar."""
        return self.row.state == "frozen" and self.row.restored_at is not None

    @property
    def meaning(self) -> Any:
        """What the state means for people, and what to do."""
        lack = words.LACKS.get(self.row.last_error) if self.row.state == "needs_attention" else None
        return lack or self.words.meaning

    @property
    def may_try_again(self) -> bool:
        """Needs attention, but not for want of a grant: another look may mend it."""
        return self.row.state == "needs_attention" and self.row.last_error != "auth_revoked"

    @property
    def provider_name(self) -> str:
        return words.PROVIDERS.get(self.row.provider, self.row.provider)

    @property
    def icon(self) -> str:
        return words.ICONS.get(self.row.provider, "calendar")

    @property
    def mode_words(self) -> Any:
        return words.MODES.get(self.row.mode, self.row.mode)

    @property
    def fresh_as_of(self) -> datetime | None:
        """The oldest of the calendars that are read; None if one was never read."""
        moments = [calendar.fresh_as_of for calendar in self.calendars if calendar.chosen]
        return min(moments) if moments and all(moments) else None  # type: ignore[type-var]

    @property
    def receiving(self) -> RemoteCalendar | None:
        return next((calendar for calendar in self.calendars if calendar.receives), None)

    @property
    def blocking(self) -> list[RemoteCalendar]:
        return [calendar for calendar in self.calendars if calendar.blocks]

    @property
    def in_calendar(self) -> int:
        return self.counts.get(LinkStatus.OK, 0)

    @property
    def on_the_way(self) -> int:
        return self.counts.get(LinkStatus.PENDING, 0) + self.counts.get(LinkStatus.CLOSING, 0)

    @property
    def to_look_at(self) -> int:
        return sum(self.counts.get(status, 0) for status in (LinkStatus.REFUSED, LinkStatus.DIVERGED, LinkStatus.ASKED))

    @property
    def is_ics(self) -> bool:
        return self.row.provider == "ics"


def connections_of(staff: Staff) -> list[ConnectionView]:
    rows = CalendarConnection.objects.filter(staff=staff, disconnected_at=None).exclude(provider="ics")
    return connection_views(rows.order_by("created_at"))


def connection_view(connection: CalendarConnection) -> ConnectionView:
    return connection_views(CalendarConnection.objects.filter(pk=connection.pk))[0]


def connection_views(rows: QuerySet[CalendarConnection]) -> list[ConnectionView]:
    """Each with its calendars, counts and how soon it shows changes; a constant number of queries."""
    found = list(rows.select_related("staff", "company").prefetch_related("calendars__connection"))
    counts: dict[UUID, dict[str, int]] = {}
    links = Link.objects.filter(calendar__connection__in=found).order_by()
    for connection_id, status, number in links.values_list("calendar__connection", "status").annotate(n=Count("pk")):
        counts.setdefault(connection_id, {})[status] = number
    told = announced([calendar for row in found for calendar in row.calendars.all()], now=utc_now())
    return [ConnectionView(row, list(row.calendars.all()), counts.get(row.pk, {}), told) for row in found]


def troubled_connections(company: Company) -> list[ConnectionView]:
    """What a person should mend or finish."""
    rows = CalendarConnection.objects.filter(company=company, state__in=_TROUBLE, disconnected_at=None)
    return connection_views(rows.exclude(provider="ics").order_by("created_at"))


def live_connections(company: Company, providers: list[str]) -> int:
    """How many would stop if these providers were switched off."""
    rows = CalendarConnection.objects.filter(company=company, provider__in=providers, disconnected_at=None)
    return rows.exclude(paused_by="switch").count()


def open_invitations(staff: Staff, now: datetime) -> list[Invitation]:
    """Sent, and neither used, taken back nor expired; the newest first."""
    rows = Invitation.objects.filter(staff=staff, used_at=None, revoked_at=None, expires_at__gt=now)
    return list(rows.order_by("-created_at"))


# -- questions, journal ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    question: StaffQuestion
    appointment: Appointment


def open_questions(company: Company, now: datetime) -> list[OpenQuestion]:
    rows = list(
        StaffQuestion.objects.filter(staff__company=company, closed_at=None, answered_at=None)
        .select_related("staff")
        .order_by("deadline")[:20]
    )
    found = Appointment.objects.filter(company=company).select_related("service")
    by_id = found.in_bulk([row.appointment_id for row in rows])
    return [OpenQuestion(row, by_id[row.appointment_id]) for row in rows if row.appointment_id in by_id]


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of a plan, with the appointment it is about."""

    action: str
    rule: str
    appointment: Appointment | None


def plan_of(connection: CalendarConnection, *, now: datetime) -> tuple[list[Planned], bool]:
    """What the next run would do, and whether the calendar could not be read for it. Asks the calendar."""
    try:
        actions = plan_connection(connection.pk, now=now)
    except (ProviderError, Lacking):
        return [], True
    rows = appointments_of(connection.company).in_bulk({action.appointment_id for action in actions})
    return [Planned(action.action, action.rule, rows.get(action.appointment_id)) for action in actions], False


@dataclass(frozen=True, slots=True)
class SyncState:
    link: Link
    name: Any
    kind: str


def sync_of_appointment(appointment_id: UUID) -> list[SyncState]:
    links = (
        Link.objects.filter(appointment_id=appointment_id)
        .exclude(status=LinkStatus.CLOSED)
        .select_related("calendar__connection", "staff")
        .order_by("pk")
    )
    return [SyncState(link, *words.LINK_STATES.get(link.status, (link.status, ""))) for link in links]


def journal_of_appointment(appointment: Appointment) -> list[Journal]:
    rows = Journal.objects.filter(appointment_id=appointment.pk, connection__company=appointment.company_id)
    return list(rows.select_related("connection", "calendar")[:_JOURNAL_SHOWN])


def appointments_in(company: Company, journal: Iterable[Journal]) -> dict[UUID, Appointment]:
    """Those that lines of the journal are about, by id."""
    return appointments_of(company).in_bulk({row.appointment_id for row in journal if row.appointment_id})


def journal_of_connection(connection: CalendarConnection) -> QuerySet[Journal]:
    return Journal.objects.filter(connection=connection).select_related("calendar", "connection")


# -- customers ------------------------------------------------------------------------------------------------------


def attendances_of(customer: Customer) -> QuerySet[Attendee]:
    rows = Attendee.objects.filter(customer=customer, appointment__company=customer.company_id)
    return rows.select_related("appointment__service").order_by("-appointment__start")
