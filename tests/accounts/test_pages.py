"""Sign-up, sign-in, second factor and password pages."""

from __future__ import annotations

from dataclasses import replace

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from kalends.accounts.models import User
from kalends.companies.models import Company, Role
from tests.factories import NOW, make_company, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "tulip-garden-9"


@pytest.fixture(autouse=True)
def _no_counts():
    cache.clear()


def fields(**given: str) -> dict[str, str]:
    return {
        "name": "Anna Muster", "email": "Anna@Example.org", "password": PASSWORD, "company": "Salon Müller",
        "slug": "", "timezone": "Europe/Paris", **given,
    }  # fmt: skip


def test_addresses_are_the_short_ones():
    names = ("account_login", "mfa_authenticate", "account_logout", "account_reset_password", "signup")
    assert [reverse(name) for name in names] == ["/login", "/login/2fa", "/logout", "/password", "/signup"]


def test_signup_makes_owner_and_company_and_signs_in():
    client = Client()
    answer = client.post("/signup", fields())
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    user, company = User.objects.get(), Company.objects.get()
    assert (user.email, user.name, company.name, company.slug) == (
        "anna@example.org",
        "Anna Muster",
        "Salon Müller",
        "salon-muller",
    )
    assert [(m.user, m.role) for m in company.memberships.all()] == [(user, Role.OWNER)]
    assert company.google_enabled is company.caldav_enabled is company.bidirectional is False
    assert client.get("/dashboard").wsgi_request.user == user
    assert client.get("/signup").status_code == 302


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"password": "password"}, "password"),
        ({"password": "x"}, "password"),
        ({"timezone": "Nowhere/Land"}, "timezone"),
        ({"slug": "api"}, "slug"),
        ({"slug": "not a slug"}, "slug"),
        ({"company": "c" * 121}, "company"),
        ({"company": ""}, "company"),
        ({"name": "n" * 121}, "name"),
    ],
)
def test_signup_with_bad_input_makes_nothing(given: dict[str, str], field: str):
    answer = Client().post("/signup", fields(**given))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert (User.objects.count(), Company.objects.count()) == (0, 0)


def test_signup_with_a_known_address_or_slug_is_refused():
    make_company("lakeside", owner=make_user("anna@example.org"))
    answer = Client().post("/signup", fields())
    assert list(answer.context["form"].errors) == ["email"]
    answer = Client().post("/signup", fields(email="ben@example.org", slug="lakeside"))
    assert list(answer.context["form"].errors) == ["slug"]
    assert (User.objects.count(), Company.objects.count()) == (1, 1)


def test_signup_that_is_closed_makes_nothing_and_is_offered_nowhere(settings):
    client = Client()
    assert 'href="/signup"' in client.get("/").content.decode()
    assert 'href="/signup"' in client.get("/login").content.decode()
    settings.KALENDS = replace(settings.KALENDS, signup_open=False)
    assert [client.get("/signup").status_code, client.post("/signup", fields()).status_code] == [403, 403]
    assert (User.objects.count(), Company.objects.count()) == (0, 0)
    assert 'href="/signup"' not in client.get("/").content.decode()
    assert 'href="/signup"' not in client.get("/login").content.decode()


def test_signup_is_limited_by_address():
    client = Client()
    answers = [client.post("/signup", fields(email="bad")).status_code for _ in range(21)]
    assert answers == [422] * 20 + [429]


def test_old_signup_address_leads_to_ours():
    answer = Client().get("/account/signup/")
    assert (answer.status_code, answer["Location"]) == (302, "/signup")


def test_sign_in_and_out():
    make_company("lakeside", owner=make_user("anna@example.org", PASSWORD))
    client = Client()
    wrong = client.post("/login", {"login": "anna@example.org", "password": "wrong"})
    assert (wrong.status_code, client.get("/dashboard").status_code) == (200, 302)
    answer = client.post("/login", {"login": "ANNA@example.org", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    assert client.get("/dashboard").status_code == 200
    assert client.post("/logout").status_code == 302
    assert client.get("/dashboard").status_code == 302


@time_machine.travel(NOW, tick=False)  # a code holds for half a minute, which must not end in between
def test_second_factor_stands_between_password_and_dashboard():
    user = make_user("anna@example.org", PASSWORD)
    make_company("lakeside", owner=user)
    secret = "KALENDS234567ABCDEFGHIJKLMNOPQRS"
    TOTP.activate(user, secret)
    assert Authenticator.objects.filter(user=user).count() == 1
    client = Client()
    answer = client.post("/login", {"login": "anna@example.org", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/login/2fa")
    assert client.get("/dashboard").status_code == 302
    assert client.get("/login/2fa").status_code == 200
    assert client.post("/login/2fa", {"code": "000000"}).status_code == 200
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    answer = client.post("/login/2fa", {"code": code})
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    assert client.get("/dashboard").status_code == 200


@pytest.mark.parametrize("url", ["/account/email/", "/account/password/change/", "/account/2fa/", "/logout"])
def test_account_pages_are_drawn_in_our_frame(url: str):
    user = make_user("anna@example.org", PASSWORD)
    make_company("lakeside", owner=user)
    client = Client()
    client.post("/login", {"login": "anna@example.org", "password": PASSWORD})
    answer = client.get(url)
    assert answer.status_code == 200
    assert "web/public.html" in [template.name for template in answer.templates]


def test_second_factor_is_set_up_after_the_password_is_asked_again():
    make_company("lakeside", owner=make_user("anna@example.org", PASSWORD))
    client = Client()
    client.post("/login", {"login": "anna@example.org", "password": PASSWORD})
    setup = "/account/2fa/totp/activate/"
    asked = client.get(setup)
    if asked.status_code == 302:
        asked = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert (asked.status_code, asked.wsgi_request.path) == (200, setup)
    assert "web/public.html" in [template.name for template in asked.templates]


@pytest.mark.parametrize("url", ["/login", "/password", "/signup"])
def test_entrance_pages_are_drawn_in_our_frame(url: str):
    answer = Client().get(url)
    assert answer.status_code == 200
    assert "web/public.html" in [template.name for template in answer.templates]


def test_forgotten_password_does_not_tell_who_is_known():
    make_user("anna@example.org", PASSWORD)
    answers = [Client().post("/password", {"email": email}) for email in ("anna@example.org", "ben@example.org")]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, "/account/password/reset/done/")
    ] * 2
