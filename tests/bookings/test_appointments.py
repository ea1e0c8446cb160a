from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kalends.bookings.selectors import (
    appointment_of,
    appointments_for_feed,
    appointments_of,
    customer_of,
    customers_of,
    manage_url,
)
from kalends.bookings.services import cancel_appointment, change_customer, create_customer
from kalends.bookings.values import CustomerInput
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.span import Span
from tests.bookings.support import ADA, MANAGER, at, make_salon, person
from tests.factories import NOW, make_company

pytestmark = pytest.mark.django_db
MARCH = Span(at(1, 1), at(30, 1))


def test_feed_has_what_stands_and_overlaps_in_order():
    salon = make_salon(members=2)
    emma, noah = salon.staff
    late, early = salon.book(at(4, 10), staff=emma), salon.book(at(3, 10), person(2), staff=emma, notes="x")
    gone = salon.book(at(5, 10), person(3), staff=emma)
    cancel_appointment(appointment_id=gone.appointment.pk, company=salon.company, by=MANAGER, now=NOW)
    salon.book(at(3, 10), person(4), staff=noah)
    rows = appointments_for_feed(company=salon.company, staff_ids=[emma.pk], span=MARCH)
    assert [(row.id, row.customers, row.staff, row.notes) for row in rows] == [
        (early.appointment.pk, ("Customer 2",), ("Emma Morris",), "x"),
        (late.appointment.pk, ("Ada Lovelace",), ("Emma Morris",), ""),
    ]
    assert (rows[0].service, rows[0].version, rows[0].created_at, rows[0].changed_at) == ("Consultation", 1, NOW, NOW)
    assert len(appointments_for_feed(company=salon.company, span=MARCH)) == 3
    assert appointments_for_feed(company=make_company("hillside"), span=MARCH) == []
    cut = Span(at(3, 10, 15), at(3, 10, 20))
    assert len(appointments_for_feed(company=salon.company, span=cut)) == 2


def test_feed_and_list_take_a_constant_number_of_queries():
    salon = make_salon()

    def counts() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as feed:
            appointments_for_feed(company=salon.company, span=MARCH)
        with CaptureQueriesContext(connection) as listing:
            for row in appointments_of(salon.company):
                assert [*row.staff.all(), *row.attendees.all(), row.service.location, row.company]
        return len(feed), len(listing)

    salon.book(at(3, 10))
    few = counts()
    for hour in (11, 12, 13, 14):
        salon.book(at(3, hour), person(hour))
    assert few == counts() == (3, 3)


def test_list_is_filtered_as_asked():
    salon = make_salon(members=2)
    emma, noah = salon.staff
    first = salon.book(at(3, 10), staff=emma).appointment
    second = salon.book(at(4, 10), person(2), staff=noah).appointment
    cancel_appointment(appointment_id=second.pk, company=salon.company, by=MANAGER, now=NOW)
    ask = {
        "everything": {},
        "span": {"span": Span(at(3, 9), at(3, 12))},
        "staff": {"staff_ids": [noah.pk]},
        "status": {"status": "confirmed"},
        "search": {"search": "customer 2"},
        "flagged": {"flagged": True},
    }
    found = {name: [row.pk for row in appointments_of(salon.company, **filters)] for name, filters in ask.items()}
    assert found == {
        "everything": [first.pk, second.pk],
        "span": [first.pk],
        "staff": [second.pk],
        "status": [first.pk],
        "search": [second.pk],
        "flagged": [],
    }


@pytest.mark.parametrize("ident", ["nonsense", "018f0000-0000-7000-8000-000000000000"])
def test_unknown_appointment_is_not_found(ident):
    with pytest.raises(NotFound):
        appointment_of(make_company(), ident)
    with pytest.raises(NotFound):
        customer_of(make_company("hillside"), ident)


def test_stranger_sees_no_appointment():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    stranger = make_company("hillside")
    with pytest.raises(NotFound):
        appointment_of(stranger, booked.appointment.pk)
    with pytest.raises(NotFound):
        customer_of(stranger, booked.attendee.customer_id)
    assert list(appointments_of(stranger)) == list(customers_of(stranger)) == []


def test_manage_link_can_be_shown_again():
    booked = make_salon().book(at(3, 10))
    assert manage_url(booked.attendee) == booked.manage_url


def test_customers_are_made_changed_and_found():
    company = make_company()
    ada = create_customer(company=company, customer=ADA, now=NOW)
    with pytest.raises(InvalidInput):
        create_customer(company=company, customer=ADA, now=NOW)
    bob = create_customer(company=company, customer=CustomerInput("Bob", "bob@example.org"), now=NOW)
    with pytest.raises(InvalidInput) as refused:
        change_customer(customer=bob, details=CustomerInput("Bob", "Ada@example.org"))
    assert refused.value.field == "email"
    changed = change_customer(customer=bob, details=CustomerInput("Robert", "robert@example.org"))
    assert customer_of(company, str(changed.pk)).name == "Robert"
    assert list(customers_of(company, search="ROB")) == [bob]
    assert list(customers_of(company)) == [ada, bob]


def test_changed_at_moves_with_the_version():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    later = NOW + timedelta(hours=1)
    cancel_appointment(appointment_id=booked.appointment.pk, company=salon.company, by=MANAGER, now=later)
    booked.appointment.refresh_from_db()
    assert (booked.appointment.changed_at, booked.appointment.created_at) == (later, NOW)
