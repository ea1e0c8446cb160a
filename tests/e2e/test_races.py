"""Requests at the same moment against two web processes and a real database: Q1, Q2, Q5, Q8, Q10 of the scheduling rules."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.e2e.processes import until
from tests.e2e.world import Company, at, make_company

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]


@pytest.fixture(scope="module")
def company(product) -> Company:
    return make_company(product)


def post_together(company: Company, bodies: Sequence[dict[str, Any]], **headers: str) -> list[httpx2.Response]:
    """All requests leave at once, each on a connection of its own that is open already."""
    gate = threading.Barrier(len(bodies))

    def post(body: dict[str, Any]) -> httpx2.Response:
        with httpx2.Client(timeout=120, headers={**company.api.client.headers, **headers}) as client:
            client.get(f"{company.api.client.base_url}staff")
            gate.wait()
            return client.post(f"{company.api.client.base_url}appointments", json=body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(post, bodies))


def statuses(answers: Sequence[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def booked(company: Company, days: int) -> list[dict[str, Any]]:
    day = at(days, 0).date()
    found = company.api.get(f"/appointments?from={day}&to={day}")["items"]
    return [item for item in found if item["status"] == "confirmed"]


def test_ten_creates_for_one_time_make_one_appointment_and_one_mail(company):
    staff = company.add_staff("Quinn One")
    service = company.add_service("Q1", 30, [staff])
    customers = [f"Quest {letter}" for letter in "abcdefghij"]
    answers = post_together(company, [company.booking(service, at(3, 10), one, staff) for one in customers])
    assert statuses(answers) == {201: 1, 409: 9}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}
    [appointment] = booked(company, 3)
    [winner] = appointment["attendees"]
    until(lambda: company.mails_to(winner["name"]), "the winner's confirmation")
    # A later customer's mail is there: nothing of these ten is under way any more.
    company.book(service, at(3, 11), "Later Guest", staff)
    until(lambda: company.mails_to("Later Guest"), "a later mail")
    assert {one: len(company.mails_to(one)) for one in customers} == {
        one: int(one == winner["name"]) for one in customers
    }


@pytest.mark.parametrize("turn", range(3))
def test_overlapping_creates_of_two_services_make_one_appointment(company, turn):
    staff = company.add_staff("Quinn Two")
    long = company.add_service("Q2 long", 60, [staff], interval=30)
    short = company.add_service("Q2 short", 30, [staff])
    bodies = [
        company.booking(long, at(4 + turn, 9), "Long Visit", staff),
        company.booking(short, at(4 + turn, 9, 30), "Short Visit", staff),
    ]
    assert statuses(post_together(company, bodies)) == {201: 1, 409: 1}
    assert len([item for item in booked(company, 4 + turn) if item["staff"] == [staff]]) == 1


def test_one_idempotency_key_sent_five_times_makes_one_row_and_five_equal_answers(company):
    staff = company.add_staff("Quinn Five")
    service = company.add_service("Q5", 30, [staff])
    body = company.booking(service, at(8, 10), "Same Again", staff)
    answers = post_together(company, [body] * 5, **{"Idempotency-Key": "order-4711"})
    assert statuses(answers) == {201: 5}
    assert len({answer.text for answer in answers}) == 1
    assert len(booked(company, 8)) == 1
    other = company.api.post(
        "/appointments",
        company.booking(service, at(8, 12), "Other Body", staff),
        want=422,
        **{"Idempotency-Key": "order-4711"},
    )
    assert other["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("turn", range(3))
def test_two_any_staff_bookings_at_one_start_get_different_members(company, turn):
    members = [company.add_staff(name) for name in ("Quinn Left", "Quinn Right")]
    service = company.add_service("Q8", 30, members)
    answers = post_together(
        company, [company.booking(service, at(9 + turn, 10), one) for one in ("Any First", "Any Second")]
    )
    assert statuses(answers) == {201: 2}
    assert sorted(answer.json()["staff"][0] for answer in answers) == sorted(members)


def test_many_any_staff_bookings_over_crossed_members_end_without_a_deadlock(company):
    """Services that name the same members in opposite order; each start has room for two."""
    members = [company.add_staff(name) for name in ("Quinn Ten", "Quinn Eleven")]
    there, back = company.add_service("Q10 ab", 30, members), company.add_service("Q10 ba", 30, members[::-1])
    bodies = [company.booking(service, at(14, 10), "Crossed Guest") for service in (there, back) * 4]
    answers = post_together(company, bodies)
    assert statuses(answers) == {201: 2, 409: 6}
    assert sorted(item["staff"][0] for item in booked(company, 14)) == sorted(members)


def test_two_moves_of_one_appointment_with_one_version_make_one_move(company):
    staff = company.add_staff("Quinn Moves")
    service = company.add_service("Moves", 30, [staff])
    made = company.book(service, at(15, 10), "Moved Guest", staff)
    gate = threading.Barrier(2)

    def move(hour: int) -> int:
        with httpx2.Client(timeout=120, headers={**company.api.client.headers, "If-Match": '"1"'}) as client:
            gate.wait()
            body = {"start": at(15, hour).isoformat()}
            return client.patch(f"{company.api.client.base_url}appointments/{made['id']}", json=body).status_code

    with ThreadPoolExecutor(2) as pool:
        assert Counter(pool.map(move, (12, 14))) == {200: 1, 412: 1}
    assert company.appointment(made["id"])["version"] == 2
