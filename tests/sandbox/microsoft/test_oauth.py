"""Sign-in at both kinds of address: consent, codes with PKCE, tokens, rotation, refusals in Entra's words."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from kalends.sandbox.app import Options, Running, start
from kalends.sandbox.microsoft.oauth import CLIENT
from kalends.sandbox.microsoft.store import CONSUMERS
from kalends.sandbox.oauth import Client
from tests.sandbox.conftest import Clock
from tests.sandbox.microsoft.conftest import EMMA, JOHN, Graph
from tests.sandbox.test_oauth import send

BACK = "http://127.0.0.1:8000/oauth/microsoft/callback?keep=1"
VERIFIER = "v" * 60
SCOPE = "openid profile email offline_access https://graph.microsoft.com/Calendars.ReadWrite"


def wanted(**more: str) -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    given = {
        "client_id": CLIENT.id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": SCOPE,
        "state": "s t",
        "nonce": "n1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **more,
    }
    return {name: value for name, value in given.items() if value}


def ask(sandbox: Running, tenant: str = "organizations", **more: str) -> tuple[int, dict[str, str], str]:
    return send(sandbox, f"/{tenant}/oauth2/v2.0/authorize?{urlencode(wanted(**more))}")


def decide(
    sandbox: Running, account: str = JOHN, tenant: str = "organizations", **more: str
) -> tuple[int, dict[str, str], str]:
    form = {**wanted(), "account": account, "decision": "accept", **more}
    return send(sandbox, f"/{tenant}/oauth2/v2.0/authorize", form)


def answer(reply: tuple[int, dict[str, str], str]) -> dict[str, str]:
    """What the browser is sent back with."""
    assert reply[0] == 302
    assert reply[1]["Location"].startswith(BACK + "&")
    return {key: values[0] for key, values in parse_qs(urlsplit(reply[1]["Location"]).query).items()}


def token(sandbox: Running, tenant: str = "organizations", **form: str) -> tuple[int, dict[str, Any]]:
    sent = {"client_id": CLIENT.id, "client_secret": CLIENT.secret, **form}
    status, _, text = send(sandbox, f"/{tenant}/oauth2/v2.0/token", sent)
    return status, json.loads(text)


def redeem(sandbox: Running, code: str, tenant: str = "organizations", **more: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **more}
    return token(sandbox, tenant, **form)


def refresh(sandbox: Running, value: str, tenant: str = "organizations") -> tuple[int, dict[str, Any]]:
    return token(sandbox, tenant, grant_type="refresh_token", refresh_token=value)


def claims(payload: dict[str, Any]) -> dict[str, Any]:
    part = payload["id_token"].split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def connected(sandbox: Running, account: str = JOHN, tenant: str = "organizations") -> dict[str, Any]:
    status, payload = redeem(sandbox, answer(decide(sandbox, account, tenant))["code"], tenant)
    assert status == 200
    return payload


@pytest.mark.parametrize(("account", "tenant"), [(JOHN, "organizations"), (EMMA, "consumers"), (EMMA, "common")])
def test_a_code_gives_tokens_that_graph_takes(sandbox: Running, account: str, tenant: str) -> None:
    assert ask(sandbox, tenant)[0] == 200
    found = answer(decide(sandbox, account, tenant))
    assert found["state"] == "s t"
    status, payload = redeem(sandbox, found["code"], tenant)
    assert (status, payload["token_type"], payload["expires_in"]) == (200, "Bearer", 3599)
    assert payload["scope"] == "openid profile email Calendars.ReadWrite"
    row = sandbox.microsoft.store.accounts[account]
    said = claims(payload)
    assert {name: said[name] for name in ("tid", "oid", "sub", "preferred_username", "email", "nonce", "aud")} == {
        "tid": row.tid,
        "oid": row.oid,
        "sub": row.sub,
        "preferred_username": account,
        "email": account,
        "nonce": "n1",
        "aud": CLIENT.id,
    }
    assert said["iss"] == f"{sandbox.base_url}/{row.tid}/v2.0"
    assert (row.tid == CONSUMERS) == (account == EMMA)
    assert Graph(sandbox.base_url, payload["access_token"]).get("/me/calendar").status == 200


def test_the_page_shows_whose_accounts_there_are_and_what_is_asked(sandbox: Running) -> None:
    status, headers, page = ask(sandbox, login_hint=EMMA)
    assert status == 200
    assert f'value="{EMMA}" checked' in page
    assert "Have full access to your calendars" in page
    assert "form-action 'self' http://127.0.0.1:8000" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("account", "tenant", "number"),
    [(EMMA, "organizations", 500200), (JOHN, "consumers", 50020), (JOHN, CONSUMERS, 50020)],
)
def test_an_account_of_the_other_kind_is_refused_on_the_page(
    sandbox: Running, account: str, tenant: str, number: int
) -> None:
    status, headers, page = decide(sandbox, account, tenant)
    assert (status, headers.get("Location")) == (400, None)
    assert f"AADSTS{number}:" in page
    assert "Use another account" in page


@pytest.mark.parametrize(
    ("more", "number"),
    [({"client_id": "other"}, 700016), ({"redirect_uri": "http://evil.example/x"}, 50011)],
)
def test_an_address_nobody_vouched_for_is_not_told(sandbox: Running, more: dict[str, str], number: int) -> None:
    status, headers, page = ask(sandbox, **more)
    assert (status, "Location" in headers) == (400, False)
    assert f"AADSTS{number}:" in page


def test_the_redirect_uri_must_be_exactly_the_registered_one() -> None:
    client = Client(id=CLIENT.id, redirect_uris=(BACK,))
    with start(Options(microsoft_client=client)) as sandbox:
        assert ask(sandbox)[0] == 200
        assert ask(sandbox, redirect_uri=BACK + "2")[0] == 400


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid Calendars.Everything"}, "invalid_client"),
        ({"scope": ""}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_request_that_cannot_be_served_is_sent_back_with_its_error(
    sandbox: Running, more: dict[str, str], error: str
) -> None:
    assert answer(ask(sandbox, **more))["error"] == error


def test_cancel_and_admin_consent_are_told_apart(sandbox: Running) -> None:
    cancelled = answer(decide(sandbox, decision="cancel"))
    assert (cancelled["error"], cancelled["error_description"][:11]) == ("access_denied", "AADSTS65004")
    sandbox.microsoft.acts.set_account(JOHN, admin_consent=True)
    assert "needs an administrator" in ask(sandbox)[2]
    refused = answer(decide(sandbox))
    assert (refused["error"], refused["error_description"][:11]) == ("consent_required", "AADSTS90094")


def test_an_unknown_tenant_is_refused(sandbox: Running) -> None:
    assert "AADSTS90002" in ask(sandbox, "elsewhere.example")[2]
    status, payload = refresh(sandbox, "x", "elsewhere.example")
    assert (status, payload["error_codes"]) == (400, [90002])


def test_a_code_is_used_once_with_its_verifier_and_address(sandbox: Running, clock: Clock) -> None:
    code = answer(decide(sandbox))["code"]
    assert redeem(sandbox, code, code_verifier="x" * 60)[1]["error_codes"] == [501481]
    assert redeem(sandbox, code, redirect_uri=BACK + "2")[1]["error_codes"] == [500112]
    assert redeem(sandbox, "made up")[1]["error_codes"] == [9002313]
    assert redeem(sandbox, code)[0] == 200
    status, payload = redeem(sandbox, code)
    assert (status, payload["error"], payload["error_codes"]) == (400, "invalid_grant", [54005])
    late = answer(decide(sandbox))["code"]
    clock.now += timedelta(minutes=11)
    assert redeem(sandbox, late)[1]["error_codes"] == [70008]


def test_errors_have_entras_shape(sandbox: Running) -> None:
    status, payload = redeem(sandbox, "x", client_secret="wrong")
    assert status == 401
    assert sorted(payload) == [
        "correlation_id", "error", "error_codes", "error_description", "error_uri", "timestamp", "trace_id",
    ]  # fmt: skip
    assert payload["error"] == "invalid_client"
    assert payload["error_description"].startswith("AADSTS7000215: ")
    assert token(sandbox, grant_type="password")[1]["error"] == "unsupported_grant_type"


def test_a_refresh_token_is_replaced_and_the_old_one_stays_good(sandbox: Running) -> None:
    first = connected(sandbox)["refresh_token"]
    second = refresh(sandbox, first)[1]["refresh_token"]
    third = refresh(sandbox, first)[1]["refresh_token"]
    assert len({first, second, third}) == 3
    assert [refresh(sandbox, value)[0] for value in (second, third)] == [200, 200]


def test_a_refresh_token_ends_after_ninety_days_and_an_access_token_after_an_hour(
    sandbox: Running, clock: Clock
) -> None:
    payload = connected(sandbox)
    clock.now += timedelta(seconds=3600)
    reply = Graph(sandbox.base_url, payload["access_token"]).get("/me/calendars")
    assert (reply.status, reply.code) == (401, "InvalidAuthenticationToken")
    clock.now += timedelta(days=91)
    assert refresh(sandbox, payload["refresh_token"])[1]["error_codes"] == [700082]


def test_what_was_revoked_gives_invalid_grant(sandbox: Running) -> None:
    payload = connected(sandbox, EMMA, "consumers")
    sandbox.microsoft.acts.revoke(EMMA)
    status, refused = refresh(sandbox, payload["refresh_token"], "consumers")
    assert (status, refused["error"], refused["error_codes"]) == (400, "invalid_grant", [50173])
    assert Graph(sandbox.base_url, payload["access_token"]).get("/me/calendars").status == 401
    assert refresh(sandbox, connected(sandbox, EMMA, "consumers")["refresh_token"], "consumers")[0] == 200


def test_conditional_access_wants_the_person_again(sandbox: Running) -> None:
    payload = connected(sandbox)
    sandbox.microsoft.acts.set_account(JOHN, mfa=True)
    refused = refresh(sandbox, payload["refresh_token"])[1]
    assert (refused["error"], refused["suberror"], refused["error_codes"]) == ("invalid_grant", "basic_action", [50076])


def test_scopes_bound_what_a_token_may_do(sandbox: Running) -> None:
    reading = sandbox.microsoft.acts.grant(JOHN, ["Calendars.Read"])
    graph = Graph(sandbox.base_url, reading["access_token"])
    assert "refresh_token" not in reading
    assert graph.get("/me/calendars").status == 200
    assert graph.get("/me").code == "ErrorAccessDenied"
    assert graph("POST", "/me/events", {}).code == "ErrorAccessDenied"
    assert Graph(sandbox.base_url, "rubbish").get("/me").code == "InvalidAuthenticationToken"


def test_discovery_names_the_endpoints(sandbox: Running) -> None:
    text = send(sandbox, "/consumers/v2.0/.well-known/openid-configuration")[2]
    found = json.loads(text)
    assert found["issuer"] == f"{sandbox.base_url}/{CONSUMERS}/v2.0"
    assert found["token_endpoint"] == f"{sandbox.base_url}/consumers/oauth2/v2.0/token"
