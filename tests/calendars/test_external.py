"""External iCalendar URLs: what may be entered, and that what is there is a calendar."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from kalends.calendars import selectors, services
from kalends.calendars.external import address_of
from kalends.calendars.models import ExternalCalendar
from kalends.core.errors import InvalidInput, NotFound
from tests.factories import NOW, make_company, make_staff, make_user

CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nEND:VCALENDAR\r\n"


@pytest.fixture
def staff(db):
    return make_staff(make_company(owner=make_user(password="x" * 12)))


@pytest.fixture
def server(httpserver: HTTPServer, settings) -> HTTPServer:
    host = f"{httpserver.host}:{httpserver.port}"
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=(host,))
    return httpserver


def add(staff, url: str) -> ExternalCalendar:
    return services.add_external_calendar(company=staff.company, staff=staff, url=url, by="Olivia", now=NOW)


def test_address_of_a_calendar_is_stored_sealed(staff, server):
    server.expect_request("/secret.ics").respond_with_data(CALENDAR)
    url = server.url_for("/secret.ics")
    row = add(staff, url)
    assert address_of(row) == url
    assert "secret.ics" not in str(ExternalCalendar.objects.values().get())
    assert selectors.external_calendars_of(company=staff.company, staff=staff) == [selectors.external_facts(row)]


def test_same_address_twice_is_refused(staff, server):
    server.expect_request("/a.ics").respond_with_data(CALENDAR)
    add(staff, server.url_for("/a.ics"))
    with pytest.raises(InvalidInput) as error:
        add(staff, server.url_for("/a.ics"))
    assert error.value.code == "already_there"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.ics",
        "ftp://example.org/a.ics",
        "https://127.0.0.1/a.ics",
        "https://[::1]/a.ics",
        "https://10.1.2.3/a.ics",
        "https://169.254.169.254/latest",
        "https://localhost/a.ics",
        "https://user:secret@example.org/a.ics",
        "https://exa mple.org:x/",
        "https://",
        "webcal://192.168.0.1/a.ics",
    ],
)
def test_F71_addresses_that_may_not_be_entered(staff, url):
    with pytest.raises(InvalidInput) as error:
        add(staff, url)
    assert error.value.field == "url"
    assert ExternalCalendar.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 200, "empty"),
        ("<!doctype html><html><input type=password>", 200, "login_page"),
        ("<html></html>", 200, "web_page"),
        ("BEGIN:VCALENDAR\r\n", 200, "truncated"),
        ("hello", 200, "not_calendar"),
        (CALENDAR, 404, "not_readable"),
    ],
)
def test_F21_what_is_no_calendar_is_refused_with_the_reason(staff, server, body, status, code):
    server.expect_request("/a.ics").respond_with_data(body, status=status)
    with pytest.raises(InvalidInput) as error:
        add(staff, server.url_for("/a.ics"))
    assert error.value.code == code


def test_replacing_keeps_one_and_an_empty_address_removes_all(staff, server):
    for name in ("a", "b", "c"):
        server.expect_request(f"/{name}.ics").respond_with_data(CALENDAR)
    add(staff, server.url_for("/a.ics"))
    kept = add(staff, server.url_for("/b.ics"))
    assert (
        services.replace_external_calendars(company=staff.company, staff=staff, url=server.url_for("/b.ics"), now=NOW)
        == kept
    )
    assert ExternalCalendar.objects.count() == 1
    other = services.replace_external_calendars(
        company=staff.company, staff=staff, url=server.url_for("/c.ics"), now=NOW
    )
    assert list(ExternalCalendar.objects.all()) == [other]
    assert services.replace_external_calendars(company=staff.company, staff=staff, url="", now=NOW) is None
    assert ExternalCalendar.objects.count() == 0


def test_bad_replacement_leaves_what_was_there(staff, server):
    server.expect_request("/a.ics").respond_with_data(CALENDAR)
    server.expect_request("/b.ics").respond_with_data("nothing")
    row = add(staff, server.url_for("/a.ics"))
    with pytest.raises(InvalidInput):
        services.replace_external_calendars(company=staff.company, staff=staff, url=server.url_for("/b.ics"), now=NOW)
    assert list(ExternalCalendar.objects.all()) == [row]


def test_only_ones_own_calendar_can_be_deleted(staff, server):
    server.expect_request("/a.ics").respond_with_data(CALENDAR)
    row = add(staff, server.url_for("/a.ics"))
    stranger = make_company("other", owner=make_user("o@other.example", "x" * 12))
    with pytest.raises(NotFound):
        services.delete_external_calendar(company=stranger, staff=staff, calendar_id=row.pk, now=NOW)
    services.delete_external_calendar(company=staff.company, staff=staff, calendar_id=row.pk, now=NOW)
    assert ExternalCalendar.objects.count() == 0
