"""People at work while processes die: customers who book, a manager, staff in their own calendars.

What each was promised and what each did is remembered, so that it can be asked for afterwards.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import httpx2

from tests.e2e.processes import PATIENCE
from tests.e2e.world import Company, Event, Outside, at

LENGTH = timedelta(minutes=30)
# Within what G11 lets pass, and only where so much stands that it is no mass deletion.
DELETIONS_EACH = 4
STANDING_FIRST = 10


class Crowd:
    """`promised` maps a customer's name to the appointment that was acknowledged with 201."""

    def __init__(self, company: Company, service: str, calendars: dict[str, Outside], urls: Sequence[str], seed: int):
        self.company, self.service, self.calendars, self.urls = company, service, calendars, urls
        self.seed = seed
        self.promised: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.deleted: set[str] = set()
        self.touched: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    # -- coming and going ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        acts: list[Callable[[Random, httpx2.Client], None]] = [self._book, self._book, self._manage]
        acts += [self._edit(staff, outside) for staff, outside in self.calendars.items()]
        for number, act in enumerate(acts):
            thread = threading.Thread(target=self._live, args=(act, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """After everybody has got a final answer to what they had begun."""
        self._over.set()
        for thread in self._threads:
            thread.join(4 * PATIENCE)
        assert [thread for thread in self._threads if thread.is_alive()] == []
        if self.failures:
            raise self.failures[0]

    def _live(self, act: Callable[[Random, httpx2.Client], None], number: int) -> None:
        dice = Random(f"{self.seed}/{number}")
        headers = {"Authorization": self.company.api.client.headers["Authorization"]}
        with httpx2.Client(timeout=30, headers=headers) as client:
            try:
                while not self._over.wait(dice.uniform(0.2, 0.8)):
                    act(dice, client)
            except BaseException as error:
                self.failures.append(error)

    def _insist(
        self, dice: Random, client: httpx2.Client, method: str, path: str, body: Any, key: str
    ) -> httpx2.Response:
        """Sent again, with the same key, to any web process until one answers for good."""
        deadline = time.monotonic() + 3 * PATIENCE
        while True:
            try:
                url = f"{dice.choice(self.urls)}/api/v1{path}"
                answer = client.request(method, url, json=body, headers={"Idempotency-Key": key})
                if answer.status_code < 500 and '"in_progress"' not in answer.text:
                    return answer
                last = f"{answer.status_code} {answer.text[:300]}"
            except httpx2.HTTPError as error:
                last = type(error).__name__
            self._count("asked again")
            assert time.monotonic() < deadline, f"{method} {path}: no final answer, the last was {last}"
            time.sleep(0.1)

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    # -- what they do ----------------------------------------------------------------------------------------------

    def _book(self, dice: Random, client: httpx2.Client) -> None:
        name = "Guest " + "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=10))
        body = self.company.booking(self.service, _some_time(dice), name, dice.choice(sorted(self.calendars)))
        answer = self._insist(dice, client, "POST", "/appointments", body, name)
        self._count(f"booking answered {answer.status_code}")
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            self.promised[name] = answer.json()["id"]

    def _manage(self, dice: Random, client: httpx2.Client) -> None:
        if not self.promised:
            return
        name = dice.choice(sorted(self.promised))
        path, key = f"/appointments/{self.promised[name]}", f"manager {dice.random()}"
        self.touched.add(name)
        if dice.random() < 0.2:
            self.cancelled.add(name)
            answer = self._insist(dice, client, "POST", f"{path}/cancel", {}, key)
        else:
            answer = self._insist(dice, client, "PATCH", path, {"start": _some_time(dice).isoformat()}, key)
        self._count(f"manager answered {answer.status_code}")
        assert answer.status_code in (200, 409, 422), answer.text

    def _edit(self, staff: str, outside: Outside) -> Callable[[Random, httpx2.Client], None]:
        deletions: list[str] = []

        def act(dice: Random, client: httpx2.Client) -> None:
            try:
                self._edit_once(dice, outside, deletions)
            except httpx2.HTTPStatusError as error:
                # The product changed or removed the event between looking at it and the act.
                self._count(f"act outside refused with {error.response.status_code}")

        return act

    def _edit_once(self, dice: Random, outside: Outside, deletions: list[str]) -> None:
        if dice.random() < 0.15:
            start = _some_time(dice)
            outside.add("Dentist", start, start + LENGTH)
            self._count("foreign event")
            return
        standing = {self.name_in(event): event for event in outside.ours()}
        fresh = sorted(standing.keys() - self.touched)
        if not fresh:
            return
        name = dice.choice(fresh)
        self.touched.add(name)
        event = standing[name]
        if dice.random() < 0.25 and len(standing) >= STANDING_FIRST and len(deletions) < DELETIONS_EACH:
            deletions.append(name)
            self.deleted.add(name)
            outside.delete(event)
            self._count("deleted outside")
            return
        outside.move(event, _some_time(dice))
        self._count("moved outside")
        if dice.random() < 0.2:
            self._back(outside, name, event)

    def _back(self, outside: Outside, name: str, event: Event) -> None:
        # Gone where the manager cancelled it meanwhile.
        for moved in [one for one in outside.ours() if self.name_in(one) == name]:
            outside.move(moved, event.start)
            self._count("moved back outside")

    def name_in(self, event: Event) -> str:
        return event.title[event.title.index("Guest ") :][: len("Guest ") + 10]


def _some_time(dice: Random) -> datetime:
    return at(dice.randrange(2, 38), dice.randrange(8, 20), dice.choice((0, 30)))
