"""Pages of a connection that need no account: invitation, calendars, progress, the question to a staff member."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from kalends.calendars import selectors, services
from kalends.calendars.models import RemoteCalendar
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError, NotFound
from kalends.web.connect import flow
from kalends.web.connect.rights import connection_to_finish, is_writer, known_binding
from kalends.web.connect.words import error_words
from kalends.web.dashboard import reads
from kalends.web.limits import within_limit


def _invited(token: str) -> flow.Way:
    """Raises NotFound for an invitation that is unknown, used, expired or revoked."""
    invitation = selectors.invitation_by_token(token=token, now=utc_now())
    return flow.Way(
        staff=invitation.staff,
        invitation=invitation,
        start_url=reverse("connect", args=[token]),
        caldav_url=reverse("connect_caldav", args=[token]),
    )


@never_cache
def start(request: HttpRequest, token: str) -> HttpResponse:
    try:
        way = _invited(token)
    except NotFound:
        return flow.gone(request)
    return flow.choose_provider(request, way)


@never_cache
@sensitive_post_parameters("password")
def caldav(request: HttpRequest, token: str) -> HttpResponse:
    try:
        way = _invited(token)
    except NotFound:
        return flow.gone(request)
    return flow.connect_caldav(request, way)


go = never_cache(flow.go)


@never_cache
def oauth_callback(request: HttpRequest, provider: str) -> HttpResponse:
    """The return from a consent page. The state is single use and belongs to the browser that set out."""
    if not within_limit(request, scope="oauth", limit=60, seconds=3600):
        return render(request, "429.html", status=429)
    state, code = request.GET.get("state", ""), request.GET.get("code", "")
    error = request.GET.get("error", "")
    flow.forget_go(request)
    try:
        connection = services.finish_oauth(
            provider=provider,
            state=state,
            code=code,
            error=error,
            description=request.GET.get("error_description", ""),
            session_binding=known_binding(request),
            now=utc_now(),
        )
    except KalendsError as refused:
        denied = refused.code == "consent_denied"
        context = {"message": error_words(refused), "denied": denied, "again_url": flow.began_at(request)}
        return render(request, "connect/failed.html", context, status=400)
    return flow.connected(request, connection)


@never_cache
def calendars(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Which calendar receives appointments, and which make the staff member busy."""
    try:
        connection = connection_to_finish(request, connection_id)
    except NotFound:
        return flow.gone(request)
    error = ""
    if request.method == "POST":
        if not within_limit(request, scope="connect", limit=60, seconds=3600):
            return render(request, "429.html", status=429)
        try:
            services.choose_calendars(
                connection=connection,
                receives=uuid_or_none(request.POST.get("receives")),
                blocks=[ident for ident in map(uuid_or_none, request.POST.getlist("blocks")) if ident],
                now=utc_now(),
            )
        except KalendsError as refused:
            error = error_words(refused)
        else:
            return redirect("connect_progress", connection.pk)
    rows = list(connection.calendars.all())
    context = {
        "connection": connection,
        "item": reads.connection_view(connection),
        "calendars": propose(rows) if connection.chosen_at is None else rows,
        "error": error,
    }
    return render(request, "connect/calendars.html", context, status=422 if error else 200)


def propose(rows: list[RemoteCalendar]) -> list[RemoteCalendar]:
    """Before anything is chosen: the main calendar receives if it may be written, and all of the person's own block."""
    receiving = next((row for row in rows if row.primary and row.writable), None)
    receiving = receiving or next((row for row in rows if row.writable), None)
    for row in rows:
        row.receives, row.blocks = row is receiving, row.writable
    return rows


def uuid_or_none(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


@never_cache
def progress(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """The first read, with its progress; the page asks again every two seconds until it is done."""
    try:
        connection = connection_to_finish(request, connection_id)
    except NotFound:
        return flow.gone(request)
    item = reads.connection_view(connection)
    chosen = [calendar for calendar in item.calendars if calendar.chosen]
    read = [calendar for calendar in chosen if calendar.fresh_as_of is not None]
    context = {
        "connection": connection,
        "item": item,
        "chosen": chosen,
        "read": len(read),
        "finished": len(read) == len(chosen),
        "stopped": connection.state in ("needs_attention", "paused", "frozen"),
        "back_url": reverse("dashboard:staff", args=[connection.staff_id]) if is_writer(request, connection) else "",
    }
    return render(request, "connect/progress.html", context)


@never_cache
def question(request: HttpRequest, token: str, answer: str = "") -> HttpResponse:
    """An event was deleted in the calendar: what does it mean? GET shows, POST answers.

    With an `answer`, which the link in the mail named, the page has its button alone: programs that look into mails
    open links, and only a POST acts.
    """
    now = utc_now()
    try:
        asked = selectors.question_by_token(token=token, now=now)
        if request.method == "POST":
            answer = answer or request.POST.get("answer", "")
            services.answer_question(token=token, answer=answer, now=now)
            return render(request, "connect/answered.html", {"cancelled": answer == "cancel", "staff": asked.staff})
    except KalendsError as error:
        context = {"message": error_words(error)}
        return render(request, "connect/question_over.html", context, status=404)
    if asked.summary is None:
        return render(request, "connect/question_over.html", status=404)
    return render(request, "connect/question.html", {"question": asked, "answer": answer, "token": token})


def guide(request: HttpRequest, page: str = "") -> HttpResponse:
    """The guide's page under the question that people ask, or one of its set-up pages."""
    language = "fr" if (translation.get_language() or "").startswith("fr") else "en"
    return render(request, f"connect/guide_{page}_{language}.html" if page else f"connect/guide_{language}.html")
