"""Google behind the port.

* Our event's id is the intent's `op_key`, so a create that is repeated meets itself. Google keeps the id of a deleted
  event for ever: a create that meets one raises Conflict, `find` shows it cancelled, and the engine takes the id of the
  next generation. Nothing is revived, since what a person deleted may carry their own later changes.
* Changes are PATCHes of what we own, guarded by If-Match; attendees are never sent and `sendUpdates` is always "none".
* The window's start is baked into Google's sync token by the first list; later lists repeat its other parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from json import dumps
from typing import Any

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.core.zones import is_zone
from kalends.providers.google.client import GoogleClient
from kalends.providers.google.push import to_grant, watch_body
from kalends.providers.google.translate import changed_body, new_body, to_event, to_item
from kalends.providers.settings import ProviderSettings
from kalends.sync.channels import ChannelGrant, ChannelRequest
from kalends.sync.port import (
    Account,
    Ambiguous,
    CalendarInfo,
    Capabilities,
    Conflict,
    Credentials,
    Guard,
    Intent,
    Malformed,
    NotFound,
    Page,
    PageItem,
    Permanent,
    Receipt,
    RemoteEvent,
    Temporary,
)

_WRITERS = frozenset({"owner", "writer", "writerWithoutPrivateAccess"})
_CAPABILITIES = Capabilities(push=True)
_LIST = {"maxResults": "2500", "showDeleted": "true", "singleEvents": "false", "maxAttendees": "1"}
_QUIET = {"sendUpdates": "none"}


class GoogleProvider:
    """One Google account. See kalends.sync.port.Provider."""

    kind = "google"

    def __init__(
        self, credentials: Credentials, settings: ProviderSettings, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._client = GoogleClient(credentials, settings.google, settings.http(), clock)

    def identify(self) -> Account:
        """The subject is OpenID's `sub`, which stays when the address changes; it was stored with the grant."""
        stored = self._client.stored()
        return Account(stored["subject"], stored["email"])

    def calendars(self) -> list[CalendarInfo]:
        found: list[CalendarInfo] = []
        query = {"maxResults": "250"}
        while True:
            page = self._client.call("GET", ("users", "me", "calendarList"), query=query)
            found += [_calendar(entry) for entry in page.get("items", ()) if not entry.get("deleted")]
            if not page.get("nextPageToken"):
                return found
            query["pageToken"] = page["nextPageToken"]

    def calendar(self, calendar_id: str) -> CalendarInfo:
        entry = self._client.call("GET", ("users", "me", "calendarList", calendar_id))
        if entry.get("deleted"):
            raise NotFound("deleted")
        return _calendar(entry)

    def pull(self, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
        first = {"syncToken": cursor} if cursor else {"timeMin": _rfc3339(window.start)}
        query = {**_LIST, **first}
        while True:
            page = self._client.call("GET", ("calendars", calendar_id, "events"), query=query)
            last = "nextPageToken" not in page
            if last and not page.get("nextSyncToken"):
                raise Temporary("the last page has no sync token")
            yield Page(
                items=_items(page),
                next_cursor=page["nextSyncToken"] if last else "",
                complete=not cursor,
                last=last,
            )
            if last:
                return
            query["pageToken"] = page["nextPageToken"]

    def get(self, calendar_id: str, remote_ids: Sequence[str]) -> dict[str, RemoteEvent | None]:
        return {remote_id: self._read(calendar_id, remote_id) for remote_id in remote_ids}

    def _read(self, calendar_id: str, remote_id: str) -> RemoteEvent | None:
        try:
            event = self._client.call("GET", ("calendars", calendar_id, "events", remote_id))
        except NotFound:
            return None
        return _event(event)

    def busy(self, calendar_ids: Sequence[str], span: Span, timeout: float) -> dict[str, list[RemoteEvent]]:
        """Google expands the series itself here: occurrences come as single events that name their series."""
        self._client.until(timeout)
        try:
            return {calendar_id: self._between(calendar_id, span) for calendar_id in calendar_ids}
        finally:
            self._client.until(None)

    def _between(self, calendar_id: str, span: Span) -> list[RemoteEvent]:
        query = {
            "timeMin": _rfc3339(span.start),
            "timeMax": _rfc3339(span.end),
            "singleEvents": "true",
            "maxResults": "2500",
            "maxAttendees": "1",
        }
        found: list[RemoteEvent] = []
        while True:
            page = self._client.call("GET", ("calendars", calendar_id, "events"), query=query)
            found += [_event(item, page.get("timeZone", "")) for item in page.get("items", ())]
            if "nextPageToken" not in page:
                return [event for event in found if not event.cancelled]
            query["pageToken"] = page["nextPageToken"]

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        path = ("calendars", calendar_id, "events")
        if not guard.remote_id:
            body = new_body(intent, calendar_id)
            return _receipt(self._client.call("POST", path, query=_QUIET, body=body))
        raw = guard.raw or self._raw(calendar_id, guard)
        body = changed_body(intent, calendar_id, raw)
        event = self._client.call("PATCH", (*path, guard.remote_id), query=_QUIET, body=body, etag=guard.tag)
        if event.get("status") == "cancelled":
            raise NotFound("cancelled")
        return _receipt(event)

    def _raw(self, calendar_id: str, guard: Guard) -> str:
        """The event as the guard knows it: its description holds lines that are not ours."""
        event = self._client.call("GET", ("calendars", calendar_id, "events", guard.remote_id))
        if guard.tag and event.get("etag") != guard.tag:
            raise Conflict("changed since it was read")
        return dumps(event)

    def remove(self, calendar_id: str, guard: Guard) -> None:
        path = ("calendars", calendar_id, "events", guard.remote_id)
        try:
            self._client.call("DELETE", path, query=_QUIET, etag=guard.tag)
        except NotFound:
            # Also what Google says of a calendar that we cannot reach any more, where the event would still stand.
            self.calendar(calendar_id)

    def find(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        return self._read(calendar_id, op_key)

    def open_channel(self, calendar_id: str, request: ChannelRequest) -> ChannelGrant:
        path = ("calendars", calendar_id, "events", "watch")
        channel = self._client.call("POST", path, body=watch_body(request))
        try:
            return to_grant(channel)
        except (KeyError, TypeError, ValueError) as error:
            raise Ambiguous("unreadable answer") from error

    def renew_channel(self, channel_id: str, remote_id: str, expires: datetime) -> ChannelGrant:
        """Google gives no channel more time: another one is opened beside it."""
        raise Permanent("no_renewal")

    def close_channel(self, channel_id: str, remote_id: str) -> None:
        # Not found: stopped already, or run out.
        with suppress(NotFound):
            self._client.call("POST", ("channels", "stop"), body={"id": channel_id, "resourceId": remote_id})

    def revoke(self) -> None:
        """Google gives back all grants of this user to this installation at once."""
        self._client.revoke()

    def close(self) -> None:
        """Connections belong to the process and stay."""


def _items(page: Mapping[str, Any]) -> tuple[PageItem, ...]:
    zone = page.get("timeZone", "")
    return tuple(to_item(item, zone) for item in page.get("items", ()))


def _event(event: Mapping[str, Any], calendar_zone: str = "") -> RemoteEvent:
    try:
        return to_event(event, calendar_zone)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(type(error).__name__, item=str(event.get("id", ""))) from error


def _receipt(event: Mapping[str, Any]) -> Receipt:
    """The write was done, so an answer that cannot be read leaves only the question what stands there."""
    try:
        return Receipt(to_event(event, ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Ambiguous("unreadable answer") from error


def _calendar(entry: Mapping[str, Any]) -> CalendarInfo:
    zone = entry.get("timeZone", "")
    return CalendarInfo(
        id=str(entry["id"]),
        name=entry.get("summaryOverride") or entry.get("summary", ""),
        writable=entry.get("accessRole") in _WRITERS,
        primary=bool(entry.get("primary", False)),
        timezone=zone if is_zone(zone) else "",
        capabilities=_CAPABILITIES,
    )


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
