"""A calendar system in memory: the rules of the real ones, and hands for a person who edits it.

Tags change with every change; deleted events keep their id for ever; a full list omits deletions; cursors expire;
lists come in pages; texts may be normalised on store. Deterministic: the clock is an argument, ids are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from kalends.core.span import Span
from kalends.sync.channels import ChannelGrant, ChannelRequest, Notification, NotificationKind
from kalends.sync.port import (
    AllDay,
    AuthTransient,
    BusyState,
    Capabilities,
    Conflict,
    Content,
    Forbidden,
    Permanent,
    ProviderError,
    RemoteEvent,
    Temporary,
    Texts,
    Throttled,
    Timed,
)


class Fault(StrEnum):
    """What happens to a request."""

    BEFORE = "before"  # lost on the way: no effect, and the caller cannot know (Ambiguous for a write)
    AFTER = "after"  # took effect, the answer is lost
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    PERMANENT = "permanent"
    AUTH = "auth"
    EMPTY = "empty"  # 200 with nothing in it


@dataclass(slots=True)
class MemoryCalendar:
    """`log` holds the ids in the order of their changes; a cursor is "<epoch>:<position in it>"."""

    id: str
    name: str
    writable: bool = True
    primary: bool = False
    timezone: str = ""
    there: bool = True
    epoch: int = 1
    events: dict[str, RemoteEvent] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    lies: list[str] = field(default_factory=list)

    def standing(self) -> list[RemoteEvent]:
        return [event for event in self.events.values() if not event.cancelled]


@dataclass(slots=True)
class MemoryChannel:
    calendar_id: str
    id: str
    remote_id: str
    secret: str
    expires: datetime
    stopped: bool = False


@dataclass(slots=True)
class MemoryServer:
    """One account's world. Tests read `requests` (operation, calendar id) to count what the engine asked.

    Notifications wait in `notices` for the test to deliver, repeat, forge or drop. `push_renews`: channels can be given
    more time and are verified as they are opened (Microsoft's way), else their first notification says so (Google's).
    """

    clock: Callable[[], datetime]
    subject: str = "account-1"
    label: str = "ada@example.org"
    page_size: int = 50
    own_ids: bool = True
    tombstones: bool = True
    gives_tag_on_write: bool = True
    gives_updated: bool = True
    normalise: Callable[[Texts], Texts] = lambda texts: texts
    calendars: dict[str, MemoryCalendar] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    revoked: bool = False
    meddle: Callable[[str, str], None] | None = None
    push: bool = False
    push_renews: bool = False
    channel_life: timedelta = timedelta(days=7)
    channels: dict[str, MemoryChannel] = field(default_factory=dict)
    notices: deque[Notification] = field(default_factory=deque)
    _faults: dict[str, deque[Fault]] = field(default_factory=dict)
    _counter: int = 0

    # -- the world -------------------------------------------------------------------------------------------

    def add_calendar(
        self, name: str, *, writable: bool = True, primary: bool = False, timezone: str = ""
    ) -> MemoryCalendar:
        calendar = MemoryCalendar(f"cal-{len(self.calendars) + 1}", name, writable, primary, timezone)
        self.calendars[calendar.id] = calendar
        return calendar

    def capabilities(self) -> Capabilities:
        return Capabilities(push=self.push, own_ids=self.own_ids, push_renews=self.push_renews)

    def fail(self, operation: str, *faults: Fault) -> None:
        """The next calls of this operation meet these faults, one each."""
        self._faults.setdefault(operation, deque()).extend(faults)

    def next_fault(self, operation: str) -> Fault | None:
        queue = self._faults.get(operation)
        return queue.popleft() if queue else None

    def clear_faults(self) -> None:
        self._faults.clear()

    def next_id(self, prefix: str) -> str:
        self._counter += 1
        return f"{prefix}-{self._counter}"

    def store(self, calendar: MemoryCalendar, event: RemoteEvent) -> RemoteEvent:
        """Gives the event a new tag and puts it into the log of changes."""
        updated = self.clock() if self.gives_updated else None
        stored = replace(event, tag=self.next_id("tag"), updated=updated)
        calendar.events[stored.id] = stored
        calendar.log.append(stored.id)
        self._tell(calendar)
        return stored

    def erase(self, calendar: MemoryCalendar, event_id: str) -> None:
        event = calendar.events[event_id]
        if self.tombstones:
            self.store(calendar, replace(event, cancelled=True))
        else:
            del calendar.events[event_id]
            calendar.log.append(event_id)
            self._tell(calendar)

    # -- channels ---------------------------------------------------------------------------------------------

    def open_channel(self, calendar: MemoryCalendar, request: ChannelRequest) -> ChannelGrant:
        expires = min(request.expires, self.clock() + self.channel_life)
        channel = MemoryChannel(calendar.id, request.id, self.next_id("channel"), request.secret, expires)
        self.channels[channel.id] = channel
        if not self.push_renews:
            self.notify(channel, NotificationKind.OPENED)
        return ChannelGrant(channel.remote_id, expires, verified=self.push_renews)

    def living_channel(self, channel_id: str) -> MemoryChannel | None:
        channel = self.channels.get(channel_id)
        return channel if channel and not channel.stopped and channel.expires > self.clock() else None

    def living_channels(self, calendar: MemoryCalendar) -> list[MemoryChannel]:
        mine = [c.id for c in self.channels.values() if c.calendar_id == calendar.id]
        return [channel for channel in map(self.living_channel, mine) if channel is not None]

    def notify(self, channel: MemoryChannel, kind: NotificationKind) -> None:
        """Puts a notification of this channel into the post; it names our id as Google does, or only its own."""
        named = "" if self.push_renews else channel.id
        self.notices.append(Notification(named, channel.remote_id, channel.secret, kind))

    def _tell(self, calendar: MemoryCalendar) -> None:
        for channel in self.living_channels(calendar):
            self.notify(channel, NotificationKind.CHANGED)

    # -- what a person does in the calendar's own program ----------------------------------------------------

    def add(
        self,
        calendar: MemoryCalendar,
        when: Span | AllDay,
        *,
        busy: BusyState = BusyState.BUSY,
        recurrence: Sequence[str] = (),
        timezone: str = "UTC",
        declined: bool = False,
        series_id: str = "",
        original_start: datetime | date | None = None,
        cancelled: bool = False,
    ) -> RemoteEvent:
        event = RemoteEvent(
            id=self.next_id("ev"),
            tag="",
            when=Timed(when, timezone) if isinstance(when, Span) else when,
            busy=busy,
            declined=declined,
            cancelled=cancelled,
            recurrence=tuple(recurrence),
            series_id=series_id,
            original_start=original_start,
        )
        return self.store(calendar, event)

    def move(self, calendar: MemoryCalendar, event_id: str, span: Span) -> RemoteEvent:
        event = calendar.events[event_id]
        zone = event.when.timezone if isinstance(event.when, Timed) else "UTC"
        return self.store(calendar, _with_time(event, Timed(span, zone)))

    def shift(self, calendar: MemoryCalendar, event_id: str, by: timedelta) -> RemoteEvent:
        when = calendar.events[event_id].when
        assert isinstance(when, Timed)
        return self.move(calendar, event_id, Span(when.span.start + by, when.span.end + by))

    def make_all_day(self, calendar: MemoryCalendar, event_id: str, day: date) -> RemoteEvent:
        return self.store(calendar, replace(calendar.events[event_id], when=AllDay(day, day + timedelta(days=1))))

    def make_recurring(self, calendar: MemoryCalendar, event_id: str, rule: str) -> RemoteEvent:
        return self.store(calendar, replace(calendar.events[event_id], recurrence=(rule,)))

    def set_busy(self, calendar: MemoryCalendar, event_id: str, busy: BusyState) -> RemoteEvent:
        return self.store(calendar, replace(calendar.events[event_id], busy=busy))

    def retitle(self, calendar: MemoryCalendar, event_id: str, title: str) -> RemoteEvent:
        event = calendar.events[event_id]
        assert event.content is not None
        return self.store(calendar, replace(event, content=replace(event.content, title=title)))

    def drop_marker(self, calendar: MemoryCalendar, event_id: str) -> RemoteEvent:
        return self.store(calendar, replace(calendar.events[event_id], op_key="", content=None))

    def touch(self, calendar: MemoryCalendar, event_id: str) -> RemoteEvent:
        """A new tag and nothing else: a reminder, a colour, an attendee."""
        return self.store(calendar, calendar.events[event_id])

    def delete(self, calendar: MemoryCalendar, event_id: str) -> None:
        self.erase(calendar, event_id)

    def copy(self, calendar: MemoryCalendar, event_id: str) -> RemoteEvent:
        """Copy and paste: the marker goes with it, the id does not (F01)."""
        return self.store(calendar, replace(calendar.events[event_id], id=self.next_id("copy")))

    def transfer(self, calendar: MemoryCalendar, event_id: str, other: MemoryCalendar) -> RemoteEvent:
        """Moves an event to another calendar of the account: it keeps its id there and is gone here."""
        event = calendar.events[event_id]
        self.erase(calendar, event_id)
        if event.op_key:
            other.made[event.op_key] = event.id
        return self.store(other, event)

    # -- what servers do to their clients --------------------------------------------------------------------

    def expire_cursors(self, calendar: MemoryCalendar) -> None:
        calendar.epoch += 1

    def lie_deleted(self, calendar: MemoryCalendar, event_id: str) -> None:
        """The next list of changes says that this event was deleted, although it was not (F18)."""
        calendar.lies.append(event_id)

    def forget_changes(self, calendar: MemoryCalendar, event_id: str) -> None:
        """The log of changes loses what happened to an event (F23, F27)."""
        calendar.log = ["" if logged == event_id else logged for logged in calendar.log]

    def error_of(self, fault: Fault) -> ProviderError | None:
        """The error that a fault without an effect means; None for those that are the caller's to play."""
        match fault:
            case Fault.TEMPORARY:
                return Temporary("503")
            case Fault.THROTTLED:
                return Throttled("429", self.clock() + timedelta(seconds=60))
            case Fault.FORBIDDEN:
                return Forbidden("403")
            case Fault.CONFLICT:
                return Conflict("412")
            case Fault.PERMANENT:
                return Permanent("400")
            case Fault.AUTH:
                return AuthTransient("401")
            case _:
                return None


def _with_time(event: RemoteEvent, when: Timed) -> RemoteEvent:
    content = event.content
    moved = replace(content, span=when.span) if isinstance(content, Content) else None
    return replace(event, when=when, content=moved)
