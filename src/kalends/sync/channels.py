"""What we and a provider say to each other about notifications of one calendar; `sync/push.py` decides about them.

Instants are aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """Where the provider is to send notifications of one calendar.

    id                 ours, at most 64 characters, never used twice
    address            takes the notifications; `lifecycle_address` what the provider says about the channel itself
    secret             comes back with each notification, at most 128 characters
    expires            until when it is wanted; the provider may give less
    """

    id: str
    address: str
    lifecycle_address: str
    secret: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class ChannelGrant:
    """What the provider gave: its own id of the channel (Google: resourceId; Microsoft: subscription id) and its end.

    `verified`: opening it made the provider reach the address; else the first notification shows that it can.
    """

    remote_id: str
    expires: datetime
    verified: bool = False


class NotificationKind(StrEnum):
    OPENED = "opened"  # the channel was opened; nothing changed
    CHANGED = "changed"
    MISSED = "missed"  # notifications were lost: read, and expect nothing of those before
    REMOVED = "removed"  # the channel is gone: open another one, and read
    REAUTHORIZE = "reauthorize"  # the channel ends soon unless it is renewed


@dataclass(frozen=True, slots=True)
class Notification:
    """One inbound notification as it was sent; nothing in it is believed before `secret` was compared.

    `channel_id` is ours where the provider repeats it, else ""; then `remote_id` names the channel.
    """

    channel_id: str
    remote_id: str
    secret: str = field(repr=False)
    kind: NotificationKind
