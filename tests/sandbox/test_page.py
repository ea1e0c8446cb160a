"""The page: its JSON, its files' policy, and the page itself in a browser."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from icalendar import Calendar

from kalends.sandbox.app import Options, Running, start
from tests.sandbox.conftest import EMMA, Clock, timed, weekly

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WEEK = {"account": EMMA, "from": "2026-11-23", "days": "7"}


def call(sandbox: Running, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(sandbox.base_url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def shown(sandbox: Running) -> list[dict[str, Any]]:
    return call(sandbox, f"/_page/events?{urlencode(WEEK)}")[1]["events"]


def create(sandbox: Running, **body: Any) -> tuple[int, Any]:
    return call(sandbox, "/_page/events", "POST", {"account": EMMA, "calendar": EMMA, **body})


def test_an_appointment_of_an_application_is_told_from_an_own_event(sandbox: Running, google: Any) -> None:
    google.events().insert(calendarId="primary", body=timed(id="ours0")).execute()
    assert create(sandbox, start="2026-11-24T12:00", end="2026-11-24T13:00", title="Lunch")[0] == 201
    found = {event["title"]: event for event in shown(sandbox)}
    assert (found["Cut"]["by"], found["Lunch"]["by"]) == ("app", "")
    assert (found["Cut"]["start"], found["Cut"]["end"]) == ("2026-11-24T11:00", "2026-11-24T12:00")


def test_moving_on_the_page_is_a_change_that_a_delta_shows(sandbox: Running, google: Any) -> None:
    google.events().insert(calendarId="primary", body=timed(id="ours0")).execute()
    token = google.events().list(calendarId="primary").execute()["nextSyncToken"]
    edit = {"account": EMMA, "start": "2026-11-25T09:00", "end": "2026-11-25T10:00"}
    assert call(sandbox, f"/_page/events/{quote(EMMA)}/ours0", "PATCH", edit)[0] == 200
    (changed,) = google.events().list(calendarId="primary", syncToken=token).execute()["items"]
    assert changed["start"]["dateTime"] == "2026-11-25T09:00:00+01:00"
    assert changed["sequence"] == 1
    assert call(sandbox, f"/_page/events/{quote(EMMA)}/ours0", "DELETE", {"account": EMMA})[0] == 200
    assert google.events().get(calendarId="primary", eventId="ours0").execute()["status"] == "cancelled"


def test_each_kind_of_event_can_be_made(sandbox: Running, google: Any) -> None:
    times = {"start": "2026-11-24T12:00", "end": "2026-11-24T13:00"}
    create(sandbox, title="free", kind="free", **times)
    create(sandbox, title="weekly", kind="weekly", **times)
    create(sandbox, title="allday", kind="allday", start="2026-11-24", end="2026-11-26")
    found = {event["title"]: event for event in shown(sandbox)}
    assert (found["free"]["free"], found["weekly"]["series"], found["allday"]["all_day"]) == (True, True, True)
    masters = {item["summary"]: item for item in google.events().list(calendarId="primary").execute()["items"]}
    assert masters["weekly"]["recurrence"] == ["RRULE:FREQ=WEEKLY"]
    assert masters["allday"]["end"] == {"date": "2026-11-26"}


def test_one_occurrence_or_the_series_can_be_deleted(sandbox: Running, google: Any) -> None:
    google.events().insert(calendarId="primary", body=weekly(id="series00")).execute()
    (event,) = shown(sandbox)
    path = f"/_page/events/{quote(EMMA)}/{event['id']}"
    call(sandbox, path, "DELETE", {"account": EMMA})
    assert shown(sandbox) == []
    assert google.events().get(calendarId="primary", eventId="series00").execute()["status"] == "confirmed"
    call(sandbox, path.replace("20261123", "20261116"), "DELETE", {"account": EMMA, "whole_series": True})
    assert google.events().get(calendarId="primary", eventId="series00").execute()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"start": "soon", "end": "2026-11-24T13:00"}, 400),
        ({"start": "2026-11-24T12:00"}, 400),
        ({"start": "2026-11-24T12:00Z", "end": "2026-11-24T13:00"}, 400),
        ({"start": "2026-11-24T14:00", "end": "2026-11-24T13:00"}, 400),
        ({"start": "2026-11-24T12:00", "end": "2026-11-24T13:00", "calendar": "en.sandbox#holiday"}, 400),
        ({"start": "2026-11-24T12:00", "end": "2026-11-24T13:00", "account": "nobody"}, 400),
    ],
)
def test_an_edit_that_cannot_be_used_is_refused(sandbox: Running, body: dict[str, Any], status: int) -> None:
    answer = create(sandbox, **body)
    assert answer[0] == status
    assert sorted(answer[1]) == ["code", "message"]


def test_files_come_with_a_strict_policy(sandbox: Running) -> None:
    with urllib.request.urlopen(f"{sandbox.base_url}/") as reply:
        policy = reply.headers["Content-Security-Policy"]
        page = reply.read().decode()
    assert "unsafe" not in policy
    assert "style=" not in page
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{sandbox.base_url}/static/..%2Froutes.py")
    assert missing.value.code == 404
    missing.value.close()


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    message = EmailMessage()
    message["From"], message["To"] = "Kalends <kalends@localhost>", "nina@example.com"
    message["Subject"] = "Verschoben – déplacé"
    message.set_content("See http://127.0.0.1:8000/a/x\n")
    message.add_alternative("<p>See <a href='http://127.0.0.1:8000/a/x'>this</a></p>", subtype="html")
    message.add_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", subtype="calendar", params={"method": "REQUEST"})
    (folder / "1.eml").write_bytes(message.as_bytes())
    return folder


def test_mails_are_listed_and_taken_apart(sandbox: Running, mail: Path) -> None:
    listed = call(sandbox, "/_page/mails")[1]["items"]
    assert [(item["name"], item["subject"], item["invitation"]) for item in listed] == [
        ("1.eml", "Verschoben – déplacé", True)
    ]
    one = call(sandbox, "/_page/mails/1.eml")[1]
    assert (one["to"], one["method"], one["html"]) == ("nina@example.com", "REQUEST", True)
    assert one["text"] == "See http://127.0.0.1:8000/a/x\n"
    with urllib.request.urlopen(f"{sandbox.base_url}/_page/mails/1.eml/html") as reply:
        assert reply.headers["Content-Security-Policy"].startswith("sandbox ")
        assert "<p>See" in reply.read().decode()


def test_nothing_but_mails_can_be_read(sandbox: Running, mail: Path) -> None:
    (mail.parent / "secret.eml").write_text("x")
    assert call(sandbox, "/_page/mails/..%2Fsecret.eml")[0] == 400
    assert call(sandbox, "/_page/mails/none.eml")[0] == 400


def test_the_demo_fills_each_account_once(clock: Clock, tmp_path: Path) -> None:
    options = Options(clock=clock, data=tmp_path, demo_events=True)
    with start(options) as first, first.store.writing():
        count = len(list(first.store.events(EMMA)))
    with start(options) as second, second.store.writing():
        assert len(list(second.store.events(EMMA))) == count > 5


# -- in a browser -------------------------------------------------------------------------------------------------


@pytest.fixture
def browser_page(sandbox: Running) -> Iterator[Any]:
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        browser.close()
    assert problems == []


def _start_of(google: Any) -> str:
    return google.events().get(calendarId="primary", eventId="ours0").execute()["start"]["dateTime"]


@pytest.mark.e2e
def test_a_person_drags_an_event_and_moves_it_by_keyboard(sandbox: Running, google: Any, browser_page: Any) -> None:
    page = browser_page
    google.events().insert(calendarId="primary", body=timed(id="ours0")).execute()
    page.goto(f"{sandbox.base_url}/?account={quote(EMMA)}")
    box = page.locator(".event.ours").bounding_box()
    with page.expect_response(lambda reply: reply.request.method == "PATCH"):
        page.mouse.move(box["x"] + 20, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 20 + box["width"] + 6, box["y"] + 10 + 46, steps=6)
        page.mouse.up()
    assert _start_of(google) == "2026-11-25T12:00:00+01:00"
    page.wait_for_selector(".event.ours[aria-label*='Wednesday']")
    page.locator(".event.ours").focus()
    with page.expect_response(lambda reply: reply.request.method == "PATCH"):
        page.keyboard.press("Alt+ArrowUp")
    assert _start_of(google) == "2026-11-25T11:45:00+01:00"
    page.wait_for_selector(".event.ours[aria-label*='11:45']")
    page.locator(".event.ours").press("Enter")
    page.fill("[name=from]", "08:00")
    page.fill("[name=to]", "09:00")
    with page.expect_response(lambda reply: reply.request.method == "PATCH"):
        page.click("#save")
    assert _start_of(google) == "2026-11-25T08:00:00+01:00"


@pytest.mark.e2e
@pytest.mark.parametrize(("days", "high"), [(2, 0.1), (-1, 0.5)])
def test_a_drag_across_days_is_not_lost_wherever_the_event_was_taken(
    sandbox: Running, google: Any, browser_page: Any, days: int, high: float
) -> None:
    """The event is put into another column under the pointer, which may by then be beside it."""
    page = browser_page
    google.events().insert(calendarId="primary", body=timed(id="ours0")).execute()
    page.goto(f"{sandbox.base_url}/?account={quote(EMMA)}")
    box = page.locator(".event.ours").bounding_box()
    start = (box["x"] + box["width"] / 2, box["y"] + high * box["height"])
    width = page.locator(".column").first.bounding_box()["width"]
    with page.expect_response(lambda reply: reply.request.method == "PATCH"):
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(start[0] + days * width, start[1] - 46, steps=4)
        page.mouse.up()
    assert _start_of(google) == f"2026-11-{24 + days}T10:00:00+01:00"


@pytest.mark.e2e
def test_a_change_from_outside_appears_by_itself(sandbox: Running, google: Any, browser_page: Any) -> None:
    page = browser_page
    page.goto(f"{sandbox.base_url}/?account={quote(EMMA)}")
    page.wait_for_selector(".column")
    google.events().insert(calendarId="primary", body=timed(id="ours0", summary="<b>New</b>")).execute()
    page.wait_for_selector(".event.ours")
    assert page.locator(".event.ours b").inner_text() == "<b>New</b>"


@pytest.mark.e2e
def test_the_mails_are_read_in_the_browser(sandbox: Running, mail: Path, browser_page: Any) -> None:
    browser_page.goto(f"{sandbox.base_url}/#mails")
    frame = browser_page.frame_locator("iframe")
    assert frame.locator("p").inner_text() == "See this"
    browser_page.get_by_role("button", name="Invitation (REQUEST)").click()
    assert browser_page.locator(".mail pre").inner_text().startswith("BEGIN:VCALENDAR")


def feed(sandbox: Running, key: str = EMMA, tag: str = "") -> tuple[int, str, str]:
    request = urllib.request.Request(f"{sandbox.base_url}/feeds/{quote(key)}.ics", headers={"If-None-Match": tag})
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.headers["ETag"], reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("ETag", ""), ""


def test_secret_address_of_an_account_gives_what_stands_in_its_calendars(sandbox: Running, google: Any) -> None:
    google.events().insert(calendarId="primary", body=weekly(id="series00")).execute()
    create(sandbox, title="Lunch", start="2026-11-24T12:00", end="2026-11-24T13:00")
    create(sandbox, title="Away", kind="allday", start="2026-11-26", end="2026-11-28")
    create(sandbox, title="Perhaps", kind="free", start="2026-11-25T12:00", end="2026-11-25T13:00")
    (listed,) = [account for account in call(sandbox, "/_page/accounts")[1]["accounts"] if account["key"] == EMMA]
    assert listed["feed"] == f"/feeds/{EMMA}.ics"
    status, tag, text = feed(sandbox)
    read = Calendar.from_ical(text)
    found = {str(event["summary"]): event for event in read.walk("VEVENT")}
    assert (status, str(read["x-wr-timezone"])) == (200, "Europe/Paris")
    assert found["Lunch"]["dtstart"].dt == datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert (found["Away"]["dtstart"].dt, found["Away"]["dtend"].dt) == (date(2026, 11, 26), date(2026, 11, 28))
    assert (str(found["Perhaps"]["transp"]), str(found["Lunch"]["transp"])) == ("TRANSPARENT", "OPAQUE")
    assert len({str(event["uid"]) for event in read.walk("VEVENT")}) == len(read.walk("VEVENT"))
    assert feed(sandbox, tag=tag)[:2] == (304, tag)
    create(sandbox, title="Tea", start="2026-11-24T16:00", end="2026-11-24T16:15")
    assert feed(sandbox, tag=tag)[0] == 200
    assert feed(sandbox, "nobody@sandbox.example")[0] == 404
