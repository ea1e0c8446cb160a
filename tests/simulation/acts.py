"""What people, tools and networks do in a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kalends.bookings.values import SlotTaken
from kalends.calendars import services
from kalends.companies.models import Company
from kalends.sync.connection import State
from kalends.sync.link import Mode
from kalends.sync.memory_server import Fault, MemoryCalendar
from kalends.sync.port import BusyState, Timed
from tests.simulation.history import History, own_events
from tests.simulation.setting import DELETES, MOVES, calendars_of

WRITES, READS = ("put", "remove"), ("pull", "get", "find", "busy", "calendar")
Act = Callable[[History], None]


# -- here: customers and managers -------------------------------------------------------------------------------------


def book(history: History) -> None:
    try:
        staff = history.random.choice(history.world.salon.staff)
        appointment = history.world.book(history.slot().start, staff)
        history.appointments.append(appointment)
        history.set_time(appointment, appointment.start, here=True)
    except SlotTaken:
        history.log.append("  (taken)")


def reschedule(history: History) -> None:
    appointment = history.standing()
    if appointment is not None:
        start = history.slot().start
        try:
            history.world.reschedule(appointment, start)
            if start != appointment.start:
                history.set_time(appointment, start, here=True)
        except SlotTaken:
            history.log.append("  (taken)")


def cancel(history: History) -> None:
    appointment = history.standing()
    if appointment is not None:
        history.world.cancel(appointment)
        history.watch.cancelled_here.add(appointment.pk)


def change_rules(history: History) -> None:
    chance = history.random
    Company.objects.update(on_outside_move=chance.choice(MOVES), on_outside_delete=chance.choice(DELETES))


def change_mode(history: History) -> None:
    connection = history.random.choice(history.connections())
    services.set_mode(connection=connection, mode=history.random.choice(list(Mode)), now=history.world.now)


def pause_or_resume(history: History) -> None:
    connection = history.random.choice(history.connections())
    if connection.state == State.PAUSED:
        services.resume(connection=connection, now=history.world.now)
    elif connection.state == State.ACTIVE:
        services.pause(connection=connection, now=history.world.now)


def sync_now(history: History) -> None:
    connection = history.random.choice(history.connections())
    if connection.state == State.ACTIVE:
        services.sync_now(connection=connection, everything=history.random.random() < 0.5, now=history.world.now)


# -- outside: staff members in their calendars ------------------------------------------------------------------------


def outside_move(history: History) -> None:
    if found := history.own_event():
        appointment, server, calendar, event = found
        span = history.slot()
        server.move(calendar, event.id, span)
        history.set_time(appointment, span.start, here=False)


def outside_delete(history: History) -> None:
    if found := history.own_event():
        appointment, server, calendar, event = found
        server.delete(calendar, event.id)
        history.watch.deleted[appointment.pk] = history.world.now


def outside_delete_all(history: History) -> None:
    for appointment in history.appointments:
        for server, calendar, event in own_events(history.world, appointment):
            server.delete(calendar, event.id)
            history.watch.deleted[appointment.pk] = history.world.now


def outside_edit(history: History) -> None:
    if found := history.own_event():
        appointment, server, calendar, event = found
        edits: list[Callable[[], object]] = [
            lambda: server.retitle(calendar, event.id, "Mine") if event.content else None,
            lambda: server.touch(calendar, event.id),
            lambda: server.set_busy(calendar, event.id, BusyState.FREE),
            lambda: server.make_all_day(calendar, event.id, history.slot().start.date()),
            lambda: server.make_recurring(calendar, event.id, "RRULE:FREQ=DAILY;COUNT=2"),
        ]
        history.random.choice(edits)()
        history.touch(appointment, event)


def outside_copy(history: History) -> None:
    if found := history.own_event():
        _, server, calendar, event = found
        server.copy(calendar, event.id)


def outside_transfer(history: History) -> None:
    if found := history.own_event():
        appointment, server, calendar, event = found
        others = [other for other in server.calendars.values() if other is not calendar]
        server.transfer(calendar, event.id, history.random.choice(others))
        history.touch(appointment, event)


def foreign_event(history: History) -> None:
    subject, calendar = history.random.choice(calendars_of(history.world))
    server = history.world.servers[subject]
    tool = {copy for (_, _, copy) in _copies(history)}
    foreign = [event for event in calendar.standing() if not event.op_key and event.id not in tool]
    match history.random.choice(("add", "move", "delete", "series")) if foreign else "add":
        case "add":
            server.add(calendar, history.slot())
        case "series":
            server.add(calendar, history.slot(), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
        case "move":
            server.move(calendar, history.random.choice(foreign).id, history.slot())
        case "delete":
            server.delete(calendar, history.random.choice(foreign).id)


def mirror(history: History) -> None:
    """A tool of somebody else's copies what stands in each account's work calendar into the other's private one."""
    servers = list(history.world.servers.values())
    if len(servers) < 2:
        return
    for source, target in (servers, servers[::-1]):
        work, private = source.calendars["cal-1"], target.calendars["cal-2"]
        wanted = {e.id: e for e in work.standing() if isinstance(e.when, Timed) and not e.recurrence}
        for event_id, event in wanted.items():
            assert isinstance(event.when, Timed)
            key = (source.subject, event_id, target.subject)
            copy = private.events.get(history.mirrored.get(key, ""))
            if copy is None or copy.cancelled:
                history.mirrored[key] = target.add(private, event.when.span).id
            elif copy.when != Timed(event.when.span):
                target.store(private, replace(copy, when=Timed(event.when.span)))
        _drop_copies(history, source.subject, target.subject, private, set(wanted))


def _drop_copies(history: History, source: str, target: str, private: MemoryCalendar, wanted: set[str]) -> None:
    for key, copy_id in list(history.mirrored.items()):
        copy = private.events.get(copy_id)
        if key[0] == source and key[2] == target and key[1] not in wanted:
            del history.mirrored[key]
            if copy is not None and not copy.cancelled:
                history.world.servers[target].delete(private, copy_id)


def _copies(history: History) -> set[tuple[str, str, str]]:
    return {(key[2], "cal-2", copy_id) for key, copy_id in history.mirrored.items()}


# -- networks and servers ---------------------------------------------------------------------------------------------


def faults(history: History) -> None:
    lost = (Fault.BEFORE, Fault.AFTER, Fault.TEMPORARY, Fault.THROTTLED, Fault.AUTH)
    server = history.random.choice(list(history.world.servers.values()))
    for operation in history.random.sample((*WRITES, *READS, "open_channel", "close_channel"), 2):
        server.fail(operation, *[history.random.choice(lost) for _ in range(history.random.randint(1, 3))])


def lies(history: History) -> None:
    if found := history.own_event():
        _, server, calendar, event = found
        server.lie_deleted(calendar, event.id)
    if history.random.random() < 0.3:
        subject, calendar = history.random.choice(calendars_of(history.world))
        history.world.servers[subject].expire_cursors(calendar)


def empty_full_read(history: History) -> None:
    history.world.server.expire_cursors(history.world.main)
    history.world.server.fail("pull", Fault.TEMPORARY, Fault.EMPTY)


def forget(history: History) -> None:
    if found := history.own_event():
        _, server, calendar, event = found
        server.forget_changes(calendar, event.id)


def revoke(history: History) -> None:
    history.random.choice(list(history.world.servers.values())).revoked = True


def lose_calendar(history: History) -> None:
    _, calendar = history.random.choice(calendars_of(history.world))
    calendar.there = not calendar.there


def mend(history: History) -> None:
    """A person follows the link in the mail."""
    for server in history.world.servers.values():
        server.revoked = False
        for calendar in server.calendars.values():
            calendar.there = True
    for connection in history.connections():
        history.mend(connection)


_OFTEN: dict[Act, int] = {
    book: 5,
    reschedule: 3,
    cancel: 2,
    change_rules: 1,
    change_mode: 1,
    pause_or_resume: 1,
    sync_now: 1,
    outside_move: 4,
    outside_delete: 2,
    outside_delete_all: 1,
    outside_edit: 2,
    outside_copy: 1,
    outside_transfer: 2,
    foreign_event: 3,
    mirror: 2,
    faults: 4,
    lies: 2,
    empty_full_read: 1,
    forget: 1,
    revoke: 1,
    lose_calendar: 1,
    mend: 1,
}
ACTS: dict[str, Act] = {act.__name__: act for act in _OFTEN}
NAMES: list[str] = [act.__name__ for act, times in _OFTEN.items() for _ in range(times)]
BETWEEN: list[Act] = [
    book,
    reschedule,
    cancel,
    outside_move,
    outside_delete,
    outside_edit,
    outside_copy,
    outside_transfer,
    foreign_event,
    change_rules,
]
