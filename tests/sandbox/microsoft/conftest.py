"""A sandbox Microsoft in this process, with every request and reply checked by Graph's own metadata."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from kalends.sandbox.app import Options, Running, start
from tests.sandbox.conftest import Clock

OPENAPI = json.loads((Path(__file__).parent / "msgraph-calendar-v1.openapi.json").read_text())
JOHN, TAYLOR = "john.smith@lakeside.example", "taylor.carpenter@lakeside.example"
EMMA, JUAN = "emma.morris@outlook.example", "juan.sanchez@hotmail.example"
IMMUTABLE = 'IdType="ImmutableId"'
OURS = "String {8e4c7a16-0f7d-4b0e-9f0b-6b616c656e64} Name kalends"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class Graph:
    """A plain client of one account."""

    base_url: str
    token: str
    prefer: str = IMMUTABLE

    def __call__(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None,
                 **query: str) -> Reply:  # fmt: skip
        url = path if path.startswith("http") else f"{self.base_url}/v1.0{path}"
        names = {name.replace("_", "$", 1) if name.startswith("_") else name: value for name, value in query.items()}
        url += f"?{urlencode(names, safe='$')}" if names else ""
        sent = {"Authorization": f"Bearer {self.token}", "Prefer": self.prefer, "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, method=method, headers={**sent, **(headers or {})})
        return answer_of(request)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str) -> Reply:
        return self("GET", path, None, headers, **query)

    def create(self, path: str = "/me/events", **more: Any) -> dict[str, Any]:
        reply = self("POST", path, timed(**more))
        assert reply.status == 201, reply.json
        return dict(reply.json)

    def all(self, path: str, **query: str) -> tuple[list[dict[str, Any]], Reply]:
        """The items of every page, and the last page."""
        reply = self.get(path, **query)
        items = list(reply.json["value"])
        while "@odata.nextLink" in reply.json:
            reply = self.get(reply.json["@odata.nextLink"])
            items += reply.json["value"]
        return items, reply

    def calendar(self, name: str) -> str:
        return next(row["id"] for row in self.get("/me/calendars").json["value"] if row["name"] == name)


def answer_of(request: urllib.request.Request) -> Reply:
    try:
        with urllib.request.urlopen(request) as reply:
            text = reply.read()
            return Reply(reply.status, dict(reply.headers), json.loads(text) if text else None)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
            return Reply(error.code, dict(error.headers), json.loads(text) if text else None)


@pytest.fixture
def sandbox(clock: Clock, tmp_path: Path) -> Iterator[Running]:
    options = Options(clock=clock, mail=tmp_path / "mail", openapi=OPENAPI, push_retries=(0.01, 0.01))
    with start(options) as running:
        yield running
    assert running.microsoft.problems == []
    assert running.failures == []


def connect(sandbox: Running, account: str = JOHN, prefer: str = IMMUTABLE) -> Graph:
    return Graph(sandbox.base_url, sandbox.microsoft.acts.grant(account)["access_token"], prefer)


@pytest.fixture
def graph(sandbox: Running) -> Graph:
    return connect(sandbox)


def timed(start: str = "2026-11-24T10:00:00", end: str = "2026-11-24T11:00:00", zone: str = "Europe/Paris",
          **more: Any) -> dict[str, Any]:  # fmt: skip
    """The body of a single event."""
    return {
        "subject": "Cut",
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
        **more,
    }


def weekly(**more: Any) -> dict[str, Any]:
    """Mondays at ten in Paris from 5 October 2026 on, eight times, over the end of summer time."""
    recurrence = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "numbered", "startDate": "2026-10-05", "numberOfOccurrences": 8},
    }
    return timed("2026-10-05T10:00:00", "2026-10-05T10:30:00", subject="Stand-up", recurrence=recurrence, **more)


def path_of(event: dict[str, Any]) -> str:
    return f"/me/events/{quote(event['id'], safe='')}"
