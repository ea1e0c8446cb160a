"""The reference provider: the port over a `MemoryServer`. What it does is what the port means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from kalends.core.span import Span
from kalends.sync.channels import ChannelGrant, ChannelRequest
from kalends.sync.memory_server import Fault, MemoryCalendar, MemoryServer
from kalends.sync.port import (
    Account,
    AllDay,
    Ambiguous,
    AuthRevoked,
    CalendarInfo,
    Conflict,
    Content,
    CursorExpired,
    Deleted,
    Guard,
    Intent,
    NotFound,
    Page,
    PageItem,
    Permanent,
    Receipt,
    RemoteEvent,
    Temporary,
    Texts,
    Timed,
)

_T = TypeVar("_T")


class MemoryProvider:
    kind = "memory"

    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    def identify(self) -> Account:
        return self._read("identify", "", lambda: Account(self._server.subject, self._server.label))

    def calendars(self) -> list[CalendarInfo]:
        return self._read("calendars", "", lambda: [self._info(c) for c in self._server.calendars.values() if c.there])

    def calendar(self, calendar_id: str) -> CalendarInfo:
        return self._read("calendar", calendar_id, lambda: self._info(self._there(calendar_id)))

    def pull(self, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
        items: list[PageItem] | None = None
        start = 0
        while True:
            page_items, empty = self._page_request(calendar_id, cursor, window, items)
            items = [] if empty else page_items
            page = items[start : start + self._server.page_size]
            start += self._server.page_size
            last = start >= len(items)
            next_cursor = self._cursor(self._there(calendar_id)) if last else ""
            yield Page(tuple(page), next_cursor, complete=cursor == "", last=last)
            if last:
                return

    def get(self, calendar_id: str, remote_ids: Sequence[str]) -> dict[str, RemoteEvent | None]:
        def read() -> dict[str, RemoteEvent | None]:
            events = self._there(calendar_id).events if calendar_id in self._server.calendars else {}
            return {remote_id: events.get(remote_id) for remote_id in remote_ids}

        # As with the real ones: without access to the calendar every event of it is a 404.
        try:
            return self._read("get", calendar_id, read)
        except NotFound:
            return dict.fromkeys(remote_ids)

    def busy(self, calendar_ids: Sequence[str], span: Span, timeout: float) -> dict[str, list[RemoteEvent]]:
        return self._read(
            "busy", ",".join(calendar_ids), lambda: {c: _overlapping(self._there(c), span) for c in calendar_ids}
        )

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        def write() -> Receipt:
            calendar = self._there(calendar_id)
            made = self._update(calendar, intent, guard) if guard.remote_id else self._create(calendar, intent)
            return Receipt(made if self._server.gives_tag_on_write else replace(made, tag=""))

        return self._write("put", calendar_id, write)

    def remove(self, calendar_id: str, guard: Guard) -> None:
        def write() -> None:
            calendar = self._there(calendar_id)
            event = calendar.events.get(guard.remote_id)
            if event is None or event.cancelled:
                return
            if guard.tag != event.tag:
                raise Conflict("412")
            self._server.erase(calendar, guard.remote_id)

        self._write("remove", calendar_id, write)

    def find(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        def read() -> RemoteEvent | None:
            calendar = self._there(calendar_id)
            return calendar.events.get(calendar.made.get(op_key, ""))

        return self._read("find", calendar_id, read)

    def open_channel(self, calendar_id: str, request: ChannelRequest) -> ChannelGrant:
        def write() -> ChannelGrant:
            if not self._server.push:
                raise Permanent("no_push")
            if request.id in self._server.channels:
                raise Permanent("400")
            return self._server.open_channel(self._there(calendar_id), request)

        return self._write("open_channel", calendar_id, write)

    def renew_channel(self, channel_id: str, remote_id: str, expires: datetime) -> ChannelGrant:
        def write() -> ChannelGrant:
            if not self._server.push_renews:
                raise Permanent("no_renewal")
            channel = self._server.living_channel(channel_id)
            if channel is None:
                raise NotFound("404")
            channel.expires = min(expires, self._server.clock() + self._server.channel_life)
            return ChannelGrant(channel.remote_id, channel.expires, verified=True)

        return self._write("renew_channel", channel_id, write)

    def close_channel(self, channel_id: str, remote_id: str) -> None:
        def write() -> None:
            channel = self._server.channels.get(channel_id)
            if channel is not None and channel.remote_id == remote_id:
                channel.stopped = True

        self._write("close_channel", channel_id, write)

    def revoke(self) -> None:
        self._read("revoke", "", lambda: None)

    def close(self) -> None:
        pass

    # -- requests --------------------------------------------------------------------------------------------

    def _begin(self, operation: str, calendar_id: str) -> Fault | None:
        server = self._server
        server.requests.append((operation, calendar_id))
        if server.meddle is not None:
            server.meddle(operation, calendar_id)
        if server.revoked:
            raise AuthRevoked("invalid_grant")
        fault = server.next_fault(operation)
        error = server.error_of(fault) if fault else None
        if error is not None:
            raise error
        return fault

    def _read(self, operation: str, calendar_id: str, effect: Callable[[], _T]) -> _T:
        fault = self._begin(operation, calendar_id)
        if fault in (Fault.BEFORE, Fault.AFTER):
            raise Temporary("time-out")
        return effect()

    def _write(self, operation: str, calendar_id: str, effect: Callable[[], _T]) -> _T:
        fault = self._begin(operation, calendar_id)
        if fault is Fault.BEFORE:
            raise Ambiguous("time-out")
        done = effect()
        if fault is Fault.AFTER:
            raise Ambiguous("time-out")
        return done

    def _page_request(
        self, calendar_id: str, cursor: str, window: Span, items: list[PageItem] | None
    ) -> tuple[list[PageItem], bool]:
        fault = self._begin("pull", calendar_id)
        if fault in (Fault.BEFORE, Fault.AFTER):
            raise Temporary("time-out")
        calendar = self._there(calendar_id)
        if items is None:
            items = _everything(calendar, window) if cursor == "" else self._changes(calendar, cursor)
        return items, fault is Fault.EMPTY

    # -- rules -----------------------------------------------------------------------------------------------

    def _there(self, calendar_id: str) -> MemoryCalendar:
        calendar = self._server.calendars.get(calendar_id)
        if calendar is None or not calendar.there:
            raise NotFound("404")
        return calendar

    def _info(self, calendar: MemoryCalendar) -> CalendarInfo:
        return CalendarInfo(
            calendar.id,
            calendar.name,
            calendar.writable,
            calendar.primary,
            calendar.timezone,
            self._server.capabilities(),
        )

    def _cursor(self, calendar: MemoryCalendar) -> str:
        return f"{calendar.epoch}:{len(calendar.log)}"

    def _changes(self, calendar: MemoryCalendar, cursor: str) -> list[PageItem]:
        epoch, _, position = cursor.partition(":")
        if int(epoch) != calendar.epoch:
            raise CursorExpired("410")
        changed = dict.fromkeys(event_id for event_id in calendar.log[int(position) :] if event_id)
        items: list[PageItem] = [Deleted(event_id) for event_id in calendar.lies]
        calendar.lies.clear()
        for event_id in changed:
            event = calendar.events.get(event_id)
            gone = event is None or (event.cancelled and not event.series_id)
            items.append(Deleted(event_id) if event is None or gone else event)
        return items

    def _create(self, calendar: MemoryCalendar, intent: Intent) -> RemoteEvent:
        op_key = intent.op_key
        taken = calendar.made.get(op_key)
        if taken is not None and (self._server.tombstones or taken in calendar.events):
            raise Conflict("409")
        event_id = op_key if self._server.own_ids else self._server.next_id("made")
        event = RemoteEvent(event_id, "", Timed(intent.content.span, intent.content.timezone), op_key=op_key)
        calendar.made[op_key] = event_id
        return self._server.store(calendar, self._filled(event, intent.content))

    def _update(self, calendar: MemoryCalendar, intent: Intent, guard: Guard) -> RemoteEvent:
        event = calendar.events.get(guard.remote_id)
        if event is None or event.cancelled:
            raise NotFound("404")
        if guard.tag != event.tag:
            raise Conflict("412")
        when = Timed(intent.content.span, intent.content.timezone)
        marked = replace(event, op_key=intent.op_key, when=when, recurrence=())
        return self._server.store(calendar, self._filled(marked, intent.content))

    def _filled(self, event: RemoteEvent, content: Content) -> RemoteEvent:
        texts = self._server.normalise(Texts(content.title, content.location, content.notes))
        stored = Content(content.span, content.timezone, texts.title, texts.location, texts.notes)
        return replace(event, content=stored)


def _everything(calendar: MemoryCalendar, window: Span) -> list[PageItem]:
    return [event for event in calendar.events.values() if not _left_out(event, window)]


def _left_out(event: RemoteEvent, window: Span) -> bool:
    """A full list omits what was deleted (but not cancelled occurrences) and what ended before the window."""
    if event.cancelled and not event.series_id:
        return True
    if event.recurrence or event.series_id or event.when is None:
        return False
    when = event.when
    return when.end <= window.start.date() if isinstance(when, AllDay) else when.span.end <= window.start


def _overlapping(calendar: MemoryCalendar, span: Span) -> list[RemoteEvent]:
    return [event for event in calendar.standing() + _cancelled_instances(calendar) if _may_touch(event, span)]


def _cancelled_instances(calendar: MemoryCalendar) -> list[RemoteEvent]:
    return [event for event in calendar.events.values() if event.cancelled and event.series_id]


def _may_touch(event: RemoteEvent, span: Span) -> bool:
    """Masters and exceptions always may; days with room for any zone."""
    when = event.when
    if event.recurrence or event.series_id or when is None:
        return True
    if isinstance(when, AllDay):
        return (when.start - span.end.date()).days <= 1 and (span.start.date() - when.end).days <= 1
    return when.span.overlaps(span)
