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


@pytest.mark.parametrize("path", ["/api/v1/services", "/feeds/nobody.ics", "/hooks/google"])
def test_programs_get_the_policies_but_nothing_of_a_session(db, path):
    answer = Client(enforce_csrf_checks=True).post(path, headers={"Accept-Language": "fr"})
    assert answer.status_code in (400, 401, 404, 405)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"].split("; ")
    assert (answer.headers["X-Frame-Options"], answer.headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert not answer.cookies


def test_programs_are_refused_under_a_name_that_is_not_ours(db):
    assert Client().get("/api/v1/services", headers={"Host": "elsewhere.example"}).status_code == 400


def test_pages_keep_refusing_forms_of_strangers(db):
    assert Client(enforce_csrf_checks=True).post("/login").status_code == 403
