"""Each check of the histories can fail: a fault is planted for each guarantee, and the guarantee is named.

What is planted is what an engineer might break: a guard left out, an error taken for an absence, a round too many.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kalends.bookings.services import booking
from kalends.calendars.engine import apply, check, journal, pull, run
from kalends.calendars.engine import plan as planning
from kalends.calendars.handlers import handler
from kalends.calendars.models import CalendarConnection, Link, RemoteCalendar
from kalends.config.logs import HideSecrets, Lines
from kalends.core.ids import new_id
from kalends.core.span import Span
from kalends.jobs.secrets import seal, unseal
from kalends.messages.models import OutgoingMessage
from kalends.sync.connection import Life, State
from kalends.sync.link import Mode
from kalends.sync.memory import MemoryProvider
from kalends.sync.memory_server import Fault
from kalends.sync.port import Guard
from tests.calendars.conftest import new_world  # noqa: F401 - the fixture
from tests.calendars.world import HALF_HOUR, POLL, World, at
from tests.simulation import acts, guarantees
from tests.simulation.history import History
from tests.simulation.setting import Setting
from tests.simulation.simulate import Step, attempt
from tests.simulation.test_logs import secrets_of_the_rows
from tests.simulation.watch import Watch

ALONE = Setting(
    people="alone",
    mode=Mode.TWO_WAY,
    push=False,
    own_ids=True,
    tombstones=True,
    gives_updated=True,
    gives_tag=True,
    rewrites=False,
    page_size=50,
    on_outside_move="accept",
    on_outside_delete="cancel",
)
ACCOUNTS, MIRRORED = replace(ALONE, people="accounts"), replace(ALONE, people="mirrored")
BOOKED, LATE = ["book", "work"], ["book_late", "work"]
_SEED = 4


def want_another(subject: str, now: datetime) -> None:
    for link in Link.objects.filter(status="ok", calendar__connection__subject=subject):
        link.wanted["title"], link.due_at = link.wanted["title"][::-1], now
        link.save()


def before_acting(monkeypatch, planted: Callable) -> None:
    acted = run._act
    monkeypatch.setattr(run, "_act", lambda run: (planted(run), acted(run)))


def outcome(setting: Setting, names: list[str]) -> str:
    words, _ = attempt(_SEED, setting, [Step(name, number) for number, name in enumerate(names)])
    return words.removeprefix("AssertionError: ")


@pytest.fixture(autouse=True)
def acting(monkeypatch):
    """Acts that hit what these histories are about."""

    def book_late(history: History) -> None:
        appointment = history.world.book(at(5, 16))
        history.appointments.append(appointment)
        history.set_time(appointment, appointment.start, here=True)

    def throttle_last(history: History) -> None:
        list(history.world.servers.values())[-1].fail("pull", Fault.THROTTLED)

    def wait_40_seconds(history: History) -> None:
        history.world.pass_time(timedelta(seconds=40))
        history.run_due()

    def move_first(history: History) -> None:
        appointment, server, calendar, event = history.own_event()
        start = at(4, 15)
        server.move(calendar, event.id, Span(start, start + HALF_HOUR))
        history.set_time(appointment, start, here=False)

    for act in (book_late, throttle_last, wait_40_seconds, move_first):
        monkeypatch.setitem(acts.ACTS, act.__name__, act)


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        (ALONE, [*BOOKED, "move_first", "work", "work"]),
        (ALONE, ["book", "book", "book", "book", "work", "outside_delete_all", *["work"] * 4]),
        (ACCOUNTS, [*BOOKED, "mirror", "throttle_last", *["work"] * 3]),
        (MIRRORED, [*BOOKED, "mirror", "throttle_last", *["work"] * 3]),
    ],
)
def test_histories_of_these_tests_hold_where_nothing_is_planted(db, setting, names):
    assert outcome(setting, names) == ""


def test_G1_event_that_is_never_written_is_seen(db, monkeypatch):
    monkeypatch.setattr(booking, "show_in_calendars", lambda *_, **__: None)
    assert outcome(ALONE, BOOKED) == "G1, G2: 0 events"


def test_G2_create_that_is_repeated_is_seen(db, monkeypatch):
    created = MemoryProvider._create

    def twice(self, calendar, intent):
        first = created(self, calendar, intent)
        self._server.store(calendar, replace(first, id=f"{first.id}-again"))
        return first

    monkeypatch.setattr(MemoryProvider, "_create", twice)
    assert outcome(ALONE, BOOKED) == "G1, G2: 2 events"


def test_G3_outside_move_that_is_undone_without_a_word_is_seen(db, monkeypatch):
    monkeypatch.setattr(journal, "write_decision", lambda *_, **__: None)
    assert outcome(replace(ALONE, mode=Mode.ONE_WAY), [*BOOKED, "move_first"]) == "G3: an outside move left no trace"


@pytest.mark.parametrize("setting", [ALONE, MIRRORED])
def test_G4_loop_that_writes_each_round_is_seen(db, monkeypatch, setting):
    """What is wanted is never twice the same."""
    before_acting(monkeypatch, lambda run: want_another(run.connection.subject, run.now))
    assert outcome(setting, LATE) == "G4: churn"


def test_G4_ring_that_writes_only_as_another_tool_does_is_seen(db, monkeypatch):
    """A tool writes its copies anew each time that it runs, and each of them leads us to write what it copied."""
    copied, derived = acts.mirror, pull.derive_spans

    def mirror(history: History) -> None:
        copied(history)
        server = history.world.servers["account-2"]
        for event in server.calendars["cal-2"].standing():
            server.touch(server.calendars["cal-2"], event.id)

    def derive_spans(run, calendar, ids):
        if ids and run.connection.subject == "account-2":
            want_another("account-1", run.now)
        return derived(run, calendar, ids)

    monkeypatch.setattr(guarantees, "mirror", mirror)
    assert outcome(MIRRORED, LATE) == ""
    monkeypatch.setattr(pull, "derive_spans", derive_spans)
    assert outcome(MIRRORED, LATE) == "G4: churn"


def test_G5_second_mail_about_the_same_is_seen(db, monkeypatch):
    quiet = History.quiet

    def again(history: History) -> None:
        quiet(history)
        row = OutgoingMessage.objects.filter(kind="appointment_confirmed").first()
        text = unseal(row.content_sealed, row=row.pk, field="outbox.OutgoingMessage.content_sealed")
        row.pk, row.version, row.state = new_id(), row.version + 1, "sent"
        row.content_sealed = seal(text, row=row.pk, field="outbox.OutgoingMessage.content_sealed")
        row.save(force_insert=True)

    monkeypatch.setattr(History, "quiet", again)
    assert outcome(ALONE, BOOKED) == "G5: told the same twice"


def test_G6_worker_that_dies_before_it_noted_what_it_asks_for_is_seen(db, monkeypatch):
    """No intention is stored and no look-up made, so that a lost answer leads to a second event."""
    monkeypatch.setattr(MemoryProvider, "find", lambda *_: None)
    created = MemoryProvider._create

    def forgetful(self, calendar, intent):
        calendar.made.clear()
        return created(self, calendar, intent)

    monkeypatch.setattr(MemoryProvider, "_create", forgetful)

    def lose_answer(history: History) -> None:
        history.world.server.fail("put", Fault.AFTER)

    monkeypatch.setitem(acts.ACTS, "lose_answer", lose_answer)
    assert outcome(replace(ALONE, own_ids=False), ["lose_answer", *BOOKED]).startswith("G1, G2: 2 events")


def test_G7_cancellation_without_evidence_is_seen(db, monkeypatch):
    def cancel(run) -> None:
        for link in Link.objects.filter(status="ok"):
            handler().cancel(link.appointment_id, reason="deleted_outside", source="google", at=run.now, now=run.now)

    before_acting(monkeypatch, cancel)
    assert outcome(ALONE, [*BOOKED, "work"]) == "G7: cancelled without a deletion"


def test_G8_change_that_is_not_read_is_seen(db, monkeypatch):
    monkeypatch.setattr(pull, "derive_spans", lambda *_: False)
    assert outcome(ALONE, ["foreign_event", "work"]) == "G8: what blocks is not what stands there"


def test_G9_calendar_that_is_left_unread_is_seen(db, monkeypatch):
    monkeypatch.setattr(pull, "next_poll_at", lambda run, calendar: run.now + timedelta(hours=10))
    assert outcome(ALONE, [*BOOKED, *["work"] * 8]).startswith("G9")


def test_G10_list_at_every_look_is_seen(db, monkeypatch):
    monkeypatch.setattr(check, "CHECK_EVERY", timedelta(seconds=1))
    assert outcome(ALONE, BOOKED) == "G10: more than a list an hour"


_DELETED = ["book"] * 4 + ["work", "outside_delete_all", *["work"] * 6]


def test_G11_cancelling_all_is_seen(db, monkeypatch):
    monkeypatch.setattr(planning, "over_budget", lambda **_: False)
    assert outcome(ALONE, _DELETED) == "G11: all were cancelled"


def test_G11_cancelling_more_than_the_budget_is_seen(db, monkeypatch):
    """One is kept, so that it is not all of them."""
    monkeypatch.setattr(planning, "over_budget", lambda **_: False)

    def delete_all_but_one(history: History) -> None:
        history.appointments, kept = history.appointments[1:], history.appointments[:1]
        acts.outside_delete_all(history)
        history.appointments += kept

    monkeypatch.setitem(acts.ACTS, "delete_all_but_one", delete_all_but_one)
    names = ["book"] * 12 + ["work", "delete_all_but_one", *["work"] * 6]
    assert outcome(ALONE, names) == "G11: more cancelled than the budget"


def test_G11_freeze_that_nobody_is_told_of_is_seen(db, monkeypatch):
    monkeypatch.setattr(run, "tell_frozen", lambda *_, **__: None)
    assert outcome(ALONE, _DELETED) == "G11: frozen, and nobody was asked"


def test_G11_write_of_a_frozen_connection_is_seen(db, monkeypatch):
    def freeze(history: History) -> None:
        CalendarConnection.objects.update(frozen_at=history.world.now, state=State.FROZEN)

    monkeypatch.setitem(acts.ACTS, "freeze", freeze)
    monkeypatch.setattr(History, "answer_freeze", lambda _: None)
    names = [*BOOKED, "freeze", *LATE]
    assert outcome(ALONE, names) == ""
    monkeypatch.setattr(run.Run, "may_write", True)
    assert outcome(ALONE, names) == "G11: a write although it is frozen"


_THROTTLED = [*BOOKED, "throttle_last", *["work"] * 6]


@pytest.mark.parametrize("setting", [ACCOUNTS, MIRRORED])
def test_G12_throttling_that_reaches_another_account_is_seen(db, monkeypatch, setting):
    throttled = Life.throttled

    def all_of_them(self, until):
        CalendarConnection.objects.update(throttled_until=until)
        return throttled(self, until)

    monkeypatch.setattr(Life, "throttled", all_of_them)
    assert outcome(setting, _THROTTLED) == "G12: waits although its calendars did not say so"


def test_G12_failure_that_another_account_is_blamed_for_is_seen(db, monkeypatch):
    failed = run._failed

    def all_of_them(run, error):
        failed(run, error)
        CalendarConnection.objects.update(failures=1)

    monkeypatch.setattr(run, "_failed", all_of_them)
    assert outcome(ACCOUNTS, _THROTTLED) == "G12: blamed for what another's calendars did"


def test_G12_account_that_is_not_served_while_another_fails_is_seen(db, monkeypatch):
    failed = run._failed

    def put_off(run, error):
        failed(run, error)
        others = RemoteCalendar.objects.exclude(connection=run.connection)
        others.update(next_poll_at=run.now + timedelta(hours=2))
        CalendarConnection.objects.exclude(pk=run.connection.pk).update(due_at=run.now + timedelta(hours=2))

    monkeypatch.setattr(run, "_failed", put_off)
    assert outcome(ACCOUNTS, _THROTTLED).startswith("G9, G12: not read")


def test_G12_asking_before_the_time_that_was_set_is_seen(db, monkeypatch):
    monkeypatch.setattr(Life, "throttled", lambda self, until: self)
    assert outcome(ALONE, ["throttle_last", *["wait_40_seconds"] * 6]) == "G12: pull before the time that was set"


def test_G12_wait_that_died_with_its_worker_is_not_held_against_the_next(db, monkeypatch):
    """A worker is killed with the answer in its hands: nobody knows of it, and whoever asks next is told again."""

    def die_told_to_wait(history: History) -> None:
        for _ in range(2):
            history.world.pass_time(POLL)
            history.run_due()
        acts.ACTS["move_first"](history)
        server = history.world.server
        server.fail("get", Fault.THROTTLED)
        step = 1
        while server._faults["get"]:
            history.world.pass_time(POLL)
            history.kill(step, history.connections()[0])
            step += 1

    monkeypatch.setitem(acts.ACTS, "die_told_to_wait", die_told_to_wait)
    names = [*BOOKED, "die_told_to_wait", "wait_40_seconds"]
    assert outcome(ALONE, names) == ""
    monkeypatch.setattr(Watch, "forget_unstored", lambda *_: None)
    assert outcome(ALONE, names) == "G12: get before the time that was set"


def test_G13_write_to_a_foreign_event_is_seen(db, monkeypatch):
    def tidy(run) -> None:
        for calendar_id in ("cal-1", "cal-2"):
            for foreign in run.provider._server.calendars[calendar_id].standing():
                if not foreign.op_key:
                    run.provider.remove(calendar_id, Guard(foreign.id, foreign.tag))

    before_acting(monkeypatch, tidy)
    assert outcome(ALONE, ["foreign_event", "work"]) == "G13: an event that we did not make"


def test_G14_name_in_the_log_is_seen(new_world):  # noqa: F811
    world: World = new_world()
    world.book(at(4, 12))
    record = logging.LogRecord("kalends", logging.INFO, "", 0, "booked by %s", ("Customer 1",), None)
    HideSecrets().filter(record)
    line = json.loads(Lines().format(record))
    assert [word for word in secrets_of_the_rows() if word in line["event"]] == ["Customer 1"]


def test_G15_cancellation_that_nobody_can_explain_is_seen(db, monkeypatch):
    monkeypatch.setattr(apply, "_journal", lambda *_, **__: None)
    assert outcome(ALONE, [*BOOKED, "outside_delete", *["work"] * 3]) == "G15: a cancellation unexplained"


def test_G15_move_that_nobody_can_explain_is_seen(db, monkeypatch):
    def unsaid(run, planned, link, *signal, action="") -> None:
        if not action.startswith("move_"):
            written(run, planned, link, *signal, action=action)

    written = apply._journal
    monkeypatch.setattr(apply, "_journal", unsaid)
    assert outcome(ALONE, [*BOOKED, "move_first", *["work"] * 3]) == "G15: a move unexplained"
