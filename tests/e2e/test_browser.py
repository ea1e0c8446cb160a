"""The main jobs in Chromium: a customer books, moves, cancels; a manager invites; a member connects and drags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import PATIENCE_MS, Watched, chromium, tab_to
from tests.e2e.processes import until
from tests.e2e.world import PASSWORD, Company, at, mails_to, make_company

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def window(browser) -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    watched.close()
    assert watched.problems == []


@pytest.fixture(scope="module")
def company(product) -> Company:
    return make_company(product)


@pytest.fixture(scope="module")
def service(company) -> str:
    members = [company.add_staff(name) for name in ("Ada Sun", "Bo Moon")]
    return company.add_service("Long talk", 45, members)


def the_only_appointment(company: Company, customer: str) -> dict[str, Any]:
    rows = company.api.get("/appointments?limit=200")["items"]
    [found] = [row for row in rows if row["attendees"] and row["attendees"][0]["name"] == customer]
    return found


def next_month(page: Any) -> None:
    """All of its days and times are free; of today, and of a month at its end, little may be left."""
    page.get_by_role("link", name="Next month").click()
    expect(page.get_by_role("link", name="Previous month")).to_be_visible()


def test_customer_books_moves_and_cancels(window, company, service):
    page = window.page
    page.goto(company.url)
    page.get_by_role("link", name="Long talk").click()
    page.get_by_role("link", name=re.compile("any", re.IGNORECASE)).first.click()
    next_month(page)
    page.locator("a.day").first.click()
    page.locator("#times a.slot").nth(2).click()
    page.get_by_label("Your name").fill("Mouse Guest")
    page.get_by_label("E-mail", exact=False).first.fill(f"mouse.guest@{company.slug}.example")
    page.get_by_role("button", name="Book the appointment").click()
    page.get_by_role("heading", name="Your appointment is booked").wait_for()
    booked = the_only_appointment(company, "Mouse Guest")

    page.get_by_role("link", name="Move or cancel").click()
    page.get_by_role("link", name="Move", exact=True).click()
    next_month(page)
    page.locator("a.day").nth(1).click()
    page.locator("#times a.slot").nth(3).click()
    page.get_by_role("button", name="Move the appointment").click()
    expect(page.get_by_role("heading", name="Your appointment")).to_be_visible()
    moved = the_only_appointment(company, "Mouse Guest")
    assert (moved["version"], moved["status"]) == (2, "confirmed")
    assert moved["start"] != booked["start"]

    page.get_by_role("link", name="Cancel the appointment").click()
    page.get_by_role("button", name="Cancel the appointment").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert the_only_appointment(company, "Mouse Guest")["status"] == "cancelled"
    until(lambda: len(company.mails_to("Mouse Guest")) == 3, "three mails")
    assert [mail.method for mail in company.mails_to("Mouse Guest")] == ["REQUEST", "REQUEST", "CANCEL"]


def test_customer_books_with_the_keyboard_alone(window, company, service):
    page = window.page
    page.goto(company.url)
    tab_to(page, "a.card__link")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/s/"))
    tab_to(page, "main a[href*='/book']")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/book"))
    tab_to(page, "a[data-nav='next']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Previous month")).to_be_visible()
    tab_to(page, "a.day[tabindex='0']")
    day = page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("Enter")
    expect(page.locator("#day")).to_have_text(day)
    expect(page.locator("a.day[aria-current='date']")).to_be_focused()
    tab_to(page, "#times a.slot")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/details"))
    tab_to(page, "#id_name")
    page.keyboard.type("Key Guest")
    page.keyboard.press("Tab")
    page.keyboard.type(f"key.guest@{company.slug}.example")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your appointment is booked").wait_for()
    assert the_only_appointment(company, "Key Guest")["status"] == "confirmed"


def test_manager_invites_and_the_member_connects_and_drags_an_appointment(browser, product):
    """One story in two windows: the manager's, and the invited member's, who has no account here."""
    company = make_company(product, google_enabled=False, caldav_enabled=False)
    member = company.add_staff("Taylor Carpenter")
    service = company.add_service("Physiotherapy", 60, [member])
    manager, person = Watched(browser), Watched(browser)
    try:
        _switches_sync_on(manager, company)
        _invites(manager, company, member)
        address = f"taylor.carpenter@{company.slug}.example"
        [mail] = until(lambda: mails_to(product, address), "the invitation")
        _connects(person, mail.link("/connect/"))
        _drags(person, company, service, member)
        _sees_it(manager, company)
    finally:
        manager.close()
        person.close()
    assert "\n".join(manager.problems + person.problems) == ""


def _switches_sync_on(window: Watched, company: Company) -> None:
    page = window.page
    page.goto(f"{company.running.place.base_url}/dashboard")
    page.locator("[name=login]").fill(company.owner)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/dashboard"))
    page.get_by_role("link", name="Calendar Sync").first.click()
    page.get_by_role("heading", name="Calendar Sync", exact=True).wait_for()
    page.locator("[name=bidirectional]").first.check()
    page.locator("[name=google_enabled]").first.check()
    page.get_by_role("button", name="Save").last.click()
    until(lambda: company.api.get("/calendar-sync")["google_enabled"], "Google switched on")
    assert company.api.get("/calendar-sync")["bidirectional"] is True


def _invites(window: Watched, company: Company, member: str) -> None:
    page = window.page
    page.goto(f"{company.running.place.base_url}/dashboard/settings/staff")
    page.get_by_role("link", name="Taylor Carpenter").first.click()
    page.get_by_role("link", name=re.compile("Invite this staff member")).click()
    dialog = page.get_by_role("dialog", name="Invitation")
    editor = dialog.locator(".jodit-wysiwyg")
    editor.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("Dear Taylor, a word from the editor. ")
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").or_(page.locator(".alert")).first).to_be_visible()


def _connects(window: Watched, link: str) -> None:
    page = window.page
    page.goto(link)
    page.get_by_role("button", name=re.compile("Google")).click()
    page.get_by_role("button", name="Allow").wait_for()
    page.get_by_label("Taylor Carpenter").check()
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="Which calendars?").wait_for()
    page.get_by_role("button", name="Begin to sync").click()
    page.get_by_role("heading", name="Connected").wait_for()


def _drags(window: Watched, company: Company, service: str, member: str) -> None:
    start = at(2, 10)
    made = company.book(service, start, "Drag Guest", member)
    page = window.page
    page.goto(f"{company.running.place.sandbox_url}/?account=taylor@sandbox.example")
    event = page.locator("button.event.ours")
    expect(event).to_have_count(1)
    event.scroll_into_view_if_needed()
    box = event.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 10
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 40, steps=4)
    page.mouse.move(x, y + 92, steps=4)  # the page draws an hour 46 pixels high
    page.mouse.up()
    moved = start + timedelta(hours=2)
    until(
        lambda: datetime.fromisoformat(company.appointment(made["id"])["start"]) == moved, "the appointment to follow"
    )
    until(lambda: len(company.mails_to("Drag Guest")) == 2, "the customer's mail")


def _sees_it(window: Watched, company: Company) -> None:
    page = window.page
    page.goto(f"{company.running.place.base_url}/dashboard/appointments")
    row = page.get_by_role("row").filter(has_text="Drag Guest")
    expect(row).to_contain_text("12:00")
    row.get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("Google")
    expect(page.locator("main")).to_contain_text("12:00")
