"""The routes of Graph v1.0: authentication, permissions, preconditions, and the shape of each reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from kalends.core.windows_zones import WINDOWS_ZONES
from kalends.core.zones import iana_to_windows, zone_names
from kalends.sandbox.microsoft import delta, errors, events, listing, query, schedule, scopes
from kalends.sandbox.microsoft.call import Call, calendar_of
from kalends.sandbox.microsoft.known import EVENT_PROPERTIES
from kalends.sandbox.microsoft.oauth import OAuth
from kalends.sandbox.microsoft.settings import Settings
from kalends.sandbox.microsoft.store import PERSONAL, Account, Store
from kalends.sandbox.oauth import Token
from kalends.sandbox.web import Handler, Request, Response, Route, json_response, route

Answer = tuple[int, dict[str, Any] | None]
Row = tuple[str, str, str, str, Callable[[Call], Answer]]
ROOT = "/v1.0"
_CALENDARS = ("/me", "/me/calendar", "/me/calendars/{calendar}")


class Api:
    """`base_url` is set when the server knows its port."""

    def __init__(self, store: Store, oauth: OAuth, settings: Settings) -> None:
        self._store = store
        self._oauth = oauth
        self._settings = settings
        self.base_url = ""

    def routes(self) -> list[Route]:
        """Named by method and path as the OpenAPI document has them."""
        table: list[Row] = [
            ("GET", "/me", "/me", "user", self.get_me),
            ("GET", "/me/mailboxSettings", "", "settings", self.get_settings),
            ("GET", "/me/outlook/supportedTimeZones", "/me/outlook/supportedTimeZones", "user", self.list_zones),
            ("GET", "/me/calendars", "/me/calendars", "read", self.list_calendars),
            ("POST", "/me/calendars", "/me/calendars", "write", self.create_calendar),
            ("GET", "/me/calendar", "/me/calendar", "read", self.get_calendar),
            ("GET", "/me/calendars/{calendar}", "/me/calendars/{id_1}", "read", self.get_calendar),
            ("PATCH", "/me/calendars/{calendar}", "/me/calendars/{id_1}", "write", self.change_calendar),
            ("DELETE", "/me/calendars/{calendar}", "/me/calendars/{id_1}", "write", self.delete_calendar),
            ("POST", "/me/calendar/getSchedule", "/me/calendar/getSchedule", "read", self.get_schedule),
            *self._event_rows(),
        ]
        return [
            route(method, ROOT + path, f"{method.lower()} {name}" if name else "", self.handler(kind, answer))
            for method, path, name, kind, answer in table
        ]

    def _event_rows(self) -> list[Row]:
        rows: list[Row] = []
        for path in _CALENDARS:
            name = path.replace("{calendar}", "{id_1}")
            one = "{id_2}" if "{" in path else "{id_1}"
            rows += [
                ("GET", f"{path}/events", f"{name}/events", "read", self.list_events),
                ("POST", f"{path}/events", f"{name}/events", "write", self.create_event),
                ("GET", f"{path}/calendarView", f"{name}/calendarView", "read", self.calendar_view),
                *(
                    ("GET", f"{path}/calendarView/{spelt}", f"{name}/calendarView/delta", "read", self.delta)
                    for spelt in ("delta", r"delta\(\)", r"microsoft\.graph\.delta\(\)")
                ),
            ]
            if path == "/me/calendar":
                continue
            event, named = f"{path}/events/{{event}}", f"{name}/events/{one}"
            rows += [
                ("GET", event, named, "read", self.get_event),
                ("PATCH", event, named, "write", self.change_event),
                ("DELETE", event, named, "write", self.delete_event),
            ]
        rows.append(("GET", "/me/events/{event}/instances", "/me/events/{id_1}/instances", "read", self.list_instances))
        return rows

    def handler(self, kind: str, answer: Callable[[Call], Answer]) -> Handler:
        def serve(request: Request, **path: str) -> Response:
            with self._store.writing():
                call = self.call(request, path, kind)
                status, payload = answer(call)
            return respond(call, status, payload)

        return serve

    def call(self, request: Request, path: dict[str, str], kind: str) -> Call:
        """The authenticated call. Raises GraphError 401, 403, or 404 where there is no mailbox."""
        token, account, grant = self._oauth.bearer(request)
        _check_scopes(token, account, kind)
        if not account.mailbox and kind in ("read", "write", "settings"):
            raise errors.no_mailbox()
        return Call(self._store, self._settings, request, path, account, grant.client_id, self.base_url)

    # -- the person --------------------------------------------------------------------------------------------

    def get_me(self, call: Call) -> Answer:
        first, _, last = call.account.name.partition(" ")
        work = call.account.kind != PERSONAL
        me = {
            "displayName": call.account.name,
            "givenName": first,
            "mail": call.account.email,
            "preferredLanguage": "en-GB" if work else None,
            "surname": last,
            "userPrincipalName": call.account.email,
            "id": call.account.id,
        }
        chosen = {name for part in call.request.query.get("$select", []) for name in part.split(",")}
        return 200, {"@odata.context": _context(call, "users/$entity"),
                     **{key: value for key, value in me.items() if not chosen or key in chosen or key == "id"}}  # fmt: skip

    def get_settings(self, call: Call) -> Answer:
        zone = iana_to_windows(call.account.timezone) or "UTC"
        return 200, {"timeZone": zone, "timeFormat": "HH:mm", "language": {"locale": "en-GB", "displayName": "English"}}

    def list_zones(self, call: Call) -> Answer:
        iana = "'Iana'" in call.request.path
        names = zone_names() if iana else sorted(WINDOWS_ZONES)
        return 200, {"value": [{"alias": name, "displayName": name} for name in names]}

    # -- calendars ---------------------------------------------------------------------------------------------

    def list_calendars(self, call: Call) -> Answer:
        rows = [calendar_of(row, call.account) for row in self._store.calendars_of(call.account.email)]
        top = int(call.request.first("$top") or call.page_size() or 10)
        skip = int(call.request.first("$skip") or 0)
        body: dict[str, Any] = {"@odata.context": _context(call, "calendars")}
        if len(rows) > skip + top:
            body["@odata.nextLink"] = listing.link(call, {"$skip": str(skip + top)})
        return 200, {**body, "value": rows[skip : skip + top]}

    def get_calendar(self, call: Call) -> Answer:
        return 200, calendar_of(call.calendar(), call.account)

    def create_calendar(self, call: Call) -> Answer:
        name = call.body().get("name")
        if not name:
            raise errors.invalid_property("The name of the calendar is missing.")
        if any(row.name == name for row in self._store.calendars_of(call.account.email)):
            raise errors.GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")
        return 201, calendar_of(self._store.add_calendar(call.account.email, str(name)), call.account)

    def change_calendar(self, call: Call) -> Answer:
        calendar = call.calendar()
        if not calendar.can_edit:
            raise errors.access_denied()
        calendar.name = str(call.body().get("name") or calendar.name)
        self._store.touch(calendar)
        return 200, calendar_of(calendar, call.account)

    def delete_calendar(self, call: Call) -> Answer:
        calendar = call.calendar()
        if calendar.default:
            raise errors.GraphError(403, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
        calendar.deleted = True
        self._store.touch(calendar)
        return 204, None

    def get_schedule(self, call: Call) -> Answer:
        if call.account.kind == PERSONAL:
            message = "The method is not supported for personal Microsoft accounts."
            raise errors.GraphError(403, "ErrorAccessDenied", message)
        return 200, schedule.answer(call)

    # -- events ------------------------------------------------------------------------------------------------

    def list_events(self, call: Call) -> Answer:
        return 200, listing.list_events(call, EVENT_PROPERTIES)

    def calendar_view(self, call: Call) -> Answer:
        return 200, listing.calendar_view(call, EVENT_PROPERTIES)

    def list_instances(self, call: Call) -> Answer:
        return 200, listing.list_instances(call, EVENT_PROPERTIES)

    def delta(self, call: Call) -> Answer:
        return 200, delta.answer(call)

    def get_event(self, call: Call) -> Answer:
        wanted = query.read(call.request.query, EVENT_PROPERTIES)
        return 200, {
            "@odata.context": _context(call, "events/$entity"),
            **call.shown(call.event(), call.view(), wanted),
        }

    def create_event(self, call: Call) -> Answer:
        calendar, given = call.calendar(), call.body()
        before = events.same_transaction(self._store, calendar, given, call.writer)
        if before is not None and self._settings.transaction_conflict:
            message = "Your request can't be completed. The TransactionId already exists."
            raise errors.GraphError(409, "ErrorDuplicateTransactionId", message)
        event = before or events.create_event(self._store, calendar, given, call.writer)
        return 201, {"@odata.context": _context(call, "events/$entity"), **call.shown(event, call.view())}

    def change_event(self, call: Call) -> Answer:
        event = call.event()
        call.check_tag(event)
        calendar = self._store.calendars[event.calendar]
        changed = events.change_event(self._store, calendar, event, call.body())
        return 200, {"@odata.context": _context(call, "events/$entity"), **call.shown(changed, call.view())}

    def delete_event(self, call: Call) -> Answer:
        event = call.event()
        call.check_tag(event)
        if self._settings.hide_deletions > 0 and not event.master:
            self._settings.hide_deletions -= 1
            event.told = False
        events.delete_event(self._store, self._store.calendars[event.calendar], event)
        return 204, None


def _check_scopes(token: Token, account: Account, kind: str) -> None:
    if not scopes.allowed(kind) & set(token.scopes):
        raise errors.access_denied()


def _context(call: Call, what: str) -> str:
    return f"{call.base_url}/v1.0/$metadata#users('{quote(call.account.id)}')/{what}"


def respond(call: Call, status: int, payload: dict[str, Any] | None) -> Response:
    """The HTTP answer, with the preferences that were followed."""
    headers = {"request-id": f"{call.store.change:x}"}
    if call.applied:
        headers["Preference-Applied"] = ", ".join(f"{name}={value}" for name, value in call.applied.items())
    if payload is None:
        return Response(status, b"", headers)
    if "@odata.etag" in payload:
        headers["ETag"] = payload["@odata.etag"]
    return json_response(payload, status, headers)
