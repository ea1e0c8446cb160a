"""Webhooks over REST: from the address to the log of what it was told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from kalends.messages.models import WebhookDelivery, WebhookEndpoint
from kalends.messages.webhook_sending import send_webhooks
from tests.api.conftest import Caller, caller_for
from tests.bookings.support import Salon, make_salon
from tests.factories import NOW, make_company

pytestmark = pytest.mark.django_db
EVENTS = ["appointment.created", "appointment.cancelled"]
GIVEN = {"url": "https://shop.example/hook/s3cret", "events": EVENTS}


@pytest.fixture
def salon() -> Salon:
    return make_salon()


@pytest.fixture
def caller(salon: Salon) -> Caller:
    return caller_for(salon.company)


def send_all() -> None:
    for ident in WebhookEndpoint.objects.values_list("pk", flat=True):
        send_webhooks(endpoint_id=ident, now=NOW)


def book(caller: Caller, salon: Salon, hour: int = 9) -> dict:
    body = {
        "service": str(salon.service.pk),
        "start": f"2026-03-03T{hour:02}:00:00+01:00",
        "customer": {"name": "Ada", "email": "ada@example.org"},
    }
    return caller.post("/appointments", body).json()


def test_webhook_is_added_listed_changed_and_removed(caller: Caller):
    made = caller.post("/webhooks", GIVEN)
    shown = {name: made.json()[name] for name in made.json() if name != "secret"}
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert shown == {
        "id": made.json()["id"],
        **GIVEN,
        "state": "active",
        "paused_by": "",
        "failing_since": None,
        "created_at": "2026-03-02T08:00:00+00:00",
    }
    path = f"/webhooks/{shown['id']}"
    listed = {**shown, "created_at": "2026-03-02T08:00:00Z"}
    assert caller.get("/webhooks").json() == {"items": [listed], "next": None}
    changed = caller.patch(path, {"events": ["connection.needs_attention"], "paused": True}).json()
    assert (changed["events"], changed["state"], changed["paused_by"]) == (
        ["connection.needs_attention"],
        "paused",
        "person",
    )
    assert caller.get(path).json() == changed
    assert caller.delete(path).status_code == 204
    assert caller.get(path).status_code == 404


def test_same_request_made_again_makes_one_webhook_and_gives_its_secret_again(caller: Caller):
    answers = [caller.post("/webhooks", GIVEN, Idempotency_Key="one") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert WebhookEndpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://shop.example", "events": EVENTS}, "url"),
        ({"url": "https://10.0.0.1/", "events": EVENTS}, "url"),
        ({"url": "https://shop.example", "events": []}, "events"),
        ({"url": "https://shop.example", "events": ["ping"]}, "events.0"),
        ({"url": "https://shop.example"}, "events"),
    ],
)
def test_webhook_that_cannot_be_is_refused(caller: Caller, body, field):
    refused = caller.post("/webhooks", body)
    assert (refused.status_code, refused.json()["field"]) == (422, field)


def test_booking_is_told_as_rest_shows_it_without_secrets(
    caller: Caller, salon: Salon, httpserver: HTTPServer, settings
):
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=(f"{httpserver.host}:{httpserver.port}",))
    httpserver.expect_request("/hook").respond_with_data("thanks")
    hook = caller.post("/webhooks", {"url": httpserver.url_for("/hook"), "events": EVENTS}).json()
    appointment = book(caller, salon)
    send_all()
    ((request, _answer),) = httpserver.log
    body = json.loads(request.data)
    del appointment["sync"]
    assert (body["type"], body["data"]) == ("appointment.created", {"appointment": appointment})
    assert b"/a/" not in request.data
    path = f"/webhooks/{hook['id']}/deliveries"
    (delivery,) = caller.get(path).json()["items"]
    assert delivery == {
        "id": body["id"],
        "event": "appointment.created",
        "state": "delivered",
        "attempts": 1,
        "created_at": "2026-03-02T08:00:00Z",
        "tried_at": "2026-03-02T08:00:00Z",
        "next_try_at": None,
        "status": 200,
        "answer": "thanks",
        "error": "",
    }
    again = caller.post(f"{path}/{body['id']}/resend")
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    send_all()
    assert [request.data for request, _ in httpserver.log] == [request.data] * 2


def test_ping_and_log_newest_first_page_by_page(caller: Caller):
    hook = caller.post("/webhooks", GIVEN).json()
    idents = [caller.post(f"/webhooks/{hook['id']}/test").json()["id"] for _ in range(3)]
    path = f"/webhooks/{hook['id']}/deliveries?limit=2"
    first = caller.get(path).json()
    second = caller.get(f"{path}&cursor={first['next']}").json()
    assert [item["id"] for item in first["items"] + second["items"]] == idents[::-1]
    assert {item["event"] for item in first["items"]} == {"ping"}
    caller.patch(f"/webhooks/{hook['id']}", {"paused": True})
    refused = caller.post(f"/webhooks/{hook['id']}/test")
    assert (refused.status_code, refused.json()["code"]) == (409, "paused")


def test_strangers_and_keys_that_only_read_are_kept_out(caller: Caller, salon: Salon):
    hook = caller.post("/webhooks", GIVEN).json()
    book(caller, salon)
    path, delivery = f"/webhooks/{hook['id']}", WebhookDelivery.objects.get().pk
    stranger, reader = caller_for(make_company("stranger")), caller_for(salon.company, may_write=False)
    calls = [
        ("GET", path, None),
        ("GET", f"{path}/deliveries", None),
        ("PATCH", path, {"paused": True}),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/deliveries/{delivery}/resend", None),
        ("DELETE", path, None),
    ]
    assert [stranger.call(*call).status_code for call in calls] == [404] * 6
    assert [reader.call(*call).status_code for call in calls] == [403] * 6
    assert (stranger.get("/webhooks").json()["items"], reader.get("/webhooks").status_code) == ([], 403)
    assert [caller.call(*call).status_code for call in calls[:2]] == [200, 200]
    assert caller.get("/webhooks/nonsense").status_code == 404
