from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from kalends.companies import services
from kalends.companies.models import ApiKey, Closing, Service, Staff, StaffGroup
from kalends.companies.selectors import api_key_by_token
from kalends.core.clock import utc_now
from tests.web.people import House, service_fields


def company_fields(**given: str) -> dict[str, str]:
    return {"name": "Lakeside", "slug": "lakeside", "timezone": "Europe/Paris", "locale": "en", **given}


def test_company_is_changed(house: House):
    answer = house.owner.post("/dashboard/settings/company", company_fields(name="Lake & Side", phone="+33 1"))
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/settings/company")
    house.company.refresh_from_db()
    assert (house.company.name, house.company.phone) == ("Lake & Side", "+33 1")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"timezone": "Mars/Phobos"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": ""}, "name"),
        ({"slug": "dashboard"}, "slug"),
        ({"slug": "hillside"}, "slug"),
        ({"slug": "Große Straße"}, "slug"),
        ({"email": "nobody"}, "email"),
        ({"locale": "xx"}, "locale"),
    ],
)
def test_bad_company_details_are_shown_at_their_field(house: House, given: dict[str, str], field: str):
    answer = house.owner.post("/dashboard/settings/company", company_fields(**given))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    house.company.refresh_from_db()
    assert (house.company.name, house.company.slug) == ("Lakeside", "lakeside")


def test_names_are_shown_as_text_never_as_markup(house: House):
    services.change_staff(staff=house.staff, name="<script>alert(1)</script>", actor="t", now=utc_now())
    services.change_company(company=house.company, name="<b>Lake</b>", actor="t", now=utc_now())
    urls = ["/dashboard", "/dashboard/settings/staff", f"/dashboard/settings/staff/{house.staff.pk}",
            "/dashboard/settings/calendar-sync", "/dashboard/settings/groups/new"]  # fmt: skip
    for url in urls:
        content = house.owner.get(url).content
        assert (b"<script>alert" in content, b"<b>Lake" in content) == (False, False)


def test_staff_member_is_added_and_next_come_the_hours(house: House):
    fields = {"name": "John Smith", "email": "john@lakeside.example", "timezone": "Europe/Paris"}
    answer = house.owner.post("/dashboard/settings/staff", fields)
    john = Staff.objects.get(name="John Smith")
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:staff", args=[john.pk]))
    assert (john.company, john.feed.kind) == (house.company, "staff")


def test_bad_staff_details_leave_the_row_alone(house: House):
    url = reverse("dashboard:staff", args=[house.staff.pk])
    answer = house.owner.post(url, {"name": "y" * 200, "timezone": "Nowhere", "locale": "en", "color": "red"})
    assert answer.status_code == 422
    assert sorted(answer.context["form"].errors) == ["color", "name", "timezone"]
    house.staff.refresh_from_db()
    assert house.staff.name == "Emma Morris"


def test_old_spelling_of_a_zone_stays_in_the_list(house: House):
    services.change_staff(staff=house.staff, timezone="Asia/Calcutta", actor="t", now=utc_now())
    form = house.owner.get(reverse("dashboard:staff", args=[house.staff.pk])).context["form"]
    assert '<option value="Asia/Calcutta" selected>' in str(form["timezone"])


def test_group_is_added_changed_and_deleted(house: House):
    house.owner.post("/dashboard/settings/groups/new", {"name": "Stylists", "staff": [str(house.staff.pk)]})
    group = StaffGroup.objects.get()
    assert list(group.staff.all()) == [house.staff]
    house.owner.post(reverse("dashboard:group", args=[group.pk]), {"name": "Cutters"})
    group.refresh_from_db()
    assert (group.name, group.staff.count()) == ("Cutters", 0)
    house.owner.post(reverse("dashboard:delete_group", args=[group.pk]))
    assert StaffGroup.objects.count() == 0


def test_group_takes_nobody_from_another_company(house: House):
    foreign = services.create_staff(company=house.other, name="Zoe", actor="t", now=utc_now())
    answer = house.owner.post("/dashboard/settings/groups/new", {"name": "Mixed", "staff": [str(foreign.pk)]})
    assert (answer.status_code, StaffGroup.objects.count()) == (422, 0)


def test_service_is_added_with_all_its_fields(house: House):
    answer = house.owner.post("/dashboard/settings/services/new", service_fields(staff=[str(house.staff.pk)]))
    assert answer.status_code == 302
    made = Service.objects.get(name="Massage")
    kept = (made.duration, made.buffer_before, made.buffer_after, made.interval, made.notice, made.horizon)
    assert kept == (50, 5, 10, None, 60, 30)
    assert list(made.staff.all()) == [house.staff]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"duration": 0}, "duration"),
        ({"duration": "an hour"}, "duration"),
        ({"duration": 1441}, "duration"),
        ({"buffer_after": -5}, "buffer_after"),
        ({"capacity": 501}, "capacity"),
        ({"horizon": 0}, "horizon"),
        ({"grid": "loose"}, "grid"),
        ({"name": ""}, "name"),
    ],
)
def test_bad_service_fields_are_shown_at_their_field(house: House, given: dict[str, object], field: str):
    url = reverse("dashboard:service", args=[house.service.pk])
    answer = house.owner.post(url, service_fields(**given))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    house.service.refresh_from_db()
    assert house.service.duration == 30


def test_closing_without_times_means_whole_days_of_the_company(house: House):
    house.owner.post(
        "/dashboard/settings/closings", {"from_date": "2030-12-24", "to_date": "2030-12-26", "label": "Xmas"}
    )
    closing = Closing.objects.get()
    assert (closing.start, closing.end) == (
        datetime(2030, 12, 23, 23, tzinfo=UTC),
        datetime(2030, 12, 26, 23, tzinfo=UTC),
    )
    house.owner.post(reverse("dashboard:delete_closing", args=[closing.pk]))
    assert Closing.objects.count() == 0


@pytest.mark.parametrize(
    "given",
    [
        {"from_date": "2030-12-24", "to_date": "2030-12-23"},
        {"from_date": "2030-12-24", "from_time": "12:00", "to_time": "11:00"},
        {"from_date": "soon"},
        {},
    ],
)
def test_bad_closing_is_refused(house: House, given: dict[str, str]):
    assert house.owner.post("/dashboard/settings/closings", given).status_code == 422
    assert Closing.objects.count() == 0


def test_api_key_is_shown_once(house: House):
    answer = house.owner.post("/dashboard/settings/api", {"name": "Zapier", "may_write": "on"})
    made = answer.context["made"]
    key = ApiKey.objects.get()
    assert api_key_by_token(made, utc_now()) == key
    assert (key.name, key.may_write) == ("Zapier", True)
    assert house.owner.get("/dashboard/settings/api").context["made"] == ""
    house.owner.post(reverse("dashboard:revoke_api_key", args=[key.pk]))
    assert api_key_by_token(made, utc_now()) is None


# -- hours ----------------------------------------------------------------------------------------------------------


def hours_of(staff: Staff) -> list[tuple[int, int, int]]:
    return [(row.weekday, row.start_minute, row.end_minute) for row in staff.working_hours.all()]


def test_hours_take_several_ranges_a_day_and_drop_empty_rows(house: House):
    url = reverse("dashboard:staff_hours", args=[house.staff.pk])
    answer = house.owner.post(
        url, {"from_0": ["09:00", "13:30", ""], "to_0": ["12:30", "18:00", ""], "from_5": "10:00", "to_5": "00:00"}
    )
    assert answer.status_code == 302
    assert hours_of(house.staff) == [(0, 540, 750), (0, 810, 1080), (5, 600, 1440)]


@pytest.mark.parametrize(
    "given",
    [
        {"from_2": ["09:00", "11:00"], "to_2": ["12:00", "13:00"]},
        {"from_2": "17:00", "to_2": "09:00"},
        {"from_2": "09:00", "to_2": ""},
        {"from_2": "25:00", "to_2": "26:00"},
        {"from_2": "٩:٠٠", "to_2": "12:00"},
    ],
)
def test_bad_hours_are_shown_at_their_day_and_change_nothing(house: House, given: dict[str, object]):
    before = hours_of(house.staff)
    answer = house.owner.post(reverse("dashboard:staff_hours", args=[house.staff.pk]), given)
    assert answer.status_code == 422
    assert [bool(day.error) for day in answer.context["days"]] == [False, False, True, False, False, False, False]
    assert hours_of(house.staff) == before


def test_copying_monday_shows_it_and_saves_nothing(house: House):
    before = hours_of(house.staff)
    url = reverse("dashboard:staff_hours", args=[house.staff.pk])
    answer = house.owner.post(
        url, {"do": "copy", "from_0": "08:00", "to_0": "12:00", "from_6": "10:00", "to_6": "11:00"}
    )
    rows = [day.rows for day in answer.context["days"]]
    assert rows == [[("08:00", "12:00")]] * 5 + [[], [("10:00", "11:00")]]
    assert hours_of(house.staff) == before


def test_one_day_gets_other_hours_and_goes_back(house: House):
    url = reverse("dashboard:staff_override", args=[house.staff.pk])
    house.owner.post(url, {"date": "2030-05-01", "from": ["10:00", "", ""], "to": ["11:00", "", ""]})
    house.owner.post(url, {"date": "2030-05-02", "from": ["", "", ""], "to": ["", "", ""]})
    assert [(row.date, row.ranges) for row in house.staff.overrides.all()] == [
        (date(2030, 5, 1), [[600, 660]]),
        (date(2030, 5, 2), []),
    ]
    assert len(hours_of(house.staff)) == 5
    house.owner.post(url, {"remove": "2030-05-01"})
    assert [row.date for row in house.staff.overrides.all()] == [date(2030, 5, 2)]
    assert house.owner.post(url, {"date": "never"}).status_code == 302
    assert house.staff.overrides.count() == 1


def test_time_off_is_read_on_the_staff_members_clock(house: House):
    services.change_staff(staff=house.staff, timezone="America/New_York", actor="t", now=utc_now())
    url = reverse("dashboard:staff_time_off", args=[house.staff.pk])
    house.owner.post(
        url, {"from_date": "2030-07-01", "from_time": "09:00", "to_date": "2030-07-01", "to_time": "10:00"}
    )
    row = house.staff.time_off.get()
    assert (row.start, row.end) == (datetime(2030, 7, 1, 13, tzinfo=UTC), datetime(2030, 7, 1, 14, tzinfo=UTC))
    house.owner.post(reverse("dashboard:delete_time_off", args=[house.staff.pk, row.pk]))
    assert house.staff.time_off.count() == 0


def test_services_of_a_staff_member_are_set(house: House):
    url = reverse("dashboard:staff_services", args=[house.staff.pk])
    assert house.owner.post(url, {}).status_code == 302
    assert house.staff.services.count() == 0
    assert house.owner.post(url, {"services": [str(house.service.pk)]}).status_code == 302
    assert list(house.staff.services.all()) == [house.service]


def test_place_is_added_chosen_for_a_service_and_deleted(house: House):
    page = "/dashboard/settings/places"
    assert "No places yet" in house.owner.get(page).content.decode()
    fields = {"name": "Annexe <1>", "address": "2 Quai du Lac", "timezone": "Europe/Paris"}
    assert house.owner.post(page, fields).status_code == 302
    place = house.company.locations.get()
    service = reverse("dashboard:service", args=[house.service.pk])
    assert house.owner.post(service, service_fields(location=str(place.pk))).status_code == 302
    assert house.owner.get(service).context["form"].initial["location"] == place
    own = reverse("dashboard:location", args=[place.pk])
    assert house.owner.post(own, fields | {"name": "Annexe"}).status_code == 302
    assert "1 service is given here" in house.owner.get(own).content.decode()
    assert house.owner.post(reverse("dashboard:delete_location", args=[place.pk])).status_code == 302
    house.service.refresh_from_db()
    assert (house.company.locations.count(), house.service.location) == (0, None)


def test_place_of_another_company_cannot_be_chosen(house: House):
    foreign = services.create_location(company=house.other, name="Elsewhere", timezone="UTC")
    url = reverse("dashboard:service", args=[house.service.pk])
    assert house.owner.post(url, service_fields(location=str(foreign.pk))).status_code == 422
