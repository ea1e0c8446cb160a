"""What people do about trouble, and what they are mailed about it, in virtual time with the real engine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kalends.bookings.history import entry_text
from kalends.bookings.models import HistoryEntry
from kalends.bookings.selectors import history_of
from kalends.bookings.services import book_again, undo_outside_move
from kalends.bookings.values import SlotTaken
from kalends.calendars.models import Invitation, Journal, LinkStatus, StaffQuestion
from kalends.calendars.services import answer_for_staff, answer_question, remind_of_connections, try_link_again
from kalends.companies.models import AuditEntry
from kalends.core.errors import Conflict, InvalidInput, NotFound
from kalends.core.ids import token_digest
from kalends.core.span import Span
from kalends.messages.models import OutgoingMessage
from kalends.sync.connection import State
from tests.bookings.support import MANAGER
from tests.calendars.world import HALF_HOUR, POLL, World, at
from tests.factories import make_company

DAY = timedelta(days=1)
KIND = "connection_needs_attention"


def lose(world: World) -> None:
    """The calendar is gone, and sync has noticed."""
    world.main.there = False
    world.pass_time(POLL)
    world.run()
    assert world.connection().state == State.NEEDS_ATTENTION


def remind(world: World, days: int) -> list[int]:
    """How many mails there were after each of so many days."""
    sent = []
    for _ in range(days):
        world.pass_time(DAY)
        world.deliver()
        remind_of_connections(now=world.now)
        sent.append(world.mails(KIND))
    return sent


def test_F69_nothing_is_mailed_any_more_once_it_is_mended(world: World):
    lose(world)
    assert remind(world, 1) == [2]
    world.main.there = True
    work, private = world.connection().calendars.all()
    world.choose(world.connection(), work, [work, private])
    world.run()
    assert world.connection().state == State.ACTIVE
    assert remind(world, 10) == [2] * 10


def test_F69_another_lack_is_told_from_the_first_day_on(world: World):
    lose(world)
    world.main.there = True
    work, private = world.connection().calendars.all()
    world.choose(world.connection(), work, [work, private])
    world.run()
    world.deliver()
    lose(world)
    assert world.mails(KIND) == 2
    assert remind(world, 8) == [3, 3, 4, 4, 4, 4, 5, 5]


def test_F69_mail_goes_to_the_staff_member_with_a_link_that_mends_it(world: World):
    lose(world)
    mail = OutgoingMessage.objects.get(kind=KIND)
    assert (mail.recipient, mail.subject_id) == (world.staff.email, world.connection().pk)
    assert Invitation.objects.get(staff=world.staff, created_by="kalends").expires_at == world.now + timedelta(days=14)


# -- undoing ----------------------------------------------------------------------------------------------------------


def outside_move(world: World, hour: int):
    """Booked for 10:00, moved in the calendar on the same day, and accepted."""
    appointment = world.book_synced(at(3, 10))
    start = at(3, hour)
    world.server.move(world.main, world.event(appointment).id, Span(start, start + HALF_HOUR))
    world.settle(3)
    appointment.refresh_from_db()
    assert appointment.start == start
    return appointment


def undo(world: World, appointment, version: int | None = None):
    return undo_outside_move(
        appointment_id=appointment.pk,
        company=world.salon.company,
        by=MANAGER,
        expected_version=version or appointment.version,
        now=world.now,
    )


def test_outside_move_goes_back_with_event_and_customer(world: World):
    appointment = outside_move(world, 20)
    assert appointment.flag == "outside_hours"
    world.deliver()
    undo(world, appointment)
    world.settle(2)
    appointment.refresh_from_db()
    assert (appointment.start, appointment.end, appointment.flag) == (at(3, 10), at(3, 10, 30), "")
    assert world.span_of(world.event(appointment)) == appointment.span
    assert world.mails_of(appointment, "appointment_moved") == 2
    assert [entry.kind for entry in history_of(appointment)] == ["created", "moved_outside", "move_flagged", "moved"]


def test_stretched_event_gets_its_length_back(world: World):
    appointment = world.book_synced(at(3, 10))
    world.server.move(world.main, world.event(appointment).id, Span(at(3, 10), at(3, 12)))
    world.settle(3)
    appointment.refresh_from_db()
    assert appointment.end == at(3, 12)
    undo(world, appointment)
    appointment.refresh_from_db()
    assert appointment.span == Span(at(3, 10), at(3, 10, 30))


def test_undo_before_the_mail_left_tells_nobody(world: World):
    appointment = outside_move(world, 14)
    undo(world, appointment)
    assert world.mails_of(appointment, "appointment_moved") == 0


def test_undo_of_an_older_version_or_twice_is_refused(world: World):
    appointment = outside_move(world, 14)
    with pytest.raises(Conflict) as stale:
        undo(world, appointment, version=1)
    undone = undo(world, appointment)
    with pytest.raises(Conflict) as twice:
        undo(world, undone)
    assert [stale.value.code, twice.value.code] == ["version_changed", "nothing_to_undo"]


def test_undo_onto_time_that_was_taken_meanwhile_is_refused(world: World):
    appointment = outside_move(world, 14)
    world.book(at(3, 10))
    with pytest.raises(SlotTaken):
        undo(world, appointment)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 14)


def deleted(new_world) -> tuple:
    world = new_world(on_outside_delete="cancel")
    appointment = world.book_synced(at(5, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)
    world.deliver()
    appointment.refresh_from_db()
    assert appointment.status == "cancelled"
    return world, appointment


def again(world: World, appointment):
    return book_again(
        appointment_id=appointment.pk,
        company=world.salon.company,
        by=MANAGER,
        expected_version=appointment.version,
        now=world.now,
    )


def test_cancelled_by_deletion_is_booked_again_once(new_world):
    world, appointment = deleted(new_world)
    booked = again(world, appointment)
    assert (booked.span, booked.status) == (appointment.span, "confirmed")
    assert booked.attendees.get().email == appointment.attendees.get().email
    world.settle(2)
    assert len(world.events(booked)) == 1
    assert world.mails_of(booked, "appointment_confirmed") == 1
    with pytest.raises(Conflict) as twice:
        again(world, appointment)
    assert twice.value.code == "nothing_to_undo"


def test_booking_again_after_a_crash_finds_what_was_made(new_world):
    world, appointment = deleted(new_world)
    first = again(world, appointment)
    HistoryEntry.objects.filter(kind="booked_again").delete()
    assert again(world, appointment) == first


def test_taken_time_is_not_booked_again(new_world):
    world, appointment = deleted(new_world)
    world.book(at(5, 10))
    with pytest.raises(SlotTaken):
        again(world, appointment)


def test_what_was_cancelled_here_is_not_booked_again(world: World):
    appointment = world.book_synced(at(5, 10))
    world.cancel(appointment)
    appointment.refresh_from_db()
    with pytest.raises(Conflict):
        again(world, appointment)


# -- questions --------------------------------------------------------------------------------------------------------


def ask(world: World) -> tuple:
    appointment = world.book_synced(at(5, 10))
    world.server.delete(world.main, world.event(appointment).id)
    world.settle(3)
    StaffQuestion.objects.update(token_digest=token_digest("t"))
    return appointment, StaffQuestion.objects.get()


@pytest.mark.parametrize(("meant", "status", "events"), [("keep", "confirmed", 1), ("cancel", "cancelled", 0)])
def test_manager_answers_in_the_staff_members_place(world: World, meant: str, status: str, events: int):
    appointment, question = ask(world)
    answer_for_staff(
        company=world.salon.company, question_id=question.pk, answer=meant, by="olivia@example.org", now=world.now
    )
    world.settle(2)
    appointment.refresh_from_db()
    assert (appointment.status, len(world.events(appointment))) == (status, events)
    assert AuditEntry.objects.get(action=f"question_{meant}").actor == "olivia@example.org"


def test_manager_of_another_company_answers_nothing(world: World):
    _appointment, question = ask(world)
    with pytest.raises(NotFound):
        answer_for_staff(company=make_company("other"), question_id=question.pk, answer="keep", by="x", now=world.now)
    with pytest.raises(InvalidInput):
        answer_for_staff(company=world.salon.company, question_id=question.pk, answer="both", by="x", now=world.now)
    question.refresh_from_db()
    assert question.answer == ""


def test_F31_answer_after_the_deadline_counts_no_more(world: World):
    appointment, question = ask(world)
    world.now = question.deadline
    with pytest.raises(NotFound):
        answer_question(token="t", answer="cancel", now=world.now)
    world.settle(2)
    appointment.refresh_from_db()
    assert (appointment.status, len(world.events(appointment))) == ("confirmed", 1)


# -- refused and diverged ---------------------------------------------------------------------------------------------


def test_diverged_event_is_put_back_at_once_when_a_person_says_so(world: World):
    appointment = world.book_synced(at(3, 10))
    for number in range(12):
        world.server.retitle(world.main, world.event(appointment).id, f"Mine {number}")
        world.settle(1)
    link = world.link(appointment)
    assert link.status == LinkStatus.DIVERGED
    try_link_again(company=world.salon.company, link_id=link.pk, by="olivia@example.org", now=world.now)
    world.run()
    assert world.link(appointment).status == LinkStatus.OK
    assert world.event(appointment).content.title == "Consultation – Customer 1"
    assert Journal.objects.get(rule="tried_again_by_person").signal == "person"


def test_event_in_no_trouble_or_of_another_company_is_not_tried_again(world: World):
    link = world.link(world.book_synced(at(3, 10)))
    for company in (world.salon.company, make_company("other")):
        with pytest.raises(NotFound):
            try_link_again(company=company, link_id=link.pk, by="x", now=world.now)
    assert not Journal.objects.filter(rule="tried_again_by_person").exists()


def test_history_names_the_calendar_of_microsoft_too():
    entry = HistoryEntry(kind="delete_put_back", by_kind="system", detail={"source": "office365"})
    assert entry_text(entry) == "Deleted in Microsoft 365 and put back"
