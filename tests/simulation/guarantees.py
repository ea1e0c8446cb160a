"""What must hold at the end of a history, whatever happened in it."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from kalends.bookings.models import Appointment, Attendee
from kalends.calendars.models import BusySpan, CalendarConnection, Journal, Link, LinkStatus, RemoteCalendar
from kalends.core.span import Span, merge
from kalends.jobs.prepared import Prepared
from kalends.jobs.secrets import unseal
from kalends.messages.models import OutgoingMessage
from kalends.sync.connection import State
from kalends.sync.port import AllDay, Texts, Timed
from kalends.sync.push import HEARTBEAT
from tests.calendars.world import POLL, World
from tests.simulation.acts import WRITES, mirror
from tests.simulation.history import APPOINTMENTS, NAMED, History, own_events
from tests.simulation.webhooks import check_webhooks

_LINKS = Prepared(lambda appointment: Link.objects.filter(appointment_id=appointment), appointment=UUID)
_ATTENDEES = Prepared(lambda appointment: Attendee.objects.filter(appointment=appointment), appointment=UUID)
_MAILS = Prepared(
    lambda attendee: (
        OutgoingMessage.objects.filter(subject_id=attendee).exclude(state="superseded").order_by("version", "pk")
    ),
    attendee=UUID,
)
_BLOCKING = Prepared(lambda: RemoteCalendar.objects.filter(blocks=True))


def check(history: History) -> None:
    world = history.world
    for connection in history.connections():
        assert connection.state == State.ACTIVE, f"G1: a connection stays {connection.state}"
    stored = {row.pk: row for row in APPOINTMENTS.rows()}
    history.appointments = [stored[appointment.pk] for appointment in history.appointments]
    for appointment in history.appointments:
        check_events(world, appointment)
        check_evidence(history, appointment)
        check_last_act(history, appointment)
        check_mails(world, appointment)
        check_explained(history, appointment)
    check_mirror(world)
    check_freshness(world)
    check_churn(history)
    if history.watch.hooks:
        check_webhooks(history, history.watch.hooks)


def check_events(world: World, appointment: Appointment) -> None:
    """G1, G2: one live event with our start and title, or none, or a state with a name."""
    found = own_events(world, appointment)
    if appointment.status == "cancelled":
        assert found == [], "G1: cancelled, but its event stands"
        return
    links = _LINKS.rows(appointment=appointment.pk)
    if {link.status for link in links} & set(NAMED) or appointment.end <= world.now:
        return
    assert len(found) == 1, f"G1, G2: {len(found)} events"
    server, _, event = found[0]
    assert isinstance(event.when, Timed), "G1: all-day"
    assert (event.when.span, event.recurrence) == (Span(appointment.start, appointment.end), ()), "G1: another time"
    (link,) = (link for link in links if link.status != LinkStatus.CLOSED)
    assert event.content is not None
    assert link.wanted is not None
    wanted = server.normalise(_texts(link.wanted))
    assert (event.content.title, event.content.location, event.content.notes) == (
        wanted.title,
        wanted.location,
        wanted.notes,
    ), "G1: other texts"
    assert link.status == LinkStatus.OK, "G1: not settled"


def _texts(wanted: dict) -> Texts:
    return Texts(wanted["title"], wanted["location"], wanted["notes"])


def check_evidence(history: History, appointment: Appointment) -> None:
    assert appointment.start in history.given[appointment.pk], "G7: moved where nobody moved it"
    if appointment.status == "cancelled":
        allowed = history.watch.cancelled_here | history.watch.deleted.keys()
        assert appointment.pk in allowed, "G7: cancelled without a deletion"


def check_last_act(history: History, appointment: Appointment) -> None:
    """G3: who gave the time last has it, or was undone with a line in the journal that says so."""
    start, when, here = history.last[appointment.pk]
    if appointment.status == "cancelled" or appointment.start == start:
        return
    assert not here, "G3: a change made here was lost"
    lines = Journal.objects.filter(appointment_id=appointment.pk, at__gte=when)
    assert lines.exists(), "G3: an outside move left no trace"


def check_mails(world: World, appointment: Appointment) -> None:
    """G5: nobody is told the same twice in a row, and what they were told last is what holds."""
    for attendee in _ATTENDEES.rows(appointment=appointment.pk):
        told = _told(attendee)
        assert all(one != other for one, other in pairwise(told)), "G5: told the same twice"
        assert len(told) <= appointment.version + 1, "G5: more mails than changes"
        what = "appointment_cancelled" if appointment.status == "cancelled" else appointment.start.isoformat()
        assert told[-1][0 if appointment.status == "cancelled" else 1] == what, "G5: told something else"


def _told(attendee: Attendee) -> list[tuple[str, str]]:
    told = []
    for row in _MAILS.rows(attendee=attendee.pk):
        text = unseal(row.content_sealed, row=row.pk, field="outbox.OutgoingMessage.content_sealed")
        kind = "cancelled" if row.kind == "appointment_cancelled" else "stands"
        told.append((row.kind if kind == "cancelled" else kind, json.loads(text)["context"]["start"]))
    return told


def check_mirror(world: World) -> None:
    """G8: what the calendars show as busy and is not ours is what blocks, and nothing else: no change was missed."""
    ours = {id(event) for a in APPOINTMENTS.rows() for _, _, event in own_events(world, a)}
    for staff in world.salon.staff:
        expected: list[Span] = []
        subjects = CalendarConnection.objects.filter(staff=staff).values_list("subject", flat=True)
        for calendar in (c for subject in subjects for c in world.servers[subject].calendars.values()):
            for event in calendar.standing():
                if id(event) not in ours and event.busy.blocks:
                    expected += _spans(event, ZoneInfo(calendar.timezone or staff.timezone))
        rows = BusySpan.objects.filter(staff=staff).order_by("start").values_list("start", "end")
        mirrored = [span for span in merge(Span(start, end) for start, end in rows) if span.end > world.now]
        assert mirrored == [span for span in merge(expected) if span.end > world.now], (
            "G8: what blocks is not what stands there"
        )


def _spans(event, zone: ZoneInfo) -> list[Span]:
    days = [timedelta(days=day) for day in range(_days_of(event))]
    if isinstance(event.when, AllDay):
        first, end = event.when.start, event.when.end
        return [Span(_midnight(first + day, zone), _midnight(end + day, zone)) for day in days]
    assert isinstance(event.when, Timed)
    return [Span(event.when.span.start + day, event.when.span.end + day) for day in days]


def _days_of(event) -> int:
    return 3 if "COUNT=3" in "".join(event.recurrence) else 2 if event.recurrence else 1


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def check_explained(history: History, appointment: Appointment) -> None:
    """G15: what came from outside stands in the journal with its signal, evidence and rule, and in the appointment's
    own history."""
    lines = Journal.objects.filter(appointment_id=appointment.pk).exclude(rule="").exclude(signal="")
    told = appointment.history.all()
    if appointment.status == "cancelled" and appointment.pk not in history.watch.cancelled_here:
        assert lines.filter(action="cancel_appointment", evidence="Gone").exists(), "G15: a cancellation unexplained"
        assert told.filter(kind="cancelled_outside").exists(), "G15: a cancellation without a line of its history"
    elif appointment.start not in history.given_here[appointment.pk]:
        assert lines.filter(action__startswith="move_", evidence="Present").exists(), "G15: a move unexplained"
        assert told.filter(kind="moved_outside").exists(), "G15: a move without a line of its history"


def check_freshness(world: World) -> None:
    """G9: every calendar in use was read within the poll interval, behind push within the heartbeat."""
    for calendar in _BLOCKING.rows():
        assert calendar.fresh_as_of is not None, "G9: never read"
        assert calendar.fresh_as_of >= world.now - HEARTBEAT - POLL, "G9: stale"


def check_churn(history: History) -> None:
    """G4: a further run with nothing changed writes nothing, also where a tool copies to and fro. G10: it costs a request
    a calendar, and one list an hour."""
    world = history.world
    world.pass_time(HEARTBEAT)
    _round(history)
    if len(world.servers) > 1:
        for _ in range(2):
            world.pass_time(POLL)
            _round(history)
    world.forget_requests()
    before = _rows()
    for _ in range(2):
        world.pass_time(POLL)
        _round(history)
    assert _asked(world, *WRITES) == 0, "G4: churn"
    assert _rows() == before, "G4: rows written for nothing"
    chosen = len(_BLOCKING.rows())
    assert _asked(world, "pull") <= 2 * chosen, "G10: more reads than polls"
    receiving = RemoteCalendar.objects.filter(receives=True).count()
    assert _asked(world, "busy") <= receiving, "G10: more than a list an hour"
    assert _asked(world, "get", "find") == 0, "G10: reads although nothing changed"
    due = Link.objects.filter(due_at__lte=world.now).exclude(status__in=(LinkStatus.CLOSED, *NAMED))
    assert not due.exists(), "G1: something stays due"
    assert set(CalendarConnection.objects.values_list("last_error", flat=True)) <= {""}, "G1: an error stays"


def _round(history: History) -> None:
    mirror(history)
    history.deliver_all()
    history.run_due(6)


def _asked(world: World, *operations: str) -> int:
    return sum(operation in operations for server in world.servers.values() for operation, _ in server.requests)


def _rows() -> list[int]:
    versions = sum(Appointment.objects.values_list("version", flat=True))
    return [Journal.objects.count(), OutgoingMessage.objects.count(), versions]
