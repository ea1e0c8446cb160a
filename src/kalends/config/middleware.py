"""Forwarded headers count only from proxies that the operator named; no address with a secret in it is indexed; and
programs are not made to wait for what only pages need.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware

from kalends.config.logs import hide

PROBED = ("/healthz", "/readyz", "/metrics")
# They prove who they are by a key or a secret in the address: no session, and with it no forged form to fear.
FOR_PROGRAMS = ("/api/v1/", "/feeds/", "/hooks/")


class TrustedProxyMiddleware:
    """Sets REMOTE_ADDR and the scheme from a trusted proxy's headers; drops the headers from anybody else.

    Rate limits key on REMOTE_ADDR, so a forged header must never reach them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.own_host = urlsplit(settings.KALENDS.base_url).netloc
        self.trusted = [ipaddress.ip_network(item, strict=False) for item in settings.KALENDS.trusted_proxies]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PROBED:
            # A probe asks by address; these answers do not depend on the name they were asked by.
            request.META["HTTP_HOST"] = self.own_host
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        proto = request.META.pop("HTTP_X_FORWARDED_PROTO", "")
        # A proxy that nobody named stands before us: whoever comes, comes from the proxy's address.
        request.META["KALENDS_FORWARDED"] = forwarded
        if self._is_trusted(request.META.get("REMOTE_ADDR", "")):
            if client := self._client(forwarded):
                request.META["REMOTE_ADDR"] = client
            if proto == "https":
                request.META["wsgi.url_scheme"] = "https"
                request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]
        return self.get_response(request)

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.trusted)

    def _client(self, forwarded: str) -> str:
        """The last address in the chain that is not one of the trusted proxies."""
        for part in reversed([item.strip() for item in forwarded.split(",") if item.strip()]):
            if not self._is_trusted(part):
                return part
        return ""


class SecretAddressMiddleware:
    """Tells search engines to leave alone what is opened by a secret in its address, should such an address get out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if hide(request.path) != request.path:
            response.headers.setdefault("X-Robots-Tag", "noindex")
        return response


class ForProgramsMiddleware:
    """Answers programs without the middleware that follows, which serves pages: sessions, forms, sign-in.

    What it does for every answer is done here: the host is checked, the length and the policies are told.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        handler: Any = BaseHandler()
        handler._view_middleware = handler._template_response_middleware = handler._exception_middleware = []
        self.answer = LocaleMiddleware(convert_exception_to_response(handler._get_response))
        self.policies = {HEADER: build_policy(), "X-Frame-Options": settings.X_FRAME_OPTIONS}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(FOR_PROGRAMS):
            return self.get_response(request)
        request.get_host()
        response = cast(HttpResponse, self.answer(request))
        for name, value in self.policies.items():
            response.headers.setdefault(name, value)
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response
