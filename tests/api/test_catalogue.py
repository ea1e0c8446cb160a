from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import make_service, make_staff

pytestmark = pytest.mark.django_db


def test_without_a_key_nothing_is_answered():
    response = Client().get("/api/v1/staff")
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_read_only_key_may_not_write(reader):
    response = reader.post("/staff", {"name": "Emma"})
    assert (response.status_code, response.json()["code"]) == (403, "read_only_key")
    assert reader.get("/staff").json() == {"items": [], "next": None}


def test_staff_is_made_read_changed_and_retired(owner):
    made = owner.post("/staff", {"name": "Emma Morris", "email": "emma@lakeside.example"})
    assert made.status_code == 201
    emma = made.json()
    assert emma == {
        "id": emma["id"],
        "name": "Emma Morris",
        "email": "emma@lakeside.example",
        "timezone": "Europe/Paris",
        "active": True,
    }
    assert owner.get(f"/staff/{emma['id']}").json() == emma
    changed = owner.patch(f"/staff/{emma['id']}", {"timezone": "Asia/Tokyo"})
    assert changed.json() == {**emma, "timezone": "Asia/Tokyo"}
    assert owner.delete(f"/staff/{emma['id']}").status_code == 204
    assert owner.get(f"/staff/{emma['id']}").json()["active"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x" * 121}, "name"),
        ({"name": ""}, "name"),
        ({"name": "Emma", "timezone": "Mars/Olympus"}, "timezone"),
        ({"name": "Emma", "email": "not an address"}, "email"),
        ({"name": "Emma", "salary": 3}, "salary"),
        ({}, "name"),
    ],
)
def test_staff_that_cannot_be_is_refused_with_the_field(owner, body, field):
    response = owner.post("/staff", body)
    assert (response.status_code, response.json()["field"]) == (422, field)
    assert owner.get("/staff").json()["items"] == []


def test_body_that_is_not_json_is_a_clear_error(owner):
    response = Client().post(
        "/api/v1/staff", "{", content_type="application/json", headers={"Authorization": f"Bearer {owner.token}"}
    )
    assert response.status_code in (400, 422)
    assert set(response.json()) >= {"code", "message"}


def test_address_and_method_that_are_none_are_refused_as_errors_are(owner):
    for address in ("/nope", "/staff/", "/staff/1/2/3/4"):
        for method in ("GET", "POST"):
            answer = owner.call(method, address)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, address)
    answer = owner.call("DELETE", "/staff")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] in ("GET, POST", "POST, GET")
    assert answer.json()["message"] == f"This address takes {answer.headers['Allow']}."


def test_fault_of_ours_is_answered_as_an_error_and_written_down(owner, monkeypatch, caplog):
    def fails(company: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("kalends.companies.selectors.staff_of", fails)
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {owner.token}"})
    answer = client.get("/api/v1/staff")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert [record.exc_info[0] for record in caplog.records if record.name == "django.request"] == [RuntimeError]


def test_body_that_is_too_large_is_refused(owner):
    answer = owner.call("POST", "/staff", {"name": "x" * 3_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_stranger_sees_and_changes_nothing(owner, stranger):
    emma = make_staff(owner.company)
    service = make_service(owner.company, staff=[emma])
    for path in (
        f"/staff/{emma.pk}",
        f"/services/{service.pk}",
        f"/staff/{emma.pk}/hours",
        f"/staff/{emma.pk}/time-off",
    ):
        assert stranger.get(path).status_code == 404
    assert stranger.patch(f"/staff/{emma.pk}", {"name": "X"}).status_code == 404
    assert stranger.delete(f"/staff/{emma.pk}").status_code == 404
    assert stranger.post("/groups", {"name": "G", "staff": [str(emma.pk)]}).json()["field"] == "staff"
    assert stranger.get("/staff").json()["items"] == []
    emma.refresh_from_db()
    assert (emma.name, emma.active) == ("Emma Morris", True)


def test_lists_page_by_cursor_without_loss_or_repeat(owner):
    names = [f"Member {number}" for number in range(5)]
    for name in names:
        owner.post("/staff", {"name": name})
    seen, cursor = [], ""
    while True:
        page = owner.get(f"/staff?limit=2{cursor}").json()
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == names
    assert owner.get("/staff?cursor=nonsense").json()["field"] == "cursor"


def test_service_keeps_every_field_of_the_interface(owner):
    emma = make_staff(owner.company)
    body = {
        "name": "Physiotherapy",
        "duration": 60,
        "interval": 30,
        "grid": "clock",
        "buffer_before": 10,
        "buffer_after": 5,
        "notice": 120,
        "horizon": 90,
        "capacity": 1,
        "staff": [str(emma.pk)],
    }
    made = owner.post("/services", body).json()
    assert {name: made[name] for name in body} == body
    back = owner.patch(f"/services/{made['id']}", {"interval": None}).json()
    assert back["interval"] is None


def test_group_is_made_changed_and_deleted(owner):
    emma, john = make_staff(owner.company), make_staff(owner.company, "John Smith")
    made = owner.post("/groups", {"name": "Doctors", "staff": [str(emma.pk), str(john.pk)]}).json()
    assert made == {"id": made["id"], "name": "Doctors", "staff": [str(emma.pk), str(john.pk)]}
    changed = owner.patch(f"/groups/{made['id']}", {"staff": [str(john.pk)]}).json()
    assert changed["staff"] == [str(john.pk)]
    assert owner.delete(f"/groups/{made['id']}").status_code == 204
    assert owner.get(f"/groups/{made['id']}").status_code == 404


def test_hours_are_replaced_as_one(owner):
    emma = make_staff(owner.company, open_hours=False)
    body = {
        "timezone": "America/New_York",
        "weekly": [{"day": "mo", "from": "09:00", "to": "12:00"}, {"day": "mo", "from": "13:00", "to": "24:00"}],
        "overrides": [{"date": "2026-03-04", "ranges": []}],
    }
    assert owner.put(f"/staff/{emma.pk}/hours", body).json() == body
    assert owner.get(f"/staff/{emma.pk}/hours").json() == body
    wrong = {
        **body,
        "weekly": [{"day": "mo", "from": "09:00", "to": "12:00"}, {"day": "mo", "from": "11:00", "to": "13:00"}],
    }
    refused = owner.put(f"/staff/{emma.pk}/hours", wrong)
    assert (refused.status_code, refused.json()["field"]) == (422, "weekly")
    assert owner.get(f"/staff/{emma.pk}/hours").json() == body


@pytest.mark.parametrize("time", ["25:00", "09:61", "9:00", "morning"])
def test_hour_that_is_none_is_refused(owner, time):
    emma = make_staff(owner.company)
    body = {"timezone": "UTC", "weekly": [{"day": "mo", "from": time, "to": "24:00"}]}
    assert owner.put(f"/staff/{emma.pk}/hours", body).status_code == 422


def test_time_off_needs_an_offset_and_can_be_removed(owner):
    emma = make_staff(owner.company)
    path = f"/staff/{emma.pk}/time-off"
    naive = owner.post(path, {"start": "2026-03-03T09:00:00", "end": "2026-03-03T10:00:00"})
    assert (naive.status_code, naive.json()["field"]) == (422, "start")
    made = owner.post(
        path, {"start": "2026-03-03T09:00:00+01:00", "end": "2026-03-03T10:00:00+01:00", "label": "Dentist"}
    )
    assert made.status_code == 201
    assert [item["label"] for item in owner.get(path).json()["items"]] == ["Dentist"]
    assert owner.delete(f"{path}/{made.json()['id']}").status_code == 204
    assert owner.get(path).json()["items"] == []


def test_calendar_sync_settings_begin_off_and_change(owner):
    before = owner.get("/calendar-sync").json()
    assert before == {
        "google_enabled": False,
        "outlook_enabled": False,
        "office365_enabled": False,
        "caldav_enabled": False,
        "bidirectional": False,
        "on_outside_move": "accept_and_flag",
        "on_outside_delete": "ask",
        "stale_after_hours": 6,
        "stale_after_hours_ics": 24,
    }
    after = owner.patch("/calendar-sync", {"google_enabled": True, "on_outside_delete": "cancel"}).json()
    assert after == {**before, "google_enabled": True, "on_outside_delete": "cancel"}
    assert owner.patch("/calendar-sync", {"on_outside_move": "ignore"}).status_code == 422


def test_service_is_given_at_a_location_of_the_company_only(owner, stranger):
    place = owner.post("/locations", {"name": "Annexe", "address": "2 Quai du Lac"}).json()["id"]
    elsewhere = stranger.post("/locations", {"name": "Elsewhere"}).json()["id"]
    made = owner.post("/services", {"name": "Massage", "duration": 30, "location": place}).json()
    assert made["location"] == place
    path = f"/services/{made['id']}"
    refused = owner.patch(path, {"location": elsewhere})
    assert (refused.status_code, refused.json()["field"]) == (422, "location")
    assert owner.patch(path, {"name": "Shiatsu"}).json()["location"] == place
    assert owner.patch(path, {"location": None}).json()["location"] is None


def test_feeds_are_listed_with_subscribe_links_and_rotated(owner, stranger):
    make_staff(owner.company)
    feeds = sorted(owner.get("/feeds").json()["items"], key=lambda feed: feed["kind"])
    assert [(feed["kind"], feed["name"], feed["privacy"]) for feed in feeds] == [
        ("company", "Lakeside", "title"),
        ("staff", "Emma Morris", "title"),
    ]
    first = feeds[1]
    assert set(first["subscribe"]) == {"apple", "google", "outlook", "office365"}
    assert first["subscribe"]["apple"].startswith("webcal://")
    assert stranger.post(f"/feeds/{first['id']}/rotate").status_code == 404
    rotated = owner.post(f"/feeds/{first['id']}/rotate").json()
    assert rotated["url"] != first["url"]
    assert Client().get(first["url"].removeprefix("http://127.0.0.1:8000")).status_code == 404
    assert owner.patch(f"/feeds/{first['id']}", {"privacy": "busy"}).json()["privacy"] == "busy"


def test_customer_is_known_by_address_and_deleted_only_without_appointments(owner):
    made = owner.post("/customers", {"name": "Zoé", "email": "Zoe@Example.org"}).json()
    assert (made["email"], made["timezone"]) == ("zoe@example.org", "Europe/Paris")
    again = owner.post("/customers", {"name": "Zoé", "email": "zoe@example.org"})
    assert (again.status_code, again.json()["field"]) == (422, "email")
    assert owner.patch(f"/customers/{made['id']}", {"phone": "+33 1"}).json()["phone"] == "+33 1"
    assert [c["id"] for c in owner.get("/customers?email=ZOE@example.org").json()["items"]] == [made["id"]]
    assert owner.delete(f"/customers/{made['id']}").status_code == 204


def test_document_names_every_error_an_operation_may_answer():
    document = Client().get("/api/v1/openapi.json").json()
    operation = document["paths"]["/api/v1/staff"]["post"]
    assert set(operation["responses"]) == {"201", "400", "401", "403", "404", "409", "412", "422", "503"}
