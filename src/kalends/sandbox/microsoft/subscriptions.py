"""Subscriptions: created after a handshake, renewed, listed, deleted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from kalends.sandbox.deliver import LOOPBACK
from kalends.sandbox.microsoft import errors
from kalends.sandbox.microsoft.api import ROOT, Answer, Api, respond
from kalends.sandbox.microsoft.call import Call
from kalends.sandbox.microsoft.push import Sender
from kalends.sandbox.microsoft.store import Store, Subscription
from kalends.sandbox.microsoft.zones import read_instant, write_instant
from kalends.sandbox.web import Request, Response, Route, route

MAX_MINUTES, MIN_MINUTES = 10_080, 45
_MOST = 1000
_KINDS = ("created", "updated", "deleted")
_RESOURCE = re.compile(r"^/?(?:me|users/(?P<user>[^/]+))/(?:calendar/|calendars/(?P<calendar>[^/]+)/)?events/?$")


class Subscriptions:
    def __init__(self, store: Store, api: Api, sender: Sender) -> None:
        self._store = store
        self._api = api
        self._sender = sender

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
            ("GET", "/subscriptions", "get /subscriptions", self.list_all),
            ("GET", "/subscriptions/{id}", "get /subscriptions/{id}", self.get),
            ("PATCH", "/subscriptions/{id}", "patch /subscriptions/{id}", self.change),
            ("DELETE", "/subscriptions/{id}", "delete /subscriptions/{id}", self.delete),
            ("POST", "/subscriptions/{id}/reauthorize", "post /subscriptions/{id}/reauthorize", self.reauthorize),
        ]
        return [
            route("POST", f"{ROOT}/subscriptions", "post /subscriptions", self.create),
            *(route(verb, ROOT + path, name, self._api.handler("read", run)) for verb, path, name, run in table),
        ]

    def create(self, request: Request) -> Response:
        """A new subscription. The receiver is asked without the store's lock: it may ask us meanwhile."""
        with self._store.writing():
            call = self._api.call(request, {}, "read")
            row = self._read(call)
        for address in {row.address, row.lifecycle} - {""}:
            if not self._sender.validates(address):
                message = "Subscription validation request failed. Notification endpoint must respond with 200 OK to "
                raise errors.invalid(f"{message}validation request: {address}", "ValidationError")
        with self._store.writing():
            self._store.subscriptions.put(row.id, row)
            return respond(call, 201, self._shown(call, row))

    def _read(self, call: Call) -> Subscription:
        given = call.body()
        kinds = [part.strip() for part in str(given.get("changeType") or "").split(",")]
        if any(kind not in _KINDS for kind in kinds):
            raise errors.invalid(f"Unsupported change type(s): {given.get('changeType')}", "InvalidRequest")
        if given.get("includeResourceData"):
            raise errors.invalid("Resource data is not supported by the sandbox.", "InvalidRequest")
        state = str(given.get("clientState") or "")
        if len(state) > 128:
            raise errors.invalid("The clientState is longer than 128 characters.", "InvalidRequest")
        now = self._store.now().timestamp()
        own = [row for row in self._store.subscriptions.values() if row.account == call.account.email]
        if len(own) >= _MOST:
            raise errors.GraphError(403, "ExtensionError", "The limit of 1000 subscriptions of a mailbox is reached.")
        return Subscription(
            id=str(uuid.uuid4()),
            account=call.account.email,
            client_id=call.client_id,
            resource=str(given.get("resource") or ""),
            calendar=self._calendar(call, str(given.get("resource") or "")),
            change_types=",".join(kinds),
            address=_address(given, "notificationUrl"),
            lifecycle=_address(given, "lifecycleNotificationUrl") if given.get("lifecycleNotificationUrl") else "",
            client_state=state,
            created_at=now,
            expires_at=_expiry(given, now),
            immutable=call.immutable,
        )

    def _calendar(self, call: Call, resource: str) -> str:
        match = _RESOURCE.match(resource)
        if not match or match["user"] not in (None, call.account.id, call.account.email):
            raise errors.invalid(f"The resource '{resource}' is not supported.", "InvalidRequest")
        if match["calendar"]:
            call.path["calendar"] = unquote(match["calendar"])
            return call.calendar().id
        return call.calendar().id if "calendar/" in resource else ""

    def _own(self, call: Call) -> list[Subscription]:
        now = self._store.now().timestamp()
        return [row for row in self._store.subscriptions.values()
                if (row.account, row.client_id) == (call.account.email, call.client_id) and row.expires_at > now]  # fmt: skip

    def _find(self, call: Call) -> Subscription:
        for row in self._own(call):
            if row.id == call.path["id"]:
                return row
        raise errors.GraphError(404, "ResourceNotFound", "The object was not found.")

    def list_all(self, call: Call) -> Answer:
        return 200, {"value": [self._shown(call, row) for row in self._own(call)]}

    def get(self, call: Call) -> Answer:
        return 200, self._shown(call, self._find(call))

    def change(self, call: Call) -> Answer:
        """Renew. Only the end can be changed, which also reauthorises."""
        row, given = self._find(call), call.body()
        if other := sorted(name for name in given if name != "expirationDateTime" and "@" not in name):
            raise errors.invalid(f"Property {other[0]} cannot be updated.", "InvalidRequest")
        row.created_at = self._store.now().timestamp()
        row.expires_at = _expiry(given, row.created_at)
        return 200, self._shown(call, self._wake(row))

    def reauthorize(self, call: Call) -> Answer:
        self._wake(self._find(call))
        return 204, None

    def _wake(self, row: Subscription) -> Subscription:
        row.warned = row.paused = False
        self._store.subscriptions.put(row.id, row)
        return row

    def delete(self, call: Call) -> Answer:
        self._store.subscriptions.remove(self._find(call).id)
        return 204, None

    def _shown(self, call: Call, row: Subscription) -> dict[str, Any]:
        return {
            "id": row.id,
            "resource": row.resource,
            "applicationId": row.client_id,
            "changeType": row.change_types,
            "clientState": row.client_state or None,
            "notificationUrl": row.address,
            "notificationQueryOptions": None,
            "lifecycleNotificationUrl": row.lifecycle or None,
            "expirationDateTime": write_instant(datetime.fromtimestamp(row.expires_at, UTC)),
            "creatorId": call.account.id,
            "includeResourceData": None,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }


def _address(given: dict[str, Any], name: str) -> str:
    """An https address, or plain http on loopback. Raises GraphError 400."""
    address = str(given.get(name) or "")
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise errors.invalid(f"The {name} must be an https address: '{address}'.", "InvalidRequest")
    return address


def _expiry(given: dict[str, Any], now: float) -> float:
    """Seconds since the epoch; a life under 45 minutes is made 45. Raises GraphError 400."""
    asked = read_instant(str(given.get("expirationDateTime") or "")).timestamp()
    if asked <= now:
        raise errors.invalid("Subscription expiration must be in the future.", "InvalidRequest")
    if asked > now + MAX_MINUTES * 60:
        message = f"Subscription expiration can only be {MAX_MINUTES} minutes in the future."
        raise errors.invalid(message, "InvalidRequest")
    return max(asked, now + MIN_MINUTES * 60)
