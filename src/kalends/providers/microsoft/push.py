"""Notifications of Microsoft Graph: a JSON batch that may mix subscriptions. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kalends.sync.channels import Notification, NotificationKind
from kalends.sync.port import Malformed

_LIFECYCLE = {
    "missed": NotificationKind.MISSED,
    "subscriptionRemoved": NotificationKind.REMOVED,
    "reauthorizationRequired": NotificationKind.REAUTHORIZE,
}


def read_notifications(body: bytes) -> list[Notification]:
    """What a request to our notification or lifecycle address says, in its order. Raises Malformed.

    A lifecycle event that is not known counts as a change, which causes a read and nothing else.
    """
    try:
        items = json.loads(body)["value"]
        return [_notification(item) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed("notification") from error


def _notification(item: Mapping[str, Any]) -> Notification:
    remote_id, secret, event = item["subscriptionId"], item.get("clientState") or "", item.get("lifecycleEvent") or ""
    if not all(isinstance(value, str) for value in (remote_id, secret, event)):
        raise TypeError("not a text")
    return Notification("", remote_id, secret, _LIFECYCLE.get(event, NotificationKind.CHANGED))
