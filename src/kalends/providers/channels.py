"""For calendar systems that have no notifications which a server elsewhere could take."""

from __future__ import annotations

from datetime import datetime

from kalends.sync.channels import ChannelGrant, ChannelRequest
from kalends.sync.port import Permanent


class WithoutChannels:
    def open_channel(self, calendar_id: str, request: ChannelRequest) -> ChannelGrant:
        raise Permanent("no_push")

    def renew_channel(self, channel_id: str, remote_id: str, expires: datetime) -> ChannelGrant:
        raise Permanent("no_push")

    def close_channel(self, channel_id: str, remote_id: str) -> None:
        """There is none."""
