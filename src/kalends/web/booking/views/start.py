"""Where a visitor begins: the instance, a company, one service, one member, one group."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from kalends.companies.models import Company
from kalends.web.booking import catalogue
from kalends.web.booking.access import for_company
from kalends.web.booking.embedding import PARAM, embeddable, is_embedded


@require_safe
@cache_control(max_age=3600)
def embed_script(request: HttpRequest) -> HttpResponse:
    """The promised address of the script; the file itself carries its version in its name."""
    return redirect(static("kalends/embed.js"))


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "booking/landing.html")


@require_safe
@embeddable
@for_company
def company_start(request: HttpRequest, company: Company) -> HttpResponse:
    return render(request, "booking/company.html", {"company": company, "offers": catalogue.offers(company)})


@require_safe
@embeddable
@for_company
def service_start(request: HttpRequest, company: Company, service: str) -> HttpResponse:
    """Who is to do it. With one member only there is nothing to ask."""
    offer = catalogue.offer_of(company, service)
    if len(offer.staff) == 1:
        params = {"service": str(offer.service.pk)} | (PARAM if is_embedded(request) else {})
        return redirect(f"{reverse('book', args=[company.slug])}?{urlencode(params)}")
    return render(request, "booking/service.html", {"company": company, "offer": offer})


@require_safe
@embeddable
@for_company
def staff_start(request: HttpRequest, company: Company, staff: str) -> HttpResponse:
    member, offers = catalogue.offers_of_staff(company, staff)
    context = {"company": company, "member": member, "offers": offers, "with": urlencode({"staff": str(member.pk)})}
    return render(request, "booking/company.html", context)


@require_safe
@embeddable
@for_company
def group_start(request: HttpRequest, company: Company, group: str) -> HttpResponse:
    found, offers = catalogue.offers_of_group(company, group)
    context = {"company": company, "group": found, "offers": offers, "with": urlencode({"group": str(found.pk)})}
    return render(request, "booking/company.html", context)
