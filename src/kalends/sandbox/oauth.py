"""What the stand-ins' OAuth endpoints have in common because the standards say it: RFC 6749, RFC 7636, RFC 7519."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from kalends.sandbox.deliver import LOOPBACK
from kalends.sandbox.disk import Table
from kalends.sandbox.web import Request, Response


@dataclass(frozen=True, slots=True)
class Client:
    """The one application that is registered. Without `redirect_uris` any https or loopback address will do."""

    id: str = "kalends-sandbox.apps.sandbox.example"
    secret: str = "sandbox-secret"  # noqa: S105 - a stand-in's own, meant to be known
    name: str = "Kalends"
    redirect_uris: tuple[str, ...] = field(default=())

    def may_redirect(self, address: str) -> bool:
        if self.redirect_uris:
            return address in self.redirect_uris
        parts = urlsplit(address)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)

    def has_secret(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode(), self.secret.encode())

    def signed(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A token signed with the client's secret (HS256), since the standard library has no RSA: a stated deviation."""
        head = f"{_segment(header)}.{_segment(claims)}"
        return f"{head}.{encode(hmac.new(self.secret.encode(), head.encode(), hashlib.sha256).digest())}"


@dataclass
class Grant:
    """What an account allowed one client to do."""

    id: str
    account: str
    client_id: str
    scopes: list[str]
    revoked: bool = False


@dataclass
class Token:
    """`kind` is "access" or "refresh"; an access token has `expires_at` in seconds since the epoch."""

    value: str
    kind: str
    grant: str
    scopes: list[str]
    expires_at: float = 0.0


def forget_expired(tokens: Table[Token], now: float) -> None:
    """Access tokens that ended an hour ago are answered like unknown ones, so they need no memory."""
    for token in tokens.values():
        if token.kind == "access" and token.expires_at < now - 3600:
            tokens.remove(token.value)


def credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """The client's id and secret, from the header if it has them, else from the form; ("", "") for an unreadable one."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        ident, _, secret = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return "", ""
    return ident, secret


def matches(challenge: str, verifier: str) -> bool:
    """PKCE with the method S256."""
    return same(challenge, encode(hashlib.sha256(verifier.encode()).digest()))


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _segment(payload: Mapping[str, Any]) -> str:
    return encode(json.dumps(payload, separators=(",", ":")).encode())


def back(wanted: Mapping[str, str], answer: Mapping[str, str]) -> Response:
    """Send the browser back to the application with the answer and its `state`."""
    parts = urlsplit(wanted["redirect_uri"])
    query = [*parse_qsl(parts.query), *answer.items()]
    if "state" in wanted:
        query.append(("state", wanted["state"]))
    return Response(302, b"", {"Location": urlunsplit(parts._replace(query=urlencode(query)))})
