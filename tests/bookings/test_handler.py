"""What outside calendars may do to appointments: the port's half that this room answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from kalends.bookings.history import entry_text
from kalends.bookings.models import Appointment, Attendee, HistoryEntry, Hold
from kalends.bookings.services import cancel_appointment, hold_slot, move_appointment
from kalends.calendars.handlers import MoveOutcome, MoveResult, OutsideMove, handler
from kalends.companies.models import TimeOff
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import send_due
from tests.bookings.support import MANAGER, Salon, at, claims_of, mails, make_salon, person
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=10)


def outside_move(booked, start: datetime, *, minutes: int = 30, at_: datetime = LATER) -> OutsideMove:
    return OutsideMove(
        appointment_id=booked.appointment.pk,
        staff_id=booked.appointment.staff.first().pk,
        start=start,
        end=start + timedelta(minutes=minutes),
        at=at_,
        link_id=uuid4(),
        source="google",
    )


def apply(*moves: OutsideMove, rule: str = "accept_and_flag", now: datetime = LATER) -> list[MoveResult]:
    with transaction.atomic():
        handler().lock_staff([move.staff_id for move in moves])
        return handler().move_set(moves, rule=rule, now=now)


def outcomes(results: list[MoveResult]) -> list[MoveOutcome]:
    return [result.outcome for result in results]


@pytest.fixture
def salon() -> Salon:
    return make_salon()


def test_V2_move_to_free_time_moves_the_appointment_and_mails_once(salon):
    booked = salon.book(at(3, 10))
    send_due(now=NOW)
    assert apply(outside_move(booked, at(3, 14))) == [MoveResult(MoveOutcome.ACCEPTED, "", 2)]
    appointment = Appointment.objects.get()
    assert (appointment.start, appointment.end, appointment.version) == (at(3, 14), at(3, 14, 30), 2)
    assert (appointment.time_set_at, appointment.time_set_by, appointment.flag) == (LATER, "outside", "")
    assert claims_of(salon.staff[0]) == [(at(3, 14), at(3, 14, 30))]
    assert [(mail.kind, mail.recipient) for mail in mails() if mail.state == "queued"] == [
        ("appointment_moved", "ada@example.org")
    ]
    assert Attendee.objects.get().sequence == 1
    assert entry_text(HistoryEntry.objects.last()) == "Moved in Google Calendar by Emma Morris"


@pytest.mark.parametrize("rule", ["accept", "accept_and_flag", "put_back"])
@pytest.mark.parametrize(("start", "flag"), [(at(3, 18), "outside_hours"), (at(4, 10), "busy"), (at(3, 11), "")])
def test_V3_rule_decides_about_unusual_times(salon, rule, start, flag):
    TimeOff.objects.create(staff=salon.staff[0], start=at(4, 9), end=at(4, 12))
    booked = salon.book(at(3, 10))
    expected = {
        "accept": (MoveOutcome.ACCEPTED, "", start),
        "accept_and_flag": (MoveOutcome.FLAGGED, flag, start),
        "put_back": (MoveOutcome.PUT_BACK_RULE, "", at(3, 10)),
    }[rule]
    if not flag:
        expected = (MoveOutcome.ACCEPTED, "", start)
    (result,) = apply(outside_move(booked, start), rule=rule)
    appointment = Appointment.objects.get()
    assert (result.outcome, appointment.flag, appointment.start) == expected
    assert claims_of(salon.staff[0]) == [(appointment.start, appointment.end)]


@pytest.mark.parametrize("rule", ["accept", "accept_and_flag", "put_back"])
def test_V3_move_onto_another_appointment_is_always_put_back_and_staff_are_told(salon, rule):
    salon.book(at(3, 11), person(2))
    booked = salon.book(at(3, 10))
    send_due(now=NOW)
    assert outcomes(apply(outside_move(booked, at(3, 10, 45)), rule=rule)) == [MoveOutcome.PUT_BACK_OVERLAP]
    booked.appointment.refresh_from_db()
    assert (booked.appointment.start, booked.appointment.version) == (at(3, 10), 1)
    assert [(mail.kind, mail.recipient) for mail in mails() if mail.state == "queued"] == [
        ("move_put_back", "emma@lakeside.example")
    ]
    assert HistoryEntry.objects.last().kind == "move_put_back"


def test_second_put_back_of_one_appointment_is_told_as_well(salon):
    salon.book(at(3, 11), person(2))
    booked = salon.book(at(3, 10))
    for _ in range(2):
        apply(outside_move(booked, at(3, 11)))
    assert len(mails("move_put_back")) == 2


def test_move_into_the_past_is_put_back(salon):
    booked = salon.book(at(3, 10))
    results = apply(outside_move(booked, LATER - timedelta(minutes=5)), rule="accept")
    assert outcomes(results) == [MoveOutcome.PUT_BACK_PAST]


def test_longer_event_is_a_move_as_well(salon):
    booked = salon.book(at(3, 10))
    assert outcomes(apply(outside_move(booked, at(3, 10), minutes=90))) == [MoveOutcome.ACCEPTED]
    assert claims_of(salon.staff[0]) == [(at(3, 10), at(3, 11, 30))]


def test_two_appointments_trade_places_as_one_set(salon):
    first, second = salon.book(at(3, 10)), salon.book(at(3, 11), person(2))
    results = apply(outside_move(first, at(3, 11)), outside_move(second, at(3, 10)))
    assert outcomes(results) == [MoveOutcome.ACCEPTED] * 2
    assert list(Appointment.objects.order_by("start").values_list("pk", flat=True)) == [
        second.appointment.pk,
        first.appointment.pk,
    ]


def test_of_two_moves_onto_one_place_the_earlier_act_stands(salon):
    first, second = salon.book(at(3, 10)), salon.book(at(3, 11), person(2))
    results = apply(
        outside_move(first, at(3, 14), at_=LATER + timedelta(seconds=5)), outside_move(second, at(3, 14)), now=LATER
    )
    assert outcomes(results) == [MoveOutcome.PUT_BACK_OVERLAP, MoveOutcome.ACCEPTED]


def test_one_that_is_put_back_keeps_its_place_against_the_rest_of_the_set(salon):
    blocker, first, second = salon.book(at(3, 9)), salon.book(at(3, 10), person(2)), salon.book(at(3, 11), person(3))
    results = apply(outside_move(first, at(3, 9)), outside_move(second, at(3, 10)))
    assert outcomes(results) == [MoveOutcome.PUT_BACK_OVERLAP, MoveOutcome.PUT_BACK_OVERLAP]
    assert claims_of(salon.staff[0]) == [(at(3, hour), at(3, hour, 30)) for hour in (9, 10, 11)]
    assert blocker.appointment.version == 1


def test_one_put_back_by_rule_keeps_its_place_against_the_rest_of_the_set(salon):
    first, second = salon.book(at(3, 10)), salon.book(at(3, 11), person(2))
    results = apply(outside_move(first, at(3, 20)), outside_move(second, at(3, 10)), rule="put_back")
    assert outcomes(results) == [MoveOutcome.PUT_BACK_RULE, MoveOutcome.PUT_BACK_OVERLAP]


def test_V7_later_change_here_wins_over_an_earlier_move_outside(salon):
    booked = salon.book(at(3, 10))
    move_appointment(
        appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 12), by=MANAGER, now=LATER
    )
    results = apply(outside_move(booked, at(3, 14), at_=LATER - timedelta(minutes=1)))
    assert outcomes(results) == [MoveOutcome.STALE]
    assert Appointment.objects.get().start == at(3, 12)
    assert HistoryEntry.objects.last().kind == "move_stale"


def test_move_of_a_cancelled_or_unknown_appointment_is_stale(salon):
    booked = salon.book(at(3, 10))
    cancel_appointment(appointment_id=booked.appointment.pk, company=salon.company, by=MANAGER, now=NOW)
    gone = OutsideMove(uuid4(), salon.staff[0].pk, at(3, 14), at(3, 15), LATER, uuid4())
    assert outcomes(apply(outside_move(booked, at(3, 14)), gone)) == [MoveOutcome.STALE] * 2


def test_move_to_where_it_is_changes_nothing(salon):
    booked = salon.book(at(3, 10))
    assert apply(outside_move(booked, at(3, 10))) == [MoveResult(MoveOutcome.ACCEPTED, "", 1)]
    assert HistoryEntry.objects.count() == 1


def test_staff_act_takes_the_time_of_a_hold(salon):
    booked = salon.book(at(3, 10))
    hold_slot(company=salon.company, service=salon.service, start=at(3, 14), now=NOW)
    assert outcomes(apply(outside_move(booked, at(3, 14)))) == [MoveOutcome.ACCEPTED]
    assert Hold.objects.count() == 0


def test_V5_cancel_tells_the_customer_and_frees_the_time(salon):
    booked = salon.book(at(3, 10))
    send_due(now=NOW)
    with transaction.atomic():
        handler().lock_staff([salon.staff[0].pk])
        assert handler().cancel(booked.appointment.pk, reason="", source="google", at=LATER, now=LATER) is True
        assert handler().cancel(booked.appointment.pk, reason="", source="google", at=LATER, now=LATER) is False
    assert claims_of(salon.staff[0]) == []
    assert len(mails("appointment_cancelled")) == 1
    assert (
        entry_text(HistoryEntry.objects.last()) == "Cancelled because it was deleted in Google Calendar by Emma Morris"
    )


def test_summary_and_wanted_show_what_stands(salon):
    booked = salon.book(at(3, 10))
    past = salon.book(at(2, 9, 30), person(2))
    summary = handler().summary(booked.appointment.pk)
    assert (summary.title, summary.start, summary.status) == ("Consultation – Ada Lovelace", at(3, 10), "confirmed")
    assert handler().summary(uuid4()) is None
    wanted = list(handler().wanted_for_staff(salon.staff[0].pk, at(2, 10)))
    assert [(row.appointment_id, row.version, row.time_set_at) for row in wanted] == [(booked.appointment.pk, 1, NOW)]
    assert past.appointment.pk not in {row.appointment_id for row in wanted}


def test_note_is_a_line_of_the_history(salon):
    booked = salon.book(at(3, 10))
    handler().note(booked.appointment.pk, text_key="delete_put_back", detail={"source": "caldav"}, now=LATER)
    assert entry_text(HistoryEntry.objects.last()) == "Deleted in CalDAV and put back"


def test_F76_staff_event_names_no_attendee_beyond_its_notes(salon):
    booked = salon.book(at(3, 10), notes="First visit")
    (wanted,) = handler().wanted_for_staff(salon.staff[0].pk, NOW)
    assert wanted.content.title == "Consultation – Ada Lovelace"
    assert wanted.content.notes.splitlines() == [
        "Customer: Ada Lovelace",
        "Phone: +33 1 23 45 67 89",
        "E-mail: ada@example.org",
        "Notes: First visit",
        f"Change or cancel: http://127.0.0.1:8000/dashboard/appointments/{booked.appointment.pk}",
    ]
    assert OutgoingMessage.objects.exclude(recipient__in=["ada@example.org", "emma@lakeside.example"]).count() == 0
