"""Calendar-sync settings and feeds."""

from __future__ import annotations

from typing import Any

from ninja import Query, Schema

from kalends.api.auth import CompanyRequest, actor_of
from kalends.api.idempotency import answer
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.calendar_schemas import CalendarSyncOut, CalendarSyncPatch, FeedOut, FeedPatch
from kalends.api.v1.routing import answers, router
from kalends.companies import selectors, services
from kalends.companies.models import Company, Feed
from kalends.core.clock import utc_now
from kalends.ics.subscribe import subscribe_links

routes = router("calendar sync")


class FeedPage(Schema):
    items: list[FeedOut]
    next: str | None


def _settings_json(company: Company) -> dict[str, Any]:
    return {name: getattr(company, name) for name in services.CALENDAR_SYNC_FIELDS}


@routes.get("/calendar-sync", response=answers(ok=CalendarSyncOut), summary="Calendar-sync settings")
def get_calendar_sync(request: CompanyRequest) -> Any:
    return _settings_json(request.company)


@routes.patch("/calendar-sync", response=answers(ok=CalendarSyncOut), summary="Change calendar-sync settings")
def change_calendar_sync(request: CompanyRequest, payload: CalendarSyncPatch) -> Any:
    """`bidirectional` holds for connections made from now on. Switching a provider off pauses its connections."""
    changes = payload.dict(exclude_unset=True, exclude_none=True)
    company = services.change_calendar_sync(company=request.company, actor=actor_of(request), now=utc_now(), **changes)
    return _settings_json(company)


def feed_json(feed: Feed) -> dict[str, Any]:
    url, name = selectors.feed_url(feed), selectors.feed_name(feed)
    return {
        "id": str(feed.pk),
        "kind": feed.kind,
        "name": name,
        "url": url,
        "subscribe": subscribe_links(url, name),
        "privacy": feed.privacy,
    }


@routes.get("/feeds", response=answers(ok=FeedPage), summary="List feeds")
def list_feeds(request: CompanyRequest, page: Query[PageQuery]) -> Any:
    return page_of(selectors.feeds_of(request.company), page, feed_json)


@routes.patch("/feeds/{feed_id}", response=answers(ok=FeedOut), summary="Change what a feed shows")
def change_feed(request: CompanyRequest, feed_id: str, payload: FeedPatch) -> Any:
    feed = selectors.feed_of(request.company, feed_id)
    return feed_json(services.change_feed(feed=feed, privacy=payload.privacy, actor=actor_of(request), now=utc_now()))


@routes.post("/feeds/{feed_id}/rotate", response=answers(ok=FeedOut), summary="Give a feed a new secret address")
def rotate_feed(request: CompanyRequest, feed_id: str) -> Any:
    feed = selectors.feed_of(request.company, feed_id)
    return answer(
        request,
        lambda _key: (200, feed_json(services.rotate_feed(feed=feed, actor=actor_of(request), now=utc_now()))),
    )
