"""Several people at the same moment, on a real database: the Q cases of the scheduling design."""

from __future__ import annotations

import itertools
from collections import Counter
from functools import partial

import pytest

from kalends.bookings.models import Appointment, Attendee, Claim
from kalends.bookings.services import cancel_appointment, hold_slot, move_appointment
from kalends.bookings.values import Booked, SlotTaken
from tests.bookings.support import CUSTOMER, MANAGER, at, claims_of, mails, make_salon, person
from tests.factories import NOW, make_service

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(results) -> Counter:
    return Counter(type(result) for result in results)


def assert_nothing_overlaps() -> None:
    for staff_id in set(Claim.objects.values_list("staff_id", flat=True)):
        spans = list(Claim.objects.filter(staff_id=staff_id).order_by("start").values_list("start", "end"))
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_Q1_ten_at_once_for_one_start_make_one_appointment_and_one_mail(race):
    salon = make_salon()
    for hour in (10, 11, 14):
        results = race(*[partial(salon.book, at(3, hour), person(number)) for number in range(10)])
        assert kinds(results) == {Booked: 1, SlotTaken: 9}
        assert Appointment.objects.filter(start=at(3, hour)).count() == 1
    assert len(mails("appointment_confirmed")) == 3


def test_Q2_two_services_of_one_member_do_not_overlap(race):
    salon = make_salon(duration=60)
    short = make_service(salon.company, "Quick one", staff=salon.staff, duration=30)
    for day in (3, 4, 5):
        results = race(partial(salon.book, at(day, 9)), partial(salon.book, at(day, 9, 30), person(2), service=short))
        assert kinds(results) == {Booked: 1, SlotTaken: 1}
    assert_nothing_overlaps()


def test_Q3_twenty_at_once_for_five_places_share_one_appointment(race):
    salon = make_salon(capacity=5)
    results = race(*[partial(salon.book, at(3, 10), person(number)) for number in range(20)])
    assert kinds(results) == {Booked: 5, SlotTaken: 15}
    assert Appointment.objects.count() == 1
    assert Attendee.objects.count() == 5
    assert Claim.objects.get().seats == 5


def test_Q7_moving_into_a_place_that_is_being_left_loses_nothing(race):
    salon = make_salon()
    for day in (3, 4, 5):
        first, second = salon.book(at(day, 10)), salon.book(at(day, 11), person(2))
        move = partial(move_appointment, company=salon.company, by=MANAGER, now=NOW)
        results = race(
            partial(move, appointment_id=first.appointment.pk, start=at(day, 11)),
            partial(move, appointment_id=second.appointment.pk, start=at(day, 12)),
        )
        assert type(results[1]) is Appointment
        assert type(results[0]) in (Appointment, SlotTaken)
    assert_nothing_overlaps()
    assert Appointment.objects.filter(status="confirmed").count() == 6
    assert Claim.objects.count() == 6


def test_Q8_two_any_staff_bookings_get_different_members(race):
    salon = make_salon(members=2)
    for hour in (10, 11, 14):
        results = race(*[partial(salon.book, at(3, hour), person(number)) for number in range(2)])
        assert kinds(results) == {Booked: 2}
        assert len({result.appointment.staff.get().pk for result in results}) == 2


def test_Q10_teams_named_in_either_order_do_not_block_each_other(race):
    salon = make_salon(members=2)
    for day in (3, 4):
        results = race(
            *[
                partial(salon.book, at(day, 10), person(number), team=salon.staff[:: 1 if number % 2 else -1])
                for number in range(6)
            ]
        )
        assert kinds(results) == {Booked: 1, SlotTaken: 5}
    assert_nothing_overlaps()


def test_hold_and_booking_of_one_start_at_once_give_one_of_them(race):
    salon = make_salon()
    for hour in (10, 11, 14):
        hold = partial(hold_slot, company=salon.company, service=salon.service, start=at(3, hour), now=NOW)
        results = race(hold, partial(salon.book, at(3, hour)))
        assert kinds(results)[SlotTaken] == 1
    assert_nothing_overlaps()


def test_cancel_and_move_at_once_leave_one_truth(race):
    salon = make_salon()
    for day in (3, 4, 5):
        ident = salon.book(at(day, 10)).appointment.pk
        race(
            partial(cancel_appointment, appointment_id=ident, company=salon.company, by=CUSTOMER, now=NOW),
            partial(
                move_appointment, appointment_id=ident, company=salon.company, start=at(day, 11), by=CUSTOMER, now=NOW
            ),
        )
    assert set(Appointment.objects.values_list("status", flat=True)) == {"cancelled"}
    assert claims_of(salon.staff[0]) == []
