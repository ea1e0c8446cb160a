"""OAuth 2.0 authorization code with PKCE (RFC 6749, RFC 7636, RFC 7009): the few calls a calendar needs.

A grant is state of the sync engine, so nothing is stored here, answers are typed, and no secret is in a repr.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kalends.net.errors import NetError
from kalends.net.http import HttpClient, Response

_MAX_BYTES = 256 * 1024


class OAuthError(Exception):
    """`code` is the server's error code, or ours: "http_503", "unreachable", "bad_answer"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class OAuthDenied(OAuthError):
    """A typed answer that this code, grant or client is refused (`invalid_grant`, `access_denied`, ...).

    `numbers` are the server's own finer codes, where it gives any (Microsoft's AADSTS numbers).
    """

    def __init__(self, code: str, numbers: tuple[int, ...] = ()) -> None:
        super().__init__(code)
        self.numbers = numbers


class OAuthUnavailable(OAuthError):
    """No typed answer: says nothing about the grant. `retry_after` in seconds if the server named one."""

    def __init__(self, code: str, retry_after: str = "") -> None:
        super().__init__(code)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class OAuthConfig:
    """One registration of this installation at one authorization server; addresses are complete URLs."""

    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    revoke_url: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a token endpoint gave. `refresh_token` is "" where none came; `expires_in` in seconds from now."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scopes: frozenset[str]
    id_token: str = field(repr=False, default="")

    def claims(self) -> Mapping[str, Any]:
        """The claims of the id token. Its signature is not checked: it came from the token endpoint itself over
        TLS, for which OpenID Connect Core 3.1.3.7 allows that. Empty where there is none or it cannot be read.
        """
        parts = self.id_token.split(".")
        if len(parts) != 3:
            return {}
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return {}
        return claims if isinstance(claims, dict) else {}


def new_verifier() -> str:
    """A PKCE code verifier, kept by the caller until the code comes back."""
    return secrets.token_urlsafe(64)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_url(
    config: OAuthConfig, *, scopes: Sequence[str], state: str, verifier: str, extra: Mapping[str, str] | None = None
) -> str:
    """Where to send the person. `state` is random, single-use and bound to their session by the caller."""
    query = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": config.redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        **(extra or {}),
    }
    return f"{config.authorize_url}?{urlencode(query)}"


def exchange(http: HttpClient, config: OAuthConfig, *, code: str, verifier: str) -> TokenGrant:
    """The grant for a code. Raises OAuthDenied and OAuthUnavailable."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": config.redirect_uri,
        "code_verifier": verifier,
    }
    return _grant(_post(http, config, config.token_url, form))


def refresh(http: HttpClient, config: OAuthConfig, *, refresh_token: str) -> TokenGrant:
    """A new access token; a server that rotates gives a new refresh token too. Raises as `exchange` does."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _grant(_post(http, config, config.token_url, form))


def revoke(http: HttpClient, config: OAuthConfig, *, token: str) -> None:
    """Give a grant back; one that is already dead counts as done. Raises OAuthUnavailable, and OAuthDenied."""
    try:
        _post(http, config, config.revoke_url, {"token": token})
    except OAuthDenied as error:
        if error.code not in ("invalid_token", "invalid_grant"):
            raise


def _post(http: HttpClient, config: OAuthConfig, url: str, form: Mapping[str, str]) -> Response:
    client = {"client_id": config.client_id, "client_secret": config.client_secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    body = urlencode({**form, **client}).encode()
    try:
        response = http.request("POST", url, headers=headers, body=body, max_bytes=_MAX_BYTES)
    except NetError as error:
        raise OAuthUnavailable("unreachable") from error
    if response.status == 200:
        return response
    raise _failure(response)


def _failure(response: Response) -> OAuthError:
    """Only a 400 or 401 that carries an OAuth error code says anything about the grant."""
    code = _error_code(response)
    if response.status in (400, 401) and code and code not in ("temporarily_unavailable", "server_error"):
        return OAuthDenied(code, _numbers(response.json()))
    return OAuthUnavailable(f"http_{response.status}", response.headers.get("retry-after", ""))


def _error_code(response: Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return ""
    code = answer.get("error", "") if isinstance(answer, dict) else ""
    return code if isinstance(code, str) and code.replace("_", "").isalnum() and len(code) <= 64 else ""


def _numbers(answer: Mapping[str, Any]) -> tuple[int, ...]:
    found = answer.get("error_codes")
    return tuple(number for number in found if isinstance(number, int)) if isinstance(found, list) else ()


def _grant(response: Response) -> TokenGrant:
    try:
        answer = response.json()
        return TokenGrant(
            access_token=_text(answer["access_token"]),
            refresh_token=_text(answer.get("refresh_token", "")),
            expires_in=int(answer.get("expires_in", 3600)),
            scopes=frozenset(_text(answer.get("scope", "")).split()),
            id_token=_text(answer.get("id_token", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OAuthUnavailable("bad_answer") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
