"""Microsoft Graph behind the port, for both kinds of account.

* A create carries the intent's `op_key` as `transactionId`, by which the server drops a repeated request, and as an
  extended property, by which it is looked up before anything is created.
* Changes are PATCHes of what we own with If-Match. That Graph refuses a stale tag is not documented: until it has done so
  before our eyes, an event is read and compared before a PATCH and read again after it.
* Ids are immutable ones, so a move between calendars keeps them. Attendees are never sent.
* There is no call that gives a grant back: people do that at myaccount.microsoft.com or account.live.com.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.providers.microsoft import reading
from kalends.providers.microsoft.client import GraphClient, Unsupported
from kalends.providers.microsoft.known import found
from kalends.providers.microsoft.translate import (
    EXPAND,
    PROPERTY,
    changed_body,
    in_utc,
    new_body,
    op_key_of,
    tag_of,
    to_event,
)
from kalends.providers.settings import ProviderSettings
from kalends.sync.busy import rolling_window
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
    Permanent,
    ProviderError,
    Receipt,
    RemoteEvent,
    Timed,
)

# Microsoft takes 10,080 minutes for events; what is asked for reaches it later than it is computed here.
LONGEST_CHANNEL = timedelta(minutes=10_080) - timedelta(minutes=15)
_STALE_TAG = 'W/"c3RhbGU="'
_CALENDAR = "id,name,canEdit,isDefaultCalendar"

Json = Mapping[str, Any]


class MicrosoftProvider:
    """One account of Microsoft 365 or Outlook.com. See kalends.sync.port.Provider."""

    kind: str

    def __init__(
        self, credentials: Credentials, settings: ProviderSettings, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._client = GraphClient(self.kind, credentials, settings, clock)

    def identify(self) -> Account:
        """The subject is tenant and object id, which stay when the address changes; stored with the grant."""
        stored = self._client.stored()
        return Account(stored["subject"], stored["email"])

    def calendars(self) -> list[CalendarInfo]:
        query = {"$select": _CALENDAR, "$top": "100"}
        all_pages = reading.pages(self._client, ("me", "calendars"), query)
        return [self._calendar(entry) for page in all_pages for entry in page]

    def calendar(self, calendar_id: str) -> CalendarInfo:
        return self._calendar(self._client.call("GET", _calendar(calendar_id), query={"$select": _CALENDAR}))

    def _calendar(self, entry: Json) -> CalendarInfo:
        calendar_id = str(entry["id"])
        mailbox = self._client.mailbox()
        return CalendarInfo(
            id=calendar_id,
            name=entry.get("name") or "",
            writable=bool(entry.get("canEdit")),
            primary=bool(entry.get("isDefaultCalendar")),
            capabilities=Capabilities(
                push=True,
                own_ids=False,
                guards=found.get("guards", mailbox) is True,
                delta=found.get("delta", f"{mailbox} {calendar_id}") is not False,
                push_renews=True,
            ),
        )

    # -- reading ----------------------------------------------------------------------------------------------

    def pull(self, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
        yield from reading.pull(self._client, calendar_id, cursor, window)

    def get(self, calendar_id: str, remote_ids: Sequence[str]) -> dict[str, RemoteEvent | None]:
        return {remote_id: self._read(calendar_id, remote_id) for remote_id in remote_ids}

    def _read(self, calendar_id: str, remote_id: str) -> RemoteEvent | None:
        try:
            return _event(self._raw(calendar_id, remote_id))
        except NotFound:
            return None

    def _raw(self, calendar_id: str, remote_id: str) -> dict[str, Any]:
        return self._client.call("GET", _event_path(calendar_id, remote_id), query={"$expand": EXPAND})

    def busy(self, calendar_ids: Sequence[str], span: Span, timeout: float) -> dict[str, list[RemoteEvent]]:
        """Microsoft expands the series itself: occurrences come as single events that name their series."""
        self._client.until(timeout)
        try:
            return {calendar_id: self._between(calendar_id, span) for calendar_id in calendar_ids}
        finally:
            self._client.until(None)

    def _between(self, calendar_id: str, span: Span) -> list[RemoteEvent]:
        events = [_event(event) for page in reading.listed(self._client, calendar_id, span) for event in page]
        return [event for event in events if not event.cancelled and _overlaps(event, span)]

    # -- finding ----------------------------------------------------------------------------------------------

    def find(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        """By the extended property; until that search has found something before our eyes, by a list as well."""
        mailbox = self._client.mailbox()
        if found.get("filter", mailbox) is not False:
            events = self._search(calendar_id, op_key)
            if events:
                found.set("filter", mailbox, True)
                return _event(min(events, key=lambda event: _ours_first(event, op_key)))
            if found.get("filter", mailbox):
                return None
        return self._find_listed(calendar_id, op_key)

    def _search(self, calendar_id: str, op_key: str) -> list[Json]:
        wanted = f"ep/id eq '{PROPERTY}' and ep/value eq '{op_key}'"
        query = {"$filter": f"singleValueExtendedProperties/Any(ep: {wanted})", "$expand": EXPAND}
        try:
            pages = reading.pages(self._client, (*_calendar(calendar_id), "events"), query)
            return [event for page in pages for event in page if op_key_of(event) == op_key]
        except Unsupported:
            found.set("filter", self._client.mailbox(), False)
            return []

    def _find_listed(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        window = rolling_window(self._client.now())
        marked = [
            event
            for page in reading.listed(self._client, calendar_id, window)
            for event in page
            if op_key_of(event) == op_key
        ]
        if not marked:
            return None
        event = min(marked, key=lambda event: _ours_first(event, op_key))
        return self._read(calendar_id, event.get("seriesMasterId") or event["id"])

    # -- writing ----------------------------------------------------------------------------------------------

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        if guard.remote_id:
            return self._update(calendar_id, intent, guard)
        # A transactionId that was used before may be answered with the event that it made, whatever became of that.
        if self._search(calendar_id, intent.op_key):
            raise Conflict("made before")
        event = self._client.call("POST", (*_calendar(calendar_id), "events"), body=new_body(intent))
        return self._settled(calendar_id, intent, event)

    def _update(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        proven = not guard.tag or self._guards(calendar_id, guard.remote_id)
        raw = guard.raw if proven else ""
        raw = raw or dumps(self._as_guarded(calendar_id, guard))
        path = _event_path(calendar_id, guard.remote_id)
        event = self._client.call("PATCH", path, body=changed_body(intent, raw), tag=guard.tag)
        if not event or not proven:
            event = self._read_back(calendar_id, guard.remote_id)
        return self._settled(calendar_id, intent, event)

    def _settled(self, calendar_id: str, intent: Intent, event: Json) -> Receipt:
        """The write was done. Exchange has rules of zones of its own: where they gave another instant, UTC mends it."""
        receipt = _receipt(event, intent.op_key)
        when = receipt.event.when
        if isinstance(when, Timed) and when.span == intent.content.span:
            return receipt
        path = _event_path(calendar_id, receipt.event.id)
        self._client.call("PATCH", path, body=in_utc(intent), tag=receipt.event.tag)
        return _receipt(self._read_back(calendar_id, receipt.event.id), intent.op_key)

    def _as_guarded(self, calendar_id: str, guard: Guard) -> dict[str, Any]:
        """The event as the guard knows it: its body holds lines that are not ours."""
        event = self._raw(calendar_id, guard.remote_id)
        if guard.tag and tag_of(event) != guard.tag:
            raise Conflict("changed since it was read")
        return event

    def _read_back(self, calendar_id: str, remote_id: str) -> dict[str, Any]:
        try:
            return self._raw(calendar_id, remote_id)
        except NotFound:
            raise
        except ProviderError as error:
            raise Ambiguous("not read back") from error

    def _guards(self, calendar_id: str, remote_id: str) -> bool:
        """Whether a stale tag is refused here: tried on an event of ours by a PATCH that changes nothing."""
        mailbox = self._client.mailbox()
        known = found.get("guards", mailbox)
        if known is None:
            known = self._try_guard(calendar_id, remote_id)
            found.set("guards", mailbox, known)
        return known

    def _try_guard(self, calendar_id: str, remote_id: str) -> bool:
        try:
            self._client.call("PATCH", _event_path(calendar_id, remote_id), body={}, tag=_STALE_TAG)
        except Conflict:
            return True
        except (Permanent, Ambiguous):
            return False
        return False

    def remove(self, calendar_id: str, guard: Guard) -> None:
        """Read and compared first, since nothing says that a DELETE keeps to If-Match."""
        try:
            self._as_guarded(calendar_id, guard)
            self._client.call("DELETE", _event_path(calendar_id, guard.remote_id), tag=guard.tag)
        except NotFound:
            # Also what is said in a calendar that we cannot reach any more, where the event would still stand.
            self.calendar(calendar_id)

    # -- channels ---------------------------------------------------------------------------------------------

    def open_channel(self, calendar_id: str, request: ChannelRequest) -> ChannelGrant:
        body = {
            "changeType": "created,updated,deleted",
            "notificationUrl": request.address,
            "lifecycleNotificationUrl": request.lifecycle_address,
            "resource": f"me/calendars/{calendar_id}/events",
            "clientState": request.secret,
            "expirationDateTime": self._until(request.expires),
        }
        return _grant(self._client.call("POST", ("subscriptions",), body=body), request.expires)

    def renew_channel(self, channel_id: str, remote_id: str, expires: datetime) -> ChannelGrant:
        body = {"expirationDateTime": self._until(expires)}
        answer = self._client.call("PATCH", ("subscriptions", remote_id), body=body)
        return _grant({"id": remote_id, "expirationDateTime": body["expirationDateTime"], **answer}, expires)

    def close_channel(self, channel_id: str, remote_id: str) -> None:
        try:
            self._client.call("DELETE", ("subscriptions", remote_id))
        except NotFound:
            return

    def _until(self, wanted: datetime) -> str:
        at = min(wanted, self._client.now() + LONGEST_CHANNEL)
        return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"

    def revoke(self) -> None:
        """Microsoft has no such call."""

    def close(self) -> None:
        """Connections belong to the process and stay; the seat at the mailbox is given back."""
        self._client.close()


class Office365Provider(MicrosoftProvider):
    """Work and school accounts: Microsoft 365 and Exchange Online."""

    kind = "office365"


class OutlookProvider(MicrosoftProvider):
    """Personal accounts: Outlook.com, Outlook.fr, Live, Hotmail."""

    kind = "outlook"


def _calendar(calendar_id: str) -> tuple[str, ...]:
    return ("me", "calendars", calendar_id)


def _event_path(calendar_id: str, remote_id: str) -> tuple[str, ...]:
    return (*_calendar(calendar_id), "events", remote_id)


def _ours_first(event: Json, op_key: str) -> tuple[bool, str]:
    """A copy made by hand carries the property too; the transactionId stays with the first, or else the oldest is."""
    return event.get("transactionId") != op_key, str(event.get("createdDateTime") or "")


def _overlaps(event: RemoteEvent, span: Span) -> bool:
    return not isinstance(event.when, Timed) or event.when.span.overlaps(span)


def _event(event: Json) -> RemoteEvent:
    try:
        return to_event(event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(type(error).__name__, item=str(event.get("id", ""))) from error


def _receipt(event: Json, op_key: str) -> Receipt:
    """The write was done, so an answer that cannot be read leaves only the question what stands there.

    The answer to a create does not show the property that it just stored.
    """
    marked = {**event, "singleValueExtendedProperties": [{"id": PROPERTY, "value": op_key}]}
    try:
        return Receipt(to_event(marked))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Ambiguous("unreadable answer") from error


def _grant(answer: Json, wanted: datetime) -> ChannelGrant:
    try:
        expires = datetime.fromisoformat(answer["expirationDateTime"]).astimezone(UTC)
        # It was opened, so its address answered: Microsoft asks there first.
        return ChannelGrant(remote_id=str(answer["id"]), expires=expires, verified=True)
    except (KeyError, TypeError, ValueError) as error:
        raise Ambiguous("unreadable answer") from error
