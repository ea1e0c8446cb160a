"""What a person of the company should look at: how many things, and each with what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery

from kalends.bookings.history import move_to_undo
from kalends.bookings.models import Appointment, HistoryEntry
from kalends.bookings.selectors import appointments_of
from kalends.calendars.models import (
    CalendarConnection,
    ExternalCalendar,
    Link,
    LinkStatus,
    Provider,
    RemoteCalendar,
    StaffQuestion,
)
from kalends.companies.models import Company
from kalends.messages.models import OutgoingMessage
from kalends.messages.webhook_reads import troubled_webhooks
from kalends.web.dashboard import reads, words
from kalends.web.dashboard.webhook_words import WebhookView, webhook_view

MOST = 50
# A feed that failed once is read again by the hour; that needs nobody.
_FEED_FAILURES = 3
_TROUBLED = ("needs_attention", "frozen", "connecting")


def _connections(company: Company, now: datetime) -> QuerySet[CalendarConnection]:
    """Those that wait for a person, and those that could not be read for so long that nobody is offered."""
    rows = CalendarConnection.objects.filter(company=company, disconnected_at=None).exclude(provider=Provider.ICS)
    old = now - timedelta(hours=company.stale_after_hours)
    stale = RemoteCalendar.objects.filter(
        Q(blocks=True) | Q(receives=True), connection=OuterRef("pk"), fresh_as_of__lt=old
    )
    return rows.filter(Q(state__in=_TROUBLED) | Q(Exists(stale), state__in=reads.READING))


def _feeds(company: Any) -> QuerySet[ExternalCalendar]:
    """External iCalendar URLs that cannot be read, or are held since a restore."""
    failing = Q(connection__failures__gte=_FEED_FAILURES) & ~Q(connection__last_error="")
    return ExternalCalendar.objects.filter(failing | Q(connection__restored_at__isnull=False), company=company)


def _links(company: Any) -> QuerySet[Link]:
    rows = Link.objects.filter(status__in=(LinkStatus.REFUSED, LinkStatus.DIVERGED))
    return rows.filter(calendar__connection__company=company, calendar__connection__disconnected_at=None)


def _questions(company: Any, now: datetime) -> QuerySet[StaffQuestion]:
    return StaffQuestion.objects.filter(staff__company=company, closed_at=None, answered_at=None, deadline__gt=now)


def _flagged(company: Any, now: datetime) -> QuerySet[Appointment]:
    return Appointment.objects.filter(company=company, end__gt=now).exclude(flag="")


def _held_mails(company: Any) -> QuerySet[OutgoingMessage]:
    return OutgoingMessage.objects.filter(company=company, state=OutgoingMessage.State.HELD)


def number_of(company: Company, now: datetime) -> int:
    """How many things there are, in one query; held mails count as one."""
    kinds = (
        _number(_connections(company, now)),
        _number(_feeds(company)),
        _number(_links(company)),
        _number(_questions(company, now)),
        _number(_flagged(company, now)),
        _number(troubled_webhooks(company, now)),
    )
    held = _number(_held_mails(company))
    named = {f"number_{at}": kind for at, kind in enumerate(kinds)}
    rows = Company.objects.filter(pk=company.pk).annotate(**named, number_held=held)
    *numbers, held_mails = rows.values_list(*named, "number_held").get()
    return sum(numbers) + bool(held_mails)


def _number(rows: QuerySet[Any]) -> Subquery:
    # As a plain function and no aggregate: no GROUP BY, so that nothing found is one row, too.
    counted = rows.order_by().annotate(number=Func(F("pk"), function="COUNT")).values("number")
    return Subquery(counted, output_field=IntegerField())


# -- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TroubledLink:
    """An event that the calendar refuses, or that somebody keeps changing."""

    link: Link
    name: Any
    why: str
    appointment: Appointment | None


@dataclass(frozen=True, slots=True)
class Flagged:
    """`undo`: whether it can go back to where it stood before the move."""

    appointment: Appointment
    undo: bool


@dataclass(frozen=True, slots=True)
class Attention:
    """Up to `MOST` of each kind; `held` is how many mails there are in all."""

    connections: list[reads.ConnectionView]
    feeds: list[ExternalCalendar]
    links: list[TroubledLink]
    questions: list[reads.OpenQuestion]
    flagged: list[Flagged]
    webhooks: list[WebhookView]
    mails: list[OutgoingMessage]
    held: int

    @property
    def is_empty(self) -> bool:
        kinds = (self.connections, self.feeds, self.links, self.questions, self.flagged, self.webhooks)
        return not (any(kinds) or self.held)


def attention_of(company: Company, now: datetime) -> Attention:
    """A constant number of queries, whatever the number of things."""
    questions, links = list(_questions_with_staff(company, now)), list(_links_with_calendar(company))
    spoken_of = {row.appointment_id for row in questions} | {link.appointment_id for link in links}
    by_id = appointments_of(company).in_bulk(spoken_of) if spoken_of else {}
    mails = _held_mails(company)
    return Attention(
        connections=reads.connection_views(_connections(company, now).order_by("created_at")[:MOST]),
        feeds=list(_feeds(company).select_related("connection", "staff").order_by("pk")[:MOST]),
        links=[_troubled(link, by_id.get(link.appointment_id)) for link in links],
        questions=[
            reads.OpenQuestion(row, by_id[row.appointment_id]) for row in questions if row.appointment_id in by_id
        ],
        flagged=_flagged_with_undo(company, now),
        webhooks=[webhook_view(row) for row in troubled_webhooks(company, now)],
        mails=list(mails.defer("content_sealed", "mail_sealed").order_by("created_at", "pk")[:MOST]),
        held=mails.count(),
    )


def _questions_with_staff(company: Company, now: datetime) -> QuerySet[StaffQuestion]:
    return _questions(company, now).select_related("staff").order_by("deadline")[:MOST]


def _links_with_calendar(company: Company) -> QuerySet[Link]:
    return _links(company).select_related("calendar__connection", "staff").order_by("wanted_start", "pk")[:MOST]


def _troubled(link: Link, appointment: Appointment | None) -> TroubledLink:
    name, _kind = words.LINK_STATES[link.status]
    return TroubledLink(link, name, words.reason_words(link.last_error), appointment)


def _flagged_with_undo(company: Company, now: datetime) -> list[Flagged]:
    rows = list(appointments_of(company).filter(pk__in=_flagged(company, now).values("pk"))[:MOST])
    history: dict[UUID, list[HistoryEntry]] = {row.pk: [] for row in rows}
    for entry in HistoryEntry.objects.filter(appointment__in=rows).order_by("at", "id"):
        history[entry.appointment_id].append(entry)
    return [Flagged(row, move_to_undo(row, history[row.pk], now) is not None) for row in rows]


def held_mail_ids(company: Company) -> list[UUID]:
    """All of them, for sending or giving up the lot."""
    return list(_held_mails(company).values_list("pk", flat=True))
