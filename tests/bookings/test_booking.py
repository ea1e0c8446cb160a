from __future__ import annotations

from datetime import date, timedelta

import pytest

from kalends.bookings.models import Appointment, Attendee, Customer, HistoryEntry
from kalends.bookings.selectors import appointment_by_manage_token, slots
from kalends.bookings.services import booking
from kalends.bookings.values import CustomerInput, NotOffered, SlotTaken
from kalends.companies.models import Staff
from kalends.companies.services import create_group, set_hours
from kalends.companies.values import Hours
from kalends.core.errors import InvalidInput, NotFound
from tests.bookings.support import at, claims_of, mails, make_salon, person
from tests.factories import NOW, make_company, make_service, make_staff

pytestmark = pytest.mark.django_db


def test_booking_writes_the_promise_as_a_whole():
    salon = make_salon()
    before = Staff.objects.get().schedule_revision
    booked = salon.book(at(3, 10), notes="First visit")
    appointment = Appointment.objects.get()
    assert (appointment.start, appointment.end) == (at(3, 10), at(3, 10, 30))
    assert (appointment.status, appointment.version, appointment.timezone) == ("confirmed", 1, "Europe/Paris")
    assert (appointment.time_set_at, appointment.time_set_by, appointment.notes) == (NOW, "customer", "First visit")
    assert list(appointment.staff.all()) == salon.staff
    assert claims_of(salon.staff[0]) == [(at(3, 10), at(3, 10, 30))]
    assert Staff.objects.get().schedule_revision == before + 1
    assert [(entry.kind, entry.by_kind, entry.by_label) for entry in HistoryEntry.objects.all()] == [
        ("created", "customer", "Ada Lovelace")
    ]
    assert booked.attendee.uid == f"{booked.attendee.pk}@kalends"
    assert booked.attendee.sequence == 0
    assert [(mail.kind, mail.recipient) for mail in mails()] == [
        ("appointment_confirmed", "ada@example.org"),
        ("staff_appointment_new", "emma@lakeside.example"),
    ]


def test_manage_link_leads_to_the_appointment_and_is_not_stored_in_plain():
    booked = make_salon().book(at(3, 10))
    token = booked.manage_url.rpartition("/a/")[2]
    assert appointment_by_manage_token(token).pk == booked.appointment.pk
    assert token not in booked.attendee.manage_sealed
    with pytest.raises(NotFound):
        appointment_by_manage_token(f"{token}x")


def test_booked_time_is_not_offered_and_offered_times_can_be_booked():
    salon = make_salon()
    arguments = {"company": salon.company, "service": salon.service, "tz": "Europe/Paris", "now": NOW}
    offered = slots(from_date=date(2026, 3, 3), to_date=date(2026, 3, 3), **arguments)
    starts = [slot.start for slot in offered.days()[date(2026, 3, 3)]]
    assert starts == [at(3, 9) + timedelta(minutes=30 * number) for number in range(16)]
    for start in starts:
        salon.book(start)
    assert slots(from_date=date(2026, 3, 3), to_date=date(2026, 3, 3), **arguments).days() == {}


def test_taken_slot_names_the_three_nearest_free_starts():
    salon = make_salon()
    salon.book(at(3, 10))
    with pytest.raises(SlotTaken) as refused:
        salon.book(at(3, 10), person(2))
    assert refused.value.code == "slot_taken"
    assert [near.start for near in refused.value.alternatives] == [at(3, 9, 30), at(3, 10, 30), at(3, 9)]
    assert refused.value.alternatives[0].staff_ids == (salon.staff[0].pk,)
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (at(3, 10, 7), "grid"),
        (at(3, 17), "hours"),
        (at(7, 10), "hours"),
        (at(2, 7, 30), "past"),
        (at(2, 9, 30), "notice"),
        (at(30, 10) + timedelta(days=60), "horizon"),
        (at(3, 10) + timedelta(seconds=1), "minute"),
    ],
)
def test_start_that_is_not_offered_is_refused_and_says_why(start, reason):
    salon = make_salon(notice=60)
    with pytest.raises(NotOffered) as refused:
        salon.book(start)
    assert (refused.value.code, refused.value.reason) == ("not_offered", reason)
    assert Appointment.objects.count() == 0


def test_taken_by_one_member_counts_where_another_is_not_working():
    salon = make_salon(members=2)
    set_hours(staff=salon.staff[1], hours=Hours("Europe/Paris", ()), actor="test", now=NOW)
    salon.book(at(3, 10))
    with pytest.raises(SlotTaken) as refused:
        salon.book(at(3, 10), person(2))
    assert refused.value.code == "slot_taken"


def test_service_that_nobody_gives_says_so():
    salon = make_salon()
    salon.service.staff.clear()
    with pytest.raises(NotOffered) as refused:
        salon.book(at(3, 10))
    assert (refused.value.reason, refused.value.alternatives) == ("staff", [])


def test_manager_may_choose_a_start_between_and_within_the_notice():
    salon = make_salon(notice=24 * 60)
    booked = salon.book(at(2, 10, 10), source="dashboard")
    assert booked.appointment.start == at(2, 10, 10)
    with pytest.raises(SlotTaken):
        salon.book(at(2, 11), person(2), source="web")


def test_larger_of_two_buffers_is_kept_between_appointments():
    salon = make_salon(buffer_after=15, buffer_before=10, interval=5)
    salon.book(at(3, 10))
    with pytest.raises(SlotTaken):
        salon.book(at(3, 10, 40), person(2))
    assert salon.book(at(3, 10, 45), person(2)).appointment.start == at(3, 10, 45)


def test_known_customer_keeps_the_name_the_company_gave():
    salon = make_salon()
    salon.book(at(3, 10))
    booked = salon.book(at(3, 11), CustomerInput("Somebody Else", "ADA@example.org"))
    assert Customer.objects.get().name == "Ada Lovelace"
    assert booked.attendee.name == "Somebody Else"


def test_customer_who_became_known_while_the_booking_was_made_is_one_row(monkeypatch):
    salon = make_salon()
    salon.book(at(3, 10), CustomerInput("Ada Lovelace", "ada@example.org"))
    # Looked for before the other booking committed.
    monkeypatch.setattr(booking, "known_customer", lambda email, company: None)
    booked = salon.book(at(3, 11), CustomerInput("Ada L.", "ada@example.org", phone="123"))
    known = Customer.objects.get()
    assert (known.name, known.phone) == ("Ada Lovelace", "123")
    stored = Attendee.objects.get(pk=booked.attendee.pk)
    assert (stored.customer, stored.name) == (known, "Ada L.")


def test_customer_of_another_company_is_another_row():
    salon = make_salon()
    salon.book(at(3, 10))
    other = make_company("hillside")
    staff = make_staff(other)
    salon.book(at(3, 10), company=other, service=make_service(other, staff=[staff]))
    assert Customer.objects.filter(email="ada@example.org").count() == 2


@pytest.mark.parametrize(
    ("customer", "field"),
    [
        (CustomerInput("", "ada@example.org"), "name"),
        (CustomerInput("Ada\x07", "ada@example.org"), "name"),
        (CustomerInput("Ada", "ada@"), "email"),
        (CustomerInput("Ada", "ada@example.org\nBcc: eve@example.org"), "email"),
        (CustomerInput("Ada", "ada@example.org", phone="1" * 41), "phone"),
        (CustomerInput("Ada", "ada@example.org", phone="\x1b[2J"), "phone"),
        (CustomerInput("Ada", "ada@example.org", locale="../etc"), "locale"),
        (CustomerInput("Ada", "ada@example.org", timezone="Mars/Olympus"), "timezone"),
    ],
)
def test_customer_that_cannot_be_used_is_refused_by_field(customer, field):
    salon = make_salon()
    with pytest.raises(InvalidInput) as refused:
        salon.book(at(3, 10), customer)
    assert refused.value.field == field
    assert Attendee.objects.count() == 0


def test_customers_name_may_hold_joiners_of_its_script():
    name = "علی\u200cرضا"
    assert make_salon().book(at(3, 10), CustomerInput(name, "ali@example.org")).attendee.name == name


def test_service_of_a_stranger_cannot_be_booked():
    salon = make_salon()
    other = make_company("hillside")
    with pytest.raises(NotFound):
        salon.book(at(3, 10), company=other)
    with pytest.raises(NotFound):
        salon.book(at(3, 10), staff=make_staff(other))


def test_any_staff_booking_goes_to_the_least_busy_member():
    salon = make_salon(members=3)
    emma, noah, lea = salon.staff
    salon.book(at(3, 9), staff=emma)
    salon.book(at(3, 9), person(2), staff=lea)
    assert list(salon.book(at(3, 11), person(3)).appointment.staff.all()) == [noah]


def test_group_booking_stays_within_the_group():
    salon = make_salon(members=2)
    group = create_group(company=salon.company, name="Nights", staff=salon.staff[1:], actor="test", now=NOW)
    assert list(salon.book(at(3, 9), group=group).appointment.staff.all()) == salon.staff[1:]
    with pytest.raises(SlotTaken):
        salon.book(at(3, 9), person(2), group=group)


def test_team_booking_takes_the_time_of_all():
    salon = make_salon(members=2)
    booked = salon.book(at(3, 9), team=salon.staff)
    assert set(booked.appointment.staff.all()) == set(salon.staff)
    with pytest.raises(SlotTaken):
        salon.book(at(3, 9), person(2))


def test_Q3_shared_time_has_one_appointment_with_many_attendees():
    salon = make_salon(capacity=3)
    first = salon.book(at(3, 10), person(1))
    for number in (2, 3):
        assert salon.book(at(3, 10), person(number)).appointment.pk == first.appointment.pk
    with pytest.raises(SlotTaken):
        salon.book(at(3, 10), person(4))
    appointment = Appointment.objects.get()
    assert (appointment.attendees.count(), appointment.version) == (3, 3)
    assert claims_of(salon.staff[0]) == [(at(3, 10), at(3, 10, 30))]
    assert len(mails("appointment_confirmed")) == 3


def test_shared_time_fills_up_before_another_member_begins_one():
    salon = make_salon(members=2, capacity=2)
    bookings = [salon.book(at(3, 10), person(number)).appointment.pk for number in range(4)]
    assert bookings[0] == bookings[1] != bookings[2] == bookings[3]
