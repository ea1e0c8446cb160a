"""Notification channels: opened by events.watch, told of every change, closed by channels.stop or by time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from kalends.sandbox.deliver import LOOPBACK, RETRIES, Deliverer, Report
from kalends.sandbox.google import errors
from kalends.sandbox.google.store import Account, Calendar, Channel, Store

DEFAULT_TTL = 604_800
MAX_TTL = 30 * 86_400
RETRIED = (500, 502, 503, 504)


def open_channel(
    store: Store, calendar: Calendar, account: Account, client_id: str, body: Mapping[str, Any], base_url: str
) -> Channel:
    """A new channel on the events of a calendar. Raises ApiError 400 for what Google refuses.

    One stated deviation: an address on loopback may be plain http.
    """
    address, channel_id = str(body.get("address") or ""), str(body.get("id") or "")
    _check(store, body, channel_id, address)
    digest = hashlib.sha256(f"{account.email}\n{calendar.id}".encode()).digest()
    channel = Channel(
        id=channel_id,
        calendar=calendar.id,
        account=account.email,
        client_id=client_id,
        address=address,
        token=str(body.get("token") or ""),
        resource_id=digest.hex()[:27],
        resource_uri=f"{base_url}/calendar/v3/calendars/{quote(calendar.id, safe='')}/events?alt=json",
        expires_ms=_expiry(store, body),
    )
    store.channels.put(channel.id, channel)
    return channel


def _check(store: Store, body: Mapping[str, Any], channel_id: str, address: str) -> None:
    if not 1 <= len(channel_id) <= 64:
        raise errors.invalid("Invalid channel id: 1 to 64 characters.", location="id")
    if body.get("type") not in ("web_hook", "webhook"):
        raise errors.bad_request(f"Unknown channel type: {body.get('type')}", reason="push.channelTypeUnknown")
    if len(str(body.get("token") or "")) > 256:
        raise errors.invalid("The channel token is longer than 256 characters.", location="token")
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise errors.bad_request(f"WebHook callback must be HTTPS: {address}", reason="push.webhookUrlNotHttps")
    present = store.channels.get(channel_id)
    if present is not None and present.expires_ms > _millis(store.now()):
        raise errors.bad_request(f"Channel id {channel_id} not unique", reason="channelIdNotUnique")


def _expiry(store: Store, body: Mapping[str, Any]) -> int:
    now = _millis(store.now())
    try:
        ttl = int((body.get("params") or {}).get("ttl") or DEFAULT_TTL)
        asked = int(body.get("expiration") or now + ttl * 1000)
    except ValueError as error:
        raise errors.invalid("Invalid expiration.", location="expiration") from error
    if asked <= now:
        raise errors.invalid("The expiration lies in the past.", location="expiration")
    return min(asked, now + MAX_TTL * 1000)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def stop_channel(store: Store, account: str, body: Mapping[str, Any]) -> None:
    """Close a channel: it needs the id and the resource id, and must be the caller's own. Raises 404."""
    channel = store.channels.get(str(body.get("id") or ""))
    if channel is None or channel.resource_id != body.get("resourceId") or channel.account != account:
        message = f"Channel '{body.get('id')}' not found for project 'kalends-sandbox'"
        raise errors.ApiError(404, "notFound", message)
    store.channels.remove(channel.id)


def shown(channel: Channel) -> dict[str, Any]:
    """The Channel resource as the reply to a watch."""
    token = {"token": channel.token} if channel.token else {}
    return {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": str(channel.expires_ms),
        **token,
    }


@dataclass(frozen=True, slots=True)
class _Delivery:
    channel_id: str
    state: str
    attempt: int = 0


class Sender(Deliverer[_Delivery]):
    """Delivers notifications; changes that wait for it are sent as one."""

    def __init__(self, store: Store, report: Report, retries: tuple[float, ...] = RETRIES) -> None:
        super().__init__(report, retries)
        self._store = store

    def start(self) -> None:
        self._store.listeners.append(self.changed)
        super().start()

    def opened(self, channel: Channel) -> None:
        """Send the `sync` message of a new channel."""
        self.put(_Delivery(channel.id, "sync"), self.hold)

    def changed(self, calendar_id: str) -> None:
        """Tell every living channel of the calendar. Called with the store's lock held."""
        now = _millis(self._store.now())
        for channel in self._store.channels.values():
            if channel.expires_ms <= now:
                self._store.channels.remove(channel.id)
            elif channel.calendar == calendar_id:
                channel.number += 1
                self._store.channels.put(channel.id, channel)
                self.put(_Delivery(channel.id, "exists"), self.hold)

    def deliver(self, delivery: _Delivery) -> None:
        with self._store.writing():
            channel = self._store.channels.get(delivery.channel_id)
        if channel is None:
            return
        if self.lose > 0:
            self.lose -= 1
            self.report("push", {"channel": channel.id, "calendar": channel.calendar, "status": "lost"})
            return
        status = self._tell(channel, delivery.state)
        if self.repeat > 0:
            self.repeat -= 1
            self._tell(channel, delivery.state)
        if (status == 0 or status in RETRIED) and delivery.attempt < len(self.retries):
            again = _Delivery(delivery.channel_id, delivery.state, delivery.attempt + 1)
            self.put(again, self.retries[delivery.attempt])

    def _tell(self, channel: Channel, state: str) -> int:
        """The receiver's status, or 0 where there was no answer."""
        status = self.post(channel.address, b"", _headers(channel, state))[0]
        self.report("push", {"channel": channel.id, "calendar": channel.calendar, "state": state, "status": status})
        return status


def _headers(channel: Channel, state: str) -> dict[str, str]:
    expires = datetime.fromtimestamp(channel.expires_ms / 1000, UTC)
    headers = {
        "Content-Type": "application/json; utf-8",
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Expiration": f"{expires:%a, %d %b %Y %H:%M:%S} GMT",
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-URI": channel.resource_uri,
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(1 if state == "sync" else channel.number + 1),
    }
    return headers | ({"X-Goog-Channel-Token": channel.token} if channel.token else {})
