"""What people are told: mails as they arrive, with the invitation that calendar programs act upon."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage

import pytest
from icalendar import Calendar

from kalends.bookings.models import Appointment, Attendee
from kalends.bookings.scene import scene_of
from kalends.bookings.services import cancel_appointment, move_appointment
from kalends.bookings.telling import tell_attendees
from kalends.calendars.models import CalendarConnection, RemoteCalendar
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import send_due
from kalends.sync.connection import State
from tests.bookings.support import ADA, CUSTOMER, MANAGER, at, make_salon, person
from tests.factories import NOW
from tests.ics.readers import libical

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(settings, tmp_path):
    """Sends what is due; the mails as their receivers get them, in the order they were promised."""
    settings.KALENDS = replace(
        settings.KALENDS, email_url=f"file://{tmp_path}/mail", email_from="Kalends <booking@kalends.example>"
    )

    def mails(now=NOW) -> list[EmailMessage]:
        send_due(now=now)
        files = sorted((tmp_path / "mail").glob("*.eml"))
        return [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]

    return mails


def to_customer(mails: list[EmailMessage], address: str = "ada@example.org") -> list[EmailMessage]:
    return [mail for mail in mails if mail["To"] == address]


def invitation_text(mail: EmailMessage) -> bytes:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    return part.get_payload(decode=True)


def event_of(mail: EmailMessage):
    calendar = Calendar.from_ical(invitation_text(mail))
    return str(calendar["METHOD"]), calendar.walk("VEVENT")[0]


def test_life_of_an_invitation_keeps_its_uid_and_raises_its_sequence(post):
    salon = make_salon()
    ident = salon.book(at(3, 10)).appointment.pk
    post()
    move_appointment(appointment_id=ident, company=salon.company, start=at(3, 14), by=CUSTOMER, now=NOW)
    post()
    cancel_appointment(appointment_id=ident, company=salon.company, by=CUSTOMER, reason="Ill", now=NOW)
    mails = to_customer(post())
    told = [event_of(mail) for mail in mails]
    assert [(method, int(event["SEQUENCE"]), event.start) for method, event in told] == [
        ("REQUEST", 0, at(3, 10)),
        ("REQUEST", 1, at(3, 14)),
        ("CANCEL", 2, at(3, 14)),
    ]
    assert {str(event["UID"]) for _, event in told} == {Attendee.objects.get().uid}
    assert {str(event["ORGANIZER"]) for _, event in told} == {"mailto:booking@kalends.example"}
    assert {str(event["ATTENDEE"]) for _, event in told} == {"mailto:ada@example.org"}
    assert [str(event["STATUS"]) for _, event in told] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    for mail, (method, _) in zip(mails, told, strict=True):
        (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
        assert part["Content-Type"].params["method"] == method
        assert mail["From"].addresses[0].addr_spec == "booking@kalends.example"


def test_invitations_pass_libical(post):
    salon = make_salon()
    ident = salon.book(at(3, 10)).appointment.pk
    post()
    cancel_appointment(appointment_id=ident, company=salon.company, by=CUSTOMER, now=NOW)
    for mail in to_customer(post()):
        (read,) = libical(invitation_text(mail))
        assert (read.uid, read.start, read.end) == (Attendee.objects.get().uid, at(3, 10), at(3, 10, 30))


def test_customer_reads_their_own_language_and_zone(post):
    salon = make_salon()
    salon.book(at(3, 10), replace(ADA, locale="fr-CA", timezone="America/Montreal"))
    (mail,) = to_customer(post())
    assert mail["Subject"] == "Confirmé : Consultation, 3 mars 2026, 04:00 (America/Montreal)"
    assert "mardi 3 mars 2026, 04:00 – 04:30 (America/Montreal, UTC-5)" in mail.get_body(("plain",)).get_content()
    assert event_of(mail)[1]["DTSTART"].params["TZID"] == "America/Montreal"


def test_staff_without_a_calendar_get_a_notice_without_an_invitation(post):
    salon = make_salon()
    ident = salon.book(at(3, 10)).appointment.pk
    post()
    move_appointment(appointment_id=ident, company=salon.company, start=at(3, 14), by=CUSTOMER, now=NOW)
    post()
    cancel_appointment(appointment_id=ident, company=salon.company, by=CUSTOMER, now=NOW)
    notices = to_customer(post(), "emma@lakeside.example")
    assert [mail["Subject"].split(":")[0] for mail in notices] == ["New", "Moved", "Cancelled"]
    assert not any(part.get_content_type() == "text/calendar" for mail in notices for part in mail.walk())
    assert [str(mail["Reply-To"]) for mail in notices] == ["ada@example.org"] * 3


def connect(staff, state=State.ACTIVE) -> None:
    connection = CalendarConnection.objects.create(
        company=staff.company, staff=staff, provider="google", subject="1", label="emma@example.org", state=state
    )
    RemoteCalendar.objects.create(
        connection=connection, staff=staff, remote_id="1", name="Emma", receives=True, blocks=False, fresh_as_of=NOW
    )


def test_staff_with_a_connected_calendar_get_no_mail(post):
    salon = make_salon()
    connect(salon.staff[0])
    salon.book(at(3, 10))
    assert [mail["To"] for mail in post()] == ["ada@example.org"]


def test_staff_whose_calendar_is_not_written_to_get_the_notice(post):
    salon = make_salon()
    connect(salon.staff[0], State.PAUSED)
    salon.book(at(3, 10))
    assert {mail["To"] for mail in post()} == {"ada@example.org", "emma@lakeside.example"}


def test_F42_booking_stands_although_the_mail_server_is_away(settings):
    settings.KALENDS = replace(settings.KALENDS, email_url="smtp://127.0.0.1:1/?tls=none")
    salon = make_salon()
    salon.book(at(3, 10))
    assert send_due(now=NOW) == 0
    assert Appointment.objects.get().status == "confirmed"
    assert set(OutgoingMessage.objects.values_list("state", flat=True)) == {"queued"}


def test_F78_telling_again_what_is_known_sends_nothing(post):
    salon = make_salon()
    booked = salon.book(at(3, 10))
    before = len(post())
    for _ in range(3):
        tell_attendees(scene_of(booked.appointment), now=NOW + timedelta(days=1))
    assert len(post(NOW + timedelta(days=2))) == before
    assert Attendee.objects.get().sequence == 0


def test_cancelled_and_booked_again_by_the_manager_is_another_uid(post):
    salon = make_salon()
    first = salon.book(at(3, 10))
    cancel_appointment(appointment_id=first.appointment.pk, company=salon.company, by=MANAGER, now=NOW)
    second = salon.book(at(3, 10))
    assert first.attendee.uid != second.attendee.uid


def test_shared_time_tells_each_customer_of_their_own_place_only(post):
    salon = make_salon(capacity=3)
    for number in (1, 2):
        salon.book(at(3, 10), person(number))
    mails = [mail for mail in post() if mail["To"].startswith("customer")]
    for mail in mails:
        other = {"customer1@example.org": "Customer 2", "customer2@example.org": "Customer 1"}[mail["To"]]
        assert other.encode() not in invitation_text(mail)
        assert other not in mail.get_body(("plain",)).get_content()
    assert len(mails) == 2
