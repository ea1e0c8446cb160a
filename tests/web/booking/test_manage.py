from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import time_machine

from kalends.bookings.models import Appointment, Attendee
from kalends.bookings.values import CustomerInput
from tests.bookings.support import at, make_salon, person
from tests.factories import NOW
from tests.web.booking.support import get

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def path_of(booked) -> str:
    return f"/a/{booked.manage_url.rpartition('/')[2]}"


def test_manage_page_shows_the_appointment(client):
    salon = make_salon()
    page = get(client, path_of(salon.book(at(3, 10))))
    assert "Tuesday 3 March 2026" in page.words
    assert "10:00 – 10:30" in page.words
    assert "Europe/Paris, UTC+1" in page.words
    assert "Emma Morris" in page.words
    assert "Confirmed" in page.words


def test_manage_page_names_the_customers_zone(client):
    salon = make_salon()
    booked = salon.book(at(3, 10), CustomerInput("Bo", "bo@example.org", timezone="Asia/Tokyo"), timezone="Asia/Tokyo")
    page = get(client, path_of(booked))
    assert "18:00 – 18:30 Asia/Tokyo, UTC+9" in page.words


@pytest.mark.parametrize("token", ["x", "a" * 43, "a" * 5000, "%00", "..%2f..", "<b>"])
@pytest.mark.parametrize("tail", ["", "/ics", "/cancel", "/reschedule"])
def test_strangers_tokens_open_a_page_that_says_what_to_do(client, token, tail):
    answer = client.get(f"/a/{token}{tail}")
    assert answer.status_code == 404


def test_strangers_token_page_names_the_way_out(client):
    page = get(client, "/a/" + "a" * 43, status=404)
    assert "This link opens no appointment" in page.words
    assert client.post("/a/" + "a" * 43 + "/cancel").status_code == 404


def test_opening_links_changes_nothing(client):
    booked = make_salon().book(at(3, 10))
    for tail in ("", "/ics", "/cancel", "/reschedule", "/reschedule?start=2026-03-04T09:00Z"):
        assert client.get(path_of(booked) + tail).status_code == 200
        assert client.head(path_of(booked) + tail).status_code == 200
    appointment = Appointment.objects.get()
    assert (appointment.version, appointment.status, appointment.start) == (1, "confirmed", at(3, 10))


def test_cancel_acts_on_post_and_says_so(client):
    booked = make_salon().book(at(3, 10))
    asked = get(client, f"{path_of(booked)}/cancel")
    assert "Cancel this appointment?" in asked.words
    answer = client.post(f"{path_of(booked)}/cancel", {"reason": "Ill"})
    assert (answer.status_code, answer["Location"]) == (302, path_of(booked))
    appointment = Appointment.objects.get()
    assert (appointment.status, appointment.cancel_reason) == ("cancelled", "Ill")
    after = get(client, path_of(booked))
    assert "Cancelled" in after.words
    assert "The time is free again." in after.words
    assert client.post(f"{path_of(booked)}/cancel").status_code == 302
    assert Appointment.objects.get().version == appointment.version


def test_too_long_a_reason_is_named_and_nothing_cancelled(client):
    booked = make_salon().book(at(3, 10))
    answer = client.post(f"{path_of(booked)}/cancel", {"reason": "x" * 401})
    assert answer.status_code == 200
    assert "at most 400 characters" in answer.content.decode()
    assert Appointment.objects.get().status == "confirmed"


def test_move_goes_by_links_and_one_form(client):
    booked = make_salon().book(at(3, 10))
    times = get(client, f"{path_of(booked)}/reschedule?date=2026-03-03")
    # Its own time does not stand in its way.
    assert "10:00" in [label for label, _href in times.slots]
    sure = get(client, dict(times.slots)["14:00"])
    assert "Move to this time?" in sure.words
    form = sure.form("version")
    answer = client.post(form.action, form.fields)
    assert (answer.status_code, answer["Location"]) == (302, path_of(booked))
    appointment = Appointment.objects.get()
    assert (appointment.start, appointment.time_set_by) == (at(3, 14), "customer")
    assert "Your appointment has been moved." in get(client, path_of(booked)).words


def test_move_to_a_time_outside_hours_says_why_and_moves_nothing(client):
    booked = make_salon().book(at(3, 10))
    answer = client.post(f"{path_of(booked)}/reschedule", {"start": "2026-03-03T20:00Z", "version": "1"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "The appointment cannot be moved to this time" in text
    assert "This time is outside working hours." in text
    assert Appointment.objects.get(pk=booked.appointment.pk).start == at(3, 10)


def test_move_to_a_taken_time_offers_the_nearest_and_moves_nothing(client):
    salon = make_salon()
    booked = salon.book(at(3, 10))
    salon.book(at(3, 14), person(2))
    answer = client.post(f"{path_of(booked)}/reschedule", {"start": "2026-03-03T13:00Z", "version": "1"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "This time is not free any more" in text
    assert text.count("start=2026-03-03T12%3A30Z") == 1
    assert Appointment.objects.get(pk=booked.appointment.pk).start == at(3, 10)


def test_move_of_what_changed_meanwhile_shows_how_it_stands(client):
    salon = make_salon()
    booked = salon.book(at(3, 10))
    answer = client.post(f"{path_of(booked)}/reschedule", {"start": "2026-03-03T13:00Z", "version": "7"}, follow=True)
    assert "The appointment had changed meanwhile." in answer.content.decode()
    assert Appointment.objects.get().start == at(3, 10)


@pytest.mark.parametrize("version", ["", "x", "9" * 30])
def test_odd_versions_do_not_break_the_page(client, version):
    booked = make_salon().book(at(3, 10))
    answer = client.post(f"{path_of(booked)}/reschedule", {"start": "2026-03-03T13:00Z", "version": version})
    assert answer.status_code == 302


def test_past_appointment_is_shown_and_cannot_be_changed(client):
    booked = make_salon().book(at(2, 10))
    with time_machine.travel(at(2, 10) + timedelta(minutes=1), tick=False):
        page = get(client, path_of(booked))
        assert "Past" in page.words
        assert client.post(f"{path_of(booked)}/cancel").status_code == 302
        assert client.post(f"{path_of(booked)}/reschedule", {"start": "2026-03-03T13:00Z"}).status_code == 302
    assert Appointment.objects.get().status == "confirmed"


def test_shared_time_is_left_by_one_and_not_moved(client):
    salon = make_salon(capacity=3)
    first, second = salon.book(at(3, 10)), salon.book(at(3, 10), person(2))
    page = get(client, path_of(first))
    assert "Others share this time, so it cannot be moved." in page.words
    assert "customer2" not in page.words
    assert client.get(f"{path_of(first)}/reschedule").status_code == 302
    client.post(f"{path_of(first)}/cancel")
    assert Appointment.objects.get().status == "confirmed"
    assert Attendee.objects.get(pk=first.attendee.pk).status == "cancelled"
    assert Attendee.objects.get(pk=second.attendee.pk).status == "confirmed"
    assert "Cancelled" in get(client, path_of(first)).words


def test_calendar_file_is_one_event_with_the_mails_uid(client):
    salon = make_salon()
    booked = salon.book(at(3, 10))
    answer = client.get(f"{path_of(booked)}/ics")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="appointment.ics"'
    calendar = icalendar.Calendar.from_ical(answer.content)
    (event,) = calendar.walk("VEVENT")
    assert str(event["UID"]) == booked.attendee.uid
    assert event["SEQUENCE"] == 0
    assert str(event["SUMMARY"]) == "Consultation – Lakeside"
    assert event.decoded("DTSTART") == at(3, 10)
    assert event.decoded("DTEND") == at(3, 10, 30)
    assert "X-WR-CALNAME" not in calendar


def test_appointment_pages_are_neither_cached_nor_indexed(client):
    booked = make_salon().book(at(3, 10))
    answer = client.get(path_of(booked))
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Referrer-Policy"] == "same-origin"


def test_customer_is_addressed_in_the_language_of_the_booking(client):
    booked = make_salon().book(at(3, 10), CustomerInput("Zoé", "zoe@example.org", locale="fr"))
    assert '<html lang="fr"' in client.get(path_of(booked)).content.decode()
    chosen = client.get(path_of(booked), headers={"Accept-Language": "en"})
    assert '<html lang="en"' in chosen.content.decode()


def test_far_future_and_offset_starts_are_handled(client):
    booked = make_salon().book(at(3, 10))
    late = client.post(f"{path_of(booked)}/reschedule", {"start": datetime(2030, 1, 1, tzinfo=UTC).isoformat()})
    assert late.status_code == 409
    moved = client.post(f"{path_of(booked)}/reschedule", {"start": "2026-03-03T14:00+01:00"})
    assert moved.status_code == 302
    assert Appointment.objects.get().start == at(3, 14)


@pytest.mark.parametrize("what", ["service off", "member does it no more", "member left"])
def test_appointment_whose_service_went_away_is_shown_and_not_moved(client, what):
    salon = make_salon()
    booked = salon.book(at(3, 10))
    if what == "service off":
        type(salon.service).objects.update(active=False)
    elif what == "member left":
        type(salon.staff[0]).objects.update(active=False)
    else:
        salon.service.staff.clear()
    for answer in (
        client.get(f"{path_of(booked)}/reschedule", follow=True),
        client.get(path_of(booked)),
    ):
        assert answer.status_code == 200
        assert "10:00 – 10:30" in answer.content.decode()
    assert client.post(f"{path_of(booked)}/cancel", {"reason": ""}).status_code == 302
    assert Appointment.objects.get().status == "cancelled"
