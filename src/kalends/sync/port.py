"""The provider port: the values and the protocol through which the engine sees every calendar system.

Every difference between calendar systems stays behind this file. All instants are aware and in UTC; spans are
half open; all-day values are dates with an exclusive end, as in RFC 5545.

Failures are a closed list, mapped in one function of each provider:

    ProviderError
    ├── NotFound          typed "there is no such event / calendar" (404 or 410 of that very object)
    ├── Forbidden         the account may not do this (read-only, rights lost)
    ├── Conflict          a guard did not hold (412), or the id is taken (409)
    ├── CursorExpired     the cursor cannot be used any more: read everything again
    ├── AuthRevoked       a typed answer that the grant or the password is dead
    ├── AuthTransient     an auth answer that may be passing (clock, proxy, first 401)
    ├── Throttled         come back at `retry_at`
    ├── Temporary         time-out before sending, 5xx, network
    ├── Permanent         will not work however often it is tried (`reason`)
    ├── Ambiguous         sent, and nobody knows whether it took effect: ask `find`, never write again blindly
    └── Malformed         one item could not be read (`item`)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from kalends.core.span import Span
from kalends.sync.channels import ChannelGrant, ChannelRequest


class ProviderError(Exception):
    """Base of the closed list; `detail` is for the journal and holds no title, address or token."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(ProviderError):
    pass


class Forbidden(ProviderError):
    pass


class Conflict(ProviderError):
    pass


class CursorExpired(ProviderError):
    pass


class AuthRevoked(ProviderError):
    pass


class AuthTransient(ProviderError):
    pass


class Throttled(ProviderError):
    def __init__(self, detail: str = "", retry_at: datetime | None = None) -> None:
        super().__init__(detail)
        self.retry_at = retry_at


class Temporary(ProviderError):
    pass


class Permanent(ProviderError):
    pass


class Ambiguous(ProviderError):
    pass


class Malformed(ProviderError):
    def __init__(self, detail: str = "", item: str = "") -> None:
        super().__init__(detail)
        self.item = item


class BusyState(StrEnum):
    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"
    OUT_OF_OFFICE = "oof"
    ELSEWHERE = "elsewhere"

    @property
    def blocks(self) -> bool:
        return self not in (BusyState.FREE, BusyState.ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Timed:
    """A timed occurrence; `timezone` is the author's IANA zone, "UTC" where none was stated."""

    span: Span
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class AllDay:
    """Local days [start, end): which instants they are depends on a zone that the reader supplies."""

    start: date
    end: date


When = Timed | AllDay


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of an event of ours. Foreign events never carry them (G14)."""

    title: str = ""
    location: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What the engine owns in an event of ours: compared as a whole with the echo, never with what was sent.

    `notes` is our marked block only; the staff member's own lines around it are theirs.
    """

    span: Span
    timezone: str
    title: str
    location: str
    notes: str


@dataclass(frozen=True, slots=True)
class Intent:
    """What should stand in the calendar for a link.

    `op_key` is stable for (link, generation): Google derives the event id from it, CalDAV the resource name,
    Microsoft the transactionId. `company_url` is shown in the notes of the event by the caller, not here.
    """

    link_id: UUID
    generation: int
    content: Content

    @property
    def op_key(self) -> str:
        """32 hexadecimal digits of the link and the generation; also valid as a Google event id (base32hex)."""
        return f"{self.link_id.hex}{self.generation:04x}"


@dataclass(frozen=True, slots=True)
class RemoteEvent:
    """One event, series master, or exception of a series as the provider has it now.

    id              the provider's id inside its calendar (Google: event id; CalDAV: href, with
                    "#<recurrence-id>" appended for an exception that lives in the same resource)
    tag             version tag (ETag, changeKey); "" where the server gives none
    op_key          our own marker if the event carries one, else ""; a copy made by hand carries it too, so it is
                    never identity by itself
    content         the owned fields, only for events that carry our marker
    recurrence      raw RRULE / RDATE / EXDATE lines of a master, else ()
    series_id       for an exception: the id of its master
    original_start  for an exception: the instant (or day) it replaces
    raw             opaque state of the provider for a later guarded edit (CalDAV: the fetched text); not stored
    """

    id: str
    tag: str
    when: When | None
    cancelled: bool = False
    busy: BusyState = BusyState.BUSY
    declined: bool = False
    recurrence: tuple[str, ...] = ()
    series_id: str = ""
    original_start: datetime | date | None = None
    op_key: str = ""
    content: Content | None = None
    updated: datetime | None = None
    foreign_organizer: bool = False
    raw: str = ""


# -- calendars and pages ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this calendar of this server can do; probed where servers differ, never derived from a name."""

    push: bool = False
    tags: bool = True
    own_ids: bool = True
    guards: bool = True
    delta: bool = True
    schedules_by_itself: bool = False
    change_tag: bool = True  # one small request tells whether anything changed; with `delta` always
    push_renews: bool = False  # a channel can be given more time; else a new one is opened beside it
    stable_ids: bool = True  # an event that was changed keeps its id; else it comes as another one


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """A calendar of the account. `timezone` is its IANA zone or "" where the provider states none."""

    id: str
    name: str
    writable: bool
    primary: bool = False
    timezone: str = ""
    capabilities: Capabilities = field(default_factory=Capabilities)


@dataclass(frozen=True, slots=True)
class Account:
    """`subject` is the account's stable id (a reconnect is recognised by it); `label` is for people."""

    subject: str
    label: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A page item that says an event left the calendar (or, at Microsoft, may only have left the window)."""

    id: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A page item that could not be read; the rest of the page serves."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """Where the calendar system expands series itself: the ids of all occurrences that one has in the window now.

    Any other that is mirrored is gone. `id` is the master's; the occurrences are items of the same page.
    """

    id: str
    members: frozenset[str]


PageItem = RemoteEvent | Deleted | Quarantined


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a pull.

    next_cursor   set on the last page only: where the next pull begins; "" on earlier pages, and on the last one where
                  the calendar can only be read as a whole
    complete      True on pages of a full read (no cursor was given): what is in none of its pages is absent
    last          the pull ends with this page; a pull that stops before its last page proves nothing
    info          what the calendar says of itself, where it says so in the answer that the page is made of
    again_in      on the last page: when to ask again, where the provider knows better than the poll interval
    series        series that were expanded anew, of which deltas may leave out a cancelled occurrence
    """

    items: tuple[PageItem, ...]
    next_cursor: str = ""
    complete: bool = False
    last: bool = False
    info: CalendarInfo | None = None
    again_in: timedelta | None = None
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands in the calendar after a write, as the provider gave it back: `event.content` is the echo."""

    event: RemoteEvent


@dataclass(frozen=True, slots=True)
class Guard:
    """What a write relies on. `remote_id` "" means create; else update or delete that id if its tag is `tag`.

    `raw` hands back RemoteEvent.raw of the read the intent is based on, so that an edit keeps what is not ours.
    """

    remote_id: str = ""
    tag: str = ""
    raw: str = ""


class Provider(Protocol):
    """One account of one calendar system. Calls are synchronous, bounded in time, and raise ProviderError only.

    An instance serves one connection in one thread and holds no truth of its own.
    """

    kind: str

    def identify(self) -> Account:
        """The account behind the credentials."""

    def calendars(self) -> list[CalendarInfo]:
        """All calendars that the account shows, in the provider's order."""

    def calendar(self, calendar_id: str) -> CalendarInfo:
        """A direct read of one calendar. Raises NotFound when it is not there (or not for us any more)."""

    def pull(self, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
        """Changes since `cursor`, or everything from `window.start` on when it is "". Raises CursorExpired.

        Series come as masters and exceptions, never expanded (Microsoft: expanded occurrences).
        """

    def get(self, calendar_id: str, remote_ids: Sequence[str]) -> dict[str, RemoteEvent | None]:
        """Direct reads. None: the answer was a typed "no such event" (404, 410); a cancelled event comes as such.

        Any other failure raises, so that an error can never look like a deletion.
        """

    def busy(self, calendar_ids: Sequence[str], span: Span, timeout: float) -> dict[str, list[RemoteEvent]]:
        """All events that overlap `span`, masters with their exceptions, within `timeout` seconds for all."""

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        """Create (own id; Conflict if taken) or update in place (only what we own; Conflict on a stale tag)."""

    def remove(self, calendar_id: str, guard: Guard) -> None:
        """Delete an event of ours. One that is gone already counts as done. Conflict on a stale tag."""

    def find(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        """The event that a `put` with this op_key made, wherever its answer was lost; cancelled ones included."""

    def open_channel(self, calendar_id: str, request: ChannelRequest) -> ChannelGrant:
        """Ask for notifications of one calendar. Raises Permanent where the calendar system sends none."""

    def renew_channel(self, channel_id: str, remote_id: str, expires: datetime) -> ChannelGrant:
        """More time for an open channel; NotFound if it is gone. Permanent where `push_renews` is False."""

    def close_channel(self, channel_id: str, remote_id: str) -> None:
        """No more notifications on this channel. One that is gone already counts as done."""

    def revoke(self) -> None:
        """Give the grant back, where the provider has such a call; otherwise do nothing."""

    def close(self) -> None:
        """Release network connections."""


class Credentials(Protocol):
    """Handed to a provider by `calendars`: the stored secret of one connection."""

    def read(self) -> Mapping[str, str]:
        """The secret as stored now; read again before any verdict that a grant is dead."""

    def replace(self, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
        """Compare-and-set under a row lock; False if another worker replaced `old` first (read again then)."""
