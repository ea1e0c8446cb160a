"""A sandbox in this process, with every request and reply checked by Google's own documents."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document

from kalends.sandbox.app import Options, Running, start
from kalends.sandbox.oauth import Grant, Token

HERE = Path(__file__).parent
CALENDAR = json.loads((HERE / "google-calendar-v3.discovery.json").read_text())
OAUTH = json.loads((HERE / "google-oauth2-v2.discovery.json").read_text())
EMMA, JUAN = "emma@sandbox.example", "juan@sandbox.example"
ALL = "https://www.googleapis.com/auth/calendar"


class Clock:
    """Goes forward by a millisecond at each look, and by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock, tmp_path: Path) -> Iterator[Running]:
    options = Options(clock=clock, mail=tmp_path / "mail", discovery=(CALENDAR, OAUTH), push_retries=(0.01, 0.01))
    with start(options) as running:
        yield running
    assert running.problems == []
    assert running.failures == []


def give_token(sandbox: Running, account: str = EMMA, scopes: str = ALL) -> str:
    """An access token without the browser's part."""
    value = f"ya29.{account}.{len(sandbox.store.tokens)}"
    with sandbox.store.writing():
        grant = Grant(f"grant-{account}", account, sandbox.client.id, scopes.split())
        sandbox.store.grants.put(grant.id, grant)
        sandbox.store.tokens.put(value, Token(value, "access", grant.id, scopes.split(), 9e9))
    return value


Connect = Callable[..., Any]


@pytest.fixture
def connect(sandbox: Running) -> Iterator[Connect]:
    """A service of google-api-python-client for an account."""
    opened: list[httplib2.Http] = []

    def make(account: str = EMMA, scopes: str = ALL, token: str = "") -> Any:
        document = copy.deepcopy(CALENDAR)
        document["rootUrl"] = f"{sandbox.base_url}/"
        http = httplib2.Http()
        opened.append(http)
        credentials = Credentials(token or give_token(sandbox, account, scopes))
        return build_from_document(document, http=AuthorizedHttp(credentials, http=http))

    yield make
    for http in opened:
        http.close()


@pytest.fixture
def google(connect: Connect) -> Any:
    return connect()


def timed(start: str = "2026-11-24T10:00:00Z", end: str = "2026-11-24T11:00:00Z", **more: Any) -> dict[str, Any]:
    """The body of a single event."""
    return {"summary": "Cut", "start": {"dateTime": start}, "end": {"dateTime": end}, **more}


def weekly(**more: Any) -> dict[str, Any]:
    """Mondays at ten in Paris from 5 October 2026 on, eight times, over the end of summer time."""
    zone = {"timeZone": "Europe/Paris"}
    return {
        "summary": "Stand-up",
        "start": {"dateTime": "2026-10-05T10:00:00", **zone},
        "end": {"dateTime": "2026-10-05T10:30:00", **zone},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=8"],
        **more,
    }


def refusal(request: Any) -> tuple[int, str]:
    """Status and reason of the error that a request of the client ends with."""
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError) as caught:
        request.execute()
    error = json.loads(caught.value.content)["error"]
    return error["code"], error["errors"][0]["reason"]
