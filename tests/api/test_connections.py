"""Connections, calendars, journal and invitations over REST, with calendars in memory behind them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kalends.api.models import IdempotencyKey
from kalends.calendars.models import CalendarConnection, ExternalCalendar, Invitation, Link
from kalends.calendars.services.invitations import MOST_AN_HOUR
from kalends.core.ids import token_digest
from kalends.jobs import secrets
from kalends.messages.models import OutgoingMessage
from kalends.sync.connection import State
from tests.api.conftest import caller_for
from tests.calendars.conftest import new_world, world  # noqa: F401 - fixtures
from tests.calendars.world import START
from tests.factories import NOW, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(world):  # noqa: F811 - the fixture above
    return caller_for(world.salon.company)


@pytest.fixture
def connection(world) -> CalendarConnection:  # noqa: F811 - the fixture above
    return CalendarConnection.objects.get()


def test_connection_is_shown_with_its_state(world, inside, connection):  # noqa: F811
    listed = inside.get(f"/staff/{world.staff.pk}/connections").json()["items"]
    assert listed == [
        {
            "id": str(connection.pk),
            "provider": "google",
            "account": "account-1@example.org",
            "state": "active",
            "mode": "two_way",
            "fresh_as_of": "2026-03-02T08:00:00Z",
            "last_error": "",
            "counts": {},
            "updates": {"at_once": False, "every_seconds": 120, "why": "cannot"},
        }
    ]


def test_connection_pauses_resumes_and_changes_its_mode(inside, connection):
    path = f"/connections/{connection.pk}"
    assert inside.patch(path, {"paused": True}).json()["state"] == "paused"
    changed = inside.patch(path, {"paused": False, "mode": "one_way"}).json()
    assert (changed["state"], changed["mode"]) == ("active", "one_way")
    assert inside.patch(path, {"mode": "sideways"}).json()["field"] == "mode"


def test_calendars_are_listed_and_one_at_most_receives(inside, connection):
    path = f"/connections/{connection.pk}/calendars"
    work, private = inside.get(path).json()["items"]
    assert [(c["name"], c["receives"], c["blocks"]) for c in (work, private)] == [
        ("Work", True, True),
        ("Private", False, True),
    ]
    changed = inside.patch(path, [{"id": private["id"], "receives": True}, {"id": work["id"], "blocks": False}])
    assert [(c["name"], c["receives"], c["blocks"]) for c in changed.json()["items"]] == [
        ("Work", False, False),
        ("Private", True, True),
    ]
    foreign = inside.patch(path, [{"id": str(connection.pk), "blocks": True}])
    assert (foreign.status_code, foreign.json()["field"]) == (422, "id")


def test_appointment_shows_its_place_in_the_calendar_and_the_journal_why(world, inside, connection):  # noqa: F811
    appointment = world.book(START.replace(hour=10))
    world.run()
    body = inside.get(f"/appointments/{appointment.pk}").json()
    assert body["sync"] == [{"connection": str(connection.pk), "state": "ok"}]
    journal = inside.get(f"/connections/{connection.pk}/journal").json()["items"]
    assert [(entry["rule"], entry["action"]) for entry in journal if entry["action"] == "create"] == [
        ("create", "create")
    ]
    assert set(journal[0]) == {"at", "signal", "evidence", "rule", "action", "before", "after"}


def test_journal_is_read_from_its_newest_line_back(world, inside, connection):  # noqa: F811
    for hour in (10, 12, 14):
        world.book(START.replace(hour=hour))
        world.run()
    path = f"/connections/{connection.pk}/journal"
    whole = inside.get(path).json()["items"]
    assert [line["at"] for line in whole] == sorted((line["at"] for line in whole), reverse=True)
    first = inside.get(f"{path}?limit=2").json()
    rest = inside.get(f"{path}?cursor={first['next']}").json()
    assert (first["items"] + rest["items"], rest["next"]) == (whole, None)


def test_disconnecting_asks_what_becomes_of_our_events(world, inside, connection):  # noqa: F811
    world.book(START.replace(hour=10))
    world.run()
    path = f"/connections/{connection.pk}"
    assert inside.delete(path).json()["field"] == "events"
    assert inside.delete(f"{path}?events=maybe").status_code == 422
    assert inside.delete(f"{path}?events=keep").status_code == 204
    connection.refresh_from_db()
    assert (connection.state, connection.credentials) == (State.DISCONNECTED, "")
    assert len(world.main.standing()) == 1


def test_sync_now_makes_the_connection_due(inside, connection):
    CalendarConnection.objects.update(due_at=None)
    assert inside.post(f"/connections/{connection.pk}/sync").status_code == 200
    connection.refresh_from_db()
    assert connection.due_at is not None


def test_stranger_reaches_no_connection(world, inside, stranger, connection):  # noqa: F811
    for method, path in (
        ("GET", f"/staff/{world.staff.pk}/connections"),
        ("PATCH", f"/connections/{connection.pk}"),
        ("GET", f"/connections/{connection.pk}/calendars"),
        ("DELETE", f"/connections/{connection.pk}?events=remove"),
        ("POST", f"/connections/{connection.pk}/sync"),
        ("GET", f"/connections/{connection.pk}/journal"),
        ("POST", f"/staff/{world.staff.pk}/send-calendar-sync-invitation"),
        ("POST", f"/staff/{world.staff.pk}/revoke-calendar-sync"),
        ("GET", f"/staff/{world.staff.pk}/external-calendars"),
    ):
        assert stranger.call(method, path, {} if method == "PATCH" else None).status_code == 404, path
    connection.refresh_from_db()
    assert (connection.state, Link.objects.count(), Invitation.objects.count()) == ("active", 0, 0)


def test_invitation_is_mailed_with_a_link_that_is_kept_as_a_hash_only(world, inside):  # noqa: F811
    response = inside.post(
        f"/staff/{world.staff.pk}/send-calendar-sync-invitation", {"email": "emma@elsewhere.example"}
    )
    assert response.status_code == 200
    body = response.json()
    token = body["connect_url"].removeprefix("http://127.0.0.1:8000/connect/")
    invitation = Invitation.objects.get()
    assert (body["email"], invitation.token_digest) == ("emma@elsewhere.example", token_digest(token))
    mail = OutgoingMessage.objects.get(kind="calendar_invitation")
    assert mail.recipient == "emma@elsewhere.example"


def test_revoke_disconnects_the_named_providers_only(world, inside, connection):  # noqa: F811
    path = f"/staff/{world.staff.pk}/revoke-calendar-sync"
    assert inside.post(path, {"providers": ["caldav"]}).json() == {"disconnected": 0}
    assert inside.post(path, {"providers": ["google"]}).json() == {"disconnected": 1}
    assert inside.post(path, {"providers": ["myspace"]}).status_code == 422


def test_caldav_needs_the_companys_switch_first(world, inside):  # noqa: F811
    response = inside.post(
        f"/staff/{world.staff.pk}/connections/caldav", {"url": "https://dav.example", "username": "u", "password": "p"}
    )
    assert (response.status_code, response.json()["code"]) == (403, "provider_off")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "This is not an address."),
        ("https://", "This is not an address."),
        ("https://[x", "This is not an address."),
        ("https://dav.example:99999/", "This is not an address."),
        ("https://dav.example:door/", "This is not an address."),
        ("https://dav\u0001.example/", "This is not an address."),
        ("https://xn--\u2603.example/", "This is not an address."),
        ("ftp://dav.example/", "The address must begin with https://."),
        ("http://dav.example/", "The address must begin with https://."),
        ("https://user:pw@dav.example/", "The address must not hold a user name or a password."),
        ("https://10.0.0.1/", "The address is one of this server's own network."),
    ],
)
def test_caldav_address_that_is_none_is_refused_for_what_is_wrong(world, inside, url, message):  # noqa: F811
    type(world.salon.company).objects.update(caldav_enabled=True)
    given = {"url": url, "username": "u", "password": "p"}
    response = inside.post(f"/staff/{world.staff.pk}/connections/caldav", given)
    assert (response.status_code, response.json()["field"], response.json()["message"]) == (422, "url", message)
    assert CalendarConnection.objects.count() == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.ics",
        "https://127.0.0.1/a.ics",
        "https://user:pw@example.org/a.ics",
        "not an address",
        "https://xn--\u2603.example/",
    ],
)
def test_external_calendar_address_that_cannot_be_used_is_refused(world, inside, url):  # noqa: F811
    response = inside.post(f"/staff/{world.staff.pk}/external-calendars", {"url": url})
    assert (response.status_code, response.json()["field"]) == (422, "url")
    assert ExternalCalendar.objects.count() == 0


def test_kept_answer_is_sealed_and_its_key_can_be_rotated(owner):
    """An invitation's answer holds the address that opens it; nowhere else does the database keep that in the clear."""
    staff = make_staff(owner.company)
    answers = [
        owner.post(f"/staff/{staff.pk}/send-calendar-sync-invitation", {}, Idempotency_Key="k").json() for _ in range(2)
    ]
    assert answers[0] == answers[1]
    token = answers[0]["connect_url"].rpartition("/")[2]
    kept = IdempotencyKey.objects.get()
    assert token not in kept.body
    assert ("api.IdempotencyKey", "body") in secrets._sealed_columns
    assert token in secrets.unseal(kept.body, row=kept.pk, field="api.IdempotencyKey.body")


def test_one_company_mails_a_bounded_number_of_invitations_an_hour(owner):
    """Text and recipient are free, so that without a bound anybody who signs up could send advertising from here."""
    staff = make_staff(owner.company)
    make_invitations(staff, MOST_AN_HOUR)
    path = f"/staff/{staff.pk}/send-calendar-sync-invitation"
    refused = owner.post(path, {"email": "x@example.org"})
    assert (refused.status_code, refused.json()["code"]) == (403, "too_many_invitations")
    assert OutgoingMessage.objects.count() == 0
    Invitation.objects.update(created_at=NOW - timedelta(hours=1))
    assert owner.post(path, {"email": "x@example.org"}).status_code == 200


def make_invitations(staff, number: int) -> None:
    common = {"company": staff.company, "staff": staff, "email": "a@example.org", "created_at": NOW, "expires_at": NOW}
    Invitation.objects.bulk_create(Invitation(**common, token_digest=str(row)) for row in range(number))


def test_revoking_everything_ends_open_invitations_too(world, inside):  # noqa: F811
    inside.post(f"/staff/{world.staff.pk}/send-calendar-sync-invitation")
    path = f"/staff/{world.staff.pk}/revoke-calendar-sync"
    inside.post(path, {"providers": ["google"]})
    assert Invitation.objects.get().revoked_at is None
    inside.post(path)
    assert Invitation.objects.get().revoked_at == START
