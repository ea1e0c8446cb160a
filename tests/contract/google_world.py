"""The sandbox Google as a world: connected through its consent page, edited by a person over its API."""

from __future__ import annotations

import http.client
import json
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.net.oauth import new_verifier
from kalends.providers.google.connect import authorize_url, exchange
from kalends.providers.registry import build
from kalends.providers.settings import GoogleSettings, ProviderSettings
from kalends.sandbox.app import Running
from kalends.sandbox.google.store import Calendar
from kalends.sandbox.oauth import Grant, Token
from kalends.sync.port import Provider
from tests.contract.proxy import Proxy
from tests.contract.worlds import Stored

EMMA, JUAN = "emma@sandbox.example", "juan@sandbox.example"
CALLBACK = "http://127.0.0.1/oauth/google/callback"


class GoogleWorld:
    """`stored` are the credentials; `sandbox` is for orders that only a test gives."""

    calendar_id = EMMA
    missing_id = "nowhere@sandbox.example"

    def __init__(self, proxy: Proxy, sandbox: Running) -> None:
        self.proxy, self.sandbox = proxy, sandbox
        self.settings = ProviderSettings(
            google=GoogleSettings(
                client_id=sandbox.client.id,
                client_secret=sandbox.client.secret,
                redirect_uri=CALLBACK,
                accounts_url=sandbox.base_url,
                oauth_url=proxy.url,
                api_url=proxy.url,
            ),
            allow_hosts=(proxy.host,),
        )
        self.readonly_id = "team@group.calendar.sandbox.example"
        with sandbox.store.writing():
            shared = Calendar(self.readonly_id, "Team", "Europe/Madrid", JUAN, {EMMA: "reader"})
            sandbox.store.add_calendar(shared)
        self.stored = Stored(self.connect())
        self.provider: Provider = build("google", self.stored, self.settings)
        self._token = self._person_token()
        proxy.requests.clear()

    def connect(self, account: str = EMMA, without: str = "") -> dict[str, str]:
        """What a staff member does on the consent page; `without` is a permission that is left unticked."""
        verifier = new_verifier()
        asked = parse_qs(urlsplit(authorize_url(self.settings, state="st", verifier=verifier)).query)
        form = {name: values[0] for name, values in asked.items()} | {"account": account, "decision": "allow"}
        ticked = [("grant", scope) for scope in form["scope"].split() if scope != without]
        status, headers, _ = self._send(
            "POST",
            "/o/oauth2/v2/auth",
            urlencode([*form.items(), *ticked]).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert status in (302, 303), status
        back = parse_qs(urlsplit(headers["location"]).query)
        assert back["state"] == ["st"]
        return exchange(self.settings, code=back["code"][0], verifier=verifier, now=utc_now())

    def _person_token(self) -> str:
        scope = ["https://www.googleapis.com/auth/calendar"]
        with self.sandbox.store.writing():
            grant = Grant("person", EMMA, self.sandbox.client.id, scope)
            self.sandbox.store.grants.put(grant.id, grant)
            self.sandbox.store.tokens.put("person", Token("person", "access", grant.id, scope, 9e9))
        return "person"

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.sandbox.base_url).netloc)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer

    def api(self, method: str, event: str = "", body: Any = None) -> dict[str, Any]:
        path = f"/calendar/v3/calendars/{quote(EMMA)}/events" + (f"/{event}" if event else "")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        status, _, answer = self._send(method, path, json.dumps(body).encode() if body else b"", headers)
        assert status < 300, (method, path, status, answer)
        return json.loads(answer) if answer else {}

    # -- the world ----------------------------------------------------------------------------------------------

    def requests(self) -> int:
        return len(self.proxy.requests)

    def lose_next_answer(self) -> None:
        self.proxy.lose_next_write = True

    def stale(self, cursor: str) -> str:
        self.sandbox.faults.expire_sync_tokens()
        return cursor

    def locked_out(self) -> Provider:
        self.sandbox.faults.revoke_grants(EMMA)
        self.sandbox.faults.expire_access_tokens(EMMA)
        return self.provider

    def add(self, span: Span, title: str = "Dentist") -> str:
        return str(self.api("POST", body={"summary": title, **_times(span)})["id"])

    def add_series(self, start: datetime, weeks: int, *, cancelled: int, moved: int, by: timedelta) -> str:
        hour, week = timedelta(hours=1), timedelta(weeks=1)
        rule = f"RRULE:FREQ=WEEKLY;COUNT={weeks}"
        master = self.api("POST", body={**_times(Span(start, start + hour)), "recurrence": [rule]})["id"]
        self.api("DELETE", f"{master}_{start + cancelled * week:%Y%m%dT%H%M%SZ}")
        late = start + moved * week
        self.api("PATCH", f"{master}_{late:%Y%m%dT%H%M%SZ}", _times(Span(late + by, late + by + hour)))
        return str(master)

    def move(self, remote_id: str, span: Span) -> None:
        self.api("PATCH", remote_id, _times(span))

    def write_lines(self, remote_id: str, lines: str) -> None:
        """As Google's web page stores it: the whole description becomes HTML."""
        self._lines = lines
        description = self.api("GET", remote_id)["description"]
        escaped = description.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
        reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 7}]}
        html = f"<p>{lines}</p><br>{escaped}"
        self.api("PATCH", remote_id, {"description": html, "reminders": reminders, "colorId": "5"})

    def decorations(self, remote_id: str) -> tuple[bool, bool]:
        event = self.api("GET", remote_id)
        kept = event["reminders"]["overrides"] == [{"method": "popup", "minutes": 7}] and event["colorId"] == "5"
        return (f"<p>{self._lines}</p>" in event["description"], kept)

    def set_free(self, remote_id: str) -> None:
        self.api("PATCH", remote_id, {"transparency": "transparent"})

    def delete(self, remote_id: str) -> None:
        self.api("DELETE", remote_id)

    def copy(self, remote_id: str) -> str:
        event = self.api("GET", remote_id)
        kept = ("summary", "location", "description", "start", "end", "extendedProperties")
        body = {name: event[name] for name in kept} | {"id": uuid.uuid4().hex}
        return str(self.api("POST", body=body)["id"])


def _times(span: Span) -> dict[str, Any]:
    return {
        "start": {"dateTime": span.start.isoformat(), "timeZone": "UTC"},
        "end": {"dateTime": span.end.isoformat(), "timeZone": "UTC"},
    }
