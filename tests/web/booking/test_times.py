from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from kalends.companies.models import WorkingHours
from kalends.web.booking.picker import Asked, format_start_param, read_asked, read_start_param
from tests.bookings.support import make_salon
from tests.factories import NOW, make_company, make_service, make_staff
from tests.web.booking.support import get

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def test_first_free_day_is_chosen(client):
    salon = make_salon(notice=24 * 60)
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    assert "March 2026" in page.words
    assert "Tuesday 3 March, 16 free times" in page.words


def test_days_are_read_with_their_number_of_times(client):
    salon = make_salon()
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    labels = [attrs["aria-label"] for _href, _said, attrs in page.links if attrs.get("class", "").startswith("day")]
    assert labels[:2] == ["Monday 2 March, 15 free times", "Tuesday 3 March, 16 free times"]
    assert len(labels) == 22
    assert "Saturday 7 March, no free times" in page.words


def test_months_are_walked_within_the_horizon(client):
    salon = make_salon(horizon=40)
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    assert not [attrs for _href, _said, attrs in page.links if attrs.get("data-nav") == "previous"]
    after = get(client, page.by_label("Next month"))
    assert "April 2026" in after.words
    assert not [attrs for _href, _said, attrs in after.links if attrs.get("data-nav") == "next"]
    assert get(client, after.by_label("Previous month")).slots == page.slots


def test_empty_month_says_where_the_next_free_day_is(client):
    salon = make_salon(horizon=120)
    salon.company.closings.create(
        start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 4, 15, 0, 0, tzinfo=UTC), label="Renovation"
    )
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    assert "Nothing free in March 2026" in page.words
    assert "The next: Wednesday 15 April, 16 free times." in page.words
    assert "Renovation" not in page.words
    assert "Wednesday 15 April, 16 free times" in get(client, page.link("Go there")).words


def test_list_shows_every_day_of_the_month(client):
    salon = make_salon()
    page = get(client, f"/lakeside/book?service={salon.service.pk}&view=list")
    assert len(page.slots) == 15 + 21 * 16
    assert "view=list" in page.by_label("Next month")


def test_no_hours_is_an_empty_page_that_says_so(client):
    salon = make_salon()
    WorkingHours.objects.all().delete()
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    assert "No times can be booked online yet" in page.words
    assert page.slots == []


def test_company_without_services_says_so(client):
    make_company()
    assert "No times can be booked online yet" in get(client, "/lakeside").words


def test_service_without_active_staff_is_not_listed(client):
    company = make_company()
    gone = make_staff(company, active=False)
    make_service(company, "Massage", staff=[gone])
    make_service(company, "Nobody’s")
    assert "No times can be booked online yet" in get(client, "/lakeside").words


def test_all_taken_is_not_called_closed(client):
    salon = make_salon(horizon=3)
    salon.company.closings.create(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 5, 1, tzinfo=UTC))
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    assert "No free times" in page.words
    assert "No times can be booked online yet" not in page.words


def test_times_are_shown_in_the_zone_asked_for_and_links_keep_it(client):
    salon = make_salon()
    page = get(client, f"/lakeside/book?service={salon.service.pk}&tz=America/New_York&date=2026-03-03")
    assert page.slots[0][0] == "03:00"
    assert page.slots[0][1].endswith("tz=America%2FNew_York&start=2026-03-03T08%3A00Z")
    assert "Europe/Paris" in page.words  # the company's zone stands on top of the list


def test_zone_remembered_from_the_browser_is_used_without_being_in_links(client):
    salon = make_salon()
    client.cookies["kalends_tz"] = "Asia/Tokyo"
    page = get(client, f"/lakeside/book?service={salon.service.pk}&date=2026-03-03")
    # 16:00 in Paris the day before.
    assert page.slots[0][0] == "00:00"
    assert "tz=" not in page.slots[0][1]


@pytest.mark.parametrize("name", ["Mars/Base", "../../etc/passwd", "<b>", "europe/paris", "x" * 5000])
def test_unknown_zone_falls_back_with_a_notice(client, name):
    salon = make_salon()
    page = get(client, f"/lakeside/book?service={salon.service.pk}", data={"service": salon.service.pk, "tz": name})
    assert f"“{name[:64]}” is not a time zone we know. Times are shown for Europe/Paris" in page.words
    assert page.slots[0][0] == "09:30"


def test_unknown_zone_in_the_cookie_is_ignored(client):
    salon = make_salon()
    client.cookies["kalends_tz"] = "Mars/Base"
    page = get(client, f"/lakeside/book?service={salon.service.pk}")
    assert page.slots[0][0] == "09:30"
    assert "not a time zone" not in page.words


@pytest.mark.parametrize("query", ["date=soon", "date=2020-01-01", "date=9999-12-31", "month=2026-13", "month=1999-01"])
def test_dates_that_cannot_be_booked_fall_back_with_a_notice(client, query):
    salon = make_salon()
    page = get(client, f"/lakeside/book?service={salon.service.pk}&{query}")
    assert "The date in the address cannot be booked." in page.words
    assert "March 2026" in page.words


def test_hour_that_comes_twice_is_told_apart(client):
    company = make_company(timezone="Europe/Paris")
    staff = make_staff(company, open_hours=False)
    staff.working_hours.create(weekday=6, start_minute=60, end_minute=240)
    service = make_service(company, staff=[staff], duration=60)
    with time_machine.travel(datetime(2026, 10, 20, 8, tzinfo=UTC), tick=False):
        page = get(client, f"/lakeside/book?service={service.pk}&date=2026-10-25")
    assert [label for label, _href in page.slots] == ["01:00", "02:00UTC+2", "02:00UTC+1", "03:00"]


@pytest.mark.parametrize(
    "address",
    [
        "/nope",
        "/lakeside/s/123",
        "/lakeside/staff/x",
        "/lakeside/group/x",
        "/lakeside/book?service=x",
        "/lakeside/book/done/x",
    ],
)
def test_what_is_not_there_gets_a_page_that_says_so(client, address):
    make_salon()
    get(client, address, status=404)


def test_inactive_member_and_other_companies_are_not_found(client):
    salon = make_salon(members=2)
    other = make_company("other")
    stranger = make_staff(other, "Olga")
    salon.staff[1].active = False
    salon.staff[1].save()
    for staff in (salon.staff[1], stranger):
        get(client, f"/lakeside/staff/{staff.pk}", status=404)
        get(client, f"/lakeside/book?service={salon.service.pk}&staff={staff.pk}", status=404)
    get(client, f"/other/book?service={salon.service.pk}", status=404)


def test_service_that_is_off_is_not_found(client):
    salon = make_salon()
    salon.service.active = False
    salon.service.save()
    page = get(client, f"/lakeside/book?service={salon.service.pk}", status=404)
    assert page.link("See what Lakeside offers") == "/lakeside"


def test_book_without_a_service_leads_to_the_services(client):
    make_salon()
    answer = client.get("/lakeside/book")
    assert (answer.status_code, answer["Location"]) == (302, "/lakeside")


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_start_param_reads_back_to_the_minute(moment):
    whole = moment.replace(second=0, microsecond=0)
    assert read_start_param(format_start_param(whole)) == whole


@given(st.text(max_size=12), st.text(max_size=12))
def test_asked_dates_are_always_within_what_can_be_booked(day, month):
    query = QueryDict(mutable=True)
    query.update({"date": day, "month": month})
    first, last = date(2026, 3, 2), date(2026, 5, 1)
    asked = read_asked(query, first=first, last=last)
    assert first.replace(day=1) <= asked.month <= last
    assert asked.day is None or first <= asked.day <= last


def test_asked_day_names_its_month():
    asked = read_asked(QueryDict("date=2026-04-30&view=list"), first=date(2026, 3, 2), last=date(2026, 5, 1))
    assert asked == Asked(date(2026, 4, 1), date(2026, 4, 30), as_list=True, is_refused=False)
