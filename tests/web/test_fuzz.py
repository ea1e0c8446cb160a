"""Whatever is typed into any form or address, the answer is a page: never a server error.

The forms are read from the pages themselves, so that a new one is tried without being named here.
"""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from itertools import product
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client

from kalends.bookings.models import Attendee
from kalends.bookings.selectors import manage_url
from kalends.companies.selectors import feed_url
from kalends.companies.services import add_closing, change_calendar_sync, create_api_key, create_group
from kalends.core.clock import utc_now
from kalends.messages.webhooks import create_webhook
from tests.web.people import House, calendars_in_memory, make_house, next_monday

pytestmark = pytest.mark.django_db

NASTY = [
    "", "\x00", "a\x00b", "x" * 70_000, "9" * 5000, "-1", "99999999999999999999", "²", "١٢", "NaN", "1e400",
    "0001-01-01", "9999-12-31", "2026-02-30", "2026-03-29", "02:30", "24:00", "not-an-id", "{link}", "<b>&",
    "00000000-0000-0000-0000-000000000000", "a@b.example\r\nBcc: c@d.example", "https://127.0.0.1/x", "http://[", "//[::1",
]  # fmt: skip
# How many of them each field is given: all in a long run.
EACH = int(os.environ.get("KALENDS_TEST_FUZZ", "2"))
IDENT = re.compile(r"[\w-]{36,}")
# Together they pass where one alone would be refused first.
FIRST_AND_LAST = [("0001-01-01", "0001-01-01"), ("9999-12-31", "9999-12-31"), ("0001-01-01", "9999-12-31")]
_STARTS = [
    "0001-01-01T00:00+14:00",
    "9999-12-31T23:59-14:00",
    "2026-06-04T10:00",
    "2199-12-31T23:59-12:00",
    "x",
    "\x00",
]


class _Forms(HTMLParser):
    """(action, {field: value}) of the forms of a page that are posted."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._open: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._open = {}
            self.found.append((given.get("action", ""), self._open))
        elif tag in ("input", "select", "textarea", "button") and self._open is not None and given.get("name"):
            unchecked = given.get("type") in ("radio", "checkbox") and "checked" not in given
            self._open.update(
                {} if unchecked else {given["name"]: self._open.get(given["name"], given.get("value", ""))}
            )

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


@pytest.fixture
def house() -> House:
    house = make_house()
    change_calendar_sync(
        company=house.company, actor="t", now=utc_now(), google_enabled=True, caldav_enabled=True, bidirectional=True
    )
    return house


def send(client: Client, method: str, url: str, data: Any = None) -> str:
    """What the page says; a server error raises. What was changed is taken back."""
    with transaction.atomic():
        answer = client.get(url) if method == "get" else client.post(url, data or {})
        transaction.set_rollback(True)
    assert answer.status_code < 500 or answer.status_code == 503, (method, url, data)
    return answer.content.decode("utf-8", "replace")


def try_forms(client: Client, page: str) -> int:
    parser = _Forms()
    parser.feed(send(client, "get", page))
    # For a page always the same ones, in whatever order tests run.
    chosen, tried = Random(IDENT.sub("", page.partition("?")[0])), 0
    for action, fields in parser.found:
        if action == "/logout":
            continue
        url = action.partition("#")[0] or page
        plain = {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}
        for name in plain:
            for value in chosen.sample(NASTY, min(EACH, len(NASTY))):
                send(client, "post", url, {**plain, name: value})
                tried += 1
        for first, last in FIRST_AND_LAST:
            dates = {
                "date": first,
                "from_date": first,
                "to_date": last,
                "time": "00:30",
                "from": "00:00",
                "to": "24:00",
            }
            send(client, "post", url, {**plain, **dates})
    return tried


@pytest.mark.parametrize(
    "page",
    [
        "/dashboard/appointments/new", "/dashboard/appointments/{appointment}", "/dashboard/settings/company",
        "/dashboard/settings/closings", "/dashboard/settings/api", "/dashboard/settings/groups/new",
        "/dashboard/settings/groups/{group}", "/dashboard/settings/services/new", "/dashboard/settings/services/{service}",
        "/dashboard/settings/staff", "/dashboard/settings/staff/{staff}", "/dashboard/settings/staff/{staff}/invite",
        "/dashboard/settings/staff/{staff}/connect", "/dashboard/settings/staff/{staff}/connect/caldav",
        "/dashboard/settings/calendar-sync", "/dashboard/connections/{connection}",
        "/dashboard/connections/{connection}/disconnect", "/connect/calendars/{connection}",
        "/dashboard/settings/webhooks", "/dashboard/settings/webhooks/{webhook}",
    ],
)  # fmt: skip
def test_forms_of_the_dashboard_take_anything(house: House, page: str):
    now = utc_now()
    add_closing(company=house.company, start=now, end=next_monday(), actor="t", now=now)
    create_api_key(company=house.company, name="k", may_write=True, actor="t", now=now)
    hook, _secret = create_webhook(
        company=house.company, url="https://shop.example/", events=["appointment.moved"], actor="t", now=now
    )
    ids = {
        "appointment": house.book().pk,
        "group": create_group(company=house.company, name="G", staff=[house.staff], actor="t", now=now).pk,
        "service": house.service.pk,
        "staff": house.staff.pk,
        "connection": house.connect().pk,
        "webhook": hook.pk,
    }
    with calendars_in_memory():
        assert try_forms(house.owner, page.format(**ids)) > 0


def test_forms_of_visitors_take_anything(house: House):
    details = {"service": house.service.pk, "start": next_monday().strftime("%Y-%m-%dT%H:%MZ")}
    with calendars_in_memory():
        for page in (f"/lakeside/book/details?{urlencode(details)}", "/signup", "/login", "/password", "/"):
            assert try_forms(house.nobody, page) > 0


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_day_beyond_all_calendars_is_refused_where_it_was_typed(house: House, day: str):
    answer = house.owner.post("/dashboard/settings/closings", {"from_date": day, "to_date": day})
    assert answer.status_code == 422
    assert answer.context["form"].errors["from_date"] == ["Choose a date of the years 1970 to 2199."]


def test_customers_pages_take_anything(house: House):
    house.book()
    address = "/a/" + manage_url(Attendee.objects.get()).rpartition("/")[2]
    assert try_forms(house.nobody, f"{address}/cancel") > 0
    for start, version in product([*_STARTS, next_monday().isoformat()], ["", "1", "9" * 5000, "²", "-1", "\x00"]):
        send(house.nobody, "post", f"{address}/reschedule", {"start": start, "version": version})
        send(house.nobody, "get", f"{address}/reschedule?{urlencode({'start': start})}")


def test_addresses_take_anything(house: House):
    service = str(house.service.pk)
    every = [*NASTY, *_STARTS]
    for value in Random(20261122).sample(every, min(EACH * 4, len(every))):
        text = quote(value[:2000], safe="")
        for path in ("/{}", "/lakeside/s/{}", "/lakeside/staff/{}", "/lakeside/group/{}", "/a/{}", "/connect/{}", "/q/{}",
                     "/feeds/{}.ics", "/lakeside/book/done/{}", "/connect/{}/caldav"):  # fmt: skip
            if text or not path.startswith("/{}"):
                send(house.nobody, "get", path.format(text or "x"))
        for name in ("service", "staff", "group", "tz", "date", "month", "view", "start", "embed", "lang"):
            for path in ("/lakeside/book", "/lakeside/book/details"):
                asked = {"service": service, "start": next_monday().isoformat(), name: value[:2000]}
                send(house.nobody, "get", f"{path}?{urlencode(asked)}")
        for path, name in product(
            ("appointments", "appointments/new", "customers", "settings/calendar-sync"),
            ("q", "page", "staff", "service", "status", "from_date", "to_date", "tab"),
        ):
            send(house.owner, "get", f"/dashboard/{path}?filtered=1&{urlencode({name: value[:2000]})}")
        for name in ("state", "code", "error"):
            send(house.nobody, "get", f"/oauth/google/callback?{urlencode({name: value[:2000]})}")
        feed = feed_url(house.company.feeds.get(kind="company")).partition("/feeds/")[2]
        for name in ("startPeriod", "endPeriod"):
            send(house.nobody, "get", f"/feeds/{feed}?{urlencode({name: value[:2000]})}")
