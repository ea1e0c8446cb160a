"""Consent, codes with PKCE, tokens, refresh, revocation, and who is signed in."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from kalends.sandbox.app import Options, Running, start
from kalends.sandbox.oauth import Client
from tests.sandbox.conftest import EMMA, JUAN, Clock, Connect, give_token, refusal, timed

EVENTS = "https://www.googleapis.com/auth/calendar.events"
LIST = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
BACK = "http://127.0.0.1:8000/oauth/google/callback?keep=1"
VERIFIER = "v" * 60


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def send(
    sandbox: Running, path: str, form: dict[str, Any] | None = None, token: str = ""
) -> tuple[int, dict[str, str], str]:
    """A request as a browser or an application makes it, redirects not followed."""
    body = urlencode(form, doseq=True).encode() if form is not None else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(sandbox.base_url + path, data=body, headers=headers)
    try:
        with urllib.request.build_opener(_Stay).open(request) as reply:
            return reply.status, dict(reply.headers), reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def wanted(**more: str) -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    return {
        "client_id": Client().id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": f"openid email {EVENTS} {LIST}",
        "state": "s t",
        "access_type": "offline",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **more,
    }


def answer(sandbox: Running, *, grant: tuple[str, ...] = (EVENTS, LIST), **more: str) -> dict[str, str]:
    """What the browser is sent back with after the consent page."""
    form = {**wanted(), "account": EMMA, "decision": "allow", **more, "grant": list(grant)}
    status, headers, _ = send(sandbox, "/o/oauth2/v2/auth", form)
    assert status == 302
    assert headers["Location"].startswith("http://127.0.0.1:8000/oauth/google/callback?keep=1&")
    return {key: values[0] for key, values in parse_qs(urlsplit(headers["Location"]).query).items()}


def exchange(sandbox: Running, **form: str) -> tuple[int, dict[str, Any]]:
    client = {"client_id": Client().id, "client_secret": Client().secret}
    status, _, text = send(sandbox, "/token", {**client, **form})
    return status, json.loads(text)


def redeem(sandbox: Running, code: str, **more: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    return exchange(sandbox, **{**form, **more})


def test_the_consent_page_names_accounts_and_scopes(sandbox: Running) -> None:
    status, headers, page = send(sandbox, f"/o/oauth2/v2/auth?{urlencode(wanted(login_hint=JUAN))}")
    assert status == 200
    assert "form-action 'self' http://127.0.0.1:8000;" in headers["Content-Security-Policy"]
    assert f'value="{JUAN}" checked' in page
    assert "View and edit events on all your calendars" in page
    assert 'value="refuse"' in page


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"client_id": "other"}, 401),
        ({"redirect_uri": "http://evil.example/"}, 400),
        ({"scope": "https://www.googleapis.com/auth/drive"}, 400),
        ({"response_type": "token"}, 400),
    ],
)
def test_an_unsound_request_is_never_sent_back(sandbox: Running, more: dict[str, str], status: int) -> None:
    assert send(sandbox, f"/o/oauth2/v2/auth?{urlencode(wanted(**more))}")[0] == status


def test_an_exact_redirect_address_can_be_demanded(clock: Clock) -> None:
    with start(Options(clock=clock, client=Client(redirect_uris=(BACK,)))) as strict:
        assert send(strict, f"/o/oauth2/v2/auth?{urlencode(wanted())}")[0] == 200
        assert send(strict, f"/o/oauth2/v2/auth?{urlencode(wanted(redirect_uri=BACK + '2'))}")[0] == 400


def test_refusing_sends_access_denied_with_the_state(sandbox: Running) -> None:
    assert answer(sandbox, decision="refuse") == {"keep": "1", "error": "access_denied", "state": "s t"}


def test_a_code_becomes_tokens_once_and_only_with_its_verifier(sandbox: Running) -> None:
    given = answer(sandbox)
    assert given["state"] == "s t"
    assert redeem(sandbox, given["code"], code_verifier="wrong")[1]["error"] == "invalid_grant"
    assert redeem(sandbox, given["code"], redirect_uri="http://127.0.0.1/")[1]["error"] == "redirect_uri_mismatch"
    status, tokens = redeem(sandbox, given["code"])
    assert status == 200
    assert sorted(tokens) == ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]
    assert redeem(sandbox, given["code"]) == (400, {"error": "invalid_grant", "error_description": "Bad Request"})


def test_a_code_dies_after_ten_minutes(sandbox: Running, clock: Clock) -> None:
    code = answer(sandbox)["code"]
    clock.now += timedelta(seconds=601)
    assert redeem(sandbox, code)[1]["error"] == "invalid_grant"


def test_a_wrong_secret_is_invalid_client(sandbox: Running) -> None:
    status, payload = redeem(sandbox, answer(sandbox)["code"], client_secret="wrong")
    assert (status, payload["error"]) == (401, "invalid_client")


def test_a_refresh_token_comes_with_the_first_consent_or_when_asked_for(sandbox: Running) -> None:
    assert "refresh_token" in redeem(sandbox, answer(sandbox)["code"])[1]
    assert "refresh_token" not in redeem(sandbox, answer(sandbox)["code"])[1]
    assert "refresh_token" in redeem(sandbox, answer(sandbox, prompt="consent")["code"])[1]
    assert "refresh_token" not in redeem(sandbox, answer(sandbox, account=JUAN, access_type="online")["code"])[1]


def test_refreshing_gives_a_new_access_token_and_no_new_refresh_token(sandbox: Running) -> None:
    tokens = redeem(sandbox, answer(sandbox)["code"])[1]
    status, fresh = exchange(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert status == 200
    assert "refresh_token" not in fresh
    assert fresh["access_token"] != tokens["access_token"]


def test_unticked_scopes_are_not_granted(sandbox: Running, connect: Connect) -> None:
    tokens = redeem(sandbox, answer(sandbox, grant=(LIST,))["code"])[1]
    assert tokens["scope"] == f"openid email {LIST}"
    google = connect(token=tokens["access_token"])
    assert len(google.calendarList().list().execute()["items"]) == 3
    refused = refusal(google.events().insert(calendarId="primary", body=timed()))
    assert refused == (403, "insufficientPermissions")


def test_an_expired_access_token_is_401_and_refreshable(sandbox: Running, clock: Clock, connect: Connect) -> None:
    tokens = redeem(sandbox, answer(sandbox)["code"])[1]
    clock.now += timedelta(seconds=3600)
    assert send(sandbox, "/oauth2/v2/userinfo", token=tokens["access_token"])[0] == 401
    fresh = exchange(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"])[1]
    assert send(sandbox, "/oauth2/v2/userinfo", token=fresh["access_token"])[0] == 200


@pytest.mark.parametrize("by", ["application", "person"])
def test_a_revoked_grant_ends_access_and_refresh(sandbox: Running, by: str) -> None:
    tokens = redeem(sandbox, answer(sandbox)["code"])[1]
    if by == "application":
        assert send(sandbox, "/revoke", {"token": tokens["refresh_token"]})[0] == 200
        assert send(sandbox, "/revoke", {"token": tokens["refresh_token"]})[0] == 400
    else:
        sandbox.faults.revoke_grants(EMMA)
    assert send(sandbox, "/oauth2/v2/userinfo", token=tokens["access_token"])[0] == 401
    refused = exchange(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refused == (
        400,
        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    )
    assert "refresh_token" in redeem(sandbox, answer(sandbox)["code"])[1]


def test_the_account_is_known_by_a_stable_subject(sandbox: Running) -> None:
    tokens = redeem(sandbox, answer(sandbox)["code"])[1]
    openid = json.loads(send(sandbox, "/v1/userinfo", token=tokens["access_token"])[2])
    assert openid == {"sub": sandbox.store.accounts[EMMA].sub, "email": EMMA, "email_verified": True}
    claims = tokens["id_token"].split(".")[1]
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (decoded["sub"], decoded["email"], decoded["aud"]) == (openid["sub"], EMMA, Client().id)
    old = json.loads(send(sandbox, "/oauth2/v2/userinfo", token=tokens["access_token"])[2])
    assert old == {"id": openid["sub"], "email": EMMA, "verified_email": True}
    info = json.loads(send(sandbox, f"/oauth2/v2/tokeninfo?access_token={tokens['access_token']}")[2])
    assert (info["user_id"], info["audience"]) == (openid["sub"], Client().id)


def test_a_request_without_or_with_a_false_token_is_401(sandbox: Running) -> None:
    for token in ("", "ya29.false"):
        status, headers, text = send(sandbox, "/calendar/v3/users/me/calendarList", token=token)
        assert status == 401
        assert headers["WWW-Authenticate"].startswith("Bearer")
        assert json.loads(text)["error"]["errors"][0]["reason"] == "authError"


def test_scopes_of_owned_events_do_not_reach_other_calendars(sandbox: Running, connect: Connect) -> None:
    owned = "https://www.googleapis.com/auth/calendar.events.owned"
    google = connect(token=give_token(sandbox, scopes=owned))
    assert google.events().list(calendarId="primary").execute()["items"] == []
    holidays = next(row.id for row, role in sandbox.store.calendars_of(EMMA) if role == "reader")
    assert refusal(google.events().list(calendarId=holidays)) == (403, "insufficientPermissions")
