"""Company information, closings, API keys, and the switch between companies."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.companies import services
from kalends.companies.models import ApiKey, Closing
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound
from kalends.web.dashboard.access import SESSION_COMPANY, MemberRequest, actor_of, any_member, member
from kalends.web.dashboard.external_block import external_block
from kalends.web.dashboard.forms.base import SpanForm, posted
from kalends.web.dashboard.forms.settings import ApiKeyForm, CompanyForm


@member
def company_settings(request: MemberRequest) -> HttpResponse:
    form = CompanyForm(request.POST) if request.method == "POST" else CompanyForm.of(request.company)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_company(company=request.company, actor=actor_of(request), now=utc_now(), **form.changes)
        except InvalidInput as error:
            form.refuse(error)
            request.company.refresh_from_db()
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:company")
    return render(request, "dashboard/settings/company.html", {"form": form}, status=422 if form.errors else 200)


@any_member
@require_POST
def switch_company(request: MemberRequest) -> HttpResponse:
    """Which of their companies a person looks at."""
    wanted = request.POST.get("company", "")
    if not any(str(membership.company_id) == wanted for membership in request.memberships):
        raise NotFound("There is no such company.")
    request.session[SESSION_COMPANY] = wanted
    return redirect("dashboard:home")


# -- closings -------------------------------------------------------------------------------------------------------


@member
def closings(request: MemberRequest) -> HttpResponse:
    form = SpanForm(posted(request))
    if request.method == "POST" and form.is_valid():
        start, end = form.span(request.company.timezone)
        try:
            services.add_closing(
                company=request.company,
                start=start,
                end=end,
                label=form.cleaned_data["label"],
                actor=actor_of(request),
                now=utc_now(),
            )
        except InvalidInput as error:
            form.refuse(error, start="from_date", end="to_date")
        else:
            messages.success(request, _("The closing was added. Nobody can book then; what is booked stays."))
            return redirect("dashboard:closings")
    return render_closings(request, form=form)


def render_closings(request: MemberRequest, **given: Any) -> HttpResponse:
    """The whole page, with whichever of its forms was just refused."""
    failed = any(form.errors for form in given.values() if hasattr(form, "errors"))
    rows = Closing.objects.filter(company=request.company, end__gt=utc_now())
    context = {"form": SpanForm(), "closings": rows, **external_block(request, None), **given}
    return render(request, "dashboard/settings/closings.html", context, status=422 if failed else 200)


@member
@require_POST
def delete_closing(request: MemberRequest, closing_id: UUID) -> HttpResponse:
    closing = Closing.objects.filter(company=request.company, pk=closing_id).select_related("company").first()
    if closing is None:
        raise NotFound("There is no such closing.")
    services.delete_closing(closing=closing, actor=actor_of(request), now=utc_now())
    messages.success(request, _("The closing was removed."))
    return redirect("dashboard:closings")


# -- API keys -------------------------------------------------------------------------------------------------------


@member
def api_keys(request: MemberRequest) -> HttpResponse:
    """The new key stands in the answer to the POST and nowhere else: reloading does not show it again."""
    form, made = ApiKeyForm(posted(request)), ""
    if request.method == "POST" and form.is_valid():
        _key, made = services.create_api_key(
            company=request.company, actor=actor_of(request), now=utc_now(), **form.changes
        )
        form = ApiKeyForm()
    rows = ApiKey.objects.filter(company=request.company).order_by("revoked_at", "-created_at")
    context = {"form": form, "made": made, "keys": rows, "docs_url": "/api/docs"}
    return render(request, "dashboard/settings/api_keys.html", context, status=422 if form.errors else 200)


@member
@require_POST
def revoke_api_key(request: MemberRequest, key_id: UUID) -> HttpResponse:
    key = ApiKey.objects.filter(company=request.company, pk=key_id, revoked_at=None).select_related("company").first()
    if key is None:
        raise NotFound("There is no such key.")
    services.revoke_api_key(key=key, actor=actor_of(request), now=utc_now())
    messages.success(request, _("The key “%(name)s” does not work any more.") % {"name": key.name})
    return redirect(reverse("dashboard:api_keys"))
