"""What people do in their own calendar program becomes changes of appointments, by the company's rules."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from kalends.calendars.models import Journal, StaffQuestion
from kalends.calendars.services import answer_question
from kalends.core.span import Span
from kalends.sync.link import Mode
from kalends.sync.port import BusyState
from tests.calendars.world import GRACE, HALF_HOUR, POLL, World, at


def outside_move(world: World, appointment, start) -> None:
    world.server.move(world.main, world.event(appointment).id, Span(start, start + HALF_HOUR))


def see_and_wait(world: World) -> None:
    """One poll that sees the change, and a run after the grace time."""
    world.pass_time(POLL)
    world.run()
    world.pass_time(GRACE)
    world.run()


# -- moves --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["accept", "accept_and_flag", "put_back"])
def test_F31_move_to_free_time_moves_the_appointment_under_every_rule(new_world, rule):
    world = new_world(on_outside_move=rule)
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 14))
    see_and_wait(world)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 14)
    assert appointment.flag == ""
    assert world.mails("appointment_moved") == 1
    assert world.link(appointment).status == "ok"


@pytest.mark.parametrize(
    ("rule", "start", "flag"),
    [
        ("accept", at(3, 20), ""),
        ("accept_and_flag", at(3, 20), "outside_hours"),
        ("put_back", at(3, 10), ""),
    ],
)
def test_F31_move_outside_hours_follows_the_rule(new_world, rule, start, flag):
    world = new_world(on_outside_move=rule)
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 20))
    see_and_wait(world)
    appointment.refresh_from_db()
    assert (appointment.start, appointment.flag) == (start, flag)
    assert world.span_of(world.event(appointment)).start == start
    assert world.link(appointment).status == "ok"


@pytest.mark.parametrize("rule", ["accept", "accept_and_flag", "put_back"])
def test_F31_move_onto_another_appointment_is_always_put_back_and_staff_told(new_world, rule):
    world = new_world(on_outside_move=rule)
    first, second = world.book_synced(at(3, 10)), world.book_synced(at(3, 11))
    outside_move(world, first, at(3, 11))
    see_and_wait(world)
    first.refresh_from_db()
    assert first.start == at(3, 10)
    assert world.span_of(world.event(first)).start == at(3, 10)
    assert world.span_of(world.event(second)).start == at(3, 11)
    assert world.mails("move_put_back") == 1
    assert world.mails("appointment_moved") == 0


def test_move_waits_for_its_grace_time(world: World):
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 14))
    world.pass_time(POLL)
    world.run()
    appointment.refresh_from_db()
    assert appointment.start == at(3, 10)
    assert world.link(appointment).pending_start == at(3, 14)


def test_move_there_and_back_within_grace_tells_nobody(world: World):
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 14))
    world.pass_time(POLL)
    world.run()
    outside_move(world, appointment, at(3, 10))
    world.settle(4)
    appointment.refresh_from_db()
    assert (appointment.start, appointment.version) == (at(3, 10), 1)
    assert world.mails("appointment_moved") == 0
    assert world.link(appointment).pending is None


def test_drag_again_within_grace_is_one_change(world: World):
    appointment = world.book_synced(at(3, 10))
    for hour in (13, 14, 15):
        outside_move(world, appointment, at(3, hour))
        world.pass_time(GRACE / 2)
        world.connection().calendars.update(next_poll_at=None)
        world.run()
    world.settle(4)
    appointment.refresh_from_db()
    assert (appointment.start, appointment.version) == (at(3, 15), 2)
    assert world.mails("appointment_moved") == 1


def test_swap_of_two_appointments_works_as_one_set(world: World):
    first, second = world.book_synced(at(3, 10)), world.book_synced(at(3, 11))
    outside_move(world, first, at(3, 11))
    world.pass_time(POLL)
    world.run()
    outside_move(world, second, at(3, 10))
    world.settle(6)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.start, second.start) == (at(3, 11), at(3, 10))
    assert world.mails("move_put_back") == 0


@pytest.mark.parametrize("change", ["all_day", "recurring", "past"])
def test_odd_changes_are_put_back_and_noted(world: World, change):
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    if change == "all_day":
        world.server.make_all_day(world.main, event.id, date(2026, 3, 4))
    elif change == "recurring":
        world.server.make_recurring(world.main, event.id, "RRULE:FREQ=WEEKLY")
    else:
        past = world.now - timedelta(days=1)
        world.server.move(world.main, event.id, Span(past, past + HALF_HOUR))
    world.settle(4)
    appointment.refresh_from_db()
    event = world.event(appointment)
    assert (appointment.start, appointment.version) == (at(3, 10), 1)
    assert world.span_of(event).start == at(3, 10)
    assert event.recurrence == ()
    assert any(rule.endswith("_put_back") for rule in world.rules(appointment))


def test_title_is_put_back_and_reminders_stay_untouched(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.retitle(world.main, world.event(appointment).id, "My own words")
    world.settle(2)
    event = world.event(appointment)
    assert event.content is not None
    assert event.content.title == "Consultation – Customer 1"
    world.server.touch(world.main, event.id)
    world.forget_requests()
    world.settle(2)
    assert world.count("put", "remove") == 0


def test_set_free_stays_and_is_journaled_once(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.set_busy(world.main, world.event(appointment).id, BusyState.FREE)
    world.forget_requests()
    world.settle(3)
    assert world.event(appointment).busy is BusyState.FREE
    assert world.count("put") == 0
    assert world.rules(appointment).count("set_free_stays") == 1


def test_one_way_connection_writes_ours_back(new_world):
    world = new_world(Mode.ONE_WAY)
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 14))
    world.settle(2)
    appointment.refresh_from_db()
    assert (appointment.start, appointment.version) == (at(3, 10), 1)
    assert world.span_of(world.event(appointment)).start == at(3, 10)
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(2)
    assert world.span_of(world.event(appointment)).start == at(3, 10)
    assert world.mails("appointment_cancelled") == 0


def test_marker_dropped_by_another_program_is_written_again(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.drop_marker(world.main, world.event(appointment).id)
    world.settle(2)
    assert world.event(appointment).content is not None


# -- deletions ----------------------------------------------------------------------------------------------------


def test_F31_deletion_with_rule_cancel_cancels_and_mails_once(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "cancelled"
    assert world.mails("appointment_cancelled") == 1
    assert world.events(appointment) == []


def test_F31_deletion_with_rule_put_back_writes_it_again(new_world):
    world = new_world(on_outside_delete="put_back")
    appointment = world.book_synced(at(3, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.span_of(world.event(appointment)).start == at(3, 10)
    assert world.link(appointment).generation == 2


def ask(world: World) -> tuple:
    appointment = world.book_synced(at(5, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)
    return appointment, StaffQuestion.objects.get()


def answer(world: World, question: StaffQuestion, word: str) -> None:
    StaffQuestion.objects.filter(pk=question.pk).update(token_digest=DIGEST_OF_T)
    answer_question(token="t", answer=word, now=world.now)


DIGEST_OF_T = "e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8"


def test_F31_deletion_with_rule_ask_asks_once_and_waits(world: World):
    appointment, question = ask(world)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert StaffQuestion.objects.count() == 1
    assert question.deadline - question.asked_at == timedelta(hours=24)
    assert world.mails("staff_question") == 1


def test_F16_deleted_event_stays_away_while_the_question_is_open(world: World):
    appointment, _ = ask(world)
    for _ in range(10):
        world.settle(1)
        assert world.events(appointment) == []


def test_F31_answer_cancel_cancels(world: World):
    appointment, question = ask(world)
    answer(world, question, "cancel")
    world.run()
    appointment.refresh_from_db()
    assert appointment.status == "cancelled"
    question.refresh_from_db()
    assert question.closed_at == world.now


def test_F31_answer_keep_puts_the_event_back(world: World):
    appointment, question = ask(world)
    answer(world, question, "keep")
    world.run()
    assert world.span_of(world.event(appointment)).start == at(5, 10)


def test_F31_unanswered_question_lets_the_appointment_stand(world: World):
    appointment, question = ask(world)
    world.pass_time(timedelta(hours=24))
    world.settle(2)
    appointment.refresh_from_db()
    question.refresh_from_db()
    assert appointment.status == "confirmed"
    assert len(world.events(appointment)) == 1
    assert question.closed_at is not None


def test_deletion_that_was_undone_within_grace_changes_nothing(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    event = world.event(appointment)
    world.server.delete(world.main, event.id)
    world.pass_time(POLL)
    world.run()
    world.server.store(world.main, event)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.link(appointment).pending is None


def test_deleting_a_past_event_is_left_alone(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.pass_time(timedelta(days=2))
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.events(appointment) == []
    assert world.mails("appointment_cancelled") == 0


def test_event_moved_to_another_calendar_is_followed(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.server.transfer(world.main, world.event(appointment).id, world.extra)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.link(appointment).calendar.remote_id == "cal-2"
    world.reschedule(appointment, at(3, 15))
    world.run()
    assert world.span_of(world.event(appointment, world.extra)).start == at(3, 15)
    assert world.events(appointment, world.main) == []


def test_event_moved_to_another_calendar_and_time_is_not_busy_with_itself(new_world):
    """It was read there before the link had followed, when it was foreign; its link follows while the move is in grace."""
    world = new_world(on_outside_move="accept")
    appointment = world.book_synced(at(3, 10))
    world.server.transfer(world.main, world.event(appointment).id, world.extra)
    world.server.move(world.extra, world.event(appointment).id, Span(at(3, 14), at(3, 14, 30)))
    world.settle(4)
    appointment.refresh_from_db()
    assert (appointment.start, world.link(appointment).calendar.remote_id) == (at(3, 14), "cal-2")
    assert world.busy() == []


def test_event_is_followed_to_a_calendar_that_had_received_before(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    connection = world.connection()
    work, private = connection.calendars.all()
    for receiving in (private, work):
        world.choose(connection, receiving, [work, private])
        world.settle(1)
    world.server.transfer(world.main, world.event(appointment).id, world.extra)
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.link(appointment).calendar.remote_id == "cal-2"
    assert len(world.events(appointment)) == 1


# -- both sides ---------------------------------------------------------------------------------------------------


def test_later_outside_move_wins_over_ours_and_the_customer_gets_one_more_mail(world: World):
    appointment = world.book_synced(at(3, 10))
    world.reschedule(appointment, at(3, 11))
    world.pass_time(timedelta(seconds=5))
    outside_move(world, appointment, at(3, 14))
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 14)
    assert world.span_of(world.event(appointment)).start == at(3, 14)


def test_later_move_here_wins_and_the_loser_stands_in_the_journal(world: World):
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 14))
    world.pass_time(timedelta(seconds=5))
    world.reschedule(appointment, at(3, 11))
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 11)
    assert world.span_of(world.event(appointment)).start == at(3, 11)
    line = Journal.objects.get(appointment_id=appointment.pk, rule="conflict_ours_wins")
    assert line.before["start"] == at(3, 14).isoformat()


def test_without_a_provider_time_ours_wins(world: World):
    world.server.gives_updated = False
    appointment = world.book_synced(at(3, 10))
    world.reschedule(appointment, at(3, 11))
    world.pass_time(timedelta(seconds=5))
    outside_move(world, appointment, at(3, 14))
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 11)


def test_both_moved_to_the_same_time_is_adopted_without_a_write(world: World):
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 11))
    world.reschedule(appointment, at(3, 11))
    world.forget_requests()
    world.settle(3)
    assert world.count("put") == 0
    assert world.link(appointment).status == "ok"


def test_F39_our_move_and_their_title_do_not_undo_each_other(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.retitle(world.main, world.event(appointment).id, "Theirs")
    world.reschedule(appointment, at(3, 11))
    world.settle(2)
    event = world.event(appointment)
    assert event.content is not None
    assert (world.span_of(event).start, event.content.title) == (at(3, 11), "Consultation – Customer 1")


def test_cancelled_here_and_moved_there_is_removed(world: World):
    appointment = world.book_synced(at(3, 10))
    outside_move(world, appointment, at(3, 14))
    world.cancel(appointment)
    world.settle(3)
    assert world.events(appointment) == []


def test_moved_here_and_deleted_there_is_written_again(new_world):
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(3, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.reschedule(appointment, at(3, 11))
    world.settle(4)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert world.span_of(world.event(appointment)).start == at(3, 11)
    assert "conflict_deletion_loses" in world.rules(appointment)
