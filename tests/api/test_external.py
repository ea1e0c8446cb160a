"""External iCalendar URLs over REST, from the address to the slots: what they hide and give back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer

from kalends.calendars import services
from kalends.calendars.models import CalendarConnection
from tests.api.conftest import Caller, caller_for
from tests.bookings.support import Salon, make_salon
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TEN = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260303T090000Z\r\nDTEND:20260303T100000Z\r\nEND:VEVENT\r\n"
BAD = "BEGIN:VEVENT\r\nUID:2\r\nDTSTART:soon\r\nEND:VEVENT\r\n"


@pytest.fixture
def salon() -> Salon:
    return make_salon(2)


@pytest.fixture
def caller(salon: Salon) -> Caller:
    return caller_for(salon.company)


@pytest.fixture
def server(httpserver: HTTPServer, settings) -> HTTPServer:
    host = f"{httpserver.host}:{httpserver.port}"
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=(host,))
    return httpserver


def publish(server: HTTPServer, *events: str) -> str:
    server.clear()
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Private\r\n{''.join(events)}END:VCALENDAR\r\n"
    server.expect_request("/a.ics").respond_with_data(text, content_type="text/calendar")
    return server.url_for("/a.ics")


def run() -> None:
    for ident in CalendarConnection.objects.values_list("pk", flat=True):
        services.run_connection(ident, now=NOW)


def read_now(salon: Salon) -> None:
    for connection in CalendarConnection.objects.all():
        services.sync_now(connection=connection, now=NOW)
    run()


def starts(caller: Caller, salon: Salon, member: int = 0) -> set[str]:
    staff = salon.staff[member].pk
    query = f"service={salon.service.pk}&staff={staff}&from=2026-03-03&to=2026-03-03&tz=Europe/Paris"
    (day,) = caller.get(f"/slots?{query}").json()["days"]
    return {slot["start"][11:16] for slot in day["slots"]}


def test_event_of_an_address_hides_slots_and_gives_them_back(caller: Caller, salon: Salon, server: HTTPServer):
    path = f"/staff/{salon.staff[0].pk}/external-calendars"
    everything = starts(caller, salon)
    added = caller.post(path, {"url": publish(server, TEN, BAD)})
    assert (added.status_code, added.json()["state"], added.json()["read_at"]) == (201, "waiting", None)
    run()
    assert everything - starts(caller, salon) == {"10:00", "10:30"}
    assert starts(caller, salon, 1) == everything
    (shown,) = caller.get(path).json()["items"]
    assert shown == {
        "id": added.json()["id"],
        "url": added.json()["url"],
        "name": "Private",
        "state": "read",
        "read_at": "2026-03-02T08:00:00Z",
        "next_read_at": "2026-03-02T08:15:00Z",
        "error": "",
        "events": 1,
        "set_aside": [{"count": 1, "reason": "A time in it cannot be read."}],
    }
    publish(server, TEN.replace("T09", "T13").replace("T10", "T14"))
    read_now(salon)
    assert everything - starts(caller, salon) == {"14:00", "14:30"}
    assert caller.put(f"/staff/{salon.staff[0].pk}/external-calendar", {"url": ""}).json()["items"] == []
    assert starts(caller, salon) == everything


def test_address_of_the_company_closes_it_for_everybody(caller: Caller, salon: Salon, server: HTTPServer):
    everything = starts(caller, salon)
    added = caller.post("/company/external-calendars", {"url": publish(server, TEN)})
    run()
    assert [everything - starts(caller, salon, member) for member in (0, 1)] == [{"10:00", "10:30"}] * 2
    assert caller.delete(f"/company/external-calendars/{added.json()['id']}").status_code == 204
    assert [starts(caller, salon, member) for member in (0, 1)] == [everything] * 2


def test_failing_address_says_so_and_is_not_listed_among_connections(caller: Caller, salon: Salon, server: HTTPServer):
    path = f"/staff/{salon.staff[0].pk}"
    caller.post(f"{path}/external-calendars", {"url": publish(server, TEN)})
    run()
    server.clear()
    server.expect_request("/a.ics").respond_with_data("gone", status=404)
    read_now(salon)
    (shown,) = caller.get(f"{path}/external-calendars").json()["items"]
    assert (shown["state"], shown["error"]) == (
        "failing",
        "There is nothing at this address any more. Perhaps the calendar has a new one.",
    )
    assert shown["next_read_at"] > "2026-03-02T08:00:00Z"
    assert caller.get(f"{path}/connections").json()["items"] == []
    hidden = CalendarConnection.objects.get()
    assert caller.get(f"/connections/{hidden.pk}/journal").status_code == 404
    assert hidden.due_at - NOW <= timedelta(minutes=1)
