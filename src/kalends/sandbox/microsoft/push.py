"""Change and lifecycle notifications of subscriptions: what is sent, when, and again."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from kalends.sandbox.deliver import RETRIES, Deliverer, Report
from kalends.sandbox.microsoft import ids
from kalends.sandbox.microsoft.store import Event, Store, Subscription
from kalends.sandbox.microsoft.zones import write_instant

LIFECYCLE = ("reauthorizationRequired", "subscriptionRemoved", "missed")
# A subscription asks for its renewal when this part of its life is left.
_WARN = 0.1


@dataclass(frozen=True, slots=True)
class Notice:
    """`change` is "created", "updated", "deleted" or a lifecycle event; `payload` the item of the body as JSON."""

    subscription: str
    account: str
    address: str
    change: str
    payload: str
    attempt: int = 0


class Sender(Deliverer[Notice]):
    """Delivers notices; those that wait for one address go in one request. A receiver has three seconds."""

    timeout = 3.0
    look_every = 0.2

    def __init__(self, store: Store, report: Report, retries: tuple[float, ...] = RETRIES) -> None:
        super().__init__(report, retries)
        self._store = store

    def start(self) -> None:
        self._store.listeners.append(self.changed)
        super().start()

    def validates(self, address: str) -> bool:
        """The handshake: does the receiver give the token back as plain text?"""
        token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid.uuid4()}"
        joint = "&" if "?" in address else "?"
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        status, kind, text = self.post(f"{address}{joint}validationToken={quote(token, safe='')}", b"", headers, 10.0)
        self.report("push", {"channel": "", "calendar": address, "state": "validation", "status": status})
        return status == 200 and kind.lower().startswith("text/plain") and text == token.encode()

    # -- what happens ------------------------------------------------------------------------------------------

    def changed(self, calendar: str, event: Event) -> None:
        """Tell every living subscription of the calendar. Called with the store's lock held.

        Of a series the master alone is told of, whichever occurrence changed.
        """
        if event.master:
            return
        account = self._store.calendars[calendar].account
        kind = "deleted" if event.deleted else ("created" if event.change == event.made else "updated")
        for row in self._living():
            if (
                row.account == account
                and row.calendar in ("", calendar)
                and kind in row.change_types
                and not row.paused
            ):
                self.put(_notice(row, row.address, kind, self._change(row, kind, event)), self.hold)

    def look(self) -> None:
        """Warn of subscriptions that end soon, and remove those that ended."""
        if len(self._store.subscriptions) == 0:
            return
        with self._store.writing():
            now = self._store.now().timestamp()
            for row in self._store.subscriptions.values():
                if row.expires_at <= now:
                    self.lifecycle(row, "subscriptionRemoved")
                elif not row.warned and row.expires_at - now < _WARN * (row.expires_at - row.created_at):
                    row.warned = True
                    self._store.subscriptions.put(row.id, row)
                    self._tell_lifecycle(row, "reauthorizationRequired")

    def lifecycle(self, row: Subscription, event: str) -> None:
        """Make a lifecycle event happen: removed is removed, and without reauthorisation nothing more is told."""
        if event == "subscriptionRemoved":
            self._store.subscriptions.remove(row.id)
        elif event == "reauthorizationRequired":
            row.paused = True
            self._store.subscriptions.put(row.id, row)
        self._tell_lifecycle(row, event)

    def _tell_lifecycle(self, row: Subscription, event: str) -> None:
        if row.lifecycle:
            self.put(_notice(row, row.lifecycle, event, {**self._about(row), "lifecycleEvent": event}), self.hold)

    def _living(self) -> list[Subscription]:
        now = self._store.now().timestamp()
        return [row for row in self._store.subscriptions.values() if row.expires_at > now]

    def _about(self, row: Subscription) -> dict[str, Any]:
        state = {"clientState": row.client_state} if row.client_state else {}
        return {
            "subscriptionId": row.id,
            "subscriptionExpirationDateTime": write_instant(datetime.fromtimestamp(row.expires_at, UTC)),
            **state,
            "tenantId": self._store.accounts[row.account].tid,
        }

    def _change(self, row: Subscription, kind: str, event: Event) -> dict[str, Any]:
        shown = ids.shown(event, immutable=row.immutable)
        resource = f"Users/{self._store.accounts[row.account].id}/Events/{shown}"
        data = {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "@odata.etag": event.etag, "id": shown}
        return {**self._about(row), "changeType": kind, "resource": resource, "resourceData": data}

    # -- sending -----------------------------------------------------------------------------------------------

    def deliver(self, delivery: Notice) -> None:
        def goes_along(other: Notice) -> bool:
            return other.address == delivery.address and other.attempt == delivery.attempt == 0

        batch = [delivery, *self.take(goes_along)]
        sent = []
        for notice in batch:
            if self.lose > 0:
                self.lose -= 1
                self._say(notice, "lost")
            else:
                sent.append(notice)
        if not sent:
            return
        status = self._send(sent)
        if self.repeat > 0:
            self.repeat -= 1
            self._send(sent)
        for notice in () if 200 <= status < 300 else sent:
            if notice.attempt < len(self.retries):
                self.put(replace(notice, attempt=notice.attempt + 1), self.retries[notice.attempt])

    def _send(self, batch: list[Notice]) -> int:
        body = json.dumps({"value": [json.loads(notice.payload) for notice in batch]}).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        status = self.post(batch[0].address, body, headers)[0]
        for notice in batch:
            self._say(notice, status)
        return status

    def _say(self, notice: Notice, status: int | str) -> None:
        details = {"channel": notice.subscription, "calendar": notice.account, "state": notice.change, "status": status}
        self.report("push", details)


def _notice(row: Subscription, address: str, change: str, payload: dict[str, Any]) -> Notice:
    return Notice(row.id, row.account, address, change, json.dumps(payload))
