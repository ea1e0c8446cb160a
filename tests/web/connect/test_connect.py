"""From an invitation to a calendar in sync, without an account; and everything that can go wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from kalends.calendars.models import CalendarConnection, Invitation, OAuthState
from kalends.calendars.services import create_invitation, revoke_invitation, run_connection
from kalends.companies import services
from kalends.core.clock import utc_now
from kalends.sync.memory_server import MemoryServer
from tests.web.people import House, calendars_in_memory, state_of


@pytest.fixture
def server(house: House, settings) -> Iterator[MemoryServer]:
    """Google is configured and both kinds of calendar are switched on; what answers is in memory."""
    settings.KALENDS = replace(django_settings.KALENDS, google_client_id="id", google_client_secret="secret")
    services.change_calendar_sync(
        company=house.company,
        actor="t",
        now=utc_now(),
        google_enabled=True,
        caldav_enabled=True,
        office365_enabled=True,
    )
    with calendars_in_memory() as memory:
        yield memory


@pytest.fixture
def token(house: House) -> str:
    return invite(house)[1]


def invite(house: House) -> tuple[Invitation, str]:
    return create_invitation(
        staff=house.staff, email="emma@lakeside.example", subject="s", html="<p>{link}</p>", by="t", now=utc_now()
    )


def set_out(client: Client, url: str) -> str:
    """Chooses Google; returns the address of the consent page that the page of ours leads to."""
    answer = client.post(url, {"provider": "google"})
    assert (answer.status_code, answer["Location"]) == (302, "/connect/go")
    return client.get("/connect/go").context["url"]


def come_back(client: Client, state: str, **query: str):
    return client.get("/oauth/google/callback", {"state": state, **({"code": "c1"} | query)})


def test_invited_person_sees_what_can_be_connected_and_nothing_changes(house: House, server, token: str):
    page = house.nobody.get(f"/connect/{token}")
    assert page.status_code == 200
    # Microsoft is switched on, but this server cannot connect it.
    assert [offer.kind for offer in page.context["providers"]] == ["google", "caldav"]
    assert (OAuthState.objects.count(), Invitation.objects.get().used_at) == (0, None)


def test_whole_way_through_google_without_an_account(house: House, server: MemoryServer, token: str):
    client = house.nobody
    url = set_out(client, f"/connect/{token}")
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    answer = come_back(client, state_of(url))
    row = CalendarConnection.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/connect/calendars/{row.pk}")
    assert (row.staff, row.state, row.label) == (house.staff, "connecting", "emma@gmail.example")
    assert Invitation.objects.get().used_at is None
    page = client.get(answer["Location"])
    proposed = [(item.name, item.receives, item.blocks) for item in page.context["calendars"]]
    assert proposed == [("Work", True, True), ("Private", False, True)]
    work, private = row.calendars.order_by("remote_id")
    answer = client.post(answer["Location"], {"receives": str(work.pk), "blocks": [str(work.pk), str(private.pk)]})
    assert (answer.status_code, answer["Location"]) == (302, f"/connect/progress/{row.pk}")
    assert Invitation.objects.get().used_at is not None
    waiting = client.get(answer["Location"])
    assert (waiting.context["finished"], waiting.context["read"]) == (False, 0)
    assert b'<meta http-equiv="refresh" content="2">' in waiting.content
    run_connection(row.pk, now=utc_now())
    done = client.get(answer["Location"])
    assert (done.context["finished"], done.context["read"], done.context["back_url"]) == (True, 2, "")
    assert b"refresh" not in done.content
    assert client.get(f"/connect/{token}").status_code == 404


def test_way_through_caldav_with_a_wrong_password_first(house: House, server, token: str):
    url = f"/connect/{token}/caldav"
    fields = {"url": "dav.example.org", "username": "emma", "password": "wrong"}
    refused = house.nobody.post(url, fields)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["password"])
    assert b"wrong" not in refused.content.replace(b"went wrong", b"")
    assert CalendarConnection.objects.count() == 0
    answer = house.nobody.post(url, {**fields, "password": "right"})
    row = CalendarConnection.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/connect/calendars/{row.pk}")
    assert (row.provider, row.label) == ("caldav", "emma")


def test_caldav_form_leads_to_the_set_up_pages(house: House, server, token: str):
    page = house.nobody.get(f"/connect/{token}/caldav").content.decode()
    assert [name for name in ("icloud", "fastmail", "nextcloud") if f'href="/guide/{name}"' not in page] == []


@pytest.mark.parametrize("given", [{"url": ""}, {"username": ""}, {"password": ""}, {"url": "x" * 2001}])
def test_caldav_form_wants_all_three(house: House, server, token: str, given: dict[str, str]):
    fields = {"url": "dav.example.org", "username": "emma", "password": "right", **given}
    answer = house.nobody.post(f"/connect/{token}/caldav", fields)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, list(given))


def test_manager_connects_for_a_staff_member(house: House, server):
    start = reverse("dashboard:connect_staff", args=[house.staff.pk])
    answer = come_back(house.owner, state_of(set_out(house.owner, start)))
    row = CalendarConnection.objects.get()
    assert answer["Location"] == f"/connect/calendars/{row.pk}"
    work = row.calendars.get(name="Work")
    house.owner.post(answer["Location"], {"receives": str(work.pk)})
    done = house.owner.get(f"/connect/progress/{row.pk}")
    assert done.context["back_url"] == reverse("dashboard:staff", args=[house.staff.pk])
    caldav = reverse("dashboard:connect_staff_caldav", args=[house.staff.pk])
    clients = (house.owner, house.viewer, house.stranger, house.nobody)
    assert [client.get(caldav).status_code for client in clients] == [200, 200, 404, 302]
    assert [client.post(caldav).status_code for client in clients] == [422, 403, 404, 302]


# -- who may finish it -------------------------------------------------------------------------------------------------


def test_connection_is_finished_by_its_maker_and_by_managers_only(house: House, server, token: str):
    maker = house.nobody
    calendars = come_back(maker, state_of(set_out(maker, f"/connect/{token}")))["Location"]
    row = CalendarConnection.objects.get()
    clients = (maker, house.owner, house.viewer, house.stranger, Client())
    for url in (calendars, f"/connect/progress/{row.pk}"):
        assert [client.get(url).status_code for client in clients] == [200, 200, 404, 404, 404]
    work = row.calendars.get(name="Work")
    answers = [client.post(calendars, {"receives": str(work.pk)}).status_code for client in clients[2:]]
    row.refresh_from_db()
    assert (answers, row.chosen_at) == ([404, 404, 404], None)


def test_choosing_nothing_or_nonsense_is_explained(house: House, server, token: str):
    url = come_back(house.nobody, state_of(set_out(house.nobody, f"/connect/{token}")))["Location"]
    for given in ({}, {"receives": "x", "blocks": ["y"]}, {"receives": str(house.staff.pk)}):
        assert house.nobody.post(url, given).status_code == 422


# -- what goes wrong ------------------------------------------------------------------------------------------------------


def test_unknown_used_expired_and_revoked_invitations_look_the_same(house: House, server):
    used, used_token = invite(house)
    expired, expired_token = invite(house)
    revoked, revoked_token = invite(house)
    Invitation.objects.filter(pk=used.pk).update(used_at=utc_now())
    Invitation.objects.filter(pk=expired.pk).update(expires_at=utc_now() - timedelta(seconds=1))
    revoke_invitation(invitation=revoked, now=utc_now())
    for token in ("unknown", "x" * 300, used_token, expired_token, revoked_token):
        answers = [
            house.nobody.get(f"/connect/{token}"),
            house.nobody.post(f"/connect/{token}", {"provider": "google"}),
            house.nobody.get(f"/connect/{token}/caldav"),
        ]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert [answer.templates[0].name for answer in answers] == ["connect/gone.html"] * 3


def test_refused_consent_is_explained_and_uses_nothing_up(house: House, server, token: str):
    state = state_of(set_out(house.nobody, f"/connect/{token}"))
    answer = come_back(house.nobody, state, code="", error="access_denied")
    assert (answer.status_code, answer.context["denied"]) == (400, True)
    # The way back is one click, in the browser that set out only.
    assert answer.context["again_url"] == f"/connect/{token}"
    assert come_back(Client(), state, code="", error="access_denied").context["again_url"] == ""
    assert (CalendarConnection.objects.count(), Invitation.objects.get().used_at) == (0, None)
    assert house.nobody.get(f"/connect/{token}").status_code == 200


def test_state_is_single_use_belongs_to_its_browser_and_runs_out(house: House, server, token: str):
    client = house.nobody
    state = state_of(set_out(client, f"/connect/{token}"))
    assert come_back(Client(), state).status_code == 400
    assert come_back(client, "forged").status_code == 400
    assert come_back(client, "").status_code == 400
    assert CalendarConnection.objects.count() == 0
    assert come_back(client, state).status_code == 302
    assert come_back(client, state).status_code == 400
    late = state_of(set_out(client, f"/connect/{token}"))
    OAuthState.objects.update(expires_at=utc_now())
    assert come_back(client, late).status_code == 400
    assert CalendarConnection.objects.count() == 1


@pytest.mark.parametrize("provider", ["office365", "caldav", "ics", "", "<b>"])
def test_provider_that_is_not_offered_is_refused(house: House, server, token: str, provider: str):
    answer = house.nobody.post(f"/connect/{token}", {"provider": provider})
    assert (answer.status_code, OAuthState.objects.count()) == (422, 0)


def test_nothing_is_offered_where_the_company_switched_all_off(house: House, server, token: str):
    services.change_calendar_sync(
        company=house.company, actor="t", now=utc_now(), google_enabled=False, caldav_enabled=False
    )
    assert house.nobody.get(f"/connect/{token}").context["providers"] == []
    assert house.nobody.post(f"/connect/{token}", {"provider": "google"}).status_code == 422
    assert house.nobody.get(f"/connect/{token}/caldav").status_code == 404


def test_go_without_having_set_out_is_no_open_redirect(house: House):
    answer = house.nobody.get("/connect/go?url=https://evil.example")
    assert (answer.status_code, answer.templates[0].name) == (404, "connect/gone.html")


def test_tries_are_limited(house: House, server, token: str):
    url = f"/connect/{token}/caldav"
    fields = {"url": "dav.example.org", "username": "emma", "password": "wrong"}
    answers = [house.nobody.post(url, fields).status_code for _ in range(31)]
    assert answers == [422] * 30 + [429]
