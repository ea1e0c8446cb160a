from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from kalends.bookings.models import Appointment, Attendee
from kalends.bookings.values import CustomerInput
from tests.bookings.support import at, mails, make_salon
from tests.factories import NOW, make_company, make_service
from tests.web.booking.support import DETAILS, get, manage_token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def details_address(salon, start="2026-03-03T09:00Z", **params) -> str:
    extra = "".join(f"&{name}={value}" for name, value in params.items())
    return f"/lakeside/book/details?service={salon.service.pk}&start={start}{extra}"


def test_booking_works_by_links_and_one_form_without_script(client):
    make_salon(members=2)
    start = get(client, "/lakeside")
    service = get(client, start.link("Consultation"))
    assert "With whom?" in service.words
    times = get(client, service.link("Anyone"))
    day = get(client, times.by_label("Tuesday 3 March, 16 free times"))
    assert "Tuesday 3 March, 16 free times" in day.words
    assert [label for label, _href in day.slots][:3] == ["09:00", "09:30", "10:00"]
    details = get(client, dict(day.slots)["10:00"])
    form = details.form("email")
    assert "10:00 – 10:30" in details.words
    assert "Europe/Paris, UTC+1" in details.words
    answer = client.post(form.action, form.fields | DETAILS | {"notes": "First visit"})
    assert answer.status_code == 302
    done = get(client, answer["Location"])
    assert "Your appointment is booked" in done.words
    assert "A confirmation is on its way to ada@example.org." in done.words
    appointment = Appointment.objects.get()
    assert (appointment.start, appointment.source, appointment.notes) == (at(3, 10), "web", "First visit")
    attendee = Attendee.objects.get()
    assert (attendee.name, attendee.locale, attendee.timezone) == ("Ada Lovelace", "en", "Europe/Paris")
    assert sorted(mail.kind for mail in mails()) == ["appointment_confirmed", "staff_appointment_new"]
    token = manage_token(answer["Location"])
    assert done.link("Move or cancel") == f"/a/{token}"
    assert done.link("Add to calendar") == f"/a/{token}/ics"


def test_one_member_is_not_asked_for(client):
    salon = make_salon()
    assert get(client, "/lakeside").link("Consultation") == f"/lakeside/book?service={salon.service.pk}"
    answer = client.get(f"/lakeside/s/{salon.service.pk}")
    assert (answer.status_code, answer["Location"]) == (302, f"/lakeside/book?service={salon.service.pk}")


def test_chosen_member_gets_the_booking(client):
    salon = make_salon(members=3)
    page = get(client, f"/lakeside/staff/{salon.staff[2].pk}")
    times = get(client, page.link("Consultation"))
    form = get(client, times.slots[0][1]).form("email")
    client.post(form.action, form.fields | DETAILS)
    assert list(Appointment.objects.get().staff.all()) == [salon.staff[2]]


def test_group_page_offers_what_its_members_do(client):
    salon = make_salon(members=2)
    make_service(salon.company, "Massage", staff=[salon.staff[1]])
    group = salon.company.groups.create(name="Juniors")
    group.staff.add(salon.staff[0])
    page = get(client, f"/lakeside/group/{group.pk}")
    assert "Massage" not in page.words
    times = get(client, page.link("Consultation"))
    form = get(client, times.slots[0][1]).form("email")
    client.post(form.action, form.fields | DETAILS)
    assert list(Appointment.objects.get().staff.all()) == [salon.staff[0]]


def test_time_that_no_rule_offers_says_why_and_loses_nothing_typed(client):
    form = get(client, details_address(make_salon())).form("email")
    answer = client.post(form.action, form.fields | DETAILS | {"start": "2026-03-03T09:07Z"})
    text = answer.content.decode()
    page = type(get(client, "/lakeside"))(text)
    assert answer.status_code == 409
    assert "This time cannot be booked" in page.words
    assert "No appointment begins at this time; choose one of the times that are offered." in page.words
    assert page.form("email").fields["name"] == "Ada Lovelace"
    assert Appointment.objects.count() == 0


def test_taken_time_gives_three_alternatives_and_loses_nothing_typed(client):
    salon = make_salon()
    address = details_address(salon)
    form = get(client, address).form("email")
    salon.book(at(3, 10), CustomerInput("Quick", "quick@example.org"))
    typed = form.fields | DETAILS | {"phone": "+33 1 23 45", "notes": "Bring the <file>"}
    answer = client.post(form.action, typed)
    text = answer.content.decode()
    assert answer.status_code == 409
    page = type(get(client, "/lakeside"))(text)
    again = page.form("email")
    assert "This time is not free any more" in page.words
    assert sorted(again.radios["start"]) == ["2026-03-03T08:00Z", "2026-03-03T08:30Z", "2026-03-03T09:30Z"]
    assert (again.fields["name"], again.fields["phone"]) == ("Ada Lovelace", "+33 1 23 45")
    assert "Bring the &lt;file&gt;" in text
    second = client.post(again.action, again.fields | {"start": "2026-03-03T09:30Z", "notes": "x"})
    assert second.status_code == 302
    assert Appointment.objects.filter(start=at(3, 10, 30)).count() == 1


def test_same_form_sent_twice_books_once(client):
    salon = make_salon()
    form = get(client, details_address(salon)).form("email")
    first = client.post(form.action, form.fields | DETAILS)
    second = client.post(form.action, form.fields | DETAILS)
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "Tell us your name."),
        ("name", "x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
        ("email", "", "Tell us your e-mail address."),
        ("email", "ada at example", "This is not an e-mail address. One looks like name@example.org."),
        ("phone", "call me", "Write a phone number: digits, with + and the country first."),
        ("notes", "n" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
    ],
)
def test_wrong_details_are_named_and_kept(client, field, value, error):
    salon = make_salon()
    form = get(client, details_address(salon)).form("email")
    answer = client.post(form.action, form.fields | DETAILS | {field: value})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert text.count(error) == 2  # in the summary and at the field
    assert f'id="id_{field}_error"' in text
    assert 'aria-invalid="true"' in text
    assert value in text
    assert Appointment.objects.count() == 0


def test_control_characters_in_a_name_are_refused_at_the_field(client):
    salon = make_salon()
    form = get(client, details_address(salon)).form("email")
    answer = client.post(form.action, form.fields | DETAILS | {"name": "Ada\u202eecaleL"})
    assert answer.status_code == 422
    assert 'id="id_name_error"' in answer.content.decode()


def test_markup_in_names_is_shown_as_text(client):
    salon = make_salon()
    salon.service.name = salon.staff[0].name = "<script>alert(1)</script>"
    salon.service.save()
    salon.staff[0].save()
    form = get(client, details_address(salon)).form("email")
    done = client.post(form.action, form.fields | DETAILS | {"name": '<img src=x onerror="x">'})
    for address in ("/lakeside", f"/lakeside/book?service={salon.service.pk}", done["Location"]):
        text = client.get(address).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<img" not in client.get(done["Location"]).content.decode()


def test_get_never_books(client):
    salon = make_salon()
    get(client, details_address(salon, name="Ada", email="ada@example.org"))
    assert Appointment.objects.count() == 0


def test_form_without_its_token_is_refused(client):
    salon = make_salon()
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(details_address(salon), DETAILS)
    assert answer.status_code == 403
    assert "send the form again" in answer.content.decode()
    assert Appointment.objects.count() == 0


def test_program_that_fills_every_field_books_nothing(client):
    salon = make_salon()
    form = get(client, details_address(salon)).form("email")
    answer = client.post(form.action, form.fields | DETAILS | {"website": "https://spam.example"})
    assert answer.status_code == 400
    assert Appointment.objects.count() == 0


def test_thirty_forms_in_ten_minutes_are_enough_for_one_connection(client):
    salon = make_salon()
    address = details_address(salon)
    answers = [client.post(address, DETAILS | {"email": "no"}).status_code for _ in range(31)]
    assert answers == [422] * 30 + [429]
    last = client.post(address, DETAILS)
    assert last["Retry-After"] == "600"
    assert "Too many attempts" in last.content.decode()
    other = client.post(address, DETAILS, REMOTE_ADDR="203.0.113.9")
    assert other.status_code == 302
    with time_machine.travel(datetime(2026, 3, 2, 8, 11, tzinfo=UTC), tick=False):
        assert client.post(address, DETAILS | {"email": "no"}).status_code == 422


@pytest.mark.parametrize(
    "start", ["", "soon", "2026-03-03", "2026-03-03T09:00", "0001-01-01T00:00+23:59", "9999-12-31T23:59Z"]
)
def test_details_without_an_instant_lead_back_to_the_times(client, start):
    salon = make_salon()
    answer = client.get(details_address(salon, start=start.replace("+", "%2B")))
    assert (answer.status_code, answer["Location"]) == (302, f"/lakeside/book?service={salon.service.pk}")


@pytest.mark.parametrize("start", ["2026-03-01T09:00Z", "2026-03-03T09:07Z", "2036-03-03T09:00Z"])
def test_instants_that_are_not_offered_are_refused_with_others(client, start):
    salon = make_salon()
    answer = client.post(details_address(salon, start=start), DETAILS)
    assert answer.status_code == 409
    assert Appointment.objects.count() == 0


def test_shared_time_says_how_many_places_are_left(client):
    salon = make_salon(capacity=3)
    salon.book(at(3, 10))
    page = get(client, f"/lakeside/book?service={salon.service.pk}&date=2026-03-03")
    labels = [label for label, _href in page.slots]
    assert labels[1] == "09:303 places left"
    assert labels[2] == "10:002 places left"


def test_stranger_company_does_not_book_our_service(client):
    salon = make_salon()
    make_company("other")
    answer = client.post(details_address(salon).replace("/lakeside/", "/other/"), DETAILS)
    assert answer.status_code == 404
    assert Appointment.objects.count() == 0


def test_done_page_of_another_company_is_not_shown(client):
    salon = make_salon()
    make_company("other")
    booked = salon.book(at(3, 10))
    token = booked.manage_url.rpartition("/")[2]
    assert client.get(f"/other/book/done/{token}").status_code == 404
    assert client.get(f"/lakeside/book/done/{token}").status_code == 200


def test_booking_in_french_is_booked_in_french(client):
    salon = make_salon()
    form = get(client, details_address(salon), headers={"Accept-Language": "fr"}).form("email")
    client.post(form.action, form.fields | DETAILS, headers={"Accept-Language": "fr-CA,fr;q=0.9"})
    assert Attendee.objects.get().locale == "fr"
