"""Addresses that a person gives and this server will ask or call."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from kalends.core.errors import InvalidInput
from kalends.net.addresses import refusal
from kalends.net.errors import Refused
from kalends.net.http import parse_url


def checked_address(text: str) -> str:
    """Https; http only for hosts that the operator has named. No address of this network. Raises InvalidInput (url)."""
    parts = _split(text)
    named = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    allowed = named in allowed_hosts()
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed):
        raise InvalidInput(_("The address must begin with https://."), code="not_https", field="url")
    if parts.username or parts.password:
        raise InvalidInput(_("The address must not hold a user name or a password."), field="url")
    if not allowed and _is_private_literal(parts.hostname or ""):
        raise InvalidInput(_("The address is one of this server's own network."), code="private_address", field="url")
    try:
        parse_url(text)
    except Refused as error:
        raise InvalidInput(_("This is not an address."), field="url") from error
    return text


def allowed_hosts() -> frozenset[str]:
    """The "host:port" that may be reached although private, and by http."""
    return frozenset(host.lower() for host in settings.KALENDS.allow_private_hosts)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError as error:
        raise InvalidInput(_("This is not an address."), field="url") from error
    if not parts.hostname or len(text) > 2000:
        raise InvalidInput(_("This is not an address."), field="url")
    return parts


def _is_private_literal(host: str) -> bool:
    """Names are judged when connecting, by the address they lead to; here only what is plainly none of the internet's."""
    reason = refusal(host)
    return host == "localhost" or host.endswith(".localhost") or reason not in ("", "not an IP address")
