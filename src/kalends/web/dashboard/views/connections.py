"""One connection: state, journal, calendars, direction, pause, disconnect. And connecting for a staff member."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from kalends.calendars import selectors, services
from kalends.calendars.models import CalendarConnection
from kalends.companies.selectors import staff_member
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError, NotFound
from kalends.sync.connection import State
from kalends.web.connect import flow
from kalends.web.connect.views import uuid_or_none
from kalends.web.connect.words import error_words
from kalends.web.dashboard import reads, words
from kalends.web.dashboard.access import MemberRequest, actor_of, member

JOURNAL_PER_PAGE = 25


def _connection(request: MemberRequest, connection_id: UUID) -> CalendarConnection:
    row = selectors.connection_for(company_id=request.company.pk, connection_id=connection_id)
    if row is None or row.staff_id is None or row.disconnected_at is not None:
        raise NotFound("There is no such connection.")
    return row


def _way(request: MemberRequest, staff_id: UUID) -> flow.Way:
    return flow.Way(
        staff=staff_member(request.company, staff_id),
        invitation=None,
        start_url=reverse("dashboard:connect_staff", args=[staff_id]),
        caldav_url=reverse("dashboard:connect_staff_caldav", args=[staff_id]),
    )


@member
def connect_staff(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    return flow.choose_provider(request, _way(request, staff_id))


@sensitive_post_parameters("password")
@member
def connect_staff_caldav(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    return flow.connect_caldav(request, _way(request, staff_id))


@member
def connection_page(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    row = _connection(request, connection_id)
    item = reads.connection_view(row)
    page = Paginator(reads.journal_of_connection(row), JOURNAL_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "item": item,
        "staff": item.row.staff,
        "modes": words.MODES,
        "page": page,
        "appointments": reads.appointments_in(request.company, page.object_list),
        "query": "",
    }
    return render(request, "dashboard/sync/connection.html", context)


@member
def plan(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """What sync would do next, read from the calendar now and changed nowhere."""
    row = _connection(request, connection_id)
    planned, failed = reads.plan_of(row, now=utc_now())
    context = {"item": reads.connection_view(row), "staff": row.staff, "planned": planned, "failed": failed}
    return render(request, "dashboard/sync/plan.html", context)


@member
@require_POST
def act(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """The buttons: each is one service and one sentence."""
    row = _connection(request, connection_id)
    try:
        messages.success(request, _do(request, row, request.POST.get("do", "")))
    except NotFound:
        raise
    except KalendsError as error:
        messages.error(request, error_words(error))
    if request.POST.get("next") == "attention":
        return redirect("dashboard:attention")
    if request.POST.get("next") == "staff":
        return redirect(f"{reverse('dashboard:staff', args=[row.staff_id])}#calendar-sync")
    return redirect("dashboard:connection", row.pk)


def _do(request: MemberRequest, row: CalendarConnection, what: str) -> str:
    common: dict[str, Any] = {"connection": row, "by": actor_of(request), "now": utc_now()}
    match what:
        case "sync":
            services.sync_now(connection=row, now=utc_now())
            if row.state == State.THROTTLED:
                return str(words.STATES[row.state].meaning)
            return _("Looking at the calendar now. The page shows the result when you load it again.")
        case "pause":
            services.pause(**common)
            return _("Paused. Nothing is read or written; known busy times go on blocking.")
        case "resume":
            services.resume(**common)
            return _("Sync goes on.")
        case "unfreeze":
            restored = row.restored_at is not None
            services.unfreeze(**common)
            if restored:
                return _("Released: sync goes on, and writes again.")
            return _("The deletions count now, by your company's rule, and sync goes on.")
        case "restore":
            services.unfreeze(**common, restore=True)
            return _("The deleted events are put back, and sync goes on.")
        case "mode":
            services.set_mode(**common, mode=request.POST.get("mode", ""))
            return _("Saved.")
    raise NotFound("There is no such action.")


@member
@require_POST
def calendars(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    row = _connection(request, connection_id)
    blocks = [ident for ident in map(uuid_or_none, request.POST.getlist("blocks")) if ident]
    try:
        services.choose_calendars(
            connection=row, receives=uuid_or_none(request.POST.get("receives")), blocks=blocks, now=utc_now()
        )
    except KalendsError as error:
        messages.error(request, error_words(error))
    else:
        messages.success(request, _("Saved. The calendars are read again now."))
    return redirect("dashboard:connection", row.pk)


@member
def disconnect(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """GET asks whether our events stay, POST ends it."""
    row = _connection(request, connection_id)
    if request.method != "POST":
        item = reads.connection_view(row)
        return render(request, "dashboard/sync/disconnect.html", {"item": item, "staff": item.row.staff})
    events: Literal["keep", "remove"] = "remove" if request.POST.get("events") == "remove" else "keep"
    try:
        services.disconnect(connection=row, events=events, by=actor_of(request), now=utc_now())
    except KalendsError as error:
        messages.error(request, error_words(error))
        return redirect("dashboard:connection", row.pk)
    messages.success(request, _("Disconnected."))
    return redirect(f"{reverse('dashboard:staff', args=[row.staff_id])}#calendar-sync")
