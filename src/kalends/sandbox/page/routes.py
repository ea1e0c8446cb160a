"""The page's own addresses: static files, and JSON about accounts, events, mails and activity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kalends.core.errors import InvalidInput, NotFound
from kalends.sandbox.caldav import CalDavCalendar
from kalends.sandbox.google.call import read_body
from kalends.sandbox.google.faults import Journal
from kalends.sandbox.google.store import Store
from kalends.sandbox.microsoft.site import Microsoft
from kalends.sandbox.page import mails, source
from kalends.sandbox.page.feed import serve_feed
from kalends.sandbox.page.google_source import GoogleSource
from kalends.sandbox.page.microsoft_source import MicrosoftSource
from kalends.sandbox.page.source import Source
from kalends.sandbox.web import Request, Response, Route, json_response, route

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
_POLICY += "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_MAIL_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
_MAIL_POLICY += "img-src data:"
_KINDS = {"work": "Microsoft 365", "personal": "Outlook.com"}
_PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"}


class Page:
    def __init__(
        self,
        store: Store,
        microsoft: Microsoft,
        journal: Journal,
        client: str,
        mail: Path | None,
        caldav: Sequence[CalDavCalendar],
    ) -> None:
        self._store = store
        self._microsoft = microsoft.store
        self._journal = journal
        self._client = client
        self._mail = mail
        self._caldav = {calendar.key: calendar for calendar in caldav}

    def routes(self) -> list[Route]:
        return [
            route("GET", "/", "", self.index),
            route("GET", "/static/{name}", "", self.static),
            route("GET", "/feeds/{key}.ics", "", self.feed),
            route("GET", "/_page/accounts", "", self.accounts),
            route("GET", "/_page/events", "", self.events),
            route("POST", "/_page/events", "", self.create),
            route("PATCH", "/_page/events/{calendar}/{event}", "", self.change),
            route("DELETE", "/_page/events/{calendar}/{event}", "", self.delete),
            route("GET", "/_page/mails", "", self.list_mails),
            route("GET", "/_page/mails/{name}", "", self.read_mail),
            route("GET", "/_page/mails/{name}/html", "", self.mail_html),
        ]

    # -- files -------------------------------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        return self.static(request, "index.html")

    def static(self, request: Request, name: str) -> Response:
        path = _STATIC / Path(name).name
        if not path.is_file() or path.suffix not in _TYPES:
            return Response(404)
        kind = f"{_TYPES[path.suffix]}; charset=utf-8"
        return Response(200, path.read_bytes(), {"Content-Type": kind, "Content-Security-Policy": _POLICY, **_PLAIN})

    # -- calendars ---------------------------------------------------------------------------------------------

    def _source(self, key: Any) -> Source:
        if key in self._caldav:
            return self._caldav[key]
        person = self._microsoft.accounts.get(str(key))
        if person is not None:
            return MicrosoftSource(self._microsoft, person)
        account = self._store.accounts.get(str(key))
        if account is None:
            raise NotFound("there is no such account")
        return GoogleSource(self._store, account)

    def accounts(self, request: Request) -> Response:
        with self._store.writing():
            keys = [account.email for account in self._store.accounts.values()]
            items = [_account(self._source(key), "google", "Google") for key in keys]
        with self._microsoft.writing():
            items += [
                _account(MicrosoftSource(self._microsoft, person), "microsoft", _KINDS[person.kind])
                for person in self._microsoft.accounts.values()
            ]
        items += [_account(calendar, "caldav", "CalDAV") for calendar in self._caldav.values()]
        return json_response({"client": self._client, "accounts": items})

    def feed(self, request: Request, key: str) -> Response:
        """What the secret iCal address of an account gives."""
        try:
            found = self._source(key)
        except NotFound:
            return Response(404)
        with self._lock(key):
            return serve_feed(request, found, self._store.now())

    def events(self, request: Request) -> Response:
        """The events of one account from the day `from` on, for `days` days of its zone."""
        days = request.first("days", "7")
        if not days.isdigit() or not 1 <= int(days) <= 42:
            raise InvalidInput("days is to be 1 to 42", field="days")
        with self._lock(request.first("account")):
            found = self._source(request.first("account"))
            try:
                low = source.instant(request.first("from")[:10], found.timezone)
            except ValueError as error:
                raise InvalidInput("from is no day", field="from") from error
            events = [source.as_json(event) for event in found.events(low, low + timedelta(days=int(days), hours=2))]
        now = source.wall(self._store.now(), found.timezone)
        return json_response({"timezone": found.timezone, "now": now, "events": events})

    def _lock(self, key: str) -> Any:
        """The store's lock, except for accounts elsewhere: a slow server must not stop the others."""
        if key in self._caldav:
            return _NoLock()
        return self._microsoft.writing() if key in self._microsoft.accounts else self._store.writing()

    def create(self, request: Request) -> Response:
        body = read_body(request)
        edit = source.read_edit(body)
        if edit.start is None or edit.end is None:
            raise InvalidInput("start and end are needed", field="start")
        with self._lock(body.get("account", "")):
            self._source(body.get("account")).create(str(body.get("calendar", "")), edit)
        return json_response({}, 201)

    def change(self, request: Request, calendar: str, event: str) -> Response:
        body = read_body(request)
        with self._lock(body.get("account", "")):
            self._source(body.get("account")).change(calendar, event, source.read_edit(body))
        return json_response({})

    def delete(self, request: Request, calendar: str, event: str) -> Response:
        body = read_body(request)
        with self._lock(body.get("account", "")):
            self._source(body.get("account")).delete(calendar, event, source.read_edit(body))
        return json_response({})

    # -- mails -------------------------------------------------------------------------------------------------

    def list_mails(self, request: Request) -> Response:
        return json_response({"folder": self._mail is not None, "items": mails.list_mails(self._mail)})

    def read_mail(self, request: Request, name: str) -> Response:
        return json_response(mails.read_mail(self._mail, name))

    def mail_html(self, request: Request, name: str) -> Response:
        body = mails.read_html(self._mail, name).encode()
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _MAIL_POLICY}
        return Response(200, body, {**headers, **_PLAIN})


class _NoLock:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        return None


def _account(found: Source, provider: str, kind: str) -> dict[str, Any]:
    return {
        "provider": provider,
        "key": found.key,
        "name": found.name,
        "label": found.label,
        "kind": kind,
        "timezone": found.timezone,
        "feed": f"/feeds/{quote(found.key, safe='@')}.ics",
        "calendars": [source.as_json(calendar) for calendar in found.calendars()],
    }
