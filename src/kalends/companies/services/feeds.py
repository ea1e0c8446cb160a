"""Subscription feeds and their secret addresses."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from kalends.companies.models import (
    Company,
    Feed,
    FeedKind,
    FeedPrivacy,
    Staff,
    StaffGroup,
)
from kalends.companies.services.shared import record_audit
from kalends.core.errors import InvalidInput
from kalends.core.ids import new_id, new_token, token_digest
from kalends.jobs.secrets import seal

_FEED_SECRET = "companies.Feed.secret_sealed"  # noqa: S105 - the name of a column


def create_feed(*, company: Company, kind: str, staff: Staff | None = None, group: StaffGroup | None = None) -> Feed:
    feed = Feed(id=new_id(), company=company, kind=kind, staff=staff, group=group)
    _give_secret(feed)
    feed.save()
    return feed


def _give_secret(feed: Feed) -> None:
    secret = new_token()
    feed.secret_sealed = seal(secret, row=feed.pk, field=_FEED_SECRET)
    feed.secret_digest = token_digest(secret)


def touch_company_feed(company: Company) -> None:
    Feed.objects.filter(company=company, kind=FeedKind.COMPANY).update(revision=F("revision") + 1)


@transaction.atomic
def rotate_feed(*, feed: Feed, actor: str, now: datetime) -> Feed:
    """A new secret address; the old one answers 404 from this moment."""
    _give_secret(feed)
    feed.revision += 1
    feed.fetched_at, feed.fetched_by = None, ""
    feed.save()
    record_audit(company=feed.company, actor=actor, action="feed.rotated", target=feed.kind, now=now)
    return feed


@transaction.atomic
def change_feed(*, feed: Feed, privacy: str, actor: str, now: datetime) -> Feed:
    if privacy not in FeedPrivacy.values:
        raise InvalidInput(_("There is no such privacy level."), field="privacy")
    feed.privacy = privacy
    feed.revision += 1
    feed.save(update_fields=["privacy", "revision"])
    record_audit(company=feed.company, actor=actor, action="feed.privacy", target=privacy, now=now)
    return feed


def note_feed_fetch(*, feed: Feed, client: str, now: datetime) -> None:
    """Remembers who read a feed last, at most once a minute: a busy subscriber must not make a write of each read."""
    if feed.fetched_at is None or (now - feed.fetched_at).total_seconds() >= 60 or feed.fetched_by != client[:120]:
        Feed.objects.filter(pk=feed.pk).update(fetched_at=now, fetched_by=client[:120])
