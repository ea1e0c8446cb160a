from __future__ import annotations

import dataclasses

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from kalends.config.middleware import TrustedProxyMiddleware


@pytest.fixture
def seen(settings):
    """What the rest of the product sees of a request that came through the middleware."""

    def send(*, trusted: tuple[str, ...] = (), path: str = "/", **meta: str) -> HttpRequest:
        settings.KALENDS = dataclasses.replace(settings.KALENDS, trusted_proxies=trusted)
        kept: list[HttpRequest] = []

        def view(request: HttpRequest) -> HttpResponse:
            kept.append(request)
            return HttpResponse()

        TrustedProxyMiddleware(view)(RequestFactory().get(path, **meta))
        return kept[0]

    return send


def test_forwarded_headers_of_anybody_are_dropped(seen):
    request = seen(REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="10.0.0.1", HTTP_X_FORWARDED_PROTO="https")
    assert (request.META["REMOTE_ADDR"], request.scheme) == ("203.0.113.9", "http")


def test_trusted_proxy_names_the_client_and_the_scheme(seen):
    request = seen(
        trusted=("10.0.0.0/8",),
        REMOTE_ADDR="10.0.0.2",
        HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.9, 10.0.0.3",
        HTTP_X_FORWARDED_PROTO="https",
    )
    assert (request.META["REMOTE_ADDR"], request.scheme) == ("203.0.113.9", "https")


def test_probe_may_ask_by_address(seen):
    assert seen(path="/healthz", HTTP_HOST="10.1.2.3:8000").get_host() == "127.0.0.1:8000"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/a/t0ken", "/connect/t0ken", "/q/t0ken", "/feeds/t0ken.ics", "/lakeside/book/done/t0ken"]
)
def test_address_with_a_secret_in_it_is_not_indexed(path: str):
    assert Client().get(path)["X-Robots-Tag"] == "noindex"


@pytest.mark.django_db
def test_booking_page_may_be_indexed():
    assert "X-Robots-Tag" not in Client().get("/")
