"""What other rooms and pages read about calendars. Nothing here changes a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Cast

from kalends.calendars.due import AT_ONCE
from kalends.calendars.feed_words import problem_words, wrong_words
from kalends.calendars.handlers import AppointmentSummary, handler
from kalends.calendars.joining import find_invitation
from kalends.calendars.models import (
    BusySpan,
    CalendarConnection,
    ExternalCalendar,
    Invitation,
    Journal,
    Link,
    LinkStatus,
    Provider,
    RemoteCalendar,
    RemoteEvent,
)
from kalends.calendars.ours import parse_op_key
from kalends.calendars.questions import open_question
from kalends.companies.models import Company, Staff
from kalends.core.errors import NotFound
from kalends.core.span import Span, merge
from kalends.jobs.prepared import Prepared
from kalends.jobs.secrets import unseal
from kalends.providers.registry import set_aside
from kalends.sync.connection import State

# A calendar that was read this long ago is not asked when somebody books.
FRESH = timedelta(seconds=60)


def busy_rows(staff: Any, begin: Any, end: Any) -> list[tuple[QuerySet[Any, Any], tuple[Any, ...]]]:
    """What connected calendars make busy for `staff`, overlapping [begin, end): querysets that may be joined by union,
    each with its columns for staff member, start, end, what makes it busy (None: a move in its grace time), and the
    calendar's name.

    The company's closings by External iCalendar URL are every member's. While an outside move waits for its grace time
    its new place is among them; the old one is blocked by the claim.
    """
    spans = BusySpan.objects.filter(start__lt=end, end__gt=begin, calendar__blocks=True)
    moves = Link.objects.filter(staff_id__in=staff, pending_start__lt=end, pending_end__gt=begin)
    moves = moves.exclude(status__in=(LinkStatus.CLOSED, LinkStatus.CLOSING, LinkStatus.ORPHANED))
    nothing = Cast(Value(None), UUIDField())
    return [
        (spans.filter(staff_id__in=staff), ("staff_id", "start", "end", "id", "calendar__name")),
        (
            spans.filter(staff__isnull=True, company__staff__in=staff),
            ("company__staff", "start", "end", "id", "calendar__name"),
        ),
        (moves, ("staff_id", "pending_start", "pending_end", nothing, "calendar__name")),
    ]


def _trusted(of: Q, whose: str) -> QuerySet[RemoteCalendar, tuple[Any, ...]]:
    rows = RemoteCalendar.objects.filter(Q(blocks=True) | Q(receives=True), of)
    hours = ("connection__company__stale_after_hours", "connection__company__stale_after_hours_ics")
    connection = ("connection__state", "connection__provider", *hours)
    return rows.order_by().values_list(whose, "receives", "fresh_as_of", *connection)


_TRUSTED = Prepared(
    lambda staff: _trusted(Q(staff_id__in=staff), "staff_id").union(
        _trusted(
            Q(staff__isnull=True, connection__staff__isnull=True, connection__company__staff__in=staff),
            "connection__company__staff",
        ),
        all=True,
    ),
    staff=[UUID],
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """`stale`: staff members who are not offered, with the reason: a calendar that blocks was not read for too long (G9).
    `unread`: those with a calendar that was not read within the last minute, so that it may have to be asked.
    `receiving`: those with a calendar that appointments are written into, paused or not.
    """

    stale: dict[UUID, str]
    unread: frozenset[UUID]
    receiving: frozenset[UUID]


def freshness(*, staff_ids: Iterable[UUID], now: datetime) -> Freshness:
    """A paused connection was paused by a person: its last mirror goes on blocking and it makes nobody stale."""
    stale: dict[UUID, str] = {}
    unread, receiving = set(), set()
    for staff_id, receives, fresh_as_of, state, provider, hours, hours_ics in _TRUSTED.rows(staff=list(staff_ids)):
        if receives:
            receiving.add(staff_id)
        if state in (State.PAUSED, State.DISCONNECTED):
            continue
        hours = hours_ics if provider == Provider.ICS else hours
        if fresh_as_of is None or fresh_as_of < now - FRESH:
            unread.add(staff_id)
        if fresh_as_of is None:
            stale.setdefault(staff_id, "first_sync_pending")
        elif fresh_as_of < now - timedelta(hours=hours):
            stale[staff_id] = "calendar_stale"
    return Freshness(stale, frozenset(unread), frozenset(receiving))


def stale_staff(*, staff_ids: Iterable[UUID], now: datetime) -> dict[UUID, str]:
    return freshness(staff_ids=staff_ids, now=now).stale


# -- connections, for pages and the API -----------------------------------------------------------------------------


def connection_for(*, company_id: UUID, connection_id: UUID) -> CalendarConnection | None:
    """None for one that is not the company's. What stands behind an External iCalendar URL is none for people."""
    rows = CalendarConnection.objects.select_related("company", "staff").exclude(provider=Provider.ICS)
    return rows.filter(company_id=company_id, pk=connection_id).first()


def connection_of(company: Company, connection_id: UUID | str) -> CalendarConnection:
    """Raises NotFound for one that is not the company's."""
    try:
        found = connection_for(company_id=company.pk, connection_id=UUID(str(connection_id)))
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such connection.")
    return found


@dataclass(frozen=True, slots=True)
class FirstSync:
    """How far the first read is: calendars read and chosen, events mirrored so far."""

    calendars: int
    calendars_read: int
    events: int

    @property
    def finished(self) -> bool:
        return self.calendars_read == self.calendars


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection as pages and the API show it. `counts` are links by status; `fresh_as_of` the oldest calendar's."""

    id: UUID
    provider: str
    account: str
    state: str
    mode: str
    fresh_as_of: datetime | None
    last_error: str
    needs_attention_since: datetime | None
    counts: dict[str, int]
    first_sync: FirstSync


def connections_for_staff(*, staff: Staff) -> list[ConnectionFacts]:
    """All but the disconnected ones and those behind External iCalendar URLs, oldest first."""
    rows = CalendarConnection.objects.filter(staff=staff, disconnected_at__isnull=True).order_by("created_at", "pk")
    rows = rows.exclude(provider=Provider.ICS)
    return [connection_facts(row) for row in rows.prefetch_related("calendars")]


def connection_facts(row: CalendarConnection) -> ConnectionFacts:
    fresh = [calendar.fresh_as_of for calendar in row.calendars.all() if calendar.chosen]
    known = [moment for moment in fresh if moment is not None]
    counts = Link.objects.filter(calendar__connection=row).order_by().values_list("status").annotate(n=Count("pk"))
    return ConnectionFacts(
        id=row.pk,
        provider=row.provider,
        account=row.label,
        state=row.state,
        mode=row.mode,
        fresh_as_of=min(known) if known and len(known) == len(fresh) else None,
        last_error=row.last_error,
        needs_attention_since=row.needs_attention_since,
        counts=dict(counts),
        first_sync=first_sync_progress(connection=row),
    )


def first_sync_progress(*, connection: CalendarConnection) -> FirstSync:
    chosen = [calendar for calendar in connection.calendars.all() if calendar.chosen]
    read = sum(calendar.fresh_as_of is not None for calendar in chosen)
    return FirstSync(len(chosen), read, RemoteEvent.objects.filter(calendar__in=chosen).count())


def calendars_of(*, connection: CalendarConnection) -> list[RemoteCalendar]:
    return list(RemoteCalendar.objects.filter(connection=connection))


def journal_for_connection(*, connection: CalendarConnection) -> QuerySet[Journal]:
    """Newest first; the caller pages."""
    return Journal.objects.filter(connection=connection).select_related("calendar")


def journal_for_appointment(*, company: Company, appointment_id: UUID) -> QuerySet[Journal]:
    """Newest first: what sync saw and did about one appointment, in all calendars."""
    rows = Journal.objects.filter(appointment_id=appointment_id, connection__company=company)
    return rows.select_related("calendar", "connection")


_LINKS = Prepared(
    lambda appointments: (
        Link.objects.filter(appointment_id__in=appointments)
        .exclude(status=LinkStatus.CLOSED)
        .order_by("pk")
        .values_list("appointment_id", "calendar__connection", "status")
    ),
    appointments=[UUID],
)


def sync_states_of_appointments(appointment_ids: Iterable[UUID]) -> dict[UUID, list[dict[str, str]]]:
    """For each appointment its links that are not closed: {"connection", "state"}; a key for each one asked for."""
    wanted = list(appointment_ids)
    states: dict[UUID, list[dict[str, str]]] = {appointment_id: [] for appointment_id in wanted}
    for appointment_id, connection_id, status in _LINKS.rows(appointments=wanted):
        states[appointment_id].append({"connection": str(connection_id), "state": status})
    return states


def sync_state_of_appointment(appointment_id: UUID) -> list[dict[str, str]]:
    return sync_states_of_appointments([appointment_id])[appointment_id]


# -- what a link in a mail opens --------------------------------------------------------------------------------------


def unlinked_events(*, connection: CalendarConnection) -> list[RemoteEvent]:
    """Events that carry our mark and belong to no link here: made after the backup that was restored, or elsewhere.

    They are kept, and block like any other event.
    """
    marked = RemoteEvent.objects.filter(calendar__connection=connection).exclude(op_key="").order_by("calendar", "pk")
    named = [(row, parse_op_key(row.op_key)) for row in marked]
    known = set(Link.objects.filter(calendar__connection=connection).values_list("pk", flat=True))
    return [row for row, key in named if key is None or key[0] not in known]


def invitation_by_token(*, token: str, now: datetime) -> Invitation:
    """Raises NotFound for an invitation that is unknown, used, revoked or expired."""
    return find_invitation(token, now)


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that may still be answered, with the appointment it is about."""

    staff: Staff
    deadline: datetime
    answer: str
    summary: AppointmentSummary | None


def question_by_token(*, token: str, now: datetime) -> OpenQuestion:
    """Raises NotFound for a question that is unknown, or was settled."""
    question = open_question(token, now)
    return OpenQuestion(question.staff, question.deadline, question.answer, handler().summary(question.appointment_id))


def external_url(row: ExternalCalendar) -> str:
    """The secret address, opened for showing it again."""
    return unseal(row.url_sealed, row=row.pk, field="calendars.ExternalCalendar.url_sealed")


@dataclass(frozen=True, slots=True)
class ExternalFacts:
    """An External iCalendar URL as pages and the API show it.

    state         "waiting" (not read yet), "read", or "failing" (the last good copy goes on blocking)
    read_at       when it was last read, and the copy that blocks was known to be what stands there
    next_read_at  when it is read next
    wrong         why the last read failed, in words; "" if it did not
    set_aside     events that cannot be read: how many, and why in words
    """

    row: ExternalCalendar
    name: str
    state: str
    read_at: datetime | None
    next_read_at: datetime | None
    wrong: str
    events: int
    set_aside: list[tuple[int, str]]

    @property
    def set_aside_total(self) -> int:
        return sum(number for number, _ in self.set_aside)


def external_calendars_of(*, company: Company, staff: Staff | None) -> list[ExternalFacts]:
    """In the order in which they were entered."""
    rows = ExternalCalendar.objects.filter(company=company, staff=staff).select_related("connection", "company")
    return [external_facts(row) for row in rows.prefetch_related("connection__calendars")]


def external_facts(row: ExternalCalendar) -> ExternalFacts:
    connection = row.connection
    (calendar,) = connection.calendars.all()
    read = "waiting" if calendar.fresh_as_of is None else "read"
    return ExternalFacts(
        row=row,
        name=calendar.name or row.host,
        state="failing" if connection.last_error else read,
        read_at=calendar.fresh_as_of,
        next_read_at=_next_read_at(connection, calendar),
        wrong=wrong_words(connection.last_error_detail) if connection.last_error else "",
        events=RemoteEvent.objects.filter(calendar=calendar, series_id="").count(),
        set_aside=[
            (n, problem_words(reason)) for reason, n in sorted(set_aside(Provider.ICS, calendar.cursor).items())
        ],
    )


def _next_read_at(connection: CalendarConnection, calendar: RemoteCalendar) -> datetime | None:
    """None while it is being read, or about to be."""
    if connection.lease_until is not None or connection.due_at is None or connection.due_at <= AT_ONCE:
        return None
    return max(connection.due_at, calendar.next_poll_at or connection.due_at)


def blocked_by_external(*, row: ExternalCalendar, span: Span) -> list[Span]:
    """The times that it blocks as last read, overlapping `span`; what touches or overlaps is one."""
    busy = BusySpan.objects.filter(calendar__connection_id=row.connection_id, start__lt=span.end, end__gt=span.start)
    return merge(Span(start, end) for start, end in busy.values_list("start", "end"))
