"""CalDAV behind the port. What a server can do is asked of it, never derived from its name.

* A calendar's id is its URL, an event's id the path of its resource. Our resource is named after the intent's `op_key`
  and made with `If-None-Match: *`; a change edits the fetched text in place, guarded by its ETag.
* The cursor says how it was made: "sync:" a sync token (RFC 6578), "ctag:" the collection's tag, "list:" a digest of
  all tags. The last two only tell that something changed; then a complete listing is read, and says so.
* Listings always carry a time range: servers cut unbounded ones short without a word (F62). One that is cut short
  with a word is asked for piece by piece.
* A series and its exceptions are one resource and always come together in one page: an exception that the page lacks
  has left the resource.
* A 401 is asked again within the call. A second one with a Basic or Digest challenge is AuthRevoked, without any
  challenge AuthTransient; a server that offers neither is Permanent. The engine wants the verdict twice.
* Our events name no organizer and no attendees, so a server that schedules by itself (RFC 6638) has nobody to mail.
  Attendees that a person added stay, untouched: they are that person's guests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from urllib.parse import urljoin, urlsplit

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.net.http import Response
from kalends.providers.caldav.client import DavClient
from kalends.providers.caldav.collection import (
    CALENDAR_PROPS,
    calendar_info,
    calendar_url,
    ctag,
    is_calendar,
    stated_zone,
    sync_token,
)
from kalends.providers.caldav.multistatus import Resource, canonical
from kalends.providers.caldav.probe import Probe, schedules_by_itself
from kalends.providers.caldav.resources import Fetched, Resources, batches, digest, strong
from kalends.providers.caldav.text import BadText
from kalends.providers.caldav.translate import Reader, changed_text, content_tag, new_text, uid_of
from kalends.providers.channels import WithoutChannels
from kalends.providers.findings import Findings
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import (
    Account,
    Ambiguous,
    CalendarInfo,
    Capabilities,
    Conflict,
    Credentials,
    CursorExpired,
    Deleted,
    Forbidden,
    Guard,
    Intent,
    Malformed,
    NotFound,
    Page,
    PageItem,
    Permanent,
    ProviderError,
    Quarantined,
    Receipt,
    RemoteEvent,
)

_TEXT = {"Content-Type": "text/calendar; charset=utf-8"}

# as_sent  a strong tag that answers a PUT is that of an event which reads as it was sent
found = Findings()


class CalDavProvider(WithoutChannels):
    """One account of one server. See kalends.sync.port.Provider."""

    kind = "caldav"

    def __init__(
        self, credentials: Credentials, settings: ProviderSettings, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._zones: dict[str, str] = {}
        self._capabilities: dict[str, Capabilities] = {}

    @cached_property
    def _stored(self) -> Mapping[str, str]:
        return self._credentials.read()

    @cached_property
    def _client(self) -> DavClient:
        stored = self._stored
        return DavClient(self._settings.http(), stored["url"], stored["username"], stored["password"], self._clock)

    def identify(self) -> Account:
        """The subject is the principal's URL, or the calendars' and the user name where a server has no principals."""
        username, home = self._stored["username"], self._stored["url"]
        subject = self._stored.get("principal") or f"{home}#{username}"
        return Account(subject, username if "@" in username else f"{username} ({urlsplit(home).hostname})")

    def calendars(self) -> list[CalendarInfo]:
        home = self._stored["url"]
        answer, url = self._client.propfind(home, CALENDAR_PROPS, depth=1)
        found = [(calendar_url(resource, url), resource) for resource in answer.resources if is_calendar(resource)]
        return [self._info(calendar, resource) for calendar, resource in found if self._client.trusts(calendar)]

    def calendar(self, calendar_id: str) -> CalendarInfo:
        return self._info(calendar_id, self._resources(calendar_id).state())

    def _info(self, calendar_id: str, state: Resource) -> CalendarInfo:
        if calendar_id not in self._capabilities:
            probe = self._probe(calendar_id)
            self._capabilities[calendar_id] = probe.capabilities(state, schedules=self._schedules)
        return calendar_info(state, calendar_id, self._capabilities[calendar_id])

    @cached_property
    def _schedules(self) -> bool:
        return schedules_by_itself(self._client, self._stored["url"])

    # -- reading ------------------------------------------------------------------------------------------------

    def pull(self, calendar_id: str, cursor: str, window: Span) -> Iterator[Page]:
        how, _, value = cursor.partition(":")
        resources = self._resources(calendar_id)
        if not cursor:
            return self._everything(calendar_id, window)
        if how == "sync":
            return self._changes(calendar_id, value)
        if how == "ctag":
            same = resources.tag() == value
        elif how == "list":
            same = digest(resources.tags_from(window.start)) == value
        else:
            raise CursorExpired("unknown cursor")
        return iter([Page((), cursor, last=True)]) if same else self._everything(calendar_id, window)

    def _everything(self, calendar_id: str, window: Span) -> Iterator[Page]:
        """The cursor is taken before the listing: what changes meanwhile is seen again, not missed."""
        resources = self._resources(calendar_id)
        state = resources.state()
        tags = resources.tags_from(window.start)
        cursor = f"sync:{sync_token(state)}" if self._probe(calendar_id).has_delta(state) else ""
        cursor = cursor or (f"ctag:{ctag(state)}" if ctag(state) else f"list:{digest(tags)}")
        parts = list(batches(tags)) or [[]]
        for number, hrefs in enumerate(parts, 1):
            last = number == len(parts)
            yield Page(tuple(self._items(calendar_id, hrefs)), cursor if last else "", complete=True, last=last)

    def _changes(self, calendar_id: str, token: str) -> Iterator[Page]:
        while True:
            changes = self._resources(calendar_id).changes(token)
            more = changes.more and changes.token != token
            token = changes.token
            parts = list(batches(changes.changed)) or [[]]
            for number, hrefs in enumerate(parts):
                removed = [Deleted(href) for href in changes.removed] if number == 0 else []
                last = not more and number == len(parts) - 1
                items = (*removed, *self._items(calendar_id, hrefs))
                yield Page(items, f"sync:{token}" if last else "", last=last)
            if not more:
                return

    def _items(self, calendar_id: str, hrefs: Sequence[str]) -> Iterator[PageItem]:
        if not hrefs:
            return
        reader = self._reader(calendar_id)
        for href, fetched in self._resources(calendar_id).read_many(hrefs).items():
            if fetched is None:
                yield Deleted(href)
            else:
                yield from reader.read(href, fetched.etag, fetched.text)

    def get(self, calendar_id: str, remote_ids: Sequence[str]) -> dict[str, RemoteEvent | None]:
        hrefs = list(dict.fromkeys(remote_id.partition("#")[0] for remote_id in remote_ids))
        fetched = self._resources(calendar_id).read_many(hrefs) if hrefs else {}
        found = {href: self._events(calendar_id, item) for href, item in fetched.items() if item is not None}
        return {remote_id: found.get(remote_id.partition("#")[0], {}).get(remote_id) for remote_id in remote_ids}

    def _events(self, calendar_id: str, fetched: Fetched) -> dict[str, RemoteEvent]:
        """The events of one resource by id. Raises Malformed: what cannot be read is not absent."""
        events: dict[str, RemoteEvent] = {}
        for item in self._reader(calendar_id).read(fetched.href, fetched.etag, fetched.text):
            if isinstance(item, Quarantined):
                raise Malformed(item.reason, item=item.id)
            if isinstance(item, RemoteEvent):
                events[item.id] = item
        if not events:
            raise Malformed("no event", item=fetched.href)
        return events

    def busy(self, calendar_ids: Sequence[str], span: Span, timeout: float) -> dict[str, list[RemoteEvent]]:
        self._client.until(timeout)
        try:
            return {calendar_id: list(self._between(calendar_id, span)) for calendar_id in calendar_ids}
        finally:
            self._client.until(None)

    def _between(self, calendar_id: str, span: Span) -> Iterator[RemoteEvent]:
        reader = self._reader(calendar_id)
        for fetched in self._resources(calendar_id).between(span):
            for item in reader.read(fetched.href, fetched.etag, fetched.text):
                if isinstance(item, RemoteEvent):
                    yield item

    def find(self, calendar_id: str, op_key: str) -> RemoteEvent | None:
        """Under our own name, or by our UID where a server or a person gave the resource another."""
        resources = self._resources(calendar_id)
        href = _path(urljoin(calendar_id, f"{op_key}.ics"))
        fetched = resources.read(href)
        candidates = [fetched] if fetched else list(resources.with_uid(uid_of(op_key)))
        for candidate in candidates:
            event = self._events(calendar_id, candidate).get(candidate.href)
            if event is not None and event.op_key == op_key:
                return event
        return None

    # -- writing ------------------------------------------------------------------------------------------------

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        if not guard.remote_id:
            href = _path(urljoin(calendar_id, f"{intent.op_key}.ics"))
            text = new_text(intent, self._clock())
            return self._created(calendar_id, intent.op_key, href, text)
        href = guard.remote_id.partition("#")[0]
        before = self._guarded(calendar_id, guard)
        try:
            text = changed_text(intent, before.text, self._clock())
        except BadText as error:
            raise Malformed(str(error), item=href) from error
        response = self._guarded_write("PUT", calendar_id, href, before.etag, text)
        return self._receipt(calendar_id, href, text, response)

    def _created(self, calendar_id: str, op_key: str, href: str, text: str) -> Receipt:
        headers = {**_TEXT, "If-None-Match": "*"}
        try:
            response = self._client.send("PUT", urljoin(calendar_id, href), headers=headers, body=text.encode())
        except (Conflict, Forbidden, Permanent) as error:
            # A 409 also says that the collection is gone (RFC 4918, 9.7.1).
            self._resources(calendar_id).state()
            if not isinstance(error, Conflict) and any(self._resources(calendar_id).with_uid(uid_of(op_key))):
                # Our event, moved to another name by a person or a program; some servers say so with a bare 400.
                raise Conflict("UID stands elsewhere") from error
            raise
        return self._receipt(calendar_id, href, text, response)

    def _guarded_write(self, method: str, calendar_id: str, href: str, etag: str, text: str = "") -> Response:
        """A write under If-Match. A refusal while the tag still stands means that the server knows only its own form
        of it, or, where it is weak, none; then the comparison just before is as far as it goes.
        """

        def send(condition: dict[str, str]) -> Response:
            headers = {**(_TEXT if text else {}), **condition}
            return self._client.send(method, urljoin(calendar_id, href), headers=headers, body=text.encode())

        if not etag:
            return send({})
        try:
            return send({"If-Match": etag})
        except Conflict:
            given = self._still(calendar_id, href, etag)
            if given == etag:
                raise
        try:
            return send({"If-Match": given})
        except Conflict:
            if not given.startswith("W/"):
                raise
        self._still(calendar_id, href, etag)
        return send({})

    def _still(self, calendar_id: str, href: str, etag: str) -> str:
        """The tag of a resource in the server's own form; Conflict if it is another one by now."""
        now = self._resources(calendar_id).read(href)
        if now is None or now.etag != etag:
            raise Conflict("changed since it was read")
        return now.given

    def _guarded(self, calendar_id: str, guard: Guard) -> Fetched:
        """The resource as the guard knows it: what the intent is based on, never a fresher one (F38).

        Where the server gives no tags, it is compared just before the write; that is as far as such servers go.
        """
        tagged = not guard.tag.startswith("h:")
        if guard.raw and guard.tag and tagged:
            return Fetched(guard.remote_id, guard.tag, guard.raw)
        now = self._resources(calendar_id).read(guard.remote_id.partition("#")[0])
        if now is None:
            raise NotFound("gone")
        if guard.tag and guard.tag != (now.etag if tagged else content_tag(now.text)):
            raise Conflict("changed since it was read")
        return now

    def _receipt(self, calendar_id: str, href: str, text: str, response: Response) -> Receipt:
        """Servers rewrite what they store, some without saying so, so the echo is read back (F13, F40).

        A strong tag says that the text was stored as it was sent (RFC 4791, 5.3.4). Once that was seen to be so, it is
        taken at its word. The next page of changes shows each of our events under the same tag as it is stored.
        """
        given = response.headers.get("etag", "").strip()
        promised = bool(given) and not given.startswith("W/")
        sent = Fetched(href, strong(given), text)
        try:
            if promised and found.get("as_sent", calendar_id):
                return Receipt(self._events(calendar_id, sent)[href])
            stored = self._read_back(calendar_id, sent)
            event = self._events(calendar_id, stored)[href]
            if promised and stored is not sent and found.get("as_sent", calendar_id) is None:
                expected = self._events(calendar_id, sent)[href]
                found.set("as_sent", calendar_id, replace(event, raw="") == replace(expected, raw=""))
            return Receipt(event)
        except (ProviderError, KeyError) as error:
            raise Ambiguous("written, not read back") from error

    def _read_back(self, calendar_id: str, sent: Fetched) -> Fetched:
        """Did somebody else write in between, then the echo is what we sent: their change is still to be seen."""
        stored = self._resources(calendar_id).read(sent.href)
        if stored is None or (sent.etag and stored.etag and stored.etag != sent.etag):
            return sent
        return stored

    def remove(self, calendar_id: str, guard: Guard) -> None:
        try:
            etag = self._guarded(calendar_id, guard).etag if guard.tag.startswith("h:") else guard.tag
            self._guarded_write("DELETE", calendar_id, guard.remote_id.partition("#")[0], etag)
        except NotFound:
            # Also what a server says of a calendar that we cannot reach any more, where the event would still stand.
            self._resources(calendar_id).state()

    def revoke(self) -> None:
        """A password cannot be given back by us."""

    def close(self) -> None:
        """Connections belong to the process and stay."""

    # -- helpers ------------------------------------------------------------------------------------------------

    def _resources(self, calendar_id: str) -> Resources:
        return Resources(self._client, calendar_id)

    def _probe(self, calendar_id: str) -> Probe:
        return Probe(self._client, self._resources(calendar_id), self._clock())

    def _reader(self, calendar_id: str) -> Reader:
        stated = self._stored.get("addresses", "").lower().split()
        username = self._stored["username"].lower()
        return Reader(frozenset([*stated, *([username] if "@" in username else [])]), lambda: self._zone(calendar_id))

    def _zone(self, calendar_id: str) -> str:
        if calendar_id not in self._zones:
            self._zones[calendar_id] = stated_zone(self._resources(calendar_id).state())
        return self._zones[calendar_id]


def _path(url: str) -> str:
    return canonical(url, url)
