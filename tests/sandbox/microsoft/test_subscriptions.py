"""Subscriptions: the handshake, what is told and how, renewal, lifecycle, retries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kalends.sandbox.app import Running
from tests.sandbox.conftest import Clock
from tests.sandbox.microsoft.conftest import EMMA, JOHN, Graph, connect, path_of, weekly
from tests.support import listening


class Hook:
    """A receiver that does the handshake, answers with the statuses it is given, then 202."""

    def __init__(self, server: HTTPServer) -> None:
        self.url, self.life = server.url_for("/hook"), server.url_for("/life?x=1")
        self.seen: list[dict[str, Any]] = []
        self.lives: list[dict[str, Any]] = []
        self.requests = 0
        self.statuses: list[int] = []
        self.handshake = Response(content_type="text/plain")
        for path in ("/hook", "/life"):
            server.expect_request(path, method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        token = request.args.get("validationToken")
        if token is not None:
            assert request.data == b""
            return Response(
                self.handshake.get_data() or token, self.handshake.status, content_type=self.handshake.content_type
            )
        self.requests += 1
        items = json.loads(request.data)["value"]
        (self.lives if request.path == "/life" else self.seen).extend(items)
        return Response(status=self.statuses.pop(0) if self.statuses else 202)

    def changes(self) -> list[tuple[str, str]]:
        return [(item["changeType"], item["resourceData"]["id"]) for item in self.seen]

    def lifecycle(self) -> list[str]:
        return [item["lifecycleEvent"] for item in self.lives]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as server:
        yield Hook(server)


def wanted(hook: Hook, clock: Clock, **more: Any) -> dict[str, Any]:
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": hook.url,
        "lifecycleNotificationUrl": hook.life,
        "resource": "me/events",
        "expirationDateTime": (clock.now + timedelta(days=6)).isoformat(),
        "clientState": "s3cret",
        **more,
    }


def subscribe(graph: Graph, hook: Hook, clock: Clock, **more: Any) -> dict[str, Any]:
    reply = graph("POST", "/subscriptions", wanted(hook, clock, **more))
    assert reply.status == 201, reply.json
    return dict(reply.json)


def settle(sandbox: Running) -> None:
    sandbox.microsoft.sender.look()
    assert sandbox.microsoft.sender.wait_idle()


def test_changes_are_told_with_the_documented_body(graph: Graph, sandbox: Running, hook: Hook, clock: Clock) -> None:
    made = subscribe(graph, hook, clock)
    event = graph.create()
    settle(sandbox)
    (item,) = hook.seen
    account = sandbox.microsoft.store.accounts[JOHN]
    resource = f"Users/{account.oid}/Events/{event['id']}"
    assert item == {
        "subscriptionId": made["id"],
        "subscriptionExpirationDateTime": made["expirationDateTime"],
        "clientState": "s3cret",
        "tenantId": account.tid,
        "changeType": "created",
        "resource": resource,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": resource,
            "@odata.etag": event["@odata.etag"],
            "id": event["id"],
        },
    }
    graph("PATCH", path_of(event), {"subject": "b"})
    settle(sandbox)
    graph("DELETE", path_of(event))
    settle(sandbox)
    assert [kind for kind, _ in hook.changes()] == ["created", "updated", "deleted"]


@pytest.mark.parametrize("wrong", ["status", "type", "text"])
def test_a_receiver_that_fails_the_handshake_gets_nothing(graph: Graph, hook: Hook, clock: Clock, wrong: str) -> None:
    hook.handshake = {
        "status": Response(status=202, content_type="text/plain"),
        "type": Response(content_type="application/json"),
        "text": Response("ok", content_type="text/plain"),
    }[wrong]
    reply = graph("POST", "/subscriptions", wanted(hook, clock))
    assert (reply.status, reply.code) == (400, "ValidationError")
    assert graph.get("/subscriptions").json["value"] == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"changeType": "moved"}, "InvalidRequest"),
        ({"notificationUrl": "http://hooks.example/x"}, "InvalidRequest"),
        ({"lifecycleNotificationUrl": "ftp://hooks.example/x"}, "InvalidRequest"),
        ({"resource": "me/messages"}, "InvalidRequest"),
        ({"resource": "users/somebody/events"}, "InvalidRequest"),
        ({"resource": "me/calendars/AAMkAGCnone/events"}, "ErrorFolderNotFound"),
        ({"clientState": "x" * 129}, "InvalidRequest"),
        ({"includeResourceData": True}, "InvalidRequest"),
        ({"expirationDateTime": "2026-11-01T00:00:00Z"}, "InvalidRequest"),
        ({"expirationDateTime": "2026-12-01T00:00:00Z"}, "InvalidRequest"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused(
    graph: Graph, hook: Hook, clock: Clock, more: dict[str, Any], code: str
) -> None:
    assert graph("POST", "/subscriptions", wanted(hook, clock, **more)).code == code


def test_a_subscription_lives_at_least_45_minutes_and_can_be_renewed(graph: Graph, hook: Hook, clock: Clock) -> None:
    made = subscribe(graph, hook, clock, expirationDateTime=(clock.now + timedelta(minutes=5)).isoformat())
    left = datetime.fromisoformat(made["expirationDateTime"]) - clock.now
    assert timedelta(minutes=44) < left <= timedelta(minutes=45)
    path = f"/subscriptions/{made['id']}"
    renewed = graph("PATCH", path, {"expirationDateTime": (clock.now + timedelta(days=6)).isoformat()})
    assert renewed.status == 200
    assert datetime.fromisoformat(renewed.json["expirationDateTime"]) - clock.now > timedelta(days=5)
    assert graph("PATCH", path, {"lifecycleNotificationUrl": hook.life}).code == "InvalidRequest"
    assert graph.get(path).json == renewed.json
    assert graph("DELETE", path).status == 204
    assert graph.get(path).code == graph("DELETE", path).code == "ResourceNotFound"


def test_only_its_own_calendar_mailbox_and_kinds_are_told(
    graph: Graph, sandbox: Running, hook: Hook, clock: Clock
) -> None:
    projects = graph.calendar("Projects")
    subscribe(graph, hook, clock, resource=f"me/calendars/{projects}/events", changeType="updated")
    event = graph.create(f"/me/calendars/{projects}/events")
    graph.create()
    connect(sandbox, EMMA).create()
    graph("PATCH", path_of(event), {"subject": "b"})
    settle(sandbox)
    assert hook.changes() == [("updated", event["id"])]


def test_a_subscription_is_seen_by_its_own_account_only(
    graph: Graph, sandbox: Running, hook: Hook, clock: Clock
) -> None:
    made = subscribe(graph, hook, clock)
    other = connect(sandbox, EMMA)
    assert other.get("/subscriptions").json["value"] == []
    assert other("DELETE", f"/subscriptions/{made['id']}").status == 404


def test_of_a_series_the_master_is_told(graph: Graph, sandbox: Running, hook: Hook, clock: Clock) -> None:
    master = graph("POST", "/me/events", weekly()).json
    subscribe(graph, hook, clock, changeType="updated")
    window = {"startDateTime": "2026-11-01T00:00:00Z", "endDateTime": "2026-12-01T00:00:00Z"}
    first, second = graph.get(f"{path_of(master)}/instances", **window).json["value"][:2]
    graph("PATCH", path_of(first), {"subject": "b"})
    settle(sandbox)
    graph("DELETE", path_of(second))
    settle(sandbox)
    assert hook.changes() == [("updated", master["id"])] * 2


def test_a_failing_receiver_is_tried_again(graph: Graph, sandbox: Running, hook: Hook, clock: Clock) -> None:
    subscribe(graph, hook, clock)
    hook.statuses = [503, 400]
    event = graph.create()
    settle(sandbox)
    assert hook.changes() == [("created", event["id"])] * 3


def test_notices_that_wait_come_together_and_can_be_lost_or_repeated(
    graph: Graph, sandbox: Running, hook: Hook, clock: Clock
) -> None:
    subscribe(graph, hook, clock)
    # Long enough for the second to come while the first waits, on a busy machine too.
    sandbox.microsoft.acts.pushes(hold=3)
    first, second = graph.create(), graph.create()
    settle(sandbox)
    assert hook.requests == 1
    assert hook.changes() == [("created", first["id"]), ("created", second["id"])]
    sandbox.microsoft.acts.pushes(lose=1, repeat=1)
    graph.create()
    settle(sandbox)
    assert len(hook.seen) == 2
    graph.create()
    settle(sandbox)
    assert (len(hook.seen), hook.requests) == (4, 3)


def test_a_subscription_warns_before_its_end_and_says_that_it_ended(
    graph: Graph, sandbox: Running, hook: Hook, clock: Clock
) -> None:
    made = subscribe(graph, hook, clock)
    clock.now += timedelta(days=5)
    settle(sandbox)
    assert hook.lifecycle() == []
    clock.now += timedelta(hours=12)
    settle(sandbox)
    settle(sandbox)
    assert hook.lifecycle() == ["reauthorizationRequired"]
    assert hook.lives[0] == {
        "subscriptionId": made["id"],
        "subscriptionExpirationDateTime": made["expirationDateTime"],
        "clientState": "s3cret",
        "tenantId": sandbox.microsoft.store.accounts[JOHN].tid,
        "lifecycleEvent": "reauthorizationRequired",
    }
    clock.now += timedelta(hours=12)
    settle(sandbox)
    assert hook.lifecycle() == ["reauthorizationRequired", "subscriptionRemoved"]
    graph = connect(sandbox)
    graph.create()
    settle(sandbox)
    assert (hook.seen, graph.get("/subscriptions").json["value"]) == ([], [])


def test_without_reauthorisation_nothing_is_told_and_nothing_made_up_for(
    graph: Graph, sandbox: Running, hook: Hook, clock: Clock
) -> None:
    made = subscribe(graph, hook, clock)
    sandbox.microsoft.acts.lifecycle("reauthorizationRequired", account=JOHN)
    graph.create()
    settle(sandbox)
    assert (hook.lifecycle(), hook.seen) == (["reauthorizationRequired"], [])
    assert graph("POST", f"/subscriptions/{made['id']}/reauthorize").status == 204
    settle(sandbox)
    assert hook.seen == []
    event = graph.create()
    settle(sandbox)
    assert hook.changes() == [("created", event["id"])]


def test_missed_changes_and_a_withdrawn_grant_are_told(
    graph: Graph, sandbox: Running, hook: Hook, clock: Clock
) -> None:
    subscribe(graph, hook, clock)
    sandbox.microsoft.acts.lifecycle("missed")
    settle(sandbox)
    sandbox.microsoft.acts.revoke(JOHN)
    settle(sandbox)
    assert hook.lifecycle() == ["missed", "subscriptionRemoved"]
    assert connect(sandbox).get("/subscriptions").json["value"] == []


def test_a_receiver_may_ask_the_sandbox_during_the_handshake(graph: Graph, clock: Clock) -> None:
    answers: list[int] = []

    def take(request: Request) -> Response:
        answers.append(graph.get("/me/calendars").status)
        return Response(request.args["validationToken"], content_type="text/plain")

    with listening() as server:
        server.expect_request("/hook").respond_with_handler(take)
        hook = Hook.__new__(Hook)
        hook.url, hook.life = server.url_for("/hook"), ""
        assert graph("POST", "/subscriptions", wanted(hook, clock)).status == 201
    assert answers == [200]
