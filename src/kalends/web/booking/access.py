"""How a public page finds its company, its language and its words for what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header

from kalends.companies import selectors
from kalends.companies.models import Company
from kalends.core.errors import NotFound

CompanyView = Callable[..., HttpResponse]


def for_company(view: CompanyView) -> CompanyView:
    """The view gets the company that the address names; what is not there gets a page that says so."""

    @wraps(view)
    def wrapper(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
        company: Company | None = None
        try:
            company = selectors.company_by_slug(slug)
            speak(request, company.locale)
            return view(request, company, **kwargs)
        except NotFound:
            return not_found(request, company)

    return wrapper


def speak(request: HttpRequest, locale: str) -> None:
    """`locale` is spoken to a reader who neither chose a language here nor asks for one that we have."""
    if _prefers_a_language(request) or locale not in dict(settings.LANGUAGES):
        return
    translation.activate(locale)
    request.LANGUAGE_CODE = locale


def _prefers_a_language(request: HttpRequest) -> bool:
    if request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) in dict(settings.LANGUAGES):
        return True
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    return any(tag.partition("-")[0] in dict(settings.LANGUAGES) for tag, _quality in asked)


def not_found(request: HttpRequest, company: Company | None = None) -> HttpResponse:
    if company is None:
        title = _("There is nothing at this address")
        text = _("Check the address, or ask the company for its booking page.")
    else:
        title = _("This cannot be booked")
        text = _("It is not offered here, or not any more.")
    return render(
        request, "booking/problem.html", {"company": company, "title": title, "text": text}, status=404
    )  # fmt: skip


def too_many(request: HttpRequest, company: Company, minutes: int) -> HttpResponse:
    text = _(
        "More bookings came from your connection in a short time than we accept. Wait %(minutes)d minutes, then go "
        "back and send the form again; your browser keeps what you typed."
    ) % {"minutes": minutes}
    context = {"company": company, "title": _("Too many attempts"), "text": text, "picture": "clock"}
    response = render(request, "booking/problem.html", context, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response
