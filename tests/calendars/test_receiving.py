"""Which calendar receives a new appointment: asked before the locks, and relied upon only while nothing changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import transaction

from kalends.bookings.services import booking
from kalends.bookings.services.booking import Order
from kalends.bookings.services.customers import checked_customer
from kalends.bookings.services.wish import Chooser, make_wish
from kalends.calendars.models import CalendarConnection, Link
from kalends.core.ids import new_id
from kalends.sync.connection import State
from tests.bookings.support import ADA, MANAGER, at


def test_calendar_that_begins_to_receive_between_look_and_lock_gets_the_appointment(new_world):
    world = new_world(connected=False)
    world.add_server("account-1")
    salon, start = world.salon, at(3, 10)
    wish = make_wish(
        company=salon.company, service=salon.service, start=start, now=world.now, staff=world.staff, group=None
    )
    choice = Chooser(wish).next()
    assert (choice.team, choice.received) == ((world.staff.pk,), False)
    world.connect()
    person = checked_customer(ADA, company=salon.company, timezone="Europe/Paris")
    order = Order(wish, person, MANAGER, "Europe/Paris", "dashboard", "", new_id())
    with transaction.atomic():
        booked = booking._book(order, choice, booking._draft(order, choice.team))
    assert booked.in_calendars
    assert Link.objects.get().appointment_id == booked.appointment.pk
    world.run()
    again = Chooser(replace(wish, start=at(3, 11))).next()
    assert again.received


@pytest.mark.parametrize("state", [State.ACTIVE, State.PAUSED])
def test_calendar_of_a_paused_connection_goes_on_receiving_what_is_written_later(world, state):
    CalendarConnection.objects.update(state=state)
    world.salon.book(at(3, 10), now=world.now)
    assert Link.objects.get().status == "pending"
