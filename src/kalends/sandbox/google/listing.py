"""events.list and events.instances: parameters and their refusals, windows, expansion, pages, sync tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kalends.sandbox.google import bodies, errors, recurrence
from kalends.sandbox.google.store import Calendar, Event, Store

MAX_RESULTS = 2500
# Where an unbounded window begins and ends for the expansion of series.
_FIRST = datetime(1970, 1, 3, tzinfo=UTC)
_AHEAD = timedelta(days=730)
_OLDEST_UPDATED_MIN = timedelta(days=30)
_NOT_WITH_SYNC = (
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin",
)  # fmt: skip
# A list with one of these gives no nextSyncToken: a later delta could not repeat it.
_NO_TOKEN = ("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "updatedMin")
_SYNCED = ("singleEvents", "eventTypes", "showHiddenInvitations")

Params = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Sync:
    """What a sync token says: changes after `change`, of the window of the first list."""

    change: int
    time_min: datetime | None
    time_max: datetime | None


@dataclass(frozen=True, slots=True)
class Query:
    """A list request, read and checked."""

    single: bool
    show_deleted: bool
    time_min: datetime | None
    time_max: datetime | None
    updated_min: datetime | None
    order: str
    limit: int
    zone: str
    after: tuple[str, str] | None
    upto: int
    sync: Sync | None
    params: Params
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One page: `events` in order; exactly one of the two tokens is set, or none where no sync is possible."""

    events: list[Event]
    page_token: str
    sync_token: str


def read_query(store: Store, calendar: Calendar, params: Params) -> Query:
    """Check the parameters of a list. Raises ApiError 400 or, for a sync token that died, 410."""
    single = flag(params, "singleEvents")
    low, high = moment(params, "timeMin"), moment(params, "timeMax")
    if low and high and low >= high:
        raise errors.bad_request("The specified time range is empty.", reason="timeRangeEmpty", location="timeMax")
    order = _order(params, single=single)
    fingerprint = _fingerprint(calendar, params, ("syncToken", *_NOT_WITH_SYNC, *_SYNCED, "showDeleted"))
    sync = _read_sync(calendar, params) if "syncToken" in params else None
    after, upto = _read_page(params, fingerprint)
    return Query(
        single=single,
        show_deleted=sync is not None or flag(params, "showDeleted"),
        time_min=sync.time_min if sync else low,
        time_max=sync.time_max if sync else high,
        updated_min=_updated_min(store, params),
        order=order,
        limit=_limit(params),
        zone=_zone(calendar, params),
        after=after,
        upto=store.change if upto is None else upto,
        sync=sync,
        params=params,
        fingerprint=fingerprint,
    )


def _first(params: Params, name: str) -> str:
    return params.get(name, [""])[0]


def flag(params: Params, name: str) -> bool:
    value = _first(params, name)
    if value not in ("", "true", "false", "True", "False", "1", "0"):
        raise errors.invalid(f"Invalid boolean value: '{value}'.", location=name)
    return value in ("true", "True", "1")


def moment(params: Params, name: str) -> datetime | None:
    """An RFC 3339 parameter with a mandatory offset; milliseconds are ignored. Raises 400."""
    text = _first(params, name)
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        value = datetime.min  # noqa: DTZ901 - refused below with the same answer
    if value.tzinfo is None:
        raise errors.bad_request("Bad Request", location=name)
    return value.astimezone(UTC).replace(microsecond=0)


def _order(params: Params, *, single: bool) -> str:
    order = _first(params, "orderBy")
    if order not in ("", "startTime", "updated"):
        raise errors.invalid(
            f"Invalid string value: '{order}'. Allowed values: [startTime, updated]", location="orderBy"
        )
    if order == "startTime" and not single:
        message = "The requested ordering is not available for the particular query."
        raise errors.bad_request(message, location="orderBy")
    return order


def _limit(params: Params) -> int:
    text = _first(params, "maxResults") or "250"
    if not text.isdigit() or int(text) < 1:
        raise errors.invalid(
            f"Invalid value '{text}'. Values must be within the range: [1, 2500]", location="maxResults"
        )
    return min(int(text), MAX_RESULTS)


def _zone(calendar: Calendar, params: Params) -> str:
    name = _first(params, "timeZone") or calendar.timezone
    try:
        return ZoneInfo(name).key
    except (ValueError, KeyError, OSError) as error:
        raise errors.invalid(f"Invalid time zone: {name}", location="timeZone") from error


def _updated_min(store: Store, params: Params) -> datetime | None:
    value = moment(params, "updatedMin")
    if value and value < store.now() - _OLDEST_UPDATED_MIN:
        message = "The requested minimum modification time lies too far in the past."
        raise errors.ApiError(410, "updatedMinTooLongAgo", message, domain="calendar", location="updatedMin")
    return value


# -- tokens -----------------------------------------------------------------------------------------------------


def _fingerprint(calendar: Calendar, params: Params, names: tuple[str, ...]) -> str:
    relevant = {name: sorted(params[name]) for name in names if name in params}
    return hashlib.sha256(json.dumps([calendar.id, relevant], sort_keys=True).encode()).hexdigest()[:16]


def _pack(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def _unpack(token: str, length: int) -> list[Any] | None:
    try:
        values = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        return None
    return values if isinstance(values, list) and len(values) == length else None


def _read_sync(calendar: Calendar, params: Params) -> Sync:
    for name in _NOT_WITH_SYNC:
        if name in params:
            message = f"Sync token cannot be used with the parameter {name}."
            raise errors.bad_request(message, location="syncToken")
    if _first(params, "showDeleted") in ("false", "False", "0"):
        raise errors.bad_request("showDeleted cannot be false with a sync token.", location="showDeleted")
    values = _unpack(_first(params, "syncToken"), 5)
    if values is None:
        raise errors.invalid("Invalid sync token value.", location="syncToken")
    change, generation, same, low, high = values
    if generation != calendar.generation:
        raise errors.full_sync_required()
    if same != _fingerprint(calendar, params, _SYNCED):
        raise errors.bad_request("The parameters differ from those of the initial sync.", location="syncToken")
    bounds = [datetime.fromisoformat(text) if text else None for text in (low, high)]
    return Sync(change, *bounds)


def _sync_token(calendar: Calendar, query: Query) -> str:
    bounds = [bound.isoformat() if bound else "" for bound in (query.time_min, query.time_max)]
    return _pack([query.upto, calendar.generation, _fingerprint(calendar, query.params, _SYNCED), *bounds])


def _read_page(params: Params, fingerprint: str) -> tuple[tuple[str, str] | None, int | None]:
    if not _first(params, "pageToken"):
        return None, None
    values = _unpack(_first(params, "pageToken"), 4)
    if values is None or values[0] != fingerprint:
        raise errors.invalid("Invalid page token value.", location="pageToken")
    return (values[2], values[3]), values[1]


# -- selection --------------------------------------------------------------------------------------------------


def list_events(store: Store, calendar: Calendar, query: Query, *, page_cap: int = 0, series: str = "") -> Listed:
    """One page. Items are kept in a stable order, so that a page token is the last item's place in it.

    `page_cap` makes pages shorter than asked for, as the documentation allows; `series` keeps to one master.
    """
    matching = _matching(store, calendar, query, series)
    found = sorted(((_key(event, calendar, query), event) for event in matching), key=lambda pair: pair[0])
    if query.after is not None:
        found = [pair for pair in found if pair[0] > query.after]
    limit = min(query.limit, page_cap) if page_cap else query.limit
    page = found[:limit]
    events = [event for _, event in page]
    if len(found) > limit:
        return Listed(events, _pack([query.fingerprint, query.upto, *page[-1][0]]), "")
    syncable = not any(name in query.params for name in _NO_TOKEN)
    return Listed(events, "", _sync_token(calendar, query) if syncable else "")


def _key(event: Event, calendar: Calendar, query: Query) -> tuple[str, str]:
    if query.order == "startTime":
        return bodies.span_of(event.body, calendar)[0].isoformat(), event.id
    if query.order == "updated":
        return event.body["updated"], event.id
    return "", event.id


def _matching(store: Store, calendar: Calendar, query: Query, series: str) -> Iterator[Event]:
    for event in store.events(calendar.id):
        if series and series not in (event.id, event.master_id):
            continue
        if query.sync is not None and event.change <= query.sync.change:
            continue
        for item in _items(store, calendar, query, event):
            if _wanted(item, query):
                yield item


def _items(store: Store, calendar: Calendar, query: Query, event: Event) -> Iterator[Event]:
    """The event itself, or the occurrences of a series, as far as they are in the window."""
    if "recurrence" in event.body and query.single:
        yield from expand(store, calendar, event, query.time_min, query.time_max)
    elif _known_before(event, query) or in_window(store, calendar, event, query.time_min, query.time_max):
        yield event


def _known_before(event: Event, query: Query) -> bool:
    """In a delta, an event that the client may hold comes also when it has left the window."""
    return query.sync is not None and (event.made <= query.sync.change or event.cancelled)


def in_window(store: Store, calendar: Calendar, event: Event, low: datetime | None, high: datetime | None) -> bool:
    """Whether the event, an occurrence of it, or the place that an exception left, overlaps [low, high)."""
    if low is None and high is None:
        return True
    if "recurrence" in event.body:
        return next(expand(store, calendar, event, low, high, every=True), None) is not None
    spans = [bodies.span_of(event.body, calendar)]
    if event.master_id:
        left = bodies.instant(event.body["originalStartTime"], calendar)
        spans.append((left, left + (spans[0][1] - spans[0][0])))
    return any((low is None or end > low) and (high is None or start < high) for start, end in spans)


def expand(
    store: Store,
    calendar: Calendar,
    master: Event,
    low: datetime | None,
    high: datetime | None,
    *,
    every: bool = False,
) -> Iterator[Event]:
    """The occurrences of a series that overlap the window: `every` one, or those without a stored exception."""
    start, end = bodies.span_of(master.body, calendar)
    since = (low or _FIRST) - (end - start)
    until = high or max(store.now(), low or _FIRST) + _AHEAD
    stored = set() if every else {event.id for event in store.exceptions(calendar.id, master.id)}
    zone = bodies.zone_of(master.body, calendar)
    first = bodies.start_of(master.body)
    for original in recurrence.occurrences(master.body["recurrence"], first, zone, since, until):
        occurrence = bodies.occurrence_of(master, original)
        begins, ends = bodies.span_of(occurrence.body, calendar)
        if occurrence.id not in stored and (low is None or ends > low) and begins < until:
            yield occurrence


def _wanted(event: Event, query: Query) -> bool:
    body = event.body
    since = query.updated_min
    recent = since is not None and datetime.fromisoformat(body["updated"]) >= since
    if since is not None and not recent:
        return False
    hole = bool(event.master_id) and not query.single
    if event.cancelled and not (query.show_deleted or recent or hole):
        return False
    if "iCalUID" in query.params and body.get("iCalUID") != _first(query.params, "iCalUID"):
        return False
    types = query.params.get("eventTypes")
    if types and body.get("eventType", "default") not in types:
        return False
    return _has_properties(body, query.params) and _has_text(body, _first(query.params, "q"))


def _has_properties(body: dict[str, Any], params: Params) -> bool:
    for group in ("private", "shared"):
        held = body.get("extendedProperties", {}).get(group, {})
        for constraint in params.get(f"{group}ExtendedProperty", ()):
            name, sign, value = constraint.partition("=")
            if not sign:
                raise errors.invalid("Invalid extended property constraint.", location=f"{group}ExtendedProperty")
            if held.get(name) != value:
                return False
    return True


def _has_text(body: dict[str, Any], text: str) -> bool:
    words = text.lower().split()
    people = [*body.get("attendees", ()), body.get("organizer", {})]
    held = [body.get(name, "") for name in ("summary", "description", "location")]
    held += [person.get(name, "") for person in people for name in ("displayName", "email")]
    return all(word in " ".join(held).lower() for word in words)
