"""Needs attention: what a person should look at, and the buttons that end it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kalends.calendars import services
from kalends.calendars.models import ExternalCalendar
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError, NotFound
from kalends.messages.services import discard_message, release_messages
from kalends.web.connect.views import uuid_or_none
from kalends.web.connect.words import error_words
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.attention import attention_of, held_mail_ids


@member
def attention_page(request: MemberRequest) -> HttpResponse:
    context = {"found": attention_of(request.company, utc_now())}
    return render(request, "dashboard/attention/page.html", context)


@member
@require_POST
def try_again(request: MemberRequest, link_id: UUID) -> HttpResponse:
    services.try_link_again(company=request.company, link_id=link_id, by=actor_of(request), now=utc_now())
    messages.success(request, _("It is written again now. Load this page again to see what the calendar says."))
    return redirect("dashboard:attention")


@member
@require_POST
def answer(request: MemberRequest, question_id: UUID) -> HttpResponse:
    """In the staff member's place."""
    meant = request.POST.get("answer", "")
    try:
        services.answer_for_staff(
            company=request.company, question_id=question_id, answer=meant, by=actor_of(request), now=utc_now()
        )
    except NotFound:
        raise
    except KalendsError as error:
        messages.error(request, error_words(error))
    else:
        done = _("The appointment is being cancelled, and the customer told.")
        messages.success(request, done if meant == "cancel" else _("The event is put back; the appointment stands."))
    return redirect("dashboard:attention")


@member
@require_POST
def release_feed(request: MemberRequest, external_id: UUID) -> HttpResponse:
    """An External iCalendar URL that a restore holds."""
    row = ExternalCalendar.objects.filter(company=request.company, pk=external_id).select_related("connection").first()
    if row is None:
        raise NotFound("There is no such address.")
    services.unfreeze(connection=row.connection, by=actor_of(request), now=utc_now())
    messages.success(request, _("It is read again."))
    return redirect("dashboard:attention")


@member
@require_POST
def held_messages(request: MemberRequest) -> HttpResponse:
    """The mails that a restore holds: the chosen ones, or all of them, are sent or given up."""
    held = held_mail_ids(request.company)
    chosen = {uuid_or_none(text) for text in request.POST.getlist("message")}
    ids = held if request.POST.get("all") else [ident for ident in held if ident in chosen]
    match request.POST.get("do"):
        case "send":
            number = release_messages(company=request.company, message_ids=ids, now=utc_now())
            done = ngettext("%(number)s mail leaves.", "%(number)s mails leave.", number)
        case "discard":
            number = _discard(request, ids)
            done = ngettext("%(number)s mail was given up.", "%(number)s mails were given up.", number)
        case _:
            raise NotFound("There is no such action.")
    if ids:
        messages.success(request, done % {"number": number})
    else:
        messages.error(request, _("Choose at least one mail."))
    return redirect("dashboard:attention")


def _discard(request: MemberRequest, ids: list[UUID]) -> int:
    number = 0
    for ident in ids:
        try:
            discard_message(company=request.company, message_id=ident, now=utc_now())
        except NotFound:
            continue  # somebody else was quicker
        number += 1
    return number
