"""Who may see a dashboard page: members of the company; who may change something there: members who may write.

The gate stands in one place and fails closed: a view is reached only with `request.company` set, and a request that
is not a GET only by a member who may write. What belongs to another company does not exist (404).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache

from kalends.accounts.models import User
from kalends.companies.models import Company, Membership
from kalends.companies.selectors import memberships_of
from kalends.core.clock import utc_now
from kalends.core.errors import NotAllowed, NotFound
from kalends.core.zones import zone
from kalends.web.dashboard.attention import number_of

SESSION_COMPANY = "company"


class MemberRequest(HttpRequest):
    """A request that passed the gate."""

    user: User
    company: Company
    membership: Membership
    memberships: list[Membership]
    attention: Any  # how many things a person should look at; asked for by the navigation


MemberView = Callable[..., HttpResponse]


def member(view: MemberView) -> MemberView:
    """The view runs for a member of a company, in the company's time zone; only one who may write may POST."""
    return _gate(view, viewer_may_post=False)


def any_member(view: MemberView) -> MemberView:
    """For what a person chooses for themselves (which company they look at): a viewer may POST, too."""
    return _gate(view, viewer_may_post=True)


def _gate(view: MemberView, *, viewer_may_post: bool) -> MemberView:
    @wraps(view)
    @never_cache
    @login_required
    def wrapper(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        memberships = list(memberships_of(request.user))
        if not memberships:
            return render(request, "dashboard/no_company.html", status=404)
        membership = _chosen(request, memberships)
        request.memberships, request.membership, request.company = memberships, membership, membership.company
        request.attention = SimpleLazyObject(lambda: number_of(membership.company, utc_now()))
        if request.method not in ("GET", "HEAD") and not (membership.may_write or viewer_may_post):
            return refused(request)
        try:
            with timezone.override(zone(membership.company.timezone)):
                return view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from error
        except NotAllowed:
            return refused(request)

    return wrapper


def refused(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/read_only.html", status=403)


def _chosen(request: HttpRequest, memberships: list[Membership]) -> Membership:
    wanted = request.session.get(SESSION_COMPANY)
    for membership in memberships:
        if str(membership.company_id) == wanted:
            return membership
    return memberships[0]


def actor_of(request: HttpRequest) -> str:
    """Who is named in the audit log."""
    return str(getattr(request.user, "email", ""))
