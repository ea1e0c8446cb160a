from __future__ import annotations

import json

import pytest

from kalends.providers.microsoft.push import read_notifications
from kalends.providers.registry import kinds_of_hook
from kalends.sync.channels import Notification, NotificationKind
from kalends.sync.port import Malformed


def body(*items):
    return json.dumps({"value": items}).encode()


def test_notifications_of_several_subscriptions_keep_their_order():
    items = [
        {"subscriptionId": "a", "clientState": "s1", "changeType": "updated", "resource": "Users/x/Events/y"},
        {"subscriptionId": "b", "clientState": "s2", "changeType": "deleted"},
    ]
    assert read_notifications(body(*items)) == [
        Notification("", "a", "s1", NotificationKind.CHANGED),
        Notification("", "b", "s2", NotificationKind.CHANGED),
    ]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("missed", NotificationKind.MISSED),
        ("subscriptionRemoved", NotificationKind.REMOVED),
        ("reauthorizationRequired", NotificationKind.REAUTHORIZE),
        ("somethingNew", NotificationKind.CHANGED),
        (None, NotificationKind.CHANGED),
    ],
)
def test_notifications_F50_lifecycle_events_mean_what_they_say(event, kind):
    item = {"subscriptionId": "a", "clientState": None, "lifecycleEvent": event}
    assert read_notifications(body(item)) == [Notification("", "a", "", kind)]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"value": 1}',
        b'{"value": [1]}',
        b'{"value": [{}]}',
        b'{"value": [{"subscriptionId": 7}]}',
        b'{"value": [{"subscriptionId": "a", "clientState": ["s"]}]}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_notifications_that_microsoft_would_not_send_are_malformed(sent):
    with pytest.raises(Malformed):
        read_notifications(sent)


def test_both_kinds_of_account_share_one_hook():
    assert set(kinds_of_hook("microsoft")) == {"office365", "outlook"}


def test_a_notification_shows_no_secret():
    (found,) = read_notifications(body({"subscriptionId": "a", "clientState": "s3cret"}))
    assert "s3cret" not in repr(found)
