from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from kalends.bookings.models import Appointment
from kalends.core.zones import zone
from tests.factories import make_staff
from tests.web.people import House, next_monday

LIST = "/dashboard/appointments"


def shown(house: House, query: str = "") -> list[Appointment]:
    answer = house.owner.get(f"{LIST}{query}")
    assert answer.status_code == 200
    return list(answer.context["page"])


def test_list_shows_what_comes_and_filters(house: House):
    first, second = house.book(), house.book(next_monday(12), name="Priya Nair")
    assert shown(house) == [first, second]
    assert shown(house, "?filtered=1&q=priya") == [second]
    assert shown(house, f"?filtered=1&staff={house.staff.pk}") == [first, second]
    assert shown(house, f"?filtered=1&service={house.service.pk}&status=confirmed") == [first, second]
    assert shown(house, "?filtered=1&status=cancelled") == []
    day = next_monday().date().isoformat()
    assert shown(house, f"?filtered=1&from_date={day}&to_date={day}") == [first, second]
    assert shown(house, "?filtered=1&to_date=2020-01-01") == []


@pytest.mark.parametrize(
    "query",
    ["?filtered=1&staff=x&service=y&status=z&from_date=soon&page=minus", "?filtered=1&q=%00", "?page=99999",
     "?filtered=1&from_date=0001-01-01&to_date=9999-12-31", "?filtered=1&q=" + "x" * 500],
)  # fmt: skip
def test_bad_filters_are_left_out(house: House, query: str):
    house.book()
    assert house.owner.get(f"{LIST}{query}").status_code == 200


def test_list_has_pages(house: House):
    start = next_monday(8) + timedelta(days=1)
    for number in range(15):
        house.book(start + timedelta(minutes=30 * number))
    for number in range(12):
        house.book(start + timedelta(days=1, minutes=30 * number))
    assert (len(shown(house)), len(shown(house, "?page=2"))) == (25, 2)


def move_fields(appointment: Appointment, **given: object) -> dict[str, object]:
    local = appointment.start.astimezone(zone(appointment.company.timezone)) + timedelta(hours=1)
    return {
        "date": local.date().isoformat(), "time": f"{local:%H:%M}", "version": appointment.version,
        "staff": str(appointment.staff.get().pk), **given,
    }  # fmt: skip


def test_move_changes_the_time_and_is_told_in_the_history(house: House):
    appointment = house.book()
    answer = house.owner.post(reverse("dashboard:move_appointment", args=[appointment.pk]), move_fields(appointment))
    assert answer.status_code == 302
    moved = Appointment.objects.get()
    assert (moved.start, moved.version) == (appointment.start + timedelta(hours=1), appointment.version + 1)
    page = house.owner.get(answer["Location"])
    assert [line.entry.kind for line in page.context["history"]] == ["moved", "created"]


def test_times_are_the_companys_and_the_customers_stand_beside(house: House):
    appointment = house.book()
    Appointment.objects.update(timezone="Asia/Tokyo")
    url = reverse("dashboard:appointment", args=[appointment.pk])
    page = house.owner.get(url)
    local = appointment.start.astimezone(zone(house.company.timezone))
    assert page.context["move_form"]["time"].value() == local.time()
    assert f"For the customer: {appointment.start.astimezone(zone('Asia/Tokyo')):%a}" in page.content.decode()
    answer = house.owner.post(reverse("dashboard:move_appointment", args=[appointment.pk]), move_fields(appointment))
    assert answer.status_code == 302
    assert Appointment.objects.get().start == appointment.start + timedelta(hours=1)
    Appointment.objects.update(timezone=house.company.timezone)
    assert "For the customer" not in house.owner.get(url).content.decode()


def test_appointment_is_given_to_somebody_else(house: House):
    appointment = house.book()
    john = make_staff(house.company, "John Smith")
    john.services.add(house.service)
    fields = move_fields(appointment, staff=str(john.pk))
    assert house.owner.post(reverse("dashboard:move_appointment", args=[appointment.pk]), fields).status_code == 302
    assert list(Appointment.objects.get().staff.all()) == [john]


def test_move_onto_another_appointment_is_refused_and_names_free_times(house: House):
    appointment, _other = house.book(), house.book(next_monday(11), name="Other")
    answer = house.owner.post(reverse("dashboard:move_appointment", args=[appointment.pk]), move_fields(appointment))
    assert (answer.status_code, bool(answer.context["move_form"].errors)) == (422, True)
    assert Appointment.objects.get(pk=appointment.pk).start == appointment.start


@pytest.mark.parametrize(
    "given", [{"version": 99}, {"version": ""}, {"date": "never"}, {"time": "25:00"}, {"staff": "x"}]
)
def test_stale_or_bad_move_changes_nothing(house: House, given: dict[str, object]):
    appointment = house.book()
    url = reverse("dashboard:move_appointment", args=[appointment.pk])
    assert house.owner.post(url, move_fields(appointment, **given)).status_code == 422
    assert Appointment.objects.get().start == appointment.start


def test_cancel_keeps_the_reason(house: House):
    appointment = house.book()
    url = reverse("dashboard:cancel_appointment", args=[appointment.pk])
    assert house.owner.post(url, {"reason": "Ill", "version": 77}).status_code == 422
    assert house.owner.post(url, {"reason": "Ill", "version": appointment.version}).status_code == 302
    kept = Appointment.objects.get()
    assert (kept.status, kept.cancel_reason) == ("cancelled", "Ill")


def test_notes_are_saved_as_text(house: House):
    appointment = house.book()
    url = reverse("dashboard:appointment_notes", args=[appointment.pk])
    house.owner.post(url, {"notes": "</textarea><b>x", "version": appointment.version})
    assert Appointment.objects.get().notes == "</textarea><b>x"
    assert b"</textarea><b>x" not in house.owner.get(reverse("dashboard:appointment", args=[appointment.pk])).content


def test_flag_is_cleared_once_looked_at(house: House):
    appointment = house.book()
    Appointment.objects.update(flag="busy")
    assert list(house.owner.get("/dashboard").context["flagged"]) == [appointment]
    house.owner.post(reverse("dashboard:appointment_seen", args=[appointment.pk]))
    assert Appointment.objects.get().flag == ""


def new_fields(house: House, **given: str) -> dict[str, str]:
    day = next_monday().date().isoformat()
    return {
        "service": str(house.service.pk), "staff": "", "date": day, "time": "11:00", "name": "Priya Nair",
        "email": "priya@example.org", **given,
    }  # fmt: skip


def test_manager_books_for_a_customer(house: House):
    answer = house.owner.post(f"{LIST}/new", new_fields(house))
    made = Appointment.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:appointment", args=[made.pk]))
    assert (made.source, list(made.staff.all())) == ("dashboard", [house.staff])
    taken = house.owner.post(f"{LIST}/new", new_fields(house))
    assert (taken.status_code, Appointment.objects.count()) == (422, 1)
    assert "Free near it" in str(taken.context["form"].non_field_errors())


@pytest.mark.parametrize("given", [{"service": "x"}, {"date": "x"}, {"time": ""}, {"email": "x"}, {"name": "n" * 121}])
def test_bad_new_appointment_is_refused(house: House, given: dict[str, str]):
    assert house.owner.post(f"{LIST}/new", new_fields(house, **given)).status_code == 422
    assert Appointment.objects.count() == 0


def test_customers_are_listed_and_found(house: House):
    house.book()
    names = [customer.name for customer in house.owner.get("/dashboard/customers?q=NOAH").context["page"]]
    assert names == ["Noah Fischer"]
    assert list(house.owner.get("/dashboard/customers?q=zzz%00").context["page"]) == []
    assert list(house.stranger.get("/dashboard/customers").context["page"]) == []


def test_home_shows_today_what_comes_and_what_is_wrong(house: House):
    appointment = house.book()
    connection = house.connect()
    type(connection).objects.update(state="needs_attention")
    context = house.owner.get("/dashboard").context
    assert list(context["coming"]) == [appointment]
    assert [item.row for item in context["troubled"]] == [connection]
    assert [step.done for step in context["steps"]] == [True, True, True, False, True]
    stranger = house.stranger.get("/dashboard").context
    assert (stranger["coming"], stranger["troubled"], stranger["flagged"]) == ([], [], [])
    assert [step.done for step in stranger["steps"]] == [False] * 5
