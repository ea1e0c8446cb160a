"""What a test or a person may set about the stand-in's behaviour, where Microsoft's is not documented or varies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """
    page_cap               at most so many items (in a delta: series count as one) on a page; 0: as asked
    empty_pages            so many empty pages with a nextLink before the first page of each delta round
    delta_default_only     calendarView/delta is refused on calendars other than the default one
    tell_removed_days      a delta says @removed of an occurrence that was deleted; Microsoft's gives no sign
    hide_deletions         so many of the next deletions are never told by a delta
    expired_code           of the 410 for a delta token that died: "syncStateNotFound" or "resyncRequired"
    replay                 a delta gives its last items once more
    transaction_conflict   a transactionId that was used is answered with 409, not with the event that it made
    concurrency            requests in flight for one mailbox before MailboxConcurrency; 0: no limit
    quota                  requests for one mailbox in ten minutes before 429; 0: no limit
    """

    page_cap: int = 0
    empty_pages: int = 0
    delta_default_only: bool = False
    tell_removed_days: bool = False
    hide_deletions: int = 0
    expired_code: str = "syncStateNotFound"
    replay: bool = False
    transaction_conflict: bool = False
    concurrency: int = 4
    quota: int = 10_000
