"""What each change of an appointment tells the company's webhooks, and that a company without any pays nothing."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kalends.bookings.services import cancel_appointment, move_appointment, set_notes
from kalends.calendars.handlers import OutsideMove, handler
from kalends.messages.models import Event, WebhookDelivery
from kalends.messages.webhooks import create_webhook
from tests.bookings.support import MANAGER, Salon, at, make_salon, person
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon() -> Salon:
    return make_salon(2)


def listen(salon: Salon) -> None:
    create_webhook(company=salon.company, url="https://shop.example/hook", events=Event.values, actor="owner", now=NOW)


def told() -> list[tuple[str, int, str, str]]:
    """Event, version, status and start of each, in order."""
    found = []
    for event, version, body in WebhookDelivery.objects.order_by("pk").values_list("event", "version", "body"):
        shown = json.loads(body)["data"]["appointment"]
        assert shown["version"] == version
        found.append((event.removeprefix("appointment."), version, shown["status"], shown["start"][11:16]))
    return found


def test_each_change_is_told_with_what_held_then(salon: Salon):
    listen(salon)
    appointment = salon.book(at(3, 10), staff=salon.staff[0]).appointment
    change = {"appointment_id": appointment.pk, "company": salon.company, "by": MANAGER, "now": NOW}
    move_appointment(**change, start=at(3, 11))
    move_appointment(**change, start=at(3, 11))
    move_appointment(**change, staff=salon.staff[1])
    set_notes(**change, notes="Window seat")
    cancel_appointment(**change)
    cancel_appointment(**change)
    assert told() == [
        ("created", 1, "confirmed", "10:00"),
        ("moved", 2, "confirmed", "11:00"),
        ("moved", 3, "confirmed", "11:00"),
        ("changed", 4, "confirmed", "11:00"),
        ("cancelled", 5, "cancelled", "11:00"),
    ]


def test_move_and_deletion_outside_are_told(salon: Salon):
    listen(salon)
    appointment = salon.book(at(3, 10), staff=salon.staff[0]).appointment
    move = OutsideMove(
        appointment_id=appointment.pk,
        staff_id=salon.staff[0].pk,
        start=at(3, 14),
        end=at(3, 15),
        at=NOW,
        link_id=appointment.pk,
    )
    handler().move_set([move], rule="accept", now=NOW)
    handler().cancel(appointment.pk, reason="", source="google", at=NOW, now=NOW)
    assert told()[1:] == [("moved", 2, "confirmed", "14:00"), ("cancelled", 3, "cancelled", "14:00")]


def test_who_joins_and_leaves_a_shared_time_changes_it():
    salon = make_salon(capacity=3)
    listen(salon)
    first = salon.book(at(3, 10), person(1))
    second = salon.book(at(3, 10), person(2))
    who = {"appointment_id": first.appointment.pk, "company": salon.company, "by": MANAGER, "now": NOW}
    cancel_appointment(**who, attendee_id=second.attendee.pk)
    cancel_appointment(**who, attendee_id=first.attendee.pk)
    assert [entry[0] for entry in told()] == ["created", "changed", "changed", "cancelled"]


def test_booking_asks_for_no_webhooks_where_there_are_none_and_little_where_there_are(salon: Salon):
    salon.book(at(3, 9))  # whatever is asked only once
    with CaptureQueriesContext(connection) as without:
        salon.book(at(3, 10))
    assert [query["sql"] for query in without if "outbox_webhook" in query["sql"]] == []
    listen(salon)
    with CaptureQueriesContext(connection) as with_one:
        salon.book(at(3, 11))
    assert len(with_one) - len(without) == 2
    assert WebhookDelivery.objects.count() == 1
