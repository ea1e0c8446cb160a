"""Google's watch channels: what is asked for, what is given, and what a notification says.

A notification of Google Calendar has no body. Its headers name the channel and a state: `sync` once, when the channel
was opened, then `exists` or `not_exists` for a change. What changed is not said. (Drive's channels differ.)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kalends.sync.channels import ChannelGrant, ChannelRequest, Notification, NotificationKind
from kalends.sync.port import Malformed

_LONGEST = 256
_KINDS = {
    "sync": NotificationKind.OPENED,
    "exists": NotificationKind.CHANGED,
    "not_exists": NotificationKind.CHANGED,
}


def watch_body(request: ChannelRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "type": "web_hook",
        "address": request.address,
        "token": request.secret,
        "expiration": str(int(request.expires.timestamp() * 1000)),
    }


def to_grant(channel: Mapping[str, Any]) -> ChannelGrant:
    """Raises KeyError, TypeError or ValueError for an answer that is no channel. Verified is it by its first message."""
    expires = datetime.fromtimestamp(int(channel["expiration"]) / 1000, UTC)
    return ChannelGrant(remote_id=str(channel["resourceId"]), expires=expires)


def read_notification(headers: Mapping[str, str]) -> Notification:
    """What the headers say (names in any case). Raises Malformed for what Google would not send."""
    named = {name.lower(): value for name, value in headers.items()}
    channel_id = named.get("x-goog-channel-id", "")
    kind = _KINDS.get(named.get("x-goog-resource-state", ""))
    if not channel_id or kind is None:
        raise Malformed("no channel" if not channel_id else "unknown state")
    remote_id, secret = named.get("x-goog-resource-id", ""), named.get("x-goog-channel-token", "")
    if max(len(channel_id), len(remote_id), len(secret)) > _LONGEST:
        raise Malformed("too long")
    return Notification(channel_id, remote_id, secret, kind)
