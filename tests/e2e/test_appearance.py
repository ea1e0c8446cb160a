"""Every page in both languages, on a phone and on a desk, light and dark: a picture, and nothing serious from axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import pytest

from tests.e2e.browser import Watched, axe_source, chromium, in_every_dress
from tests.e2e.processes import Running, until
from tests.e2e.world import PASSWORD, Company, Google, Radicale, at, mails_to, make_company

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.slow]

LOCALES = {"en": "en-GB", "fr": "fr-FR"}


@dataclass(frozen=True)
class Clinic:
    """A company with something on every page."""

    company: Company
    service: str
    member: str
    invited: str
    appointment: str
    manage: str
    invitation: str
    question: str
    connection: str
    customer: str
    group: str
    webhook: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_source()


@pytest.fixture(scope="module")
def clinic(product: Running) -> Iterator[Clinic]:
    company = make_company(product, bidirectional=True, on_outside_delete="ask")
    member, invited = company.add_staff("John Smith"), company.add_staff("Juan Sanchez")
    group = company.api.post("/groups", {"name": "Doctors", "staff": [member, invited]})["id"]
    service = company.add_service(
        "First consultation", 45, [member, invited], interval=15, description="We listen, examine and plan."
    )
    outside = Radicale(product)
    connection = outside.connect(company, member)
    # Until it was read once, nobody is offered there.
    until(lambda: company.api.get(f"/staff/{member}/connections")["items"][0]["fresh_as_of"], "the first read")
    appointment = company.book(service, at(2, 10), "Amelie Laurent", member)["id"]
    asked = at(4, 14)
    company.book(service, asked, "Carla Diaz", member)
    for day in (5, 6, 7):
        company.book(service, at(day, 9), "Regular Guest", member)
    [event] = until(lambda: outside.ours_at(asked), "the event")
    outside.add("Dentist", at(3, 9), at(3, 11))
    until(lambda: len(outside.ours()) == 5, "all events")
    outside.delete(event)
    address = f"john.smith@{company.slug}.example"
    questions = until(
        lambda: [mail for mail in mails_to(product, address) if "/question/" in mail.text], "the question"
    )
    [confirmation] = until(lambda: company.mails_to("Amelie Laurent"), "the confirmation")
    yield Clinic(
        company=company,
        service=service,
        member=member,
        invited=invited,
        appointment=appointment,
        manage=confirmation.link("/a/").rpartition("/")[2],
        invitation=company.api.post(f"/staff/{invited}/send-calendar-sync-invitation", want=200)["connect_url"],
        question=questions[0].link("/connect/question/"),
        connection=connection,
        customer=company.api.get("/customers")["items"][0]["id"],
        group=group,
        webhook=failing_webhook(company),
    )
    company.api.ask("DELETE", f"/connections/{connection}?events=remove", want=204)
    until(lambda: not outside.ours(), "the calendar without our events")
    for event in outside.events():
        outside.delete(event)


def failing_webhook(company: Any) -> str:
    """One whose receiver is nowhere, with a test that was not taken."""
    given = {"url": "https://receiver.invalid/hook", "events": ["appointment.created"]}
    ident: str = company.api.post("/webhooks", given)["id"]
    company.api.post(f"/webhooks/{ident}/test", {})
    until(lambda: company.api.get(f"/webhooks/{ident}/deliveries")["items"][0]["error"], "a try")
    return ident


def public_pages(clinic: Clinic) -> dict[str, str]:
    slug, service = f"/{clinic.company.slug}", clinic.service
    start = at(8, 10).astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    return {
        "landing": "/",
        "company": slug,
        "service": f"{slug}/s/{service}",
        "staff": f"{slug}/staff/{clinic.member}",
        "book-month": f"{slug}/book?service={service}",
        "book-list": f"{slug}/book?service={service}&view=list",
        "book-details": f"{slug}/book/details?service={service}&start={start}",
        "book-done": f"{slug}/book/done/{clinic.manage}",
        "manage": f"/a/{clinic.manage}",
        "manage-reschedule": f"/a/{clinic.manage}/reschedule",
        "manage-move": f"/a/{clinic.manage}/reschedule?start={start}",
        "manage-cancel": f"/a/{clinic.manage}/cancel",
        "connect": clinic.invitation,
        "connect-caldav": f"{clinic.invitation}/caldav",
        "connect-question": clinic.question,
        "connect-gone": "/connect/nothing",
        "guide": "/guide/calendar-sync",
        "sign-in": "/login",
        "sign-up": "/signup",
        "not-found": "/nothing/here/at/all",
        "api-docs": "/api/docs",
    }


def dashboard_pages(clinic: Clinic) -> dict[str, str]:
    settings = "/dashboard/settings"
    return {
        "dashboard": "/dashboard",
        "appointments": "/dashboard/appointments",
        "appointment-new": "/dashboard/appointments/new",
        "appointment": f"/dashboard/appointments/{clinic.appointment}",
        "customers": "/dashboard/customers",
        "customer": f"/dashboard/customers/{clinic.customer}",
        "staff-list": f"{settings}/staff",
        "staff-page": f"{settings}/staff/{clinic.member}",
        "staff-not-connected": f"{settings}/staff/{clinic.invited}",
        "staff-invite": f"{settings}/staff/{clinic.invited}/invite",
        "staff-connect": f"{settings}/staff/{clinic.invited}/connect",
        "connection": f"/dashboard/connections/{clinic.connection}",
        "disconnect": f"/dashboard/connections/{clinic.connection}/disconnect",
        "calendar-sync": f"{settings}/calendar-sync",
        "calendar-sync-company": f"{settings}/calendar-sync?tab=company",
        "groups": f"{settings}/groups",
        "group": f"{settings}/groups/{clinic.group}",
        "services": f"{settings}/services",
        "service-page": f"{settings}/services/{clinic.service}",
        "closings": f"{settings}/closings",
        "company-settings": f"{settings}/company",
        "api-keys": f"{settings}/api",
        "webhooks": f"{settings}/webhooks",
        "webhook": f"{settings}/webhooks/{clinic.webhook}",
    }


@pytest.fixture(scope="module")
def signed_in(browser, clinic) -> dict[str, Any]:
    window = Watched(browser)
    page = window.page
    page.goto(f"{clinic.company.running.place.base_url}/dashboard")
    page.locator("[name=login]").fill(clinic.company.owner)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(re.compile(r"^[^?]+/dashboard$"))  # the way in has "?next=/dashboard"
    state = window.context.storage_state()
    window.close()
    return state


def look_at(browser: Any, axe: str, locale: str, base: str, pages: dict[str, str], **options: Any) -> dict[str, Any]:
    # The browser's own tools inject axe; the pages' policy is held by the main jobs, which do not bypass it.
    window = Watched(browser, bypass_csp=True, **{"locale": LOCALES[locale], **options})
    wrong: dict[str, Any] = {}
    try:
        for name, address in pages.items():
            answer = window.page.goto(address if "://" in address else base + address)
            if answer.status >= 500 or (answer.status >= 400 and name not in ("not-found", "connect-gone")):
                wrong[name] = answer.status
                continue
            if window.page.locator("html").get_attribute("lang") != locale:
                wrong[f"{name} is not in"] = locale
            wrong |= in_every_dress(window.page, f"{name}-{locale}", axe)
    finally:
        window.close()
    return wrong


@pytest.mark.parametrize("locale", LOCALES)
def test_public_pages_have_no_serious_fault(browser, axe, clinic, locale):
    base = clinic.company.running.place.base_url
    assert look_at(browser, axe, locale, base, public_pages(clinic)) == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_dashboard_pages_have_no_serious_fault(browser, axe, clinic, signed_in, locale):
    base = clinic.company.running.place.base_url
    assert look_at(browser, axe, locale, base, dashboard_pages(clinic), storage_state=signed_in) == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_invitation_dialog_with_its_editor_has_no_serious_fault(browser, axe, clinic, signed_in, locale):
    window = Watched(browser, bypass_csp=True, locale=LOCALES[locale], storage_state=signed_in)
    try:
        base = clinic.company.running.place.base_url
        window.page.goto(f"{base}/dashboard/settings/staff/{clinic.invited}")
        window.page.locator("[data-dialog='invite-dialog']").click()
        window.page.locator("dialog[open] .jodit-wysiwyg").wait_for()
        assert in_every_dress(window.page, f"invite-dialog-{locale}", axe) == {}
    finally:
        window.close()


def test_sandbox_pages_have_no_serious_fault(browser, axe, clinic, product):
    """The stand-ins speak English only."""
    place = product.place
    pages = {
        "sandbox-calendar": "/?account=caldav:john",
        "sandbox-mails": "/?view=1#mails",
        "sandbox-activity": "/?view=2#activity",
    }
    assert look_at(browser, axe, "en", place.sandbox_url, pages) == {}
    window = Watched(browser, bypass_csp=True)
    try:
        window.page.goto(clinic.invitation)
        window.page.locator("button[value=google]").click()
        window.page.get_by_role("button", name="Allow").wait_for()
        assert in_every_dress(window.page, "sandbox-consent-en", axe) == {}
    finally:
        window.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_choosing_calendars_has_no_serious_fault(browser, axe, clinic, product, locale):
    google = Google(product, "juan@sandbox.example")
    window = Watched(browser, bypass_csp=True, locale=LOCALES[locale])
    wrong: dict[str, Any] = {}
    try:
        page = window.page
        page.goto(
            clinic.company.api.post(f"/staff/{clinic.invited}/send-calendar-sync-invitation", want=200)["connect_url"]
        )
        page.locator("button[value=google]").click()
        page.locator(f"input[value='{google.account}']").check()
        page.get_by_role("button", name="Allow").click()
        page.locator("[name=receives]").first.wait_for()
        wrong |= in_every_dress(page, f"connect-calendars-{locale}", axe)
        page.locator("main form button").last.click()
        page.locator(".done__mark").wait_for()
        wrong |= in_every_dress(page, f"connect-done-{locale}", axe)
    finally:
        window.close()
        clinic.company.api.post(f"/staff/{clinic.invited}/revoke-calendar-sync", {"providers": ["google"]}, want=200)
    assert wrong == {}
