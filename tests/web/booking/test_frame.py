"""What holds for every public page: policy, weight, queries, language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.contrib.staticfiles import finders

from kalends.companies.services import change_company
from tests.bookings.support import at, make_salon
from tests.factories import NOW, make_company, make_service, make_staff
from tests.web.booking.support import get

pytestmark = pytest.mark.django_db
LIMIT = 100_000


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def addresses() -> list[str]:
    salon = make_salon(members=2)
    token = salon.book(at(3, 10)).manage_url.rpartition("/")[2]
    service = salon.service.pk
    return [
        "/", "/lakeside", f"/lakeside/s/{service}", f"/lakeside/staff/{salon.staff[0].pk}",
        f"/lakeside/book?service={service}", f"/lakeside/book?service={service}&view=list",
        f"/lakeside/book/details?service={service}&start=2026-03-03T09:00Z", f"/lakeside/book/done/{token}",
        f"/a/{token}", f"/a/{token}/cancel", f"/a/{token}/reschedule",
        f"/a/{token}/reschedule?start=2026-03-03T13:00Z", "/nope",
    ]  # fmt: skip


def test_every_page_stands_under_the_policy_without_inline_style_or_script(client):
    for address in addresses():
        answer = client.get(address)
        text = answer.content.decode()
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == [], address
        assert re.findall(r"<script(?![^>]* src=)", text) == [], address
        assert answer["X-Frame-Options"] == "DENY"


def test_every_page_has_one_heading_a_title_and_a_named_language(client):
    for address in addresses():
        text = client.get(address).content.decode()
        assert len(re.findall(r"<h1[ >]", text)) == 1, address
        assert '<html lang="en"' in text
        assert re.search(r"<title>[^<]*\S[^<]*</title>", text), address
        assert 'id="content"' in text


def test_booking_pages_weigh_less_than_100_kb_in_all(client):
    salon = make_salon(members=4)
    for number in range(12):
        make_service(salon.company, f"Service {number}", staff=salon.staff, description="What it is. " * 10)
    for address in ("/lakeside", f"/lakeside/book?service={salon.service.pk}"):
        text = client.get(address).content.decode()
        assets = set(re.findall(r'(?:href|src)="/static/([^"#]+)', text))
        assert {"kalends/kalends.css", "kalends/booking.css", "kalends/icons.svg", "kalends/booking.js"} <= assets
        weight = len(text.encode()) + sum(Path(finders.find(name)).stat().st_size for name in assets)
        assert weight < LIMIT, address


def test_company_page_costs_the_same_queries_for_any_number_of_services(client, django_assert_num_queries):
    company = make_company()
    staff = [make_staff(company, name) for name in ("Emma", "Noah", "Lea")]
    for number in range(10):
        make_service(company, f"Service {number}", staff=staff)
    with django_assert_num_queries(3):
        client.get("/lakeside")


def test_time_page_costs_a_constant_number_of_queries(client, django_assert_max_num_queries):
    salon = make_salon(members=4)
    for minute in (0, 30):
        salon.book(at(3, 10, minute))
    with django_assert_max_num_queries(13):
        client.get(f"/lakeside/book?service={salon.service.pk}")


def test_manage_page_costs_few_queries(client, django_assert_max_num_queries):
    booked = make_salon().book(at(3, 10))
    with django_assert_max_num_queries(5):
        client.get(f"/a/{booked.manage_url.rpartition('/')[2]}")


def test_company_speaks_its_language_until_the_reader_asks_for_another(client):
    company = make_company()
    change_company(company=company, actor="test", now=NOW, locale="fr")
    assert '<html lang="fr"' in client.get("/lakeside").content.decode()
    assert '<html lang="fr"' in client.get("/lakeside", headers={"Accept-Language": "nl"}).content.decode()
    assert '<html lang="en"' in client.get("/lakeside", headers={"Accept-Language": "nl,en;q=0.5"}).content.decode()
    answer = client.post("/language", {"language": "en", "next": "/lakeside?x=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/lakeside?x=1")
    assert '<html lang="en"' in client.get("/lakeside").content.decode()
    assert client.post("/language", {"language": "en", "next": "https://evil.example/"})["Location"] == "/"


def test_theme_is_the_readers_choice_and_nothing_else(client):
    make_company()
    client.cookies["kalends_theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/lakeside").content.decode()
    client.cookies["kalends_theme"] = '"><script>'
    assert " data-theme=" not in client.get("/lakeside").content.decode()


def test_landing_names_no_company(client):
    make_company()
    page = get(client, "/")
    assert "Lakeside" not in page.words
    assert page.link("Sign in") == "/login"
    assert page.link("Create an account") == "/signup"


def test_slash_at_the_end_leads_to_the_company(client):
    make_company()
    answer = client.get("/lakeside/?x=1")
    assert (answer.status_code, answer["Location"]) == (302, "/lakeside?x=1")


def test_month_begins_as_the_language_counts(client):
    salon = make_salon()
    address = f"/lakeside/book?service={salon.service.pk}"
    english = client.get(address).content.decode()
    french = client.get(address, headers={"Accept-Language": "fr"}).content.decode()
    assert re.search(r'<th scope="col"><span aria-hidden="true">Sun', english)
    assert re.search(r'<tr><th scope="col"><span aria-hidden="true">lun', french)


def test_statics_are_found(client):
    assert all(finders.find(f"kalends/{name}") for name in ("kalends.js", "booking.js", "dashboard.css", "favicon.svg"))
    assert settings.STATIC_URL == "/static/"
