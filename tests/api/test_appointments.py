"""Appointments over REST: the promise, as a program meets it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kalends.bookings.models import Appointment, Attendee
from kalends.messages.models import OutgoingMessage
from tests.factories import make_service, make_staff

pytestmark = pytest.mark.django_db

START = "2026-03-03T10:00:00+01:00"


@pytest.fixture
def clinic(owner):
    emma, john = make_staff(owner.company), make_staff(owner.company, "John Smith")
    return emma, john, make_service(owner.company, staff=[emma, john])


def booking(service, **more) -> dict:
    return {
        "service": str(service.pk),
        "start": START,
        "customer": {"name": "Zoé Müller", "email": "zoe@example.org", "timezone": "Europe/Berlin"},
        **more,
    }


def test_booked_appointment_has_the_interfaces_shape(owner, clinic):
    emma, _john, service = clinic
    response = owner.post("/appointments", booking(service, staff=str(emma.pk), notes="First visit"))
    assert response.status_code == 201
    body = response.json()
    attendee = Attendee.objects.get()
    assert body == {
        "id": str(Appointment.objects.get().pk),
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "uid": attendee.uid,
        "service": str(service.pk),
        "staff": [str(emma.pk)],
        "start": "2026-03-03T10:00:00+01:00",
        "end": "2026-03-03T10:30:00+01:00",
        "timezone": "Europe/Berlin",
        "notes": "First visit",
        "flag": "",
        "attendees": [
            {
                "id": str(attendee.pk),
                "name": "Zoé Müller",
                "email": "zoe@example.org",
                "phone": "",
                "status": "confirmed",
                "uid": attendee.uid,
                "sequence": 0,
                "timezone": "Europe/Berlin",
            }
        ],
        "sync": [],
    }
    read = owner.get(f"/appointments/{body['id']}")
    assert (read.json(), read["ETag"]) == (body, '"1"')


def test_taken_slot_answers_409_with_alternatives(owner, clinic):
    emma, _john, service = clinic
    owner.post("/appointments", booking(service, staff=str(emma.pk)))
    taken = owner.post("/appointments", booking(service, staff=str(emma.pk)))
    assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken")
    starts = sorted(datetime.fromisoformat(item["start"]) for item in taken.json()["alternatives"])
    assert starts == [datetime(2026, 3, 3, hour, minute, tzinfo=UTC) for hour, minute in ((8, 0), (8, 30), (9, 30))]


def test_start_off_the_grid_answers_409_not_offered_with_the_reason_and_alternatives(owner, clinic):
    emma, _john, service = clinic
    refused = owner.post("/appointments", booking(service, staff=str(emma.pk), start="2026-03-03T09:07:00Z"))
    body = refused.json()
    assert (refused.status_code, body["code"], body["reason"]) == (409, "not_offered", "grid")
    assert body["message"] == "No appointment begins at this time; choose one of the times that are offered."
    assert len(body["alternatives"]) == 3


def test_same_idempotency_key_repeats_the_answer_and_books_once(owner, clinic):
    body = booking(clinic[2])
    first = owner.post("/appointments", body, Idempotency_Key="k1")
    again = owner.post("/appointments", body, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert Appointment.objects.count() == 1
    assert OutgoingMessage.objects.filter(kind="appointment_confirmed").count() == 1


def test_same_key_with_another_body_is_an_error(owner, clinic):
    owner.post("/appointments", booking(clinic[2]), Idempotency_Key="k1")
    other = owner.post("/appointments", booking(clinic[2], notes="other"), Idempotency_Key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Appointment.objects.count() == 1


def test_refusal_is_kept_under_its_key_too(owner, clinic):
    emma, _john, service = clinic
    owner.post("/appointments", booking(service, staff=str(emma.pk)))
    first = owner.post("/appointments", booking(service, staff=str(emma.pk)), Idempotency_Key="k2")
    again = owner.post("/appointments", booking(service, staff=str(emma.pk)), Idempotency_Key="k2")
    assert (first.status_code, again.status_code, first.content) == (409, 409, again.content)


def test_keys_of_two_companies_do_not_meet(owner, stranger, clinic):
    owner.post("/appointments", booking(clinic[2]), Idempotency_Key="k1")
    emma = make_staff(stranger.company)
    service = make_service(stranger.company, staff=[emma])
    assert stranger.post("/appointments", booking(service), Idempotency_Key="k1").status_code == 201


def test_move_raises_version_and_sequence_and_if_match_guards_it(owner, clinic):
    made = owner.post("/appointments", booking(clinic[2], staff=str(clinic[0].pk))).json()
    path = f"/appointments/{made['id']}"
    moved = owner.patch(path, {"start": "2026-03-03T11:00:00+01:00"}, If_Match='"1"')
    assert moved.status_code == 200
    body = moved.json()
    assert (body["version"], body["uid"], body["start"]) == (2, made["uid"], "2026-03-03T11:00:00+01:00")
    stale = owner.patch(path, {"start": "2026-03-03T12:00:00+01:00"}, If_Match='"1"')
    assert (stale.status_code, owner.get(path).json()["start"]) == (412, "2026-03-03T11:00:00+01:00")
    assert owner.patch(path, {"notes": "x"}, If_Match="banana").json()["field"] == "If-Match"


def test_staff_and_notes_change_by_patch(owner, clinic):
    emma, john, service = clinic
    made = owner.post("/appointments", booking(service, staff=str(emma.pk))).json()
    body = owner.patch(f"/appointments/{made['id']}", {"staff": str(john.pk), "notes": "Second floor"}).json()
    assert (body["staff"], body["notes"]) == ([str(john.pk)], "Second floor")


def test_cancel_frees_the_time_and_history_tells_all(owner, clinic):
    emma, _john, service = clinic
    made = owner.post("/appointments", booking(service, staff=str(emma.pk))).json()
    cancelled = owner.post(f"/appointments/{made['id']}/cancel", {"reason": "Snow"})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert owner.post("/appointments", booking(service, staff=str(emma.pk))).status_code == 201
    history = owner.get(f"/appointments/{made['id']}/history").json()["items"]
    assert [entry["kind"] for entry in history] == ["created", "cancelled"]


def test_stranger_reads_and_changes_no_appointment(owner, stranger, clinic):
    made = owner.post("/appointments", booking(clinic[2])).json()
    path = f"/appointments/{made['id']}"
    assert stranger.get(path).status_code == 404
    assert stranger.patch(path, {"notes": "x"}).status_code == 404
    assert stranger.post(f"{path}/cancel").status_code == 404
    assert stranger.get(f"{path}/history").status_code == 404
    assert stranger.get("/appointments").json()["items"] == []
    assert stranger.post("/appointments", booking(clinic[2])).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start": "2026-03-03T10:00:00"}, "start"),
        ({"start": "soon"}, "start"),
        ({"customer": {"name": "Z", "email": "no address"}}, "email"),
        ({"customer": {"name": "x" * 121, "email": "z@example.org"}}, "customer.name"),
        ({"customer": {"name": "Z", "email": "z@example.org", "timezone": "Mars/Olympus"}}, "timezone"),
    ],
)
def test_booking_that_cannot_be_is_refused_with_the_field(owner, clinic, change, field):
    response = owner.post("/appointments", booking(clinic[2], **change))
    assert (response.status_code, response.json()["field"]) == (422, field)
    assert Appointment.objects.count() == 0


def test_staff_member_who_was_named_must_give_the_service_and_be_the_companys(owner, stranger, clinic):
    emma, _, service = clinic
    other = make_staff(owner.company, "Emil Late")
    foreign = make_staff(stranger.company)
    for named in (other, foreign):
        assert owner.post("/appointments", booking(service, staff=str(named.pk))).status_code == 404
    assert owner.post("/appointments", booking(service, staff="nobody")).status_code == 422
    assert owner.post("/appointments", booking(service, staff=str(emma.pk))).json()["staff"] == [str(emma.pk)]
    assert owner.post("/appointments", booking(service, staff=str(emma.pk))).status_code == 409
    assert Appointment.objects.count() == 1


def test_list_filters_by_day_of_the_companys_clock(owner, clinic):
    made = owner.post("/appointments", booking(clinic[2], staff=str(clinic[0].pk))).json()
    assert [a["id"] for a in owner.get("/appointments?from=2026-03-03&to=2026-03-03").json()["items"]] == [made["id"]]
    assert owner.get("/appointments?from=2026-03-04").json()["items"] == []
    assert owner.get("/appointments?to=2026-03-01&from=2026-03-02").json()["field"] == "to"
    assert owner.get(f"/appointments?staff={clinic[1].pk}").json()["items"] == []


def test_slots_list_days_with_who_is_free(owner, clinic):
    emma, john, service = clinic
    owner.post("/appointments", booking(service, staff=str(emma.pk)))
    body = owner.get(f"/slots?service={service.pk}&from=2026-03-03&to=2026-03-03&tz=Europe/Paris").json()
    assert body["timezone"] == "Europe/Paris"
    day = body["days"][0]
    assert (day["date"], len(day["slots"])) == ("2026-03-03", 16)
    by_start = {slot["start"]: slot for slot in day["slots"]}
    assert by_start[START]["staff"] == [str(john.pk)]
    assert by_start["2026-03-03T09:00:00+01:00"] == {
        "start": "2026-03-03T09:00:00+01:00",
        "end": "2026-03-03T09:30:00+01:00",
        "staff": [str(emma.pk), str(john.pk)],
        "seats_left": 2,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-03-03&to=2026-03-02", "to"),
        ("from=2026-03-03&to=2027-03-02", "to"),
        ("from=2026-03-03&to=2026-03-04&tz=Mars/Olympus", "tz"),
        ("to=2026-03-04", "from"),
    ],
)
def test_slots_refuse_what_cannot_be_asked(owner, clinic, query, field):
    response = owner.get(f"/slots?service={clinic[2].pk}&{query}")
    assert (response.status_code, response.json()["field"]) == (422, field)


def test_explanation_names_the_blocking_appointment(owner, clinic):
    emma, _john, service = clinic
    made = owner.post("/appointments", booking(service, staff=str(emma.pk))).json()
    at = "2026-03-03T10:00:00%2B01:00"
    body = owner.get(f"/slots/explain?service={service.pk}&staff={emma.pk}&at={at}").json()
    busy = next(rule for rule in body["rules"] if rule["rule"] == "busy")
    assert (body["offered"], busy["ok"], [item["id"] for item in busy["blocking"]]) == (False, False, [made["id"]])
