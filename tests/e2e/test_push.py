"""Push, from the sandbox's notification over HTTP to the appointment: measured where polling alone would take minutes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from tests.e2e.processes import Running, running, until
from tests.e2e.world import Google, Microsoft, at, make_company

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("push")]

GRACE_SECONDS = 3


@pytest.fixture(scope="module")
def slow_product(tmp_path_factory) -> Iterator[Running]:
    """Nothing is polled or swept within the test: what happens, happens because somebody told of it."""
    changed = {"KALENDS_PUSH": "on", "KALENDS_POLL_SECONDS": "900", "KALENDS_SWEEP_SECONDS": "900"}
    with running(tmp_path_factory.mktemp("push"), "", **changed, KALENDS_GRACE_SECONDS=str(GRACE_SECONDS)) as here:
        yield here


@pytest.fixture(params=["google", "office365"])
def outside(request, slow_product: Running) -> Google:
    if request.param == "google":
        return Google(slow_product, "emma@sandbox.example")
    return Microsoft(slow_product, "office365", "taylor.carpenter@lakeside.example")


def test_G9_change_outside_moves_the_appointment_at_once_with_push(
    slow_product: Running, outside: Google, note: Callable[[str, float], None]
) -> None:
    company = make_company(slow_product, bidirectional=True)
    staff = company.add_staff("Emma Push")
    service = company.add_service("Consultation", 60, [staff])
    outside.connect(company, staff)

    def updates() -> dict:
        return company.api.get(f"/staff/{staff}/connections")["items"][0]["updates"]

    until(lambda: updates()["at_once"], "a channel that was heard of")
    assert updates() == {"at_once": True, "every_seconds": 1800, "why": ""}
    start = at(4, 9)
    made = company.book(service, start, "Ada Lovelace", staff)
    until(lambda: outside.ours_at(start), "the event")
    for hour in (11, 13):
        # What the calendar told of our own write has been read.
        time.sleep(1.5)
        [event] = outside.ours()
        moved = time.monotonic()
        outside.move(event, at(4, hour))
        wanted = (at(4, hour), at(4, hour) + timedelta(hours=1))
        until(lambda wanted=wanted: times_of(company.appointment(made["id"])) == wanted, "the appointment's new time")
        took = time.monotonic() - moved
        note(f"{outside.kind}: change outside to appointment moved, less the grace time", took - GRACE_SECONDS)
        print(f"{outside.kind}: change outside to appointment moved: {took:.2f} s, of them {GRACE_SECONDS} s grace")


def times_of(appointment: dict) -> tuple:
    return datetime.fromisoformat(appointment["start"]), datetime.fromisoformat(appointment["end"])
