"""Limits and trouble: requests in flight, requests in ten minutes, faults on order, by call and by admin address."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from kalends.core.errors import InvalidInput
from kalends.sandbox.app import Running
from tests.sandbox.conftest import Clock
from tests.sandbox.microsoft.conftest import EMMA, JOHN, Graph, answer_of, connect, timed
from tests.sandbox.microsoft.test_oauth import connected, refresh


def test_a_fifth_request_in_flight_is_over_the_limit(graph: Graph, sandbox: Running) -> None:
    # Long enough for all six to have arrived, on a busy machine too.
    sandbox.faults.add("delay", times=4, seconds=3, path="/v1.0/me")
    ready = threading.Barrier(6)

    def work(client: Graph) -> tuple[int, str]:
        ready.wait()
        reply = client.get("/me/calendars")
        return reply.status, reply.headers.get("Retry-After", "")

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, [graph] * 6))
    assert sorted(found) == [(200, "")] * 4 + [(429, "1")] * 2
    assert sandbox.microsoft.throttle.highest == 4


def test_each_mailbox_has_its_own_limit(graph: Graph, sandbox: Running) -> None:
    sandbox.microsoft.acts.set(quota=2)
    assert [graph.get("/me/calendars").status for _ in range(3)] == [200, 200, 429]
    assert connect(sandbox, EMMA).get("/me/calendars").status == 200


def test_a_quota_is_free_again_when_its_window_is_over(graph: Graph, sandbox: Running, clock: Clock) -> None:
    sandbox.microsoft.acts.set(quota=1)
    graph.get("/me/calendars")
    refused = graph.get("/me/calendars")
    assert (refused.status, refused.code) == (429, "ApplicationThrottled")
    assert refused.headers["Retry-After"] == "600"
    clock.now += timedelta(seconds=600)
    assert graph.get("/me/calendars").status == 200


def test_errors_come_on_order_in_graphs_shape(graph: Graph, sandbox: Running) -> None:
    sandbox.faults.add("error", times=2, path="/v1.0/", status=429, retry_after=7)
    sandbox.faults.add("error", path="/v1.0/", reason="ErrorServerBusy")
    first = graph.get("/me/events")
    assert (first.status, first.code, first.headers["Retry-After"]) == (429, "ApplicationThrottled", "7")
    assert graph.get("/me/events").status == 429
    busy = graph.get("/me/events")
    assert (busy.status, busy.code) == (503, "ErrorServerBusy")
    assert graph.get("/me/events").status == 200


def test_an_answer_can_be_lost_before_or_after_the_effect(graph: Graph, sandbox: Running) -> None:
    for kind, count in (("drop", 0), ("drop_after", 1), ("error_after", 2), ("truncate", 3)):
        sandbox.faults.add(kind, method="POST", path="/me/events")
        if kind == "error_after":
            assert graph("POST", "/me/events", timed()).status == 503
        else:
            with pytest.raises((RemoteDisconnected, IncompleteRead, urllib.error.URLError)):
                graph("POST", "/me/events", timed())
        assert len(graph.get("/me/events").json["value"]) == count


def test_the_token_endpoint_fails_in_entras_shape(sandbox: Running) -> None:
    value = connected(sandbox)["refresh_token"]
    sandbox.faults.add("error", path="/oauth2/v2.0/token", reason="temporarily_unavailable")
    status, payload = refresh(sandbox, value)
    assert (status, payload["error"], payload["error_codes"]) == (503, "temporarily_unavailable", [90033])
    assert refresh(sandbox, value)[0] == 200


def order(sandbox: Running, act: str, **body: Any) -> int:
    request = urllib.request.Request(
        f"{sandbox.base_url}/_admin/{act}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    return answer_of(request).status


def test_acts_can_be_ordered_by_address(graph: Graph, sandbox: Running) -> None:
    assert order(sandbox, "microsoft-settings", page_cap=1, access_seconds=60) == 200
    assert (sandbox.microsoft.settings.page_cap, sandbox.microsoft.oauth.access_seconds) == (1, 60)
    assert order(sandbox, "microsoft-set-account", account=JOHN, mailbox=False) == 200
    assert graph.get("/me/calendars").code == "MailboxNotEnabledForRESTAPI"
    assert order(sandbox, "microsoft-set-account", account=JOHN, mailbox=True) == 200
    assert order(sandbox, "microsoft-expire-access", account=JOHN) == 200
    assert graph.get("/me/calendars").status == 401
    assert order(sandbox, "microsoft-revoke", account=JOHN) == 200
    assert order(sandbox, "microsoft-lifecycle", event="missed") == 200
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("microsoft-settings", {"colour": "red"}),
        ("microsoft-lifecycle", {"event": "born"}),
        ("microsoft-set-account", {"account": JOHN, "name": "x"}),
        ("microsoft-set-account", {"account": "nobody"}),
    ]
    for act, body in wrong:
        assert order(sandbox, act, **body) == 400
    with pytest.raises(InvalidInput):
        sandbox.microsoft.acts.grant(JOHN, ["Everything"])
