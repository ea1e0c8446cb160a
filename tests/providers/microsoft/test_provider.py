"""A Graph that does what the sandbox does not: other rules of zones, guards that are not kept, unreadable answers."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kalends.core.span import Span
from kalends.providers.microsoft.known import found
from kalends.providers.registry import build
from kalends.providers.settings import MicrosoftSettings, ProviderSettings
from kalends.sync.port import Ambiguous, Conflict, Content, Guard, Intent
from tests.net.servers import answer, serve

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTENT = Content(Span(START, START + HOUR), "Europe/Paris", "Cut", "", "")
INTENT = Intent(UUID("0191b2c3-d4e5-7f60-8a9b-0c1d2e3f4a5b"), 1, CONTENT)


class Stored:
    def read(self):
        return {"access_token": "t", "expires_at": "2099-01-01T00:00:00+00:00", "subject": "tid.oid", "email": "a@b"}

    def replace(self, old, new):
        return False


class Graph:
    """One event at most. `off` is how far its clock of "Romance Standard Time" is from everybody else's."""

    def __init__(self, *, off=timedelta(), answers=True):
        self.off, self.answers = off, answers
        self.event, self.version, self.asked = None, 0, []

    def __call__(self, connection, request):
        head, _, body = request.partition(b"\r\n\r\n")
        method, path = head.split(b" ", 2)[:2]
        self.asked.append(method.decode())
        if method == b"GET" and b"/events?" in path:
            connection.sendall(answer(body=json.dumps({"value": [self.event] if self.event else []}).encode()))
            return
        if method in (b"POST", b"PATCH"):
            self.keep(json.loads(body))
        shown = json.dumps(self.event).encode() if self.answers or method == b"GET" else b"{}"
        connection.sendall(answer("201 Created" if method == b"POST" else "200 OK", shown))

    def keep(self, given):
        self.version += 1
        times = {name: self.utc(given[name]) for name in ("start", "end") if name in given}
        kept = {"id": "AA1", "type": "singleInstance", "originalStartTimeZone": "UTC"}
        self.event = {**kept, **(self.event or {}), **given, **times, "changeKey": f"k{self.version}"}

    def utc(self, moment):
        at = datetime.fromisoformat(moment["dateTime"])
        if moment["timeZone"] == "Romance Standard Time":
            at = at - HOUR + self.off
        return {"dateTime": at.isoformat(), "timeZone": "UTC"}


@contextmanager
def provider(graph):
    found.clear()
    with serve(graph) as running:
        microsoft = MicrosoftSettings("id", "secret", login_url=running.url, graph_url=running.url)
        yield build("office365", Stored(), ProviderSettings(microsoft=microsoft, allow_hosts=(running.host,)))


def test_create_F14_where_exchange_knows_other_rules_is_mended_in_utc():
    graph = Graph(off=HOUR)
    with provider(graph) as microsoft:
        made = microsoft.put("c", INTENT, Guard()).event
    assert (made.when.span, made.tag) == (CONTENT.span, 'W/"k2"')
    assert graph.asked == ["GET", "POST", "PATCH", "GET"]


def test_create_that_agrees_costs_one_look_and_one_write():
    graph = Graph()
    with provider(graph) as microsoft:
        assert microsoft.put("c", INTENT, Guard()).event.when.span == CONTENT.span
        assert graph.asked == ["GET", "POST"]
        with pytest.raises(Conflict):
            microsoft.put("c", INTENT, Guard())


def test_create_whose_answer_cannot_be_read_is_ambiguous():
    with provider(Graph(answers=False)) as microsoft, pytest.raises(Ambiguous):
        microsoft.put("c", INTENT, Guard())


def test_update_G3_on_a_server_that_keeps_no_guard_still_sees_a_change_of_others():
    graph = Graph()
    with provider(graph) as microsoft:
        made = microsoft.put("c", INTENT, Guard()).event
        with pytest.raises(Conflict):
            # The probe is taken here although its tag cannot be: from now on events are read before they are changed.
            microsoft.put("c", INTENT, Guard(made.id, made.tag, made.raw))
        now = microsoft.get("c", [made.id])[made.id]
        del graph.asked[:]
        done = microsoft.put("c", INTENT, Guard(now.id, now.tag, now.raw)).event
        assert graph.asked == ["GET", "PATCH", "GET"]
        assert done.content == made.content
        with pytest.raises(Conflict):
            microsoft.put("c", INTENT, Guard(now.id, now.tag, now.raw))
