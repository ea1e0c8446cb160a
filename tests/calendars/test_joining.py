"""Invitations, consent pages, CalDAV accounts, external addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kalends.calendars import selectors, services
from kalends.calendars.credentials import StoredCredentials
from kalends.calendars.models import CalendarConnection, Invitation, OAuthState
from kalends.calendars.services.oauth import Flow, other_doors
from kalends.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from kalends.messages.models import OutgoingMessage
from kalends.sync.connection import State
from kalends.sync.port import AuthRevoked, AuthTransient, Forbidden, Temporary
from kalends.sync.port import NotFound as NothingThere
from tests.calendars.world import World

ANSWERS: dict[str, object] = {}


def authorize_url(settings, *, state: str, verifier: str) -> str:
    ANSWERS.update(state=state, verifier=verifier)
    return f"https://accounts.example/auth?state={state}"


def exchange(settings, *, code: str, verifier: str, now) -> dict[str, str]:
    if isinstance(error := ANSWERS.get("error"), Exception):
        raise error
    assert verifier == ANSWERS["verifier"]
    return {"subject": "account-1", "email": "emma@example.org", "refresh_token": code}


def discover(settings, *, address: str, username: str, password: str) -> dict[str, str]:
    if isinstance(error := ANSWERS.get("error"), Exception):
        raise error
    return {"url": f"{address}/home/", "principal": "account-1", "username": username, "password": password}


@pytest.fixture
def world(new_world, settings) -> Iterator[World]:
    ANSWERS.clear()
    world = new_world(connected=False)
    world.salon.company.caldav_enabled = True
    world.salon.company.save()
    from dataclasses import replace

    settings.KALENDS = replace(settings.KALENDS, google_client_id="id", google_client_secret="secret")
    with other_doors(Flow(authorize_url, exchange), discover):
        yield world


def invite(world: World) -> tuple[Invitation, str]:
    return services.create_invitation(
        staff=world.staff, email="", subject="Sync", html="<p>{link}</p>", by="Olivia", now=world.now
    )


def begin(world: World, invitation: Invitation | None = None, session: str = "browser") -> str:
    services.start_oauth(
        staff=world.staff, provider="google", session_binding=session, invitation=invitation, now=world.now
    )
    return str(ANSWERS["state"])


def finish(world: World, state: str, **changes) -> CalendarConnection:
    arguments = {"provider": "google", "state": state, "code": "c", "error": "", "session_binding": "browser"}
    return services.finish_oauth(**(arguments | changes), now=world.now)


# -- invitations --------------------------------------------------------------------------------------------------


def test_invitation_is_mailed_and_kept_as_a_hash_only(world: World):
    row, token = invite(world)
    assert selectors.invitation_by_token(token=token, now=world.now) == row
    assert token not in str(Invitation.objects.values().get())
    assert OutgoingMessage.objects.get(kind="calendar_invitation").recipient == world.staff.email


def test_opening_an_invitation_does_not_use_it_up(world: World):
    _, token = invite(world)
    for _ in range(3):
        selectors.invitation_by_token(token=token, now=world.now)


def test_invitation_expires_and_can_be_revoked(world: World):
    row, token = invite(world)
    with pytest.raises(NotFound):
        selectors.invitation_by_token(token=token, now=world.now + timedelta(days=14))
    services.revoke_invitation(invitation=row, now=world.now)
    with pytest.raises(NotFound):
        selectors.invitation_by_token(token=token, now=world.now)
    with pytest.raises(NotFound):
        selectors.invitation_by_token(token="guessed", now=world.now)


def test_invitation_is_used_up_by_a_completed_connection_only(world: World):
    row, token = invite(world)
    connection = finish(world, begin(world, row))
    assert selectors.invitation_by_token(token=token, now=world.now) == row
    work, private = connection.calendars.all()
    world.choose(connection, work, [private])
    with pytest.raises(NotFound):
        selectors.invitation_by_token(token=token, now=world.now)


def test_invitation_is_used_up_by_the_first_connection_that_is_completed(world: World):
    row, token = invite(world)
    first = finish(world, begin(world, row))
    second = services.connect_caldav(
        staff=world.staff, url="https://dav.example", username="ada", password="x", invitation=row, now=world.now
    )
    late = CalendarConnection.objects.select_related("company", "staff").get(pk=second.pk)
    world.choose(first, first.calendars.all()[0], [])
    with pytest.raises(NotFound):
        selectors.invitation_by_token(token=token, now=world.now)
    row.refresh_from_db()
    assert (row.used_at, row.connection) == (world.now, first)
    second.refresh_from_db()
    assert (second.state, second.credentials) == (State.DISCONNECTED, "")
    with pytest.raises(Conflict) as error:
        world.choose(late, late.calendars.all()[0], [])
    assert error.value.code == "invitation_used"
    first.refresh_from_db()
    assert first.state == State.ACTIVE
    world.choose(first, first.calendars.all()[0], [])


def test_connection_without_an_invitation_ends_no_other(world: World):
    row, token = invite(world)
    begun = finish(world, begin(world, row))
    own = services.connect_caldav(
        staff=world.staff, url="https://dav.example", username="ada", password="x", now=world.now
    )
    world.choose(own, own.calendars.all()[0], [])
    begun.refresh_from_db()
    assert begun.state == State.CONNECTING
    assert selectors.invitation_by_token(token=token, now=world.now) == row


def test_staff_member_without_an_address_cannot_be_invited(world: World):
    world.staff.email = ""
    with pytest.raises(InvalidInput) as error:
        invite(world)
    assert error.value.field == "email"


# -- consent page -------------------------------------------------------------------------------------------------


def test_consent_leads_to_a_connection_with_its_calendars_and_sealed_secret(world: World):
    connection = finish(world, begin(world))
    assert (connection.state, connection.subject, connection.label) == (
        State.CONNECTING,
        "account-1",
        "emma@example.org",
    )
    assert [calendar.name for calendar in selectors.calendars_of(connection=connection)] == ["Work", "Private"]
    assert "refresh_token" not in connection.credentials
    assert StoredCredentials(connection.pk).read()["refresh_token"] == "c"


@pytest.mark.parametrize(
    "changes",
    [{"session_binding": "another browser"}, {"state": "guessed"}, {"provider": "office365"}, {"session_binding": ""}],
)
def test_return_must_be_of_the_same_browser_and_trip(world: World, changes):
    state = begin(world)
    with pytest.raises(NotFound):
        finish(world, changes.pop("state", state), **changes)
    assert CalendarConnection.objects.count() == 0


def test_trip_is_single_use_and_short_lived(world: World):
    state = begin(world)
    world.pass_time(timedelta(minutes=15))
    with pytest.raises(NotFound):
        finish(world, state)
    state = begin(world)
    finish(world, state)
    with pytest.raises(NotFound):
        finish(world, state)


def test_trip_of_a_revoked_invitation_connects_nothing(world: World):
    row, _ = invite(world)
    state = begin(world, row)
    services.revoke_invitation(invitation=row, now=world.now)
    with pytest.raises(NotFound):
        finish(world, state)


def test_denied_consent_says_so_and_connects_nothing(world: World):
    with pytest.raises(NotAllowed) as error:
        finish(world, begin(world), code="", error="access_denied")
    assert error.value.code == "consent_denied"


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (Forbidden("left out"), NotAllowed, "permission_missing"),
        (AuthRevoked("invalid_grant"), NotAllowed, "consent_denied"),
        (Temporary("503"), Unavailable, "provider_unreachable"),
    ],
)
def test_failed_exchange_is_explained(world: World, failure, kind, code):
    state = begin(world)
    ANSWERS["error"] = failure
    with pytest.raises(kind) as error:
        finish(world, state)
    assert error.value.code == code


def test_provider_that_is_switched_off_or_not_configured_is_not_offered(world: World, settings):
    from dataclasses import replace

    world.salon.company.google_enabled = False
    world.staff.company = world.salon.company
    with pytest.raises(NotAllowed):
        begin(world)
    world.salon.company.google_enabled = True
    settings.KALENDS = replace(settings.KALENDS, google_client_id="")
    with pytest.raises(Unavailable) as error:
        begin(world)
    assert error.value.code == "not_configured"


def test_verifier_and_state_are_not_stored_in_the_clear(world: World):
    state = begin(world)
    stored = str(OAuthState.objects.values().get())
    assert state not in stored
    assert str(ANSWERS["verifier"]) not in stored


# -- credentials --------------------------------------------------------------------------------------------------


def test_F37_rotated_secret_is_replaced_by_compare_and_set(world: World):
    connection = finish(world, begin(world))
    first, second = StoredCredentials(connection.pk), StoredCredentials(connection.pk)
    old = first.read()
    assert first.replace(old, {"refresh_token": "new"})
    assert not second.replace(old, {"refresh_token": "late"})
    assert second.read() == {"refresh_token": "new"}


def test_disconnected_connection_has_no_credentials_to_call_with(world: World):
    connection = finish(world, begin(world))
    services.disconnect(connection=connection, events="keep", now=world.now)
    with pytest.raises(AuthRevoked):
        StoredCredentials(connection.pk).read()
    assert not StoredCredentials(connection.pk).replace({}, {"refresh_token": "x"})


# -- CalDAV -------------------------------------------------------------------------------------------------------


def caldav(world: World, url: str = "https://dav.example", username: str = "emma") -> CalendarConnection:
    return services.connect_caldav(staff=world.staff, url=url, username=username, password="p", now=world.now)


def test_caldav_account_is_connected_and_recognised_again(world: World):
    first, second = caldav(world), caldav(world)
    assert first.pk == second.pk
    assert (first.provider, first.label) == ("caldav", "emma")


@pytest.mark.parametrize(
    ("failure", "kind", "field"),
    [
        (AuthTransient("401"), InvalidInput, "password"),
        (NothingThere("404"), InvalidInput, "url"),
        (Temporary("time-out"), Unavailable, None),
    ],
)
def test_caldav_failures_name_the_field_to_mend(world: World, failure, kind, field):
    ANSWERS["error"] = failure
    with pytest.raises(kind) as error:
        caldav(world)
    assert error.value.field == field


@pytest.mark.parametrize(("url", "username", "field"), [(" ", "emma", "url"), ("https://x", "", "username")])
def test_caldav_needs_an_address_and_a_user(world: World, url, username, field):
    with pytest.raises(InvalidInput) as error:
        caldav(world, url, username)
    assert error.value.field == field
