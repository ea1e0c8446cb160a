"""The sandbox Microsoft as a world, for either kind of account: connected through its consent page, edited over Graph."""

from __future__ import annotations

import http.client
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.net.oauth import new_verifier
from kalends.providers.microsoft.connect import Flow
from kalends.providers.microsoft.known import found
from kalends.providers.microsoft.translate import EXPAND
from kalends.providers.registry import build
from kalends.providers.settings import TENANTS, MicrosoftSettings, ProviderSettings
from kalends.sandbox.app import Running
from kalends.sync.port import Provider
from tests.contract.proxy import Proxy
from tests.contract.worlds import Stored

ACCOUNTS = {"office365": "taylor.carpenter@lakeside.example", "outlook": "emma.morris@outlook.example"}
OTHERS = {"office365": "john.smith@lakeside.example", "outlook": "juan.sanchez@hotmail.example"}
CALLBACK = "http://127.0.0.1/oauth/microsoft/callback"


class MicrosoftWorld:
    """`stored` are the credentials; `sandbox` is for orders that only a test gives."""

    missing_id = "AAMkAGRub3doZXJl"
    missing_event = "AAkALgnowhere"

    def __init__(self, proxy: Proxy, sandbox: Running, kind: str) -> None:
        self.proxy, self.sandbox, self.kind, self.account = proxy, sandbox, kind, ACCOUNTS[kind]
        self.microsoft = sandbox.microsoft
        self.microsoft.api.base_url = proxy.url
        found.clear()
        client = self.microsoft.client
        self.settings = ProviderSettings(
            microsoft=MicrosoftSettings(
                client_id=client.id,
                client_secret=client.secret,
                redirect_uri=CALLBACK,
                login_url=proxy.url,
                graph_url=proxy.url,
            ),
            allow_hosts=(proxy.host,),
        )
        calendars = self.microsoft.store.calendars_of(self.account)
        self.calendar_id, self.second_id, self.readonly_id = (row.id for row in calendars)
        self.stored = Stored(self.connect())
        self.provider: Provider = build(kind, self.stored, self.settings)
        self._token = self.microsoft.acts.grant(self.account)["access_token"]
        # What a probe finds out on the first write; tests of the probe forget it.
        found.set("guards", f"{proxy.url} {self.stored.read()['subject']}", True)
        proxy.requests.clear()

    def consent(self, account: str = "", decision: str = "accept", **changed: str) -> tuple[dict[str, list[str]], str]:
        """What a person does on the consent page; what comes back to us, and the verifier."""
        verifier = new_verifier()
        address = Flow(self.kind).authorize_url(self.settings, state="st", verifier=verifier)
        form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | changed
        form |= {"account": account or self.account, "decision": decision}
        status, headers, answer = self.send(
            "POST",
            f"/{TENANTS[self.kind]}/oauth2/v2.0/authorize",
            urlencode(form).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert status in (302, 303), (status, answer)
        back = parse_qs(urlsplit(headers["location"]).query)
        assert back["state"] == ["st"]
        return back, verifier

    def connect(self, account: str = "", **changed: str) -> dict[str, str]:
        back, verifier = self.consent(account, **changed)
        return Flow(self.kind).exchange(self.settings, code=back["code"][0], verifier=verifier, now=utc_now())

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.sandbox.base_url).netloc)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer

    def api(self, method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        """The person's own program; paths begin with "events" or "calendars"."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Prefer": 'IdType="ImmutableId", odata.maxpagesize=100',
        }
        more = f"?{urlencode(query, quote_via=quote)}" if query else ""
        content = json.dumps(body).encode() if body is not None else b""
        status, _, answer = self.send(method, f"/v1.0/me/{path}{more}", content, headers)
        assert status < 300, (method, path, status, answer)
        return json.loads(answer) if answer else {}

    # -- the world ----------------------------------------------------------------------------------------------

    def requests(self) -> int:
        return len(self.proxy.requests)

    def lose_next_answer(self) -> None:
        self.proxy.lose_next_write = True

    def stale(self, cursor: str) -> str:
        self.microsoft.acts.expire_delta()
        return cursor

    def locked_out(self) -> Provider:
        self.microsoft.acts.revoke(self.account)
        self.microsoft.acts.expire_access(self.account)
        return self.provider

    def add(self, span: Span, title: str = "Dentist", calendar_id: str = "", **more: Any) -> str:
        path = f"calendars/{calendar_id or self.calendar_id}/events"
        return str(self.api("POST", path, {"subject": title, **times(span), **more})["id"])

    def add_series(self, start: datetime, weeks: int, *, cancelled: int, moved: int, by: timedelta) -> str:
        hour, week = timedelta(hours=1), timedelta(weeks=1)
        master = self.add(Span(start, start + hour), recurrence=weekly(start, weeks))
        ids = self.instances(master, start, weeks)
        self.api("DELETE", f"events/{ids[cancelled]}")
        late = start + moved * week + by
        self.api("PATCH", f"events/{ids[moved]}", times(Span(late, late + hour)))
        return master

    def instances(self, master: str, start: datetime, weeks: int) -> list[str]:
        window = {"startDateTime": start.isoformat(), "endDateTime": (start + timedelta(weeks=weeks)).isoformat()}
        return [str(event["id"]) for event in self.api("GET", f"events/{master}/instances", **window)["value"]]

    def move(self, remote_id: str, span: Span) -> None:
        self.api("PATCH", f"events/{remote_id}", times(span))

    def write_lines(self, remote_id: str, lines: str) -> None:
        self._lines = lines
        html = self.api("GET", f"events/{remote_id}")["body"]["content"]
        html = html.replace("<body>", f"<body>\r\n<p>{lines}</p>", 1)
        body = {"body": {"contentType": "html", "content": html}, "reminderMinutesBeforeStart": 7}
        self.api("PATCH", f"events/{remote_id}", body | {"categories": ["Blue category"]})

    def decorations(self, remote_id: str) -> tuple[bool, bool]:
        event = self.api("GET", f"events/{remote_id}")
        kept = event["reminderMinutesBeforeStart"] == 7 and event["categories"] == ["Blue category"]
        return (f"<p>{self._lines}</p>" in event["body"]["content"], kept)

    def set_free(self, remote_id: str) -> None:
        self.api("PATCH", f"events/{remote_id}", {"showAs": "free"})

    def delete(self, remote_id: str) -> None:
        self.api("DELETE", f"events/{remote_id}")

    def copy(self, remote_id: str) -> str:
        event = self.api("GET", f"events/{remote_id}", **{"$expand": EXPAND})
        kept = ("subject", "location", "body", "start", "end", "singleValueExtendedProperties")
        return str(self.api("POST", "events", {name: event[name] for name in kept})["id"])


def times(span: Span) -> dict[str, Any]:
    return {
        "start": {"dateTime": span.start.replace(tzinfo=None).isoformat(), "timeZone": "UTC"},
        "end": {"dateTime": span.end.replace(tzinfo=None).isoformat(), "timeZone": "UTC"},
    }


def weekly(start: datetime, weeks: int) -> dict[str, Any]:
    day = start.strftime("%A").lower()
    return {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [day], "firstDayOfWeek": "monday"},
        "range": {"type": "numbered", "startDate": start.date().isoformat(), "numberOfOccurrences": weeks},
    }
