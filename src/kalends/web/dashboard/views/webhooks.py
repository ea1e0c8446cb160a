"""Webhooks: addresses that are told what happens, what they were told, and the buttons."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, KalendsError, NotFound
from kalends.messages import webhook_reads as reads
from kalends.messages import webhooks as services
from kalends.messages.models import Event
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.forms.base import BaseForm, posted
from kalends.web.dashboard.webhook_words import delivery_view, webhook_view

PER_PAGE = 25


class WebhookForm(BaseForm):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2000,
        help_text=gettext_lazy("Of your program; it begins with https://."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"}),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("What it is told"), choices=Event.choices, widget=forms.CheckboxSelectMultiple
    )


@member
def webhook_list(request: MemberRequest) -> HttpResponse:
    company = request.company
    form = WebhookForm(posted(request), initial={"events": Event.values})
    if request.method == "POST" and form.is_valid():
        try:
            row, _secret = services.create_webhook(
                company=company, actor=actor_of(request), now=utc_now(), **form.changes
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("The webhook was added. Send a test to see whether it arrives."))
            return redirect("dashboard:webhook", row.pk)
    waiting = reads.waiting_by_endpoint(company)
    rows = [webhook_view(row, waiting.get(row.pk, 0)) for row in reads.webhooks_of(company)]
    context = {"form": form, "rows": rows, "full": len(rows) >= services.MOST}
    return render(request, "dashboard/settings/webhooks.html", context, status=422 if form.errors else 200)


@member
def webhook_page(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    row = reads.webhook_of(request.company, webhook_id)
    shown: dict[str, Any] = {"url": reads.webhook_url(row), "events": row.events}
    form = WebhookForm(posted(request), initial=shown)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_webhook(
                company=request.company, webhook_id=row.pk, actor=actor_of(request), now=utc_now(), **form.changes
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:webhook", row.pk)
    page = Paginator(reads.deliveries_of(row), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "hook": webhook_view(row, reads.waiting_by_endpoint(request.company).get(row.pk, 0)),
        "secret": reads.webhook_secret(row) if request.membership.may_write else "",
        "page": page,
        "deliveries": [delivery_view(delivery) for delivery in page],
    }
    return render(request, "dashboard/settings/webhook.html", context, status=422 if form.errors else 200)


@member
@require_POST
def act(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    """Test, pause, resume or delete."""
    about: dict[str, Any] = {"company": request.company, "webhook_id": webhook_id, "now": utc_now()}
    match request.POST.get("do"):
        case "test":
            return _by_hand(request, webhook_id, lambda: services.send_test(**about))
        case "pause":
            services.change_webhook(**about, actor=actor_of(request), paused=True)
        case "resume":
            services.change_webhook(**about, actor=actor_of(request), paused=False)
            messages.success(request, _("It goes on. What waited leaves now."))
        case "delete":
            services.delete_webhook(**about, actor=actor_of(request))
            messages.success(request, _("The webhook was removed. Nobody is told there any more."))
            return redirect("dashboard:webhooks")
        case _:
            reads.webhook_of(request.company, webhook_id)
    return redirect("dashboard:webhook", webhook_id)


@member
@require_POST
def send_again(request: MemberRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    about: dict[str, Any] = {"company": request.company, "webhook_id": webhook_id, "now": utc_now()}
    return _by_hand(request, webhook_id, lambda: services.resend_delivery(**about, delivery_id=delivery_id))


def _by_hand(request: MemberRequest, webhook_id: UUID, send: Any) -> HttpResponse:
    try:
        send()
    except NotFound:
        raise
    except KalendsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("It leaves now. Load this page again to see what the receiver says."))
    return redirect("dashboard:webhook", webhook_id)
