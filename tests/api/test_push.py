"""/hooks/google and /hooks/microsoft, over the whole stack."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from kalends.api.push.views import MOST_BYTES
from kalends.calendars.models import CalendarConnection, Channel, RemoteCalendar
from kalends.calendars.providers import provider_factory
from kalends.core.clock import utc_now
from kalends.sync.push import ChannelState
from tests.calendars.world import make_world

HOOKS = ("google", "microsoft")


@pytest.fixture
def hook() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def world(db, settings):
    settings.KALENDS = replace(settings.KALENDS, push=True)
    made = make_world()
    made.now = utc_now()
    made.server.push = True
    with provider_factory(made.provider_for):
        made.connect()
        made.run()
        yield made


def headers_of(world, **more: str) -> dict[str, str]:
    (channel,) = world.server.living_channels(world.main)
    return {
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Token": channel.secret,
        "X-Goog-Resource-ID": channel.remote_id,
        "X-Goog-Resource-State": "exists",
        "X-Goog-Message-Number": "2",
        **more,
    }


def post(hook: Client, name: str = "google", body: bytes = b"", **more):
    return hook.post(reverse(f"hook_{name}"), data=body, content_type="application/json", **more)


def test_addresses_are_the_promised_ones():
    assert [reverse(f"hook_{name}") for name in HOOKS] == ["/hooks/google", "/hooks/microsoft"]


def test_notification_makes_the_calendar_due_and_is_answered_without_reading_it(hook, world):
    world.forget_requests()
    CalendarConnection.objects.update(due_at=None)
    response = post(hook, headers=headers_of(world))
    assert (response.status_code, response.content) == (202, b"")
    assert RemoteCalendar.objects.get(remote_id="cal-1").next_poll_at is None
    assert CalendarConnection.objects.get().due_at < world.now
    assert world.server.requests == []


def test_forged_notification_gets_the_same_answer_and_changes_nothing(hook, world):
    before = list(Channel.objects.values()), list(CalendarConnection.objects.values())
    real = post(hook, headers=headers_of(world) | {"X-Goog-Channel-Token": "wrong"})
    unknown = post(hook, headers=headers_of(world) | {"X-Goog-Channel-ID": "3f0e8a54-0000-7000-8000-000000000000"})
    assert (real.status_code, real.content, dict(real.headers)) == (202, b"", dict(unknown.headers))
    assert (list(Channel.objects.values()), list(CalendarConnection.objects.values())) == before


def test_first_message_verifies_the_channel(hook, world):
    post(hook, headers=headers_of(world) | {"X-Goog-Resource-State": "sync"})
    row = Channel.objects.get(calendar__remote_id="cal-1", state=ChannelState.OPEN)
    assert row.verified_at is not None
    assert row.heard_at is None


def test_what_is_no_notification_is_refused(hook, db):
    assert post(hook).status_code == 400
    assert post(hook, headers={"X-Goog-Channel-ID": "x", "X-Goog-Resource-State": "add"}).status_code == 400


@pytest.mark.parametrize("name", HOOKS)
def test_body_that_is_too_long_is_refused(hook, db, name):
    assert post(hook, name, b"x" * (MOST_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_post_is_taken(hook, db, name, method):
    assert getattr(hook, method)(f"/hooks/{name}").status_code == 405


def test_validation_token_comes_back_decoded_as_plain_text(hook, db):
    asked = "/hooks/microsoft?validationToken=Validation%3A%20Testing%20client%20application%20reachability%20%2B%3C"
    response = hook.post(asked)
    assert response.status_code == 200
    assert response.content == b"Validation: Testing client application reachability +<"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("odd", ["x" * 4097, "a%00b", "a%0D%0AX-Evil:%201"])
def test_odd_validation_token_is_refused(hook, db, odd):
    assert hook.post(f"/hooks/microsoft?validationToken={odd}").status_code == 400


def test_google_knows_no_validation(hook, db):
    response = hook.post("/hooks/google?validationToken=x")
    assert (response.status_code, b"x" in response.content) == (400, False)
