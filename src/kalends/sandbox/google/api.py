"""The routes of Calendar v3: authentication, access rights, preconditions, and the shape of each reply."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from kalends.sandbox.google import bodies, errors, events, fields, freebusy, listing, scopes, watch
from kalends.sandbox.google.call import Call
from kalends.sandbox.google.faults import Faults
from kalends.sandbox.google.oauth import OAuth
from kalends.sandbox.google.store import Calendar, Event, Store, new_event_id
from kalends.sandbox.google.watch import Sender
from kalends.sandbox.web import Handler, Request, Response, Route, json_response, route

Answer = tuple[int, Any]
_ROOT = "/calendar/v3"
_EVENTS = f"{_ROOT}/calendars/{{calendarId}}/events"
_EVENT = f"{_EVENTS}/{{eventId}}"
_REMINDERS = [{"method": "popup", "minutes": 10}]


class Api:
    """`base_url` is set when the server knows its port."""

    def __init__(self, store: Store, oauth: OAuth, faults: Faults, sender: Sender) -> None:
        self._store = store
        self._oauth = oauth
        self._faults = faults
        self._sender = sender
        self.base_url = ""

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
            ("GET", f"{_ROOT}/users/me/calendarList", "calendarList.list", self.list_calendars),
            ("GET", f"{_ROOT}/users/me/calendarList/{{calendarId}}", "calendarList.get", self.get_entry),
            ("GET", f"{_ROOT}/users/me/settings/{{setting}}", "settings.get", self.get_setting),
            ("POST", f"{_ROOT}/calendars", "calendars.insert", self.insert_calendar),
            ("GET", f"{_ROOT}/calendars/{{calendarId}}", "calendars.get", self.get_calendar),
            ("PATCH", f"{_ROOT}/calendars/{{calendarId}}", "calendars.patch", self.patch_calendar),
            ("DELETE", f"{_ROOT}/calendars/{{calendarId}}", "calendars.delete", self.delete_calendar),
            ("POST", f"{_ROOT}/freeBusy", "freebusy.query", self.query_free_busy),
            ("POST", f"{_ROOT}/channels/stop", "channels.stop", self.stop_channel),
            ("GET", _EVENTS, "events.list", self.list_events),
            ("POST", _EVENTS, "events.insert", self.insert_event),
            ("POST", f"{_EVENTS}/import", "events.import", self.import_event),
            ("POST", f"{_EVENTS}/watch", "events.watch", self.watch_events),
            ("GET", _EVENT, "events.get", self.get_event),
            ("PATCH", _EVENT, "events.patch", self.patch_event),
            ("PUT", _EVENT, "events.update", self.update_event),
            ("DELETE", _EVENT, "events.delete", self.delete_event),
            ("GET", f"{_EVENT}/instances", "events.instances", self.list_instances),
            ("POST", f"{_EVENT}/move", "events.move", self.move_event),
        ]
        return [
            route(verb, path, f"calendar.{name}", self._handler(f"calendar.{name}", answer))
            for verb, path, name, answer in table
        ]

    def _handler(self, name: str, answer: Callable[[Call], Answer]) -> Handler:
        def serve(request: Request, **path: str) -> Response:
            with self._store.writing():
                token, account = self._oauth.bearer(request)
                if not scopes.allowed(name) & set(token.scopes):
                    raise errors.insufficient_scopes()
                client = self._oauth.client.name
                status, payload = answer(Call(self._store, name, request, path, account, token.scopes, client))
            return _response(request, status, payload)

        return serve

    # -- calendars ---------------------------------------------------------------------------------------------

    def list_calendars(self, call: Call) -> Answer:
        """All on one page. With a sync token: those that changed since."""
        rows = self._store.calendars_of(call.account.email)
        since = call.request.first("syncToken")
        if since and not since.isdigit():
            raise errors.full_sync_required()
        items = [_entry(row, role, call.account.email) for row, role in rows if row.change > int(since or 0)]
        least = call.request.first("minAccessRole")
        if least:
            items = [item for item in items if _at_least(item["accessRole"], least)]
        token = str(self._store.change)
        return 200, {"kind": "calendar#calendarList", "etag": _etag(token), "nextSyncToken": token, "items": items}

    def get_entry(self, call: Call) -> Answer:
        calendar = call.calendar("freeBusyReader")
        return 200, _entry(calendar, calendar.roles[call.account.email], call.account.email)

    def get_calendar(self, call: Call) -> Answer:
        return 200, _calendar(call.calendar("freeBusyReader"))

    def insert_calendar(self, call: Call) -> Answer:
        body = call.body()
        if not body.get("summary"):
            raise errors.bad_request("Missing title.", reason="required")
        name = f"{new_event_id()}@group.calendar.sandbox.example"
        zone = body.get("timeZone") or call.account.timezone
        calendar = Calendar(name, str(body["summary"]), _known_zone(zone), call.account.email, {})
        return 200, _calendar(self._store.add_calendar(calendar))

    def patch_calendar(self, call: Call) -> Answer:
        calendar = call.calendar("owner")
        body = call.body()
        calendar.summary = body.get("summary") or calendar.summary
        calendar.timezone = _known_zone(body.get("timeZone") or calendar.timezone)
        self._store.touch(calendar)
        return 200, _calendar(calendar)

    def delete_calendar(self, call: Call) -> Answer:
        calendar = call.calendar("owner")
        if calendar.id == call.account.email:
            raise errors.ApiError(403, "cannotDeletePrimaryCalendar", "Cannot delete primary calendar.")
        calendar.deleted = True
        self._store.touch(calendar)
        return 204, None

    def get_setting(self, call: Call) -> Answer:
        values = {"timezone": call.account.timezone, "locale": "en", "weekStart": "1", "format24HourTime": "true"}
        name = call.path["setting"]
        if name not in values:
            raise errors.not_found()
        return 200, {"kind": "calendar#setting", "etag": _etag(name), "id": name, "value": values[name]}

    def query_free_busy(self, call: Call) -> Answer:
        return 200, freebusy.answer(self._store, call.account.email, call.body())

    # -- events ------------------------------------------------------------------------------------------------

    def list_events(self, call: Call) -> Answer:
        calendar = call.calendar("freeBusyReader")
        query = listing.read_query(self._store, calendar, call.request.query)
        page = listing.list_events(self._store, calendar, query, page_cap=self._faults.page_cap)
        return 200, self._page(call, calendar, page, query.zone, details=query.show_deleted and query.sync is None)

    def list_instances(self, call: Call) -> Answer:
        """The occurrences of one series, exceptions in their places."""
        calendar = call.calendar("freeBusyReader")
        master = events.read_event(self._store, calendar, call.path["eventId"])
        params = {name: values for name, values in call.request.query.items() if name != "originalStart"}
        query = listing.read_query(self._store, calendar, {**params, "singleEvents": ["true"]})
        page = listing.list_events(
            self._store, calendar, query, page_cap=self._faults.page_cap, series=master.id,
        )  # fmt: skip
        wanted = call.request.first("originalStart")
        if wanted:
            page.events[:] = [event for event in page.events if _starts_at(event, calendar, query.zone, wanted)]
        return 200, self._page(call, calendar, page, query.zone, details=True)

    def get_event(self, call: Call) -> Answer:
        calendar = call.calendar("freeBusyReader")
        event = events.read_event(self._store, calendar, call.path["eventId"])
        zone = _known_zone(call.request.first("timeZone") or calendar.timezone)
        return 200, self._shown(call, calendar, event, zone)

    def insert_event(self, call: Call) -> Answer:
        calendar = call.calendar("writer")
        event = events.insert_event(self._store, calendar, call.body(), call.writer)
        return 200, self._shown(call, calendar, event)

    def import_event(self, call: Call) -> Answer:
        calendar = call.calendar("writer")
        event = events.import_event(self._store, calendar, call.body(), call.writer)
        return 200, self._shown(call, calendar, event)

    def patch_event(self, call: Call) -> Answer:
        return self._change(call, replace=False)

    def update_event(self, call: Call) -> Answer:
        return self._change(call, replace=True)

    def _change(self, call: Call, *, replace: bool) -> Answer:
        calendar = call.calendar("writer")
        name = call.path["eventId"]
        call.check_tag(events.read_event(self._store, calendar, name))
        event = events.change_event(self._store, calendar, name, call.body(), call.writer, replace=replace)
        return 200, self._shown(call, calendar, event)

    def delete_event(self, call: Call) -> Answer:
        calendar = call.calendar("writer")
        event = events.read_event(self._store, calendar, call.path["eventId"])
        if not event.cancelled:
            call.check_tag(event)
        events.delete_event(self._store, calendar, event.id, call.writer)
        return 204, None

    def move_event(self, call: Call) -> Answer:
        source = call.calendar("writer")
        if "destination" not in call.request.query:
            raise errors.bad_request("Required parameter: destination", reason="required", location="destination")
        target = call.calendar("writer", call.request.first("destination"))
        event = events.read_event(self._store, source, call.path["eventId"])
        call.check_tag(event)
        moved = events.move_event(self._store, source, event.id, target, call.writer)
        return 200, self._shown(call, target, moved)

    # -- channels ----------------------------------------------------------------------------------------------

    def watch_events(self, call: Call) -> Answer:
        calendar = call.calendar("freeBusyReader")
        client = self._oauth.client.id
        channel = watch.open_channel(self._store, calendar, call.account, client, call.body(), self.base_url)
        self._sender.opened(channel)
        return 200, watch.shown(channel)

    def stop_channel(self, call: Call) -> Answer:
        watch.stop_channel(self._store, call.account.email, call.body())
        return 204, None

    # -- shapes ------------------------------------------------------------------------------------------------

    def _shown(self, call: Call, calendar: Calendar, event: Event, zone: str = "") -> dict[str, Any]:
        zone = zone or calendar.timezone
        return bodies.shown(event, calendar, email=call.account.email, zone=zone, base_url=self.base_url)

    def _page(self, call: Call, calendar: Calendar, page: listing.Listed, zone: str, *, details: bool) -> Any:
        """An Events resource. `details` shows what a deleted event was; a delta gives only its id."""
        items = [
            self._shown(call, calendar, event, zone)
            if details or not event.cancelled
            else bodies.tombstone(event, calendar, zone)
            for event in page.events
        ]
        token = {"nextPageToken": page.page_token} if page.page_token else {}
        token |= {"nextSyncToken": page.sync_token} if page.sync_token else {}
        return {
            "kind": "calendar#events",
            "etag": _etag(f"{calendar.id}{self._store.change}"),
            "summary": calendar.summary,
            "updated": calendar.updated,
            "timeZone": calendar.timezone,
            "accessRole": calendar.roles[call.account.email],
            "defaultReminders": _REMINDERS if calendar.id == call.account.email else [],
            **token,
            "items": items,
        }


def _response(request: Request, status: int, payload: Any) -> Response:
    if payload is None:
        return Response(status)
    headers = {"ETag": payload["etag"]} if "etag" in payload else {}
    if request.headers.get("if-none-match") and request.headers["if-none-match"] == payload.get("etag"):
        return Response(304, b"", headers)
    chosen = request.first("fields")
    return json_response(fields.select(payload, chosen) if chosen else payload, status, headers)


def _etag(value: str) -> str:
    return f'"{hashlib.sha256(value.encode()).hexdigest()[:16]}"'


def _at_least(role: str, least: str) -> bool:
    order = ("freeBusyReader", "reader", "writer", "owner")
    if least not in order:
        raise errors.invalid(f"Invalid string value: '{least}'.", location="minAccessRole")
    return order.index(role) >= order.index(least)


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, KeyError, OSError) as error:
        raise errors.invalid(f"Invalid time zone: {name}", location="timeZone") from error


def _starts_at(event: Event, calendar: Calendar, zone: str, wanted: str) -> bool:
    original = bodies.shown_moment(event.body["originalStartTime"], calendar, zone)
    if "date" in original:
        return bool(original["date"] == wanted)
    asked = listing.moment({"originalStart": [wanted.replace(" ", "+")]}, "originalStart")
    return bodies.instant(event.body["originalStartTime"], calendar) == asked


def _calendar(calendar: Calendar) -> dict[str, Any]:
    return {
        "kind": "calendar#calendar",
        "etag": f'"{calendar.change}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }


def _entry(calendar: Calendar, role: str, email: str) -> dict[str, Any]:
    primary = {"primary": True} if calendar.id == email else {}
    return {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{calendar.change}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "colorId": "14",
        "backgroundColor": calendar.color,
        "foregroundColor": "#ffffff",
        "selected": True,
        "accessRole": role,
        "defaultReminders": _REMINDERS if primary else [],
        **primary,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
