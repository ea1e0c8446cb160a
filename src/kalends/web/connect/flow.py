"""The steps of connecting a calendar, whoever sets out: an invited staff member, or a manager for them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kalends.calendars import services
from kalends.calendars.models import CalendarConnection, Invitation
from kalends.companies.models import Company, Staff
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError
from kalends.web.connect.rights import remember_made, session_binding
from kalends.web.connect.words import error_words
from kalends.web.dashboard import reads
from kalends.web.dashboard.forms.base import posted
from kalends.web.dashboard.forms.sync import CalDavForm
from kalends.web.limits import within_limit

_GO = "connect_go"
_BEGAN = "kalends_connect"
_NOTHING_THERE = gettext_lazy(
    "No calendar server answered at this address. Check the address; if it is right, try again in a few minutes."
)


@dataclass(frozen=True, slots=True)
class Way:
    """Whose calendar is connected, by which right, and the addresses of this way's own pages."""

    staff: Staff
    invitation: Invitation | None
    start_url: str
    caldav_url: str

    @property
    def company(self) -> Company:
        return self.staff.company


def choose_provider(request: HttpRequest, way: Way) -> HttpResponse:
    """GET shows what can be connected; POST sets out to a consent page."""
    if request.method != "POST":
        return _providers(request, way)
    if not within_limit(request, scope="connect", limit=30, seconds=3600):
        return render(request, "429.html", status=429)
    provider = request.POST.get("provider", "")
    if provider not in [offer.kind for offer in reads.offered_providers(way.company)] or provider == "caldav":
        return _providers(request, way, error=_("This calendar service cannot be connected here."))
    try:
        url = services.start_oauth(
            provider=provider,
            staff=way.staff,
            invitation=way.invitation,
            session_binding=session_binding(request),
            now=utc_now(),
        )
    except KalendsError as error:
        return _providers(request, way, error=str(error_words(error)))
    request.session[_GO] = url
    response = redirect("connect_go")
    # In the browser, not in the session's row: an invitation's link is stored as a hash only.
    response.set_signed_cookie(
        _BEGAN,
        way.start_url,
        max_age=3600,
        path="/oauth/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _providers(request: HttpRequest, way: Way, error: str = "") -> HttpResponse:
    context = {"way": way, "providers": reads.offered_providers(way.company), "error": error}
    return render(request, "connect/choose.html", context, status=422 if error else 200)


def go(request: HttpRequest) -> HttpResponse:
    """Leaves for the consent page. A page of its own, because `form-action 'self'` forbids a form to end elsewhere."""
    url = request.session.get(_GO, "")
    if not url:
        return gone(request)
    return render(request, "connect/go.html", {"url": url, "host": urlsplit(url).hostname})


def forget_go(request: HttpRequest) -> None:
    request.session.pop(_GO, None)


def began_at(request: HttpRequest) -> str:
    """The page from which this browser set out to a consent page; "" where that is not known any more."""
    return str(request.get_signed_cookie(_BEGAN, default="", max_age=3600))


def connect_caldav(request: HttpRequest, way: Way) -> HttpResponse:
    if "caldav" not in [offer.kind for offer in reads.offered_providers(way.company)]:
        return gone(request)
    form = CalDavForm(posted(request))
    if request.method == "POST" and not within_limit(request, scope="connect", limit=30, seconds=3600):
        return render(request, "429.html", status=429)
    if request.method == "POST" and form.is_valid():
        connection = _try_caldav(form, way)
        if connection is not None:
            return connected(request, connection)
    return render(request, "connect/caldav.html", {"way": way, "form": form}, status=422 if form.errors else 200)


def _try_caldav(form: CalDavForm, way: Way) -> CalendarConnection | None:
    data = form.cleaned_data
    try:
        return services.connect_caldav(
            staff=way.staff,
            url=data["url"],
            username=data["username"],
            password=data["password"],
            invitation=way.invitation,
            now=utc_now(),
        )
    except KalendsError as error:
        form.refuse(error, message=_NOTHING_THERE if error.code == "provider_unreachable" else error_words(error))
        return None


def connected(request: HttpRequest, connection: CalendarConnection) -> HttpResponse:
    remember_made(request, connection)
    return redirect("connect_calendars", connection.pk)


def gone(request: HttpRequest, *, status: int = 404) -> HttpResponse:
    """An invitation that is unknown, used, expired or taken back: one page, so that nothing can be told apart."""
    return render(request, "connect/gone.html", status=status)
