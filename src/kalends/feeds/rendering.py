"""What a feed holds, as bytes, and the tag that says whether it changed.

The tag is made from revisions that every inclusion and removal moves, so an unchanged feed is answered without reading a
single appointment. VERSION is raised whenever the rendering changes: kept texts and tags of before are then void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from kalends.bookings.selectors import FeedEntry, FeedRow, appointments_for_feed, feed_index, names_for_feeds
from kalends.companies.models import Company, Feed, FeedKind, FeedPrivacy, Staff
from kalends.companies.selectors import feed_name
from kalends.core.errors import InvalidInput
from kalends.core.span import Span
from kalends.core.zones import zone
from kalends.feeds.kept import KeptTexts, Texts
from kalends.ics.feed import FeedEvent, assemble, render_event
from kalends.jobs.prepared import Prepared

VERSION = 1
DEFAULT_BEFORE, DEFAULT_AFTER, MOST_DAYS = 30, 365, 1830
REFRESH = timedelta(hours=1)
# More changed appointments than this are read with all the others.
_ONE_BY_ONE = 500
_NOTHING = (0, datetime.min.replace(tzinfo=UTC), b"")
_kept = KeptTexts(50_000)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days before and after today, as the company's clock shows it."""

    before: int = DEFAULT_BEFORE
    after: int = DEFAULT_AFTER

    def window(self, today: date, timezone: str) -> Span:
        clock = zone(timezone)
        first, last = today - timedelta(days=self.before), today + timedelta(days=self.after + 1)
        return Span(
            datetime(first.year, first.month, first.day, tzinfo=clock),
            datetime(last.year, last.month, last.day, tzinfo=clock),
        )


def parse_period(start: str, end: str) -> Period:
    """`startPeriod` and `endPeriod` as they come in the address. Raises InvalidInput."""
    return Period(_days(start, DEFAULT_BEFORE, "startPeriod"), _days(end, DEFAULT_AFTER, "endPeriod"))


def _days(text: str, default: int, field: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) > MOST_DAYS:
        raise InvalidInput(f"{field} is a number of days, 0 to {MOST_DAYS}.", field=field)
    return int(text)


_COMPANY = Prepared(
    lambda company: Staff.objects.filter(company_id=company).order_by("pk").values_list("pk", "schedule_revision"),
    company=UUID,
)
_GROUP = Prepared(
    lambda company, group: (
        Staff.objects.filter(company_id=company, groups=group).order_by("pk").values_list("pk", "schedule_revision")
    ),
    company=UUID,
    group=UUID,
)


def members_of(feed: Feed) -> list[tuple[UUID, int]]:
    """Ids and schedule revisions of the staff whose appointments the feed shows, in id order.

    `feed` as it was read a moment ago: a staff member's revision is the one that came with it.
    """
    if feed.staff is not None:
        return [(feed.staff.pk, feed.staff.schedule_revision)]
    if feed.group_id is not None:
        return _GROUP.rows(company=feed.company_id, group=feed.group_id)
    return _COMPANY.rows(company=feed.company_id)


def etag_of(feed: Feed, members: Sequence[tuple[UUID, int]], period: Period, today: date) -> str:
    """A strong validator, quoted. A member who left is missing from the list, so a removal moves it too (F66)."""
    parts = [VERSION, feed.pk, feed.revision, feed.group.revision if feed.group else 0, period, today, *members]
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def render(feed: Feed, members: Sequence[tuple[UUID, int]], period: Period, today: date) -> bytes:
    """The whole feed. Times stand in each appointment's own zone; cancelled appointments are left out."""
    company = feed.company
    window = period.window(today, company.timezone)
    # A company's feed shows appointments of members who have left as well.
    staff_ids = None if feed.kind == FeedKind.COMPANY else [ident for ident, _revision in members]
    entries, taken = feed_index(company=company, span=window, staff_ids=staff_ids)
    texts = _texts(feed, period, entries, lambda only: _rows(company, window, staff_ids, only))
    return assemble(
        name=_name(feed),
        timezone=company.timezone,
        window=Span(min(window.start, taken.start), max(window.end, taken.end)) if taken else window,
        refresh=REFRESH,
        zones={entry.timezone for entry in entries},
        rendered=texts,
    )


def _name(feed: Feed) -> str:
    name = feed_name(feed)
    return name if feed.kind == FeedKind.COMPANY else f"{name} ({feed.company.name})"


def _rows(company: Company, window: Span, staff_ids: list[UUID] | None, only: list[UUID]) -> list[FeedRow]:
    wanted = only if len(only) <= _ONE_BY_ONE else None
    return appointments_for_feed(company=company, span=window, staff_ids=staff_ids, only=wanted)


def _texts(
    feed: Feed, period: Period, entries: Sequence[FeedEntry], read: Callable[[list[UUID]], list[FeedRow]]
) -> list[bytes]:
    """In the order of `entries`. Only what changed since the last time is read and written anew."""
    with translation.override(feed.company.locale):
        busy = _("Busy")
    variant = (feed.pk, period, feed.privacy, busy)
    names = names_for_feeds(feed.company)
    kept = _kept.get(variant, names)
    now: Texts = {}
    missing = []
    for ident, version, changed_at, _timezone in entries:
        number = ident.int
        found = kept.get(number)
        if found is not None and found[0] == version and found[1] == changed_at:
            now[number] = found
        else:
            missing.append(ident)
            now[number] = _NOTHING
    if missing:
        several = feed.kind != FeedKind.STAFF
        for row in read(missing):
            if row.id.int in now:
                now[row.id.int] = (row.version, row.changed_at, _text(row, feed.privacy, several, busy).encode())
        # What was cancelled since the list was read is not there any more.
        now = {number: found for number, found in now.items() if found is not _NOTHING}
        if names == names_for_feeds(feed.company):
            _kept.put(variant, names, now)
    return [text for _version, _changed_at, text in now.values()]


def _text(row: FeedRow, privacy: str, several: bool, busy: str) -> str:
    summary, location, description = busy, "", ""
    if privacy != FeedPrivacy.BUSY:
        summary, location = row.service, row.location
        if several and row.staff:
            summary = f"{summary} ({', '.join(row.staff)})"
    if privacy == FeedPrivacy.FULL:
        description = row.notes
        if row.customers:
            summary = f"{summary} – {', '.join(row.customers)}"
    return render_event(
        FeedEvent(
            # A feed's own identity, not the invitation's: a customer who also reads the feed must not lose either.
            uid=f"{row.id}@feed.kalends",
            span=Span(row.start, row.end),
            timezone=row.timezone,
            summary=summary,
            location=location,
            description=description,
            sequence=row.version - 1,
            last_modified=row.changed_at,
            created=row.changed_at,
        )
    )
