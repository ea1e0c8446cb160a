"""Customers: who has booked, and what."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.http import HttpResponse
from django.shortcuts import render

from kalends.bookings import selectors
from kalends.bookings.models import Status
from kalends.web.dashboard import reads
from kalends.web.dashboard.access import MemberRequest, member

PER_PAGE = 50


@member
def customer_list(request: MemberRequest) -> HttpResponse:
    search = request.GET.get("q", "").replace("\x00", "").strip()[:120]
    rows = selectors.customers_of(request.company, search=search).annotate(
        visits=Count("attendances", filter=Q(attendances__status=Status.CONFIRMED)),
        last=Max("attendances__appointment__start"),
    )
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "search": search,
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "query": f"{query.urlencode()}&" if query else "",
    }
    return render(request, "dashboard/customers/list.html", context)


@member
def customer_page(request: MemberRequest, customer_id: UUID) -> HttpResponse:
    customer = selectors.customer_of(request.company, customer_id)
    page = Paginator(reads.attendances_of(customer), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "dashboard/customers/page.html", {"customer": customer, "page": page, "query": ""})
