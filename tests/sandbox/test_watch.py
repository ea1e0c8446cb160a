"""Channels: opening, the sync message, notifications, retries, expiry, stopping."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kalends.sandbox.app import Running
from tests.sandbox.conftest import EMMA, Clock, refusal, timed
from tests.support import listening


class Hook:
    """A receiver of notifications that answers with the statuses it is given, then 200."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/hook")
        self.seen: list[dict[str, str]] = []
        self.statuses: list[int] = []
        server.expect_request("/hook", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        assert request.data == b""
        names = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append({name: value for name, value in names.items() if name.startswith("x-goog-")})
        return Response(status=self.statuses.pop(0) if self.statuses else 200)

    def states(self) -> list[str]:
        return [headers["x-goog-resource-state"] for headers in self.seen]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as server:
        yield Hook(server)


def watch(google: Any, hook: Hook, **more: Any) -> dict[str, Any]:
    body = {"id": "channel-1", "type": "web_hook", "address": hook.url, "token": "secret", **more}
    return google.events().watch(calendarId="primary", body=body).execute()


def test_a_channel_is_told_of_changes_with_the_documented_headers(google: Any, sandbox: Running, hook: Hook) -> None:
    channel = watch(google, hook)
    left = int(channel["expiration"]) - sandbox.store.now().timestamp() * 1000
    assert round(left / 60_000) == 604_800 / 60
    assert sandbox.sender.wait_idle()
    google.events().insert(calendarId="primary", body=timed()).execute()
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync", "exists"]
    last = hook.seen[-1]
    assert last["x-goog-channel-id"] == "channel-1"
    assert last["x-goog-channel-token"] == "secret"
    assert last["x-goog-resource-id"] == channel["resourceId"]
    assert last["x-goog-resource-uri"] == channel["resourceUri"]
    assert last["x-goog-channel-expiration"].endswith(" GMT")
    numbers = [int(headers["x-goog-message-number"]) for headers in hook.seen]
    assert numbers == sorted(set(numbers))


def test_a_change_in_another_calendar_is_not_told(google: Any, sandbox: Running, hook: Hook) -> None:
    watch(google, hook)
    personal = google.calendarList().list().execute()["items"][1]["id"]
    google.events().insert(calendarId=personal, body=timed()).execute()
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync"]


def test_a_failing_receiver_is_tried_again(google: Any, sandbox: Running, hook: Hook) -> None:
    hook.statuses = [503, 500]
    watch(google, hook)
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync", "sync", "sync"]


def test_a_refusing_receiver_is_not(google: Any, sandbox: Running, hook: Hook) -> None:
    hook.statuses = [404]
    watch(google, hook)
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync"]


def test_a_stopped_channel_is_silent_and_stopping_needs_the_resource_id(
    google: Any, sandbox: Running, hook: Hook
) -> None:
    channel = watch(google, hook)
    wrong = google.channels().stop(body={"id": channel["id"], "resourceId": "wrong"})
    assert refusal(wrong) == (404, "notFound")
    google.channels().stop(body={"id": channel["id"], "resourceId": channel["resourceId"]}).execute()
    google.events().insert(calendarId="primary", body=timed()).execute()
    assert sandbox.sender.wait_idle()
    assert hook.states() in ([], ["sync"])


def test_an_expired_channel_is_silent_and_its_id_free(google: Any, sandbox: Running, hook: Hook, clock: Clock) -> None:
    watch(google, hook, params={"ttl": "60"})
    assert sandbox.sender.wait_idle()
    clock.now += timedelta(seconds=61)
    google.events().insert(calendarId="primary", body=timed()).execute()
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync"]
    watch(google, hook)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"address": "http://hooks.example/x"}, "push.webhookUrlNotHttps"),
        ({"type": "mail"}, "push.channelTypeUnknown"),
        ({"id": "i" * 65}, "invalid"),
        ({"token": "t" * 257}, "invalid"),
        ({"expiration": "1000"}, "invalid"),
    ],
)
def test_watch_refuses(google: Any, hook: Hook, more: dict[str, Any], reason: str) -> None:
    body = {"id": "channel-1", "type": "web_hook", "address": hook.url, **more}
    assert refusal(google.events().watch(calendarId="primary", body=body)) == (400, reason)


def test_a_channel_id_is_used_once(google: Any, hook: Hook) -> None:
    watch(google, hook)
    body = {"id": "channel-1", "type": "web_hook", "address": hook.url}
    assert refusal(google.events().watch(calendarId="primary", body=body)) == (400, "channelIdNotUnique")


def test_notifications_can_be_lost_and_repeated(google: Any, sandbox: Running, hook: Hook) -> None:
    watch(google, hook)
    assert sandbox.sender.wait_idle()
    sandbox.faults.pushes(lose=1)
    google.events().insert(calendarId="primary", body=timed()).execute()
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync"]
    sandbox.faults.pushes(repeat=1)
    google.events().insert(calendarId="primary", body=timed()).execute()
    assert sandbox.sender.wait_idle()
    assert hook.states() == ["sync", "exists", "exists"]
    assert [row.calendar for row in sandbox.store.channels.values()] == [EMMA]
