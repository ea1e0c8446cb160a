"""After a restore: revisions count on from yesterday's numbers, which fetchers of feeds have seen with other contents."""

from __future__ import annotations

from django.db.models import F

from kalends.companies.models import Feed, Staff, StaffGroup

STEP = 1_000_000


def outdate_feed_tags() -> None:
    """No tag that a feed was ever fetched with comes again: an unchanged answer (304) would hide a change."""
    Staff.objects.update(schedule_revision=F("schedule_revision") + STEP)
    StaffGroup.objects.update(revision=F("revision") + STEP)
    Feed.objects.update(revision=F("revision") + STEP)
