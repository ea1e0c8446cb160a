"""Google's notifications, from headers as they come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kalends.providers import registry
from kalends.providers.google.push import read_notification, to_grant, watch_body
from kalends.sync.channels import ChannelGrant, ChannelRequest, Notification, NotificationKind
from kalends.sync.port import Malformed

# As the Calendar API's guide to push notifications shows them.
RECORDED = {
    "Content-Type": "application/json; utf-8",
    "Content-Length": "0",
    "X-Goog-Channel-ID": "4ba78bf0-6a47-11e2-bcfd-0800200c9a66",
    "X-Goog-Channel-Token": "398348u3tu83ut8uu38",
    "X-Goog-Channel-Expiration": "Tue, 29 Oct 2013 20:32:02 GMT",
    "X-Goog-Resource-ID": "ret08u3rv24htgh289g",
    "X-Goog-Resource-URI": "https://www.googleapis.com/calendar/v3/calendars/my_calendar@gmail.com/events",
    "X-Goog-Resource-State": "exists",
    "X-Goog-Message-Number": "10",
}


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("sync", NotificationKind.OPENED),
        ("exists", NotificationKind.CHANGED),
        ("not_exists", NotificationKind.CHANGED),
    ],
)
def test_F45_recorded_headers_are_read(state, kind):
    headers = {name.lower(): value for name, value in {**RECORDED, "X-Goog-Resource-State": state}.items()}
    expected = Notification(
        channel_id="4ba78bf0-6a47-11e2-bcfd-0800200c9a66",
        remote_id="ret08u3rv24htgh289g",
        secret="398348u3tu83ut8uu38",
        kind=kind,
    )
    assert read_notification(headers) == expected
    assert registry.kinds_of_hook("google")["google"](RECORDED | {"X-Goog-Resource-State": state}, b"") == [expected]


@pytest.mark.parametrize(
    "odd",
    [
        {"X-Goog-Resource-State": "add"},  # Drive's
        {"X-Goog-Resource-State": ""},
        {"X-Goog-Channel-ID": ""},
        {"X-Goog-Channel-ID": "x" * 257},
        {"X-Goog-Channel-Token": "x" * 257},
        {"X-Goog-Resource-ID": "x" * 257},
    ],
)
def test_F45_what_is_no_notification_of_the_calendar_is_malformed(odd):
    with pytest.raises(Malformed):
        read_notification(RECORDED | odd)


def test_notification_shows_no_secret():
    assert "398348u3tu83ut8uu38" not in repr(read_notification(RECORDED))


def test_watch_asks_for_a_web_hook_until_then():
    at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    request = ChannelRequest("id-1", "https://x.example/hooks/google", "https://x.example/hooks/google", "s", at)
    assert watch_body(request) == {
        "id": "id-1",
        "type": "web_hook",
        "address": "https://x.example/hooks/google",
        "token": "s",
        "expiration": "1773043200000",
    }
    answer = {"resourceId": "r", "expiration": "1773043200000"}
    assert to_grant(answer) == ChannelGrant(remote_id="r", expires=at, verified=False)
