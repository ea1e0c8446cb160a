"""What a booking looks up before its locks is relied upon only while nothing changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from django.db import transaction

from kalends.bookings.models import Appointment
from kalends.bookings.services import booking
from kalends.bookings.services.booking import Order
from kalends.bookings.services.customers import checked_customer
from kalends.bookings.services.wish import Choice, Chooser, Wish, make_wish
from kalends.bookings.values import Booked
from kalends.calendars.models import CalendarConnection, Link
from kalends.companies.services import change_service
from kalends.core.errors import NotFound
from kalends.core.ids import new_id
from kalends.sync.connection import State
from tests.bookings.support import ADA, MANAGER, at
from tests.calendars.world import World


def wish_for(world: World, start: datetime) -> Wish:
    salon = world.salon
    return make_wish(
        company=salon.company, service=salon.service, start=start, now=world.now, staff=world.staff, group=None
    )


def book(wish: Wish, choice: Choice) -> Booked:
    person = checked_customer(ADA, company=wish.company, timezone="Europe/Paris")
    order = Order(wish, person, MANAGER, "Europe/Paris", "dashboard", "", new_id())
    with transaction.atomic():
        return booking._book(order, choice, booking._draft(order, choice.team))


def test_calendar_that_begins_to_receive_between_look_and_lock_gets_the_appointment(new_world):
    world = new_world(connected=False)
    world.add_server("account-1")
    start = at(3, 10)
    wish = wish_for(world, start)
    choice = Chooser(wish).next()
    assert (choice.team, choice.received) == ((world.staff.pk,), False)
    world.connect()
    booked = book(wish, choice)
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


def test_service_that_was_ended_between_look_and_lock_is_not_booked(new_world):
    world = new_world(connected=False)
    wish = wish_for(world, at(3, 10))
    choice = Chooser(wish).next()
    change_service(service=world.salon.service, active=False, actor="t", now=world.now)
    with pytest.raises(NotFound):
        book(wish, choice)
    assert Appointment.objects.count() == 0
