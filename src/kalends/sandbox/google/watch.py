"""Notification channels: opened by events.watch, told of every change, closed by channels.stop or by time."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from kalends.sandbox.google import errors
from kalends.sandbox.google.store import Account, Calendar, Channel, Store

DEFAULT_TTL = 604_800
MAX_TTL = 30 * 86_400
LOOPBACK = ("127.0.0.1", "localhost", "::1")
RETRIED = (500, 502, 503, 504)
RETRIES = (1.0, 2.0, 4.0, 8.0, 16.0)
_TIMEOUT = 5.0

Report = Callable[[str, Mapping[str, Any]], None]


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


class Sender:
    """Delivers notifications from one background thread, with retries; changes that wait for it are sent as one.

    `lose`, `repeat` and `hold` are faults: how many of the next notifications vanish or come twice, and for how
    many seconds each waits.
    """

    def __init__(self, store: Store, report: Report, retries: tuple[float, ...] = RETRIES) -> None:
        self.lose = 0
        self.repeat = 0
        self.hold = 0.0
        self._store = store
        self._report = report
        self._retries = retries
        self._queue: list[tuple[float, int, _Delivery]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._busy = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sandbox-push", daemon=True)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self) -> None:
        self._store.listeners.append(self.changed)
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        self._thread.join(timeout=_TIMEOUT + 1)

    def opened(self, channel: Channel) -> None:
        """Send the `sync` message of a new channel."""
        self._put(_Delivery(channel.id, "sync"), self.hold)

    def changed(self, calendar_id: str) -> None:
        """Tell every living channel of the calendar. Called with the store's lock held."""
        now = _millis(self._store.now())
        for channel in self._store.channels.values():
            if channel.expires_ms <= now:
                self._store.channels.remove(channel.id)
            elif channel.calendar == calendar_id:
                channel.number += 1
                self._store.channels.put(channel.id, channel)
                self._put(_Delivery(channel.id, "exists"), self.hold)

    def wait_idle(self, timeout: float = 5.0) -> bool:
        """Wait until nothing is due or being sent; for tests."""
        deadline = time.monotonic() + timeout
        with self._wake:
            while self._busy or self._queue:
                if not self._wake.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return False
        return True

    def _put(self, delivery: _Delivery, delay: float) -> None:
        with self._wake:
            if any(waiting == delivery for _, _, waiting in self._queue):
                return
            heapq.heappush(self._queue, (time.monotonic() + delay, next(self._order), delivery))
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and (not self._queue or self._queue[0][0] > time.monotonic()):
                    self._wake.wait(self._queue[0][0] - time.monotonic() if self._queue else None)
                if self._stopped:
                    return
                delivery = heapq.heappop(self._queue)[2]
                self._busy = True
            self._deliver(delivery)
            with self._wake:
                self._busy = False
                self._wake.notify_all()

    def _deliver(self, delivery: _Delivery) -> None:
        with self._store.writing():
            channel = self._store.channels.get(delivery.channel_id)
        if channel is None:
            return
        if self.lose > 0:
            self.lose -= 1
            self._report("push", {"channel": channel.id, "calendar": channel.calendar, "status": "lost"})
            return
        status = self._post(channel, delivery.state)
        if self.repeat > 0:
            self.repeat -= 1
            self._post(channel, delivery.state)
        if (status == 0 or status in RETRIED) and delivery.attempt < len(self._retries):
            again = _Delivery(delivery.channel_id, delivery.state, delivery.attempt + 1)
            self._put(again, self._retries[delivery.attempt])

    def _post(self, channel: Channel, state: str) -> int:
        """The receiver's status, or 0 where there was no answer."""
        request = urllib.request.Request(channel.address, data=b"", method="POST", headers=_headers(channel, state))  # noqa: S310 - the scheme was checked when the channel was opened
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as reply:
                status = int(reply.status)
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        except OSError:
            status = 0
        self._report("push", {"channel": channel.id, "calendar": channel.calendar, "state": state, "status": status})
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
