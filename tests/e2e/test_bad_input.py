"""What people get wrong, over HTTP against the running product: a clear message, nothing lost, never a server error."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.e2e.processes import until
from tests.e2e.visitor import Visitor
from tests.e2e.world import Company, Google, Radicale, at, choose_first, consent_page, make_company

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]


@pytest.fixture(scope="module")
def company(product) -> Company:
    return make_company(product)


@pytest.fixture(autouse=True)
def _no_server_error(product) -> Iterator[None]:
    before = len(product.log("web"))
    yield
    assert "Internal Server Error" not in product.log("web")[before:]
    assert "Traceback" not in product.log("web")[before:]


@pytest.fixture
def staff(company) -> str:
    return company.add_staff("Taylor Carpenter")


def invite(company: Company, staff: str) -> str:
    return str(company.api.post(f"/staff/{staff}/send-calendar-sync-invitation", want=200)["connect_url"])


# -- connecting a calendar ------------------------------------------------------------------------------------------


def test_wrong_caldav_password_is_named_and_connects_nothing(company, staff, product):
    account = Radicale(product).account(password="wrong")
    refused = company.api.post(f"/staff/{staff}/connections/caldav", account, want=422)
    assert refused["code"] == "credentials_refused"
    with Visitor() as person:
        page = person.get(invite(company, staff) + "/caldav")
        shown = person.send(page, page.form(field="password"), **account)
    assert shown.status == 422
    assert "The user name or the password is not accepted." in shown.words
    assert account["url"] in shown.text, "what was typed is kept"
    assert "wrong" not in shown.text, "the password is not shown again"
    assert company.api.get(f"/staff/{staff}/connections")["items"] == []


def test_caldav_address_of_a_private_network_is_refused(company, staff):
    account = {"url": "http://10.0.0.1/dav/", "username": "john", "password": "secret"}
    refused = company.api.post(f"/staff/{staff}/connections/caldav", account, want=422)
    assert refused["field"] == "url"


def test_read_only_calendar_cannot_receive(company, staff, product):
    google = Google(product, "taylor@sandbox.example")
    connection = google.connect(company, staff)
    calendars = company.api.get(f"/connections/{connection}/calendars")["items"]
    [holidays] = [calendar for calendar in calendars if not calendar["writable"]]
    refused = company.api.patch(
        f"/connections/{connection}/calendars", [{"id": holidays["id"], "receives": True}], want=422
    )
    assert "written" in refused["message"] or "read" in refused["message"], refused
    assert company.api.get(f"/connections/{connection}/calendars")["items"] == calendars
    company.api.ask("DELETE", f"/connections/{connection}?events=remove", want=204)


def test_refused_consent_says_so_and_the_invitation_goes_on(company, staff, product):
    google, link = Google(product, "juan@sandbox.example"), invite(company, staff)
    with Visitor() as person:
        page = google.refuse(person, consent_page(person, link))
        assert page.status == 400
        assert "The calendar was not shared, so nothing was connected." in page.words
        assert person.get(link).form(field="provider").buttons, "the same invitation still opens"
    assert company.api.get(f"/staff/{staff}/connections")["items"] == []


def test_state_of_another_browser_is_refused(company, staff, product):
    google = Google(product, "juan@sandbox.example")
    with Visitor() as person, Visitor() as stranger:
        consent = consent_page(person, invite(company, staff))
        form = consent.form(field="decision")
        answer = httpx2.post(
            f"{product.place.sandbox_url}{form.action}",
            data={**dict(form.fields), "account": google.account, "decision": "allow"},
        )
        back = answer.headers["Location"]
        page = stranger.get(back)
        assert page.status == 400
        assert "or was begun in another browser" in page.words
        assert company.api.get(f"/staff/{staff}/connections")["items"] == []
        state = parse_qs(urlsplit(back).query)["state"][0]
        forged = person.get(back.replace(state, "f" * len(state)))
        assert forged.status == 400
        assert "or was begun in another browser" in forged.words
    assert company.api.get(f"/staff/{staff}/connections")["items"] == []


def test_used_invitation_and_state_open_nothing_a_second_time(company, staff, product):
    google, link = Google(product, "juan@sandbox.example"), invite(company, staff)
    with Visitor() as person, Visitor() as stranger:
        page = google.allow(person, consent_page(person, link))
        page = choose_first(person, page)
        until(lambda: "Connected" in person.get(page.url).words, "the first sync")
        for reused in (link, f"{link}/caldav", page.url):
            shown = stranger.get(reused)
            assert (shown.status, "This link is not valid any more" in shown.words) == (404, True), reused
    revoked = company.api.post(f"/staff/{staff}/revoke-calendar-sync", {"providers": ["google"]}, want=200)
    assert revoked == {"disconnected": 1}


@pytest.mark.parametrize("what", ["expires_at", "revoked_at"])
def test_expired_or_revoked_invitation_opens_nothing(company, staff, product, what):
    link = invite(company, staff)
    with Visitor() as person:
        assert person.get(link).status == 200
        product.shell(
            "from kalends.calendars.models import Invitation; from kalends.core.clock import utc_now; "
            f"Invitation.objects.filter(staff='{staff}').update({what}=utc_now())"
        )
        shown = person.get(link)
        assert shown.status == 404
        assert "This link is not valid any more" in shown.words


# -- what is not a calendar -----------------------------------------------------------------------------------------


@contextmanager
def serving(port: int, kind: str, body: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}/calendar.ics"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("text/html", b"<!doctype html><html><body>Welcome</body></html>", "leads to a web page"),
        ("text/html", b"<html><form><input type='password' name='p'></form></html>", "leads to a sign-in page"),
        ("text/calendar", b"", "answered with nothing at all"),
        ("text/calendar", b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEV", "breaks off in the middle"),
        ("text/plain", b"one,two,three\n1,2,3\n", "no iCalendar"),
    ],
)
def test_external_url_without_a_calendar_is_refused_with_what_is_there(company, staff, product, kind, body, message):
    with serving(product.ics_port, kind, body) as url:
        refused = company.api.post(f"/staff/{staff}/external-calendars", {"url": url}, want=422)
    assert message in refused["message"]
    assert company.api.get(f"/staff/{staff}/external-calendars")["items"] == []


@pytest.mark.parametrize("url", ["ftp://calendars.example/x.ics", "https://", "http://10.1.2.3/x.ics", "not a url"])
def test_external_url_that_is_no_address_for_us_is_refused(company, staff, url):
    refused = company.api.post(f"/staff/{staff}/external-calendars", {"url": url}, want=422)
    assert refused["field"] == "url"


# -- names, zones, hours --------------------------------------------------------------------------------------------


def test_member_without_working_hours_offers_nothing_and_the_page_says_so(company):
    idle = str(company.api.post("/staff", {"name": "Idle Member"})["id"])
    service = company.add_service("Nothing yet", 30, [idle])
    assert company.starts(service, idle, at(3, 0).date()) == set()
    refused = company.api.post("/appointments", company.booking(service, at(3, 10), "No Hours", idle), want=409)
    assert (refused["code"], refused["reason"]) == ("not_offered", "hours")
    with Visitor() as person:
        page = person.get(f"{company.url}/book?service={service}")
    assert page.status == 200
    assert "No free times" in page.words or "no opening hours" in page.words.lower(), page.words


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "x" * 300])
def test_unknown_zone_is_named(company, staff, zone):
    hours = {"timezone": zone, "weekly": [{"day": "mo", "from": "09:00", "to": "17:00"}]}
    before = company.api.get(f"/staff/{staff}/hours")
    assert "zone" in company.api.put(f"/staff/{staff}/hours", hours, want=422)["message"].lower()
    assert company.api.get(f"/staff/{staff}/hours") == before
    company.api.post("/staff", {"name": "Nowhere", "timezone": zone}, want=422)
    service = company.add_service("Zone", 30, [staff])
    query = f"service={service}&from={at(1, 0).date()}&to={at(2, 0).date()}&tz={zone}"
    company.api.get(f"/slots?{query}", want=422)
    with Visitor() as person:
        assert person.get(f"{company.url}/book?service={service}&tz={zone}").status == 200


def test_zone_unknown_to_the_command_line_makes_no_company(product):
    failed = product.kalends(
        "company", "create", "--name", "X", "--slug", "nowhere", "--timezone", "Mars/Olympus",
        "--owner-email", "owner@nowhere.example", check=False,
    )  # fmt: skip
    assert failed.returncode == 1
    assert "Mars/Olympus" in failed.stderr
    assert httpx2.get(f"{product.place.base_url}/nowhere").status_code == 404


def _named(company: Company, staff: str, field: str, value: str) -> dict:
    body = company.booking(company.add_service("Names", 30, [staff]), at(3, 10), "Plain Name", staff)
    body["customer"][field] = value
    return body


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "n" * 121), ("name", ""), ("email", f"{'a' * 250}@b.example"), ("email", "nobody")],
)
def test_customer_details_that_cannot_be_used_are_named(company, staff, field, value):
    refused = company.api.post("/appointments", _named(company, staff, field, value), want=422)
    assert field in refused["field"], refused


def test_line_ends_in_a_name_reach_no_header(company, staff):
    body = _named(company, staff, "name", "Two\r\nBcc: other@customers.example")
    body["customer"]["email"] = f"lines@{company.slug}.example"
    made = company.api.post("/appointments", body)
    assert made["attendees"][0]["name"] == "Two Bcc: other@customers.example"
    [mail] = until(lambda: company.mails_to("Lines"), "the confirmation")
    assert "\n" not in mail.subject


def test_overlong_names_of_staff_and_services_are_refused(company, staff):
    assert company.api.post("/staff", {"name": "x" * 121}, want=422)["field"] == "name"
    assert company.api.post("/services", {"name": "x" * 121, "duration": 30}, want=422)["field"] == "name"


def test_html_in_names_is_text_on_pages_in_mails_and_feeds(company, product):
    evil = '<script>alert(1)</script> & "Co"'
    staff = company.add_staff(evil, email="evil@evil.example")
    service = company.add_service(f"Service {evil}", 30, [staff], description=evil)
    body = company.booking(service, at(3, 10), "Evil Guest", staff)
    body["customer"]["name"] = evil
    made = company.api.post("/appointments", body)
    mail = until(lambda: company.mails_to("Evil Guest"), "the confirmation")[0]
    with Visitor() as person:
        pages = [
            person.get(address) for address in (company.url, f"{company.url}/book?service={service}", mail.link("/a/"))
        ]
    assert [page.status for page in pages] == [200, 200, 200]
    assert ["<script>alert" in page.text for page in pages] == [False, False, False]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[0].text
    assert made["attendees"][0]["name"] == evil
    assert "<script>alert" not in mail.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in mail.html
    feeds = company.api.get("/feeds")["items"]
    [feed] = [feed for feed in feeds if feed["name"] == evil]
    assert httpx2.get(feed["url"]).status_code == 200


# -- the booking page ------------------------------------------------------------------------------------------------


def _details(company: Company, person: Visitor, service: str, start: str) -> Callable[..., object]:
    page = person.get(f"{company.url}/book/details?service={service}&start={start}")
    return lambda **changes: person.send(page, page.form(field="email"), **changes)


def test_booking_page_keeps_what_was_typed_when_the_time_is_gone_meanwhile(company, staff):
    service = company.add_service("Page", 30, [staff])
    start = at(6, 10)
    with Visitor() as person:
        send = _details(company, person, service, (start - start.utcoffset()).strftime("%Y-%m-%dT%H:%MZ"))
        bad = send(name="", email="nobody")
        assert bad.status == 422
        assert "Tell us your name." in bad.words
        company.book(service, start, "Faster Guest", staff)
        late = send(name="Slow Guest", email="slow@customers.example", notes="with a note")
        assert late.status == 409
        assert "This time is not free any more" in late.words
        assert 'value="Slow Guest"' in late.text
        assert "with a note" in late.text
        chosen = person.send(late, late.form(field="email"))
        assert "Your appointment is booked" in chosen.words
