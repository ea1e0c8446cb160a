"""From an invitation to a Microsoft calendar in sync, over the real provider and the sandbox Microsoft."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client

from kalends.calendars.models import BusySpan, CalendarConnection, Journal, OAuthState, Seat
from kalends.calendars.services import create_invitation, live_check, run_connection, sync_now
from kalends.companies import services
from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.providers.microsoft.client import MAILBOX_REQUESTS
from kalends.providers.microsoft.known import found
from kalends.sandbox.app import Options, Running, start
from tests.contract.microsoft_world import ACCOUNTS, times, weekly
from tests.web.people import House, next_monday

KINDS = pytest.mark.parametrize("kind", ["office365", "outlook"])
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


@pytest.fixture
def microsoft(house: House, settings) -> Iterator[Running]:
    """Microsoft is configured, and it is the sandbox; the company has both kinds of account switched on."""
    found.clear()
    with start(Options()) as sandbox:
        client = sandbox.microsoft.client
        settings.KALENDS = replace(
            django_settings.KALENDS,
            microsoft_client_id=client.id,
            microsoft_client_secret=client.secret,
            microsoft_login_url=sandbox.base_url,
            microsoft_graph_url=sandbox.base_url,
            allow_private_hosts=(urlsplit(sandbox.base_url).netloc,),
        )
        services.change_calendar_sync(
            company=house.company, actor="t", now=utc_now(), office365_enabled=True, outlook_enabled=True
        )
        yield sandbox


def invite(house: House) -> str:
    address = "emma@lakeside.example"
    return create_invitation(
        staff=house.staff, email=address, subject="s", html="<p>{link}</p>", by="t", now=utc_now()
    )[1]


def set_out(client: Client, token: str, kind: str) -> str:
    assert client.post(f"/connect/{token}", {"provider": kind})["Location"] == "/connect/go"
    return str(client.get("/connect/go").context["url"])


def consent(url: str, account: str, decision: str = "accept") -> dict[str, str]:
    """What the person does on Microsoft's page, and what it sends the browser back with."""
    parts = urlsplit(url)
    form = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert form["redirect_uri"].endswith("/oauth/microsoft/callback")
    connection = http.client.HTTPConnection(parts.netloc)
    body = urlencode({**form, "account": account, "decision": decision})
    connection.request("POST", parts.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    response = connection.getresponse()
    response.read()
    connection.close()
    back = parse_qs(urlsplit(response.headers["location"]).query)
    return {name: values[0] for name, values in back.items()}


def connect(house: House, kind: str) -> CalendarConnection:
    """The whole way; the default calendar makes busy and receives."""
    client = house.nobody
    back = consent(set_out(client, invite(house), kind), ACCOUNTS[kind])
    answer = client.get("/oauth/microsoft/callback", back)
    row = CalendarConnection.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/connect/calendars/{row.pk}")
    first = row.calendars.get(primary=True)
    client.post(answer["Location"], {"receives": str(first.pk), "blocks": [str(first.pk)]})
    run_connection(row.pk, now=utc_now())
    row.refresh_from_db()
    return row


def graph(sandbox: Running, account: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What the person's own calendar program does."""
    token = sandbox.microsoft.acts.grant(account)["access_token"]
    connection = http.client.HTTPConnection(urlsplit(sandbox.base_url).netloc)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    headers["Prefer"] = 'IdType="ImmutableId", odata.maxpagesize=100'
    connection.request(method, f"/v1.0/me/{path}", json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    assert response.status < 300, text
    return dict(json.loads(text)) if text else {}


def starts(row: CalendarConnection) -> list[datetime]:
    return list(BusySpan.objects.filter(calendar__connection=row).order_by("start").values_list("start", flat=True))


def test_both_kinds_are_offered_by_their_names(house: House, microsoft: Running):
    page = house.nobody.get(f"/connect/{invite(house)}")
    offers = [(offer.kind, offer.name) for offer in page.context["providers"]]
    assert offers == [("office365", "Microsoft 365"), ("outlook", "Outlook.com")]


def test_only_the_kind_that_is_switched_on_is_offered(house: House, microsoft: Running):
    services.change_calendar_sync(company=house.company, actor="t", now=utc_now(), outlook_enabled=False)
    page = house.nobody.get(f"/connect/{invite(house)}")
    assert [offer.kind for offer in page.context["providers"]] == ["office365"]


@KINDS
def test_whole_way_through_microsoft(house: House, microsoft: Running, kind: str):
    row = connect(house, kind)
    assert (row.provider, row.label, row.state) == (kind, ACCOUNTS[kind], "active")
    account = microsoft.microsoft.store.accounts[ACCOUNTS[kind]]
    assert row.subject == f"{account.tid}.{account.oid}"
    assert [calendar.writable for calendar in row.calendars.order_by("-primary", "-writable")] == [True, True, False]


@KINDS
def test_way_back_from_another_browser_or_another_provider_is_refused(house: House, microsoft: Running, kind: str):
    back = consent(set_out(house.nobody, invite(house), kind), ACCOUNTS[kind])
    assert Client().get("/oauth/microsoft/callback", back).status_code == 400
    assert house.nobody.get("/oauth/google/callback", back).status_code == 400
    assert CalendarConnection.objects.count() == 0
    assert OAuthState.objects.get().used_at is None


def test_admin_consent_that_is_refused_says_who_must_allow(house: House, microsoft: Running):
    microsoft.microsoft.acts.set_account(ACCOUNTS["office365"], admin_consent=True)
    back = consent(set_out(house.nobody, invite(house), "office365"), ACCOUNTS["office365"])
    page = house.nobody.get("/oauth/microsoft/callback", back)
    assert page.status_code == 400
    assert b"Your administrator must allow it first" in page.content


def test_refusal_of_the_person_is_no_matter_for_an_administrator(house: House, microsoft: Running):
    back = consent(set_out(house.nobody, invite(house), "outlook"), ACCOUNTS["outlook"], decision="cancel")
    page = house.nobody.get("/oauth/microsoft/callback", back)
    assert (page.status_code, page.context["denied"]) == (400, True)
    assert b"administrator" not in page.content


@KINDS
def test_F25_a_cancelled_occurrence_frees_its_time_at_the_next_look(house: House, microsoft: Running, kind: str):
    row, account, first = connect(house, kind), ACCOUNTS[kind], next_monday()
    series = {**times(Span(first, first + HOUR)), "recurrence": weekly(first, 52)}
    master = graph(microsoft, account, "POST", "events", series)["id"]
    sync_now(connection=row, now=utc_now())
    run_connection(row.pk, now=utc_now())
    assert starts(row) == [first + week * WEEK for week in range(52)]
    window = f"startDateTime={first:%Y-%m-%dT%H:%M:%SZ}&endDateTime={first + 52 * WEEK:%Y-%m-%dT%H:%M:%SZ}"
    listed = graph(microsoft, account, "GET", f"events/{master}/instances?{window}")["value"]
    graph(microsoft, account, "DELETE", f"events/{listed[17]['id']}")
    row.refresh_from_db()
    sync_now(connection=row, now=utc_now())
    run_connection(row.pk, now=utc_now())
    assert starts(row) == [first + week * WEEK for week in range(52) if week != 17]
    assert not Journal.objects.filter(connection=row, action="quarantine").exists()


@KINDS
def test_a_forgotten_cursor_reads_everything_again(house: House, microsoft: Running, kind: str):
    row, account, first = connect(house, kind), ACCOUNTS[kind], next_monday()
    microsoft.microsoft.acts.expire_delta()
    graph(microsoft, account, "POST", "events", times(Span(first, first + HOUR)))
    sync_now(connection=row, now=utc_now())
    run_connection(row.pk, now=utc_now())
    row.refresh_from_db()
    assert (starts(row), row.state, row.last_error) == ([first], "active", "")
    assert Journal.objects.filter(connection=row, rule="cursor_expired").count() == 1


def test_a_second_calendar_without_a_delta_loses_what_was_deleted(house: House, microsoft: Running):
    row, account, first = connect(house, "office365"), ACCOUNTS["office365"], next_monday()
    second = row.calendars.get(primary=False, writable=True)
    second.blocks = True
    second.save()
    microsoft.microsoft.acts.set(delta_default_only=True)
    found.clear()
    made = []
    for number in range(4):
        event = times(Span(first + number * WEEK, first + number * WEEK + HOUR))
        made.append(graph(microsoft, account, "POST", f"calendars/{second.remote_id}/events", event)["id"])
    for gone in (None, 2):
        if gone is not None:
            graph(microsoft, account, "DELETE", f"events/{made[gone]}")
        row.refresh_from_db()
        sync_now(connection=row, now=utc_now())
        run_connection(row.pk, now=utc_now())
        assert starts(row) == [first + number * WEEK for number in range(4) if number != gone]
    second.refresh_from_db()
    assert second.cursor == ""


def test_G12_seats_at_the_mailbox_are_given_back_and_a_booking_goes_without(house: House, microsoft: Running):
    row = connect(house, "office365")
    assert Seat.objects.filter(until__gt=utc_now()).count() == 0
    [key] = set(Seat.objects.values_list("key", flat=True))
    assert Seat.objects.filter(key=key).count() == MAILBOX_REQUESTS
    row.calendars.update(fresh_as_of=utc_now() - timedelta(minutes=5))
    Seat.objects.update(until=utc_now() + HOUR)
    span = Span(next_monday(), next_monday(11))
    asked = microsoft.journal.since(0)[-1]["number"]
    assert live_check(staff_ids=[house.staff.pk], span=span, now=utc_now())[house.staff.pk].ok
    assert microsoft.journal.since(0)[-1]["number"] == asked
