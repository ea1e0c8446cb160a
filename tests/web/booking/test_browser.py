"""The public pages in a real browser: keyboard, time zone, and what axe finds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect, sync_playwright

from kalends.bookings.models import Appointment
from kalends.bookings.selectors import slots
from kalends.core.clock import utc_now
from tests.bookings.support import ADA, Salon, make_salon
from tests.e2e.browser import PATIENCE_MS
from tests.e2e.processes import until
from tests.support import require

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = require("chromium", "the public pages in a browser")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def salon() -> Salon:
    return make_salon(members=2, horizon=120)


def open_page(browser: Any, **options: Any) -> tuple[Any, list[str]]:
    context = browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return page, problems


def times_of(live_server: Any, salon: Salon) -> str:
    """The times of next month: at the end of a month, or of its last working day, none of this one's may be left."""
    return f"{live_server.url}/lakeside/book?service={salon.service.pk}&month={_month_ahead(1)}"


def height_of(found: Any) -> float:
    return float(found.bounding_box()["height"])


def focused(page: Any) -> str:
    return page.evaluate("document.activeElement.ariaLabel ?? ''")


def test_a_person_books_with_the_keyboard_alone(browser, live_server, salon):
    page, problems = open_page(browser, timezone_id="Europe/Paris")
    page.goto(times_of(live_server, salon))
    stops = page.locator('a.day[tabindex="0"]')
    assert stops.count() == 1
    stops.focus()
    page.keyboard.press("PageDown")
    expect(page.locator("a.day:focus")).to_have_count(1)
    expect(page).to_have_url(re.compile(f"month={_month_ahead(2)}"))
    first = focused(page)
    page.keyboard.press("ArrowRight")
    second = focused(page)
    assert second != first
    page.keyboard.press("Home")
    assert focused(page) == first
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#day")).to_have_text(second)
    expect(page.locator("#live")).to_have_text(second)
    assert focused(page) == second
    page.locator("#times a.slot").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Your name").focus()
    page.keyboard.type("Ada Lovelace")
    page.keyboard.press("Tab")
    page.keyboard.type("ada@example.org")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your appointment is booked").wait_for()
    assert Appointment.objects.count() == 1
    assert problems == []


def test_times_are_shown_in_the_browsers_zone_and_in_a_chosen_one(browser, live_server, salon):
    page, problems = open_page(browser, timezone_id="America/New_York")
    page.goto(times_of(live_server, salon))
    expect(page.locator("#tz")).to_have_value("America/New_York")
    assert page.locator("#times a.slot").first.inner_text() in ("03:00", "04:00")
    page.locator("#tz").select_option("UTC")
    expect(page.locator("#picker")).to_have_attribute("data-zone", "UTC")
    expect(page).to_have_url(re.compile("tz=UTC"))
    page.reload()
    assert page.locator("#tz").input_value() == "UTC"
    assert problems == []


def test_error_summary_takes_the_focus(browser, live_server, salon):
    page, _problems = open_page(browser, timezone_id="Europe/Paris")
    page.goto(times_of(live_server, salon))
    page.locator("#times a.slot").first.click()
    page.get_by_role("button", name="Book the appointment").click()
    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_role("link", name="Your name: Tell us your name.").click()
    expect(page.locator("#id_name")).to_be_focused()


def test_another_sites_page_shows_the_booking_pages_without_cookies(browser, live_server, httpserver, salon):
    page, problems = open_page(browser, timezone_id="America/New_York")
    script = f'<script src="{live_server.url}/embed.js" data-company="lakeside" async></script>'
    body = f"<!doctype html><title>Shop</title><h1>Shop</h1>{script}"
    httpserver.expect_request("/").respond_with_data(body, content_type="text/html")
    httpserver.expect_request("/favicon.ico").respond_with_data(status=204)
    # Another site to the browser: an address here, a name there.
    page.goto(f"http://127.0.0.1:{httpserver.port}/")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Consultation").click()
    frame.get_by_role("link", name="Anyone").click()
    expect(frame.locator("#tz")).to_have_value("America/New_York")
    frame.get_by_role("link", name="Next month").click()
    expect(frame.get_by_role("link", name="Previous month")).to_be_visible()
    with page.context.expect_page() as opened:
        frame.locator("#times a.slot").first.click()
    details = opened.value
    details.get_by_label("Your name").fill("Ada Lovelace")
    details.get_by_label("E-mail address").fill("ada@example.org")
    details.get_by_role("button", name="Book the appointment").click()
    details.get_by_role("heading", name="Your appointment is booked").wait_for()
    expect(details.get_by_text("America/New_York")).to_have_count(1)
    until(lambda: abs(height_of(page.locator("iframe")) - height_of(frame.locator("html"))) <= 2, "the frame's height")
    assert problems == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(browser, live_server, salon, scheme, width):
    axe = (
        Path(os.environ.get("KALENDS_NODE_MODULES") or Path(__file__).parents[3] / "node_modules")
        / "axe-core/axe.min.js"
    )
    if not axe.exists():
        pytest.skip(f"needs axe-core: {axe}")
    # The browser's own tools inject axe; the pages' policy is held by another test.
    page, _problems = open_page(
        browser, color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True, reduced_motion="reduce"
    )
    for address in _addresses(salon):
        page.goto(live_server.url + address)
        page.add_script_tag(path=axe)
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        assert found["passes"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def _month_ahead(count: int) -> str:
    first = utc_now().date().replace(day=1)
    for _ in range(count):
        first = (first + timedelta(days=32)).replace(day=1)
    return first.strftime("%Y-%m")


def _addresses(salon: Salon) -> list[str]:
    now = utc_now()
    first = now.astimezone(ZoneInfo("Europe/Paris")).date() + timedelta(days=1)
    free = slots(
        company=salon.company, service=salon.service, from_date=first, to_date=first + timedelta(days=7),
        tz="Europe/Paris", now=now,
    )  # fmt: skip
    start = next(iter(free.found)).start
    token = salon.book(start, ADA, now=now).manage_url.rpartition("/")[2]
    service = salon.service.pk
    at = start.strftime("%Y-%m-%dT%H:%MZ")
    return [
        "/", "/lakeside", f"/lakeside/s/{service}", f"/lakeside/book?service={service}",
        f"/lakeside/book?service={service}&view=list&tz=Mars/Base",
        f"/lakeside/book/details?service={service}&start={at}", f"/lakeside/book/done/{token}", f"/a/{token}",
        f"/a/{token}/cancel", f"/a/{token}/reschedule", f"/a/{token}/reschedule?start={at}", "/nope", "/a/nope",
    ]  # fmt: skip
