from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from kalends.net import oauth
from kalends.net.http import HttpClient, Policy
from tests.net.servers import answer, serve


def config_for(server):
    return oauth.OAuthConfig(
        client_id="client",
        client_secret="s3cret",
        authorize_url="https://accounts.example/auth",
        token_url=f"{server.url}/token",
        revoke_url=f"{server.url}/revoke",
        redirect_uri="https://us.example/callback",
    )


@pytest.fixture
def asked():
    """Ask a server that gives one answer: (what the call returned or raised, the form it sent)."""

    def ask(status, body, call):
        reply = answer(status, body if isinstance(body, bytes) else json.dumps(body).encode())
        with serve(lambda connection, request: connection.sendall(reply)) as server:
            http = HttpClient(Policy(allow_hosts=frozenset({server.host})))
            try:
                result = call(http, config_for(server))
            except oauth.OAuthError as error:
                result = error
            finally:
                http.close()
        return result, dict(parse_qsl(server.requests[0].partition(b"\r\n\r\n")[2].decode()))

    return ask


def exchange(http, config):
    return oauth.exchange(http, config, code="c0de", verifier="v3rifier")


def refresh(http, config):
    return oauth.refresh(http, config, refresh_token="r1")


def test_authorize_url_carries_state_and_an_s256_challenge():
    config = oauth.OAuthConfig("id", "secret", "https://a.example/auth", "", "", "https://us.example/cb")
    verifier = oauth.new_verifier()
    url = oauth.authorize_url(config, scopes=["a", "b"], state="st", verifier=verifier, extra={"prompt": "consent"})
    expected = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": ["id"],
        "redirect_uri": ["https://us.example/cb"],
        "scope": ["a b"],
        "state": ["st"],
        "code_challenge": [expected],
        "code_challenge_method": ["S256"],
        "prompt": ["consent"],
    }
    assert 43 <= len(verifier) <= 128


def test_exchange_returns_a_typed_grant_and_sends_the_verifier(asked):
    claims = base64.urlsafe_b64encode(json.dumps({"sub": "123"}).encode()).rstrip(b"=").decode()
    reply = {
        "access_token": "a1",
        "refresh_token": "r1",
        "expires_in": 3599,
        "scope": "openid email",
        "id_token": f"x.{claims}.y",
    }
    grant, form = asked("200 OK", reply, exchange)
    assert grant == oauth.TokenGrant("a1", "r1", 3599, frozenset({"openid", "email"}), f"x.{claims}.y")
    assert grant.claims() == {"sub": "123"}
    assert form == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "redirect_uri": "https://us.example/callback",
        "code_verifier": "v3rifier",
        "client_id": "client",
        "client_secret": "s3cret",
    }


@pytest.mark.parametrize("token", ["", "a.b", "a.!!!.c", "a.bnVsbA.c", "a.//8.c"])
def test_claims_of_an_unreadable_id_token_are_empty(token):
    assert oauth.TokenGrant("a", "r", 1, frozenset(), token).claims() == {}


def test_reprs_show_no_secret():
    grant = oauth.TokenGrant("acc3ss", "r3fresh", 1, frozenset(), "id.t0ken.x")
    config = oauth.OAuthConfig("id", "s3cret", "", "", "", "")
    for secret in ("acc3ss", "r3fresh", "t0ken", "s3cret"):
        assert secret not in repr(grant) + repr(config)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        ("400 Bad Request", {"error": "invalid_grant"}, oauth.OAuthDenied, "invalid_grant"),
        ("401 Unauthorized", {"error": "invalid_client"}, oauth.OAuthDenied, "invalid_client"),
        ("400 Bad Request", b"<html>", oauth.OAuthUnavailable, "http_400"),
        ("400 Bad Request", {"error": "server_error"}, oauth.OAuthUnavailable, "http_400"),
        ("400 Bad Request", {"error": "<script>"}, oauth.OAuthUnavailable, "http_400"),
        ("403 Forbidden", {"error": "invalid_grant"}, oauth.OAuthUnavailable, "http_403"),
        ("429 Too Many Requests", {"error": "slow_down"}, oauth.OAuthUnavailable, "http_429"),
        ("503 Service Unavailable", {"error": "invalid_grant"}, oauth.OAuthUnavailable, "http_503"),
        ("200 OK", {"token": 1}, oauth.OAuthUnavailable, "bad_answer"),
        ("200 OK", {"access_token": None}, oauth.OAuthUnavailable, "bad_answer"),
        ("200 OK", b"[1]", oauth.OAuthUnavailable, "bad_answer"),
    ],
)
def test_refresh_F80_only_a_typed_answer_denies(asked, status, body, kind, code):
    error, _ = asked(status, body, refresh)
    assert (type(error), error.code) == (kind, code)


def test_refresh_F80_an_unreachable_server_denies_nothing():
    http = HttpClient(Policy())
    config = oauth.OAuthConfig("id", "secret", "", "https://127.0.0.1:1/token", "", "")
    with pytest.raises(oauth.OAuthUnavailable) as caught:
        oauth.refresh(http, config, refresh_token="r")
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_revoke_of_a_dead_token_counts_as_done(asked, status):
    result, form = asked(status, {"error": "invalid_token"}, lambda http, cfg: oauth.revoke(http, cfg, token="r1"))
    assert (result, form["token"]) == (None, "r1")
