"""Microsoft's accounts on the page, and the page's own hands on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from kalends.sandbox.app import Options, Running, start
from tests.sandbox.conftest import Clock
from tests.sandbox.microsoft.conftest import EMMA, JOHN, Graph, connect, weekly
from tests.sandbox.test_page import browser_page, call

__all__ = ["browser_page"]

WEEK = {"account": JOHN, "from": "2026-11-23", "days": "7"}
WINDOW = {"startDateTime": "2026-11-01T00:00:00Z", "endDateTime": "2026-12-31T00:00:00Z"}


def shown(sandbox: Running) -> list[dict[str, Any]]:
    return list(call(sandbox, f"/_page/events?{urlencode(WEEK)}")[1]["events"])


def edit(sandbox: Running, event: dict[str, Any], method: str = "PATCH", **body: Any) -> int:
    path = f"/_page/events/{quote(event['calendar'])}/{quote(event['id'])}"
    return call(sandbox, path, method, {"account": JOHN, **body})[0]


def create(sandbox: Running, graph: Graph, calendar: str = "Calendar", **body: Any) -> int:
    sent = {"account": JOHN, "calendar": graph.calendar(calendar), **body}
    return call(sandbox, "/_page/events", "POST", sent)[0]


def test_accounts_of_both_kinds_are_listed_with_their_calendars(sandbox: Running) -> None:
    rows = call(sandbox, "/_page/accounts")[1]["accounts"]
    found = {row["key"]: row for row in rows if row["provider"] == "microsoft"}
    assert (found[JOHN]["kind"], found[EMMA]["kind"]) == ("Microsoft 365", "Outlook.com")
    assert [(calendar["name"], calendar["writable"]) for calendar in found[JOHN]["calendars"]] == [
        ("Calendar", True),
        ("Projects", True),
        ("Meeting room", False),
    ]
    assert {row["provider"] for row in rows} == {"google", "microsoft"}


def test_an_appointment_of_an_application_is_told_from_an_own_event(sandbox: Running, graph: Graph) -> None:
    graph.create(subject="Cut", body={"contentType": "html", "content": "<p>For <b>Nina</b></p>"})
    times = {"start": "2026-11-24T12:00", "end": "2026-11-24T13:00"}
    assert create(sandbox, graph, title="Lunch", kind="free", **times) == 201
    found = {event["title"]: event for event in shown(sandbox)}
    assert (found["Cut"]["by"], found["Lunch"]["by"]) == ("app", "")
    assert (found["Cut"]["free"], found["Lunch"]["free"]) == (False, True)
    assert (found["Cut"]["start"], found["Cut"]["notes"]) == ("2026-11-24T09:00", "For Nina")


def test_moving_on_the_page_is_a_change_that_a_delta_shows(sandbox: Running, graph: Graph) -> None:
    event = graph.create()
    link = graph.get("/me/calendarView/delta", **WINDOW).json["@odata.deltaLink"]
    assert edit(sandbox, shown(sandbox)[0], start="2026-11-25T08:00", end="2026-11-25T09:00", title="Moved") == 200
    (changed,) = graph.get(link).json["value"]
    assert (changed["id"], changed["subject"]) == (event["id"], "Moved")
    assert changed["start"]["dateTime"] == "2026-11-25T08:00:00.0000000"
    assert edit(sandbox, shown(sandbox)[0], "DELETE") == 200
    assert graph.get(link).json["value"][0]["@removed"] == {"reason": "deleted"}


def test_each_kind_of_event_can_be_made(sandbox: Running, graph: Graph) -> None:
    create(sandbox, graph, title="weekly", kind="weekly", start="2026-11-24T12:00", end="2026-11-24T13:00")
    create(sandbox, graph, title="allday", kind="allday", start="2026-11-24", end="2026-11-26")
    found = {event["title"]: event for event in shown(sandbox)}
    assert (found["weekly"]["series"], found["allday"]["all_day"]) == (True, True)
    assert (found["allday"]["start"], found["allday"]["end"]) == ("2026-11-24", "2026-11-26")
    assert len(graph.all("/me/calendarView", **WINDOW)[0]) == 1 + 6
    assert create(sandbox, graph, "Meeting room", start="2026-11-24T12:00", end="2026-11-24T13:00") == 400


def test_an_event_can_be_made_all_day_and_timed_again(sandbox: Running, graph: Graph) -> None:
    graph.create()
    assert edit(sandbox, shown(sandbox)[0], start="2026-11-24", end="2026-11-25") == 200
    assert shown(sandbox)[0]["all_day"] is True
    assert edit(sandbox, shown(sandbox)[0], start="2026-11-24T08:00", end="2026-11-24T09:00") == 200
    assert (shown(sandbox)[0]["all_day"], shown(sandbox)[0]["start"]) == (False, "2026-11-24T08:00")
    assert edit(sandbox, shown(sandbox)[0], start="2026-11-24T10:00", end="2026-11-24T09:00") == 400


def test_one_occurrence_or_the_series_can_be_deleted(sandbox: Running, graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    (event,) = shown(sandbox)
    assert edit(sandbox, event, "DELETE") == 200
    assert shown(sandbox) == []
    other = graph.get(f"/me/events/{master['id']}/instances", **WINDOW).json["value"][0]
    assert edit(sandbox, {**event, "id": other["id"]}, "DELETE", whole_series=True) == 200
    assert graph.get("/me/events").json["value"] == []


def test_accounts_and_events_outlive_a_restart(clock: Clock, tmp_path: Path) -> None:
    options = Options(clock=clock, data=tmp_path, demo_events=True)
    with start(options) as first:
        graph = connect(first)
        event = graph.create(transactionId="t")
        link = graph.get("/me/calendarView/delta", **WINDOW).json["@odata.deltaLink"]
        count = len(graph.all("/me/events")[0])
    assert count > 5
    with start(options) as second:
        graph.base_url = second.base_url
        assert len(graph.all("/me/events")[0]) == count
        assert graph.create(transactionId="t")["id"] == event["id"]
        assert graph.get(link.replace(first.base_url, second.base_url)).json["value"] == []


@pytest.mark.e2e
def test_a_person_drags_a_microsoft_event(sandbox: Running, graph: Graph, browser_page: Any) -> None:
    event = graph.create(start="2026-11-24T10:00:00", end="2026-11-24T11:00:00", zone="Europe/London")
    browser_page.goto(f"{sandbox.base_url}/?account={quote(JOHN)}")
    box = browser_page.locator(".event.ours").bounding_box()
    with browser_page.expect_response(lambda reply: reply.request.method == "PATCH"):
        browser_page.mouse.move(box["x"] + 20, box["y"] + 10)
        browser_page.mouse.down()
        browser_page.mouse.move(box["x"] + 20 + box["width"] + 6, box["y"] + 10 + 46, steps=6)
        browser_page.mouse.up()
    found = graph.get(f"/me/events/{event['id']}").json
    assert found["start"]["dateTime"] == "2026-11-25T11:00:00.0000000"


@pytest.mark.e2e
def test_a_grant_is_revoked_on_the_page(sandbox: Running, graph: Graph, browser_page: Any) -> None:
    browser_page.goto(f"{sandbox.base_url}/?account={quote(JOHN)}#activity")
    browser_page.get_by_role("button", name="Revoke the shown account's grant").click()
    browser_page.wait_for_selector("#trouble-state:has-text('Ordered')")
    assert graph.get("/me/calendars").status == 401


@pytest.mark.e2e
def test_consent_is_given_in_a_browser(sandbox: Running, browser_page: Any) -> None:
    from tests.sandbox.microsoft.test_oauth import ask, wanted

    assert ask(sandbox)[0] == 200
    query = urlencode(wanted(redirect_uri=f"{sandbox.base_url}/?from=consent"))
    browser_page.goto(f"{sandbox.base_url}/organizations/oauth2/v2.0/authorize?{query}")
    browser_page.get_by_text("Taylor Carpenter").click()
    browser_page.get_by_role("button", name="Accept").click()
    browser_page.wait_for_url("**/?from=consent&code=*")
