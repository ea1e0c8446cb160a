"""A program of the company that webhooks tell what happens: it takes, refuses, is silent, and workers die over its answers.

All of its chance is its own: what people, calendars and networks do in a history is the same with it and without.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import UUID

from kalends.bookings.models import Appointment
from kalends.jobs.prepared import Prepared
from kalends.messages import webhook_sending, webhooks
from kalends.messages.models import Event, OutgoingMessage, WebhookDelivery, WebhookEndpoint
from kalends.net.errors import NotSent, Timeout
from kalends.net.http import Response
from tests.calendars.world import Killed, World
from tests.simulation.chance import counted

if TYPE_CHECKING:
    from tests.simulation.history import History

URL = "https://shop.example/hook/unguessable"
# Of the days in which it is of this mind: what it does with a request.
MINDS = {
    "well": ("take",),
    "down": ("500", "410", "unreachable"),
    "odd": ("take", "500", "silent", "keep, 500", "keep, silent", "die before", "die after", "pause meanwhile"),
}
DAYS_OF_FAILURE = 0.2  # so often it takes nothing for days in the end, until it is paused
_LONG = timedelta(hours=41)  # five days are no multiple of it
_ENDPOINTS = Prepared(lambda: WebhookEndpoint.objects.only("paused_by"))
_WAITING = Prepared(lambda: WebhookDelivery.objects.filter(state="pending").values_list("pk")[:1])


@dataclass
class Hooks:
    """`got` is what reached the program, as delivery id and bytes; `answered` what it took with an answer that arrived."""

    world: World
    seed: int
    chance: random.Random = field(default_factory=random.Random)
    mind: str = "well"
    got: list[tuple[str, bytes]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)
    made: int = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """With ids of its own, on the history's clock only."""
        self.chance.seed(f"webhooks {self.seed}")
        ids = random.Random(f"ids of webhooks {self.seed}")

        def new_id() -> UUID:
            self.made += 1
            return UUID(int=(self.made << 80) | (0x7 << 76) | (0x2 << 62) | ids.getrandbits(62))

        still = mock.patch.object(webhook_sending, "monotonic", return_value=0.0)
        with still, mock.patch.object(webhooks, "new_id", new_id):
            company, now = self.world.salon.company, self.world.now
            with counted(self.chance):
                webhooks.create_webhook(company=company, url=URL, events=Event.values, actor="owner", now=now)
            yield

    def work(self, seed: int) -> list[str]:
        """The part of a step, and what was done; somebody pauses the webhook and resumes it."""
        self.acts.clear()
        self.chance.seed(f"webhooks {self.seed} {seed}")
        self.mind = self.chance.choice(("well", "odd", "odd", "down"))
        if self.chance.random() < 0.15:
            self.pause(self.chance.random() < 0.5)
        self.send()
        return [f"  webhook: {act}" for act in self.acts]

    def pause(self, paused: bool = True) -> None:
        self.acts.append("paused" if paused else "resumed")
        company, now, (endpoint,) = self.world.salon.company, self.world.now, _ENDPOINTS.rows()
        with counted(self.chance):
            webhooks.change_webhook(company=company, webhook_id=endpoint.pk, paused=paused, actor="owner", now=now)

    def send(self) -> None:
        """What the sweep does. A worker that dies here is missed by its lease."""
        if not _WAITING.rows():
            return
        with counted(self.chance):
            for endpoint_id in webhook_sending.due_endpoints(now=self.world.now, limit=9):
                try:
                    webhook_sending.send_webhooks(endpoint_id=endpoint_id, now=self.world.now, http=self)
                except Killed:
                    return

    def request(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        assert url == URL
        assert not any(row.paused_by for row in _ENDPOINTS.rows()), "webhooks: sent to one that is paused"
        act = self.chance.choice(MINDS[self.mind])
        self.acts.append(act)
        if act == "unreachable":
            raise NotSent("nobody there")
        if act == "die before":
            raise Killed(act)
        if act not in ("silent", "500", "410"):
            self.got.append((headers["Kalends-Delivery"], body))
        if act.endswith("silent"):
            raise Timeout("no complete answer in time")
        if act == "die after":
            raise Killed(act)
        if act == "pause meanwhile":
            self.pause()
        status = int(act[-3:]) if act[-1] == "0" else 200
        if status == 200:
            self.answered.append(headers["Kalends-Delivery"])
        return Response(status, {}, b"", url)

    # -- the end ---------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The program is well in the end, sometimes after days in which it was not; what was given up is sent again."""
        self.chance.seed(f"webhooks {self.seed} at the end")
        fails_for_days = self.chance.random() < DAYS_OF_FAILURE
        self.pause(False)
        if fails_for_days:
            self.fail_until_paused()
            self.pause(False)
        self.mind = "well"
        company, (endpoint,) = self.world.salon.company, _ENDPOINTS.rows()
        for row in WebhookDelivery.objects.filter(state="failed"):
            webhooks.resend_delivery(company=company, webhook_id=endpoint.pk, delivery_id=row.pk, now=self.world.now)
        for _ in range(2):
            self.world.pass_time(timedelta(hours=8))
            self.send()

    def fail_until_paused(self) -> None:
        """Tried out again and again by hand."""
        self.mind = "down"
        company, (endpoint,) = self.world.salon.company, _ENDPOINTS.rows()
        for _ in range(5):
            webhooks.send_test(company=company, webhook_id=endpoint.pk, now=self.world.now)
            self.send()
            if WebhookEndpoint.objects.filter(paused_by="failures").exists():
                break
            self.world.pass_time(_LONG)
        mails = OutgoingMessage.objects.filter(subject_id=endpoint.pk, kind="webhook_paused")
        assert mails.count() == 1, "webhooks: not paused, or its owner was not told once"


# -- what must hold ---------------------------------------------------------------------------------------------------


def check_webhooks(history: History, hooks: Hooks) -> None:
    """Each change was told, under one id and in the same bytes each time; none that did not happen; what was taken, and
    known to be, was not sent again; and whoever keeps the highest version knows what holds.
    """
    hooks.finish()
    assert len(set(hooks.got)) == len({name for name, _ in hooks.got}), "webhooks: other bytes under the same id"
    assert max(Counter(hooks.answered).values(), default=0) <= 1, "webhooks: sent again although it was taken"
    bodies = [json.loads(body) for body in dict(hooks.got).values()]
    assert all(body["id"] == name for (name, _), body in zip(dict(hooks.got).items(), bodies, strict=True))
    told = [
        (body["type"].removeprefix("appointment."), body["data"]["appointment"])
        for body in bodies
        if "appointment" in body["data"]
    ]
    appointments = {str(row.pk): row for row in Appointment.objects.all()}
    happened = {(name, version) for name, row in appointments.items() for version in range(1, row.version + 1)}
    _check_each_once(Counter((shown["id"], shown["version"]) for _, shown in told), happened)
    for event, shown in told:
        _check_true(history, appointments[shown["id"]], event, shown)
    asked = Counter((data["connection"]["id"]) for data in (body["data"] for body in bodies) if "connection" in data)
    assert asked == _standstills(), "webhooks: a standstill was told that was not, or was not told"


def _check_each_once(told: Counter[tuple[str, int]], happened: set[tuple[str, int]]) -> None:
    assert happened <= told.keys(), "webhooks: a change was not told"
    assert told.keys() <= happened, "webhooks: told what did not happen"
    assert set(told.values()) <= {1}, "webhooks: one change under two ids"


def _check_true(history: History, row: Appointment, event: str, shown: Mapping[str, Any]) -> None:
    start = datetime.fromisoformat(shown["start"])
    assert start in history.given[row.pk], "webhooks: told of a time that nobody gave"
    expected = "created" if shown["version"] == 1 else "cancelled" if shown["status"] == "cancelled" else "moved"
    assert event == expected, "webhooks: told as another event than it was"
    if shown["version"] == row.version:
        assert (shown["status"], start) == (row.status, row.start), "webhooks: told last what does not hold"
    else:
        assert shown["status"] == "confirmed", "webhooks: told as cancelled before it was"


def _standstills() -> Counter[str]:
    """How often each connection came to need somebody: the first mail of each standstill, and each freeze."""
    mails = OutgoingMessage.objects.filter(kind="connection_needs_attention").values_list("subject_id", "version")
    return Counter(str(connection) for connection, version in set(mails) if version % 10 in (0, 8))
