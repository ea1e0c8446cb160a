"""Trouble on order, by the admin addresses and in process; state that outlives a restart; the check itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

from kalends.core.errors import InvalidInput
from kalends.sandbox.__main__ import options_from
from kalends.sandbox.app import Options, Running, start
from kalends.sandbox.google.events import Writer, insert_event
from kalends.sandbox.google.validate import Discovery
from tests.sandbox.conftest import CALENDAR, EMMA, Clock, refusal, timed


def admin(sandbox: Running, path: str, method: str = "GET", body: Any = None, kind: str = "application/json") -> Any:
    data = json.dumps(body or {}).encode() if method != "GET" else None
    request = urllib.request.Request(f"{sandbox.base_url}/_admin/{path}", data=data, method=method)
    request.add_header("Content-Type", kind)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "userRateLimitExceeded"), (403, "quotaExceeded"), (429, "rateLimitExceeded"), (500, "backendError")],
)
def test_an_error_is_answered_as_often_as_ordered(google: Any, sandbox: Running, status: int, reason: str) -> None:
    sandbox.faults.add("error", status=status, reason=reason, times=2, path="/events")
    assert refusal(google.events().list(calendarId="primary")) == (status, reason)
    assert google.calendarList().list().execute()["items"] != []
    assert refusal(google.events().list(calendarId="primary")) == (status, reason)
    assert google.events().list(calendarId="primary").execute()["items"] == []


def test_an_answer_can_be_lost_after_the_effect(google: Any, sandbox: Running) -> None:
    sandbox.faults.add("drop_after", method="POST", times=2)  # the client itself sends again once
    with pytest.raises((RemoteDisconnected, BadStatusLine, ConnectionError)):
        google.events().insert(calendarId="primary", body=timed(id="lost0")).execute()
    assert google.events().get(calendarId="primary", eventId="lost0").execute()["status"] == "confirmed"


def test_an_error_can_be_answered_after_the_effect(google: Any, sandbox: Running) -> None:
    sandbox.faults.add("error_after", method="POST", status=503)
    assert refusal(google.events().insert(calendarId="primary", body=timed(id="lost0"))) == (503, "backendError")
    assert google.events().get(calendarId="primary", eventId="lost0").execute()["status"] == "confirmed"


def test_a_request_can_be_dropped_before_the_effect(google: Any, sandbox: Running) -> None:
    sandbox.faults.add("drop", method="PATCH", times=2)
    google.events().insert(calendarId="primary", body=timed(id="lost0")).execute()
    with pytest.raises((RemoteDisconnected, BadStatusLine, ConnectionError)):
        google.events().patch(calendarId="primary", eventId="lost0", body={"summary": "B"}).execute()
    assert google.events().get(calendarId="primary", eventId="lost0").execute()["summary"] == "Cut"


def test_an_unknown_fault_is_refused(sandbox: Running) -> None:
    with pytest.raises(InvalidInput):
        sandbox.faults.add("earthquake")
    with pytest.raises(InvalidInput):
        sandbox.faults.add("error", strength=9)


def test_the_admin_addresses_do_the_same(google: Any, sandbox: Running) -> None:
    token = google.events().list(calendarId="primary").execute()["nextSyncToken"]
    listed = admin(sandbox, "faults", "POST", {"kind": "error", "status": 429, "reason": "rateLimitExceeded"})
    assert [item["kind"] for item in listed["items"]] == ["error"]
    assert admin(sandbox, "faults", "DELETE") == {"items": []}
    assert admin(sandbox, "expire-sync-tokens", "POST") == {"done": "expire-sync-tokens"}
    assert refusal(google.events().list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")
    admin(sandbox, "set-role", "POST", {"calendar": EMMA, "account": EMMA, "role": "reader"})
    assert refusal(google.events().insert(calendarId="primary", body=timed())) == (403, "requiredAccessLevel")
    with pytest.raises(urllib.error.HTTPError) as refused:
        admin(sandbox, "no-such-act", "POST")
    assert refused.value.code == 400
    refused.value.close()


def test_a_form_of_a_foreign_page_changes_nothing(sandbox: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        admin(sandbox, "expire-access-tokens", "POST", kind="text/plain")
    assert refused.value.code == 415
    refused.value.close()


def test_the_journal_counts_requests(google: Any, sandbox: Running) -> None:
    before = sandbox.journal.since()[-1]["number"] if sandbox.journal.since() else 0
    google.events().list(calendarId="primary").execute()
    assert [(entry["name"], entry["status"]) for entry in sandbox.journal.since(before)] == [
        ("calendar.events.list", "200")
    ]


def test_the_state_outlives_a_restart(tmp_path: Path, clock: Clock) -> None:
    options = Options(clock=clock, data=tmp_path)
    with start(options) as first, first.store.writing():
        insert_event(first.store, first.store.calendars[EMMA], timed(id="kept0"), Writer(EMMA, "Kalends"))
        change = first.store.change
    with start(options) as second, second.store.writing():
        kept = second.store.event(EMMA, "kept0")
        assert kept is not None
        assert (kept.body["summary"], kept.via, second.store.change) == ("Cut", "Kalends", change)
        assert len(second.store.accounts) == 4


def test_the_check_finds_what_is_not_valid() -> None:
    discovery = Discovery(CALENDAR)
    body = {"summary": 5, "start": {"dateTime": "tomorrow"}, "end": {}, "colour": "red"}
    assert discovery.request_problems("calendar.events.insert", {"sendUpdates": ["some"], "x": ["1"]}, body) == [
        "query.sendUpdates: 'some' is none of ['all', 'externalOnly', 'none']",
        "query: unknown parameter x",
        "body.end: missing",
        "body.summary: 5 is no string",
        "body.start.dateTime: 'tomorrow' is no date-time",
        "body.colour: no such property",
    ]
    assert discovery.reply_problems("calendar.events.get", {"id": "a", "sequence": "1"}) == [
        "reply.sequence: '1' is no integer"
    ]


def test_the_scopes_of_the_methods_are_those_of_the_document() -> None:
    from kalends.sandbox.google import scopes

    discovery = Discovery(CALENDAR)
    for method in scopes._METHODS:
        mine, theirs = scopes.allowed(method), set(discovery.scopes(method))
        assert mine <= theirs, method


def test_the_command_line_reads_its_options(tmp_path: Path) -> None:
    options = options_from(["--port", "0", "--data", str(tmp_path), "--client-id", "i", "--client-secret", "s",
                            "--caldav", "http://127.0.0.1:5232/john/", "--caldav-user", "john"])  # fmt: skip
    assert (options.port, options.data, options.client.id, options.client.secret) == (0, tmp_path, "i", "s")
    assert [calendar.key for calendar in options.caldav] == ["caldav:john"]
    assert options.demo_events is True
