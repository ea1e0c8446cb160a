"""Dashboard > Scheduling Settings > External Services: Calendar Sync."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.companies import services
from kalends.companies.models import Feed, FeedKind
from kalends.companies.selectors import feed_name, feed_url, feeds_of
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound
from kalends.ics.subscribe import subscribe_links
from kalends.web.dashboard import reads, words
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.forms.sync import CalendarSyncForm, PrivacyForm

TABS = (FeedKind.STAFF, FeedKind.GROUP, FeedKind.COMPANY)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One line of the table. `url` and `links` are empty for who may only read: an address is a key."""

    feed: Feed
    name: str
    url: str
    links: dict[str, str]
    form: PrivacyForm


def feed_row(feed: Feed, *, with_secret: bool) -> FeedRow:
    name = feed_name(feed)
    url = feed_url(feed) if with_secret else ""
    form = PrivacyForm(initial={"privacy": feed.privacy}, auto_id=f"feed-{feed.pk}-%s")
    return FeedRow(feed, name, url, subscribe_links(url, name) if url else {}, form)


@member
def calendar_sync(request: MemberRequest) -> HttpResponse:
    form = CalendarSyncForm(request.POST) if request.method == "POST" else CalendarSyncForm.of(request.company)
    if request.method == "POST" and form.is_valid():
        off = form.switched_off(request.company)
        live = reads.live_connections(request.company, off) if off else 0
        if live and not request.POST.get("confirmed"):
            names = [words.PROVIDERS[kind] for kind in off]
            return render(request, "dashboard/sync/confirm_off.html", {"form": form, "names": names, "live": live})
        try:
            services.change_calendar_sync(
                company=request.company, actor=actor_of(request), now=utc_now(), **form.changes
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:calendar_sync")
    return _page(request, form)


def _page(request: MemberRequest, form: CalendarSyncForm) -> HttpResponse:
    tab = request.GET.get("tab")
    tab = tab if tab in TABS else FeedKind.STAFF
    feeds = [feed for feed in feeds_of(request.company) if feed.kind == tab]
    context = {
        "form": form,
        "tab": tab,
        "rows": [feed_row(feed, with_secret=request.membership.may_write) for feed in feeds],
        "grace": settings.KALENDS.grace_seconds,
        "google_configured": settings.KALENDS.google_configured,
        "redirect_address": f"{settings.KALENDS.base_url}/oauth/google/callback",
        "microsoft_configured": settings.KALENDS.microsoft_configured,
        "microsoft_redirect_address": f"{settings.KALENDS.base_url}/oauth/microsoft/callback",
    }
    return render(request, "dashboard/sync/page.html", context, status=422 if form.errors else 200)


def _feed(request: MemberRequest, feed_id: UUID) -> Feed:
    feed = feeds_of(request.company).filter(pk=feed_id).first()
    if feed is None:
        raise NotFound("There is no such feed.")
    return feed


def _back(feed: Feed) -> HttpResponse:
    return redirect(f"{reverse('dashboard:calendar_sync')}?tab={feed.kind}#feed-{feed.pk}")


@member
@require_POST
def feed_privacy(request: MemberRequest, feed_id: UUID) -> HttpResponse:
    feed = _feed(request, feed_id)
    try:
        services.change_feed(feed=feed, privacy=request.POST.get("privacy", ""), actor=actor_of(request), now=utc_now())
    except InvalidInput as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Saved. Calendar programs show it at their next fetch."))
    return _back(feed)


@member
def rotate_feed(request: MemberRequest, feed_id: UUID) -> HttpResponse:
    """GET asks, POST gives the feed a new address."""
    feed = _feed(request, feed_id)
    if request.method != "POST":
        return render(request, "dashboard/sync/confirm_rotate.html", {"feed": feed, "name": feed_name(feed)})
    services.rotate_feed(feed=feed, actor=actor_of(request), now=utc_now())
    messages.success(
        request, _("%(name)s has a new address. Subscribe again where it is to be shown.") % {"name": feed_name(feed)}
    )
    return _back(feed)
