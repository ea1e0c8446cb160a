"""calendarView/delta: rounds, what comes as removed, series, pages, refusals, tokens that die."""

from __future__ import annotations

from typing import Any

import pytest

from kalends.sandbox.app import Running
from tests.sandbox.microsoft.conftest import IMMUTABLE, Graph, connect, path_of, timed, weekly

WINDOW = {"startDateTime": "2026-11-01T00:00:00Z", "endDateTime": "2026-12-01T00:00:00Z"}
PATH = "/me/calendarView/delta"


def told(items: list[dict[str, Any]]) -> list[str]:
    return [f"-{item['id']}" if "@removed" in item else item["id"] for item in items]


def begin(graph: Graph, path: str = PATH) -> tuple[list[dict[str, Any]], str]:
    items, last = graph.all(path, **WINDOW)
    return items, last.json["@odata.deltaLink"]


def go_on(graph: Graph, link: str) -> tuple[list[dict[str, Any]], str]:
    items, last = graph.all(link)
    return items, last.json["@odata.deltaLink"]


def test_a_round_gives_the_window_and_the_next_what_changed(graph: Graph) -> None:
    first, second = graph.create(subject="1"), graph.create(subject="2")
    graph.create(start="2026-12-24T10:00:00", end="2026-12-24T11:00:00")
    items, link = begin(graph)
    assert told(items) == [first["id"], second["id"]]
    assert go_on(graph, link)[0] == []
    graph("PATCH", path_of(first), {"subject": "1b"})
    third = graph.create(subject="3")
    graph("DELETE", path_of(second))
    items, after = go_on(graph, link)
    assert told(items) == [first["id"], f"-{second['id']}", third["id"]]
    assert items[0]["subject"] == "1b"
    assert items[1]["@removed"] == {"reason": "deleted"}
    assert go_on(graph, after)[0] == []
    assert told(go_on(graph, link)[0]) == told(items)


def test_what_changed_outside_the_window_comes_as_removed(graph: Graph) -> None:
    inside = graph.create()
    outside = graph.create(start="2027-01-10T10:00:00", end="2027-01-10T11:00:00")
    _, link = begin(graph)
    times = timed("2027-02-01T10:00:00", "2027-02-01T11:00:00")
    for event in (inside, outside):
        graph("PATCH", path_of(event), {"start": times["start"], "end": times["end"]})
    assert told(go_on(graph, link)[0]) == [f"-{inside['id']}", f"-{outside['id']}"]
    assert graph.get(path_of(inside)).status == 200


def test_a_series_comes_as_its_master_with_bare_occurrences(graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    items, link = begin(graph)
    assert [item["type"] for item in items] == ["seriesMaster"] + ["occurrence"] * 4
    assert items[0]["id"] == master["id"]
    assert items[0]["start"]["dateTime"] == "2026-10-05T08:00:00.0000000"
    assert sorted(items[1]) == ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"]
    graph("PATCH", path_of(items[2]), {"subject": "Special"})
    again, _ = go_on(graph, link)
    assert [item["type"] for item in again] == ["seriesMaster"] + ["occurrence"] * 3 + ["exception"]
    assert again[-1]["subject"] == "Special"


def test_a_deleted_occurrence_gives_no_sign_but_the_series(graph: Graph, sandbox: Running) -> None:
    graph("POST", "/me/events", weekly())
    items, link = begin(graph)
    graph("DELETE", path_of(items[1]))
    again, _ = go_on(graph, link)
    assert told(again) == [items[i]["id"] for i in (0, 2, 3, 4)]
    sandbox.microsoft.acts.set(tell_removed_days=True)
    assert told(go_on(graph, link)[0]) == [*(items[i]["id"] for i in (0, 2, 3, 4)), f"-{items[1]['id']}"]


def test_a_series_without_occurrences_in_the_window_is_removed(graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    _, link = begin(graph)
    shorter = weekly()["recurrence"]
    shorter["range"]["numberOfOccurrences"] = 2
    graph("PATCH", path_of(master), {"recurrence": shorter})
    assert told(go_on(graph, link)[0]) == [f"-{master['id']}"]


def test_each_calendar_has_its_own_delta(graph: Graph) -> None:
    projects = graph.calendar("Projects")
    event = graph.create(f"/me/calendars/{projects}/events")
    graph.create()
    items, link = begin(graph, f"/me/calendars/{projects}/calendarView/delta")
    assert told(items) == [event["id"]]
    graph.create()
    assert go_on(graph, link)[0] == []


@pytest.mark.parametrize("spelt", ["delta()", "microsoft.graph.delta()"])
def test_the_function_can_be_called_in_full(graph: Graph, spelt: str) -> None:
    event = graph.create()
    assert told(begin(graph, f"/me/calendarView/{spelt}")[0]) == [event["id"]]


def test_pages_are_as_long_as_preferred_and_never_split_a_series(graph: Graph, sandbox: Running) -> None:
    graph("POST", "/me/events", weekly())
    for number in range(5):
        graph.create(subject=str(number))
    prefer = {"Prefer": f"{IMMUTABLE}, odata.maxpagesize=2"}
    reply = graph.get(PATH, prefer, **WINDOW)
    assert [item["type"] for item in reply.json["value"]] == ["seriesMaster"] + ["occurrence"] * 4
    lengths = []
    while "@odata.nextLink" in reply.json:
        reply = graph.get(reply.json["@odata.nextLink"], prefer)
        lengths.append(len(reply.json["value"]))
    assert lengths == [2, 2, 1]


def test_an_empty_page_can_have_a_next_link(graph: Graph, sandbox: Running) -> None:
    graph.create()
    sandbox.microsoft.acts.set(empty_pages=2)
    first = graph.get(PATH, **WINDOW)
    assert (first.json["value"], "@odata.nextLink" in first.json) == ([], True)
    assert len(begin(graph)[0]) == 1


def test_a_change_during_a_round_comes_in_the_next(graph: Graph, sandbox: Running) -> None:
    sandbox.microsoft.acts.set(page_cap=1)
    events = [graph.create(subject=str(number)) for number in range(3)]
    first = graph.get(PATH, **WINDOW).json
    graph("PATCH", path_of(events[0]), {"subject": "changed"})
    items, last = graph.all(first["@odata.nextLink"])
    assert told(items) == [event["id"] for event in events[1:]]
    assert told(go_on(graph, last.json["@odata.deltaLink"])[0]) == [events[0]["id"]]


def test_deletions_can_be_hidden_and_items_replayed(graph: Graph, sandbox: Running) -> None:
    first, second = graph.create(subject="1"), graph.create(subject="2")
    _, link = begin(graph)
    sandbox.microsoft.acts.set(hide_deletions=1, replay=True)
    graph("DELETE", path_of(first))
    graph("PATCH", path_of(second), {"subject": "2b"})
    assert told(go_on(graph, link)[0]) == [second["id"], second["id"]]


@pytest.mark.parametrize(
    "query", [{"_select": "id"}, {"_top": "5"}, {"_filter": "subject eq 'x'"}, {"_orderby": "subject"},
              {"_expand": "calendar"}, {"_search": "x"}]
)  # fmt: skip
def test_what_a_delta_cannot_do_is_refused(graph: Graph, query: dict[str, str]) -> None:
    reply = graph.get(PATH, **WINDOW, **query)
    assert (reply.status, reply.code) == (400, "ErrorInvalidUrlQuery")


@pytest.mark.parametrize("code", ["syncStateNotFound", "resyncRequired"])
def test_an_expired_token_says_how_to_begin_anew(graph: Graph, sandbox: Running, code: str) -> None:
    event = graph.create()
    _, link = begin(graph)
    sandbox.microsoft.acts.set(expired_code=code)
    sandbox.microsoft.acts.expire_delta()
    reply = graph.get(link)
    assert (reply.status, reply.code) == (410, code)
    assert told(graph.get(reply.headers["Location"]).json["value"]) == [event["id"]]


def test_a_token_of_elsewhere_is_refused(graph: Graph) -> None:
    _, link = begin(graph)
    projects = graph.calendar("Projects")
    assert graph.get(link.replace("/me/", f"/me/calendars/{projects}/")).code == "SyncStateInvalid"
    assert graph.get(f"{PATH}?$deltatoken=rubbish").code == "SyncStateInvalid"


def test_delta_can_be_for_the_default_calendar_only(graph: Graph, sandbox: Running) -> None:
    sandbox.microsoft.acts.set(delta_default_only=True)
    projects = graph.calendar("Projects")
    refused = graph.get(f"/me/calendars/{projects}/calendarView/delta", **WINDOW)
    assert (refused.status, refused.code) == (400, "ErrorInvalidRequest")
    assert graph.get(PATH, **WINDOW).status == 200


def test_a_delta_gives_the_kind_of_id_that_is_preferred(graph: Graph, sandbox: Running) -> None:
    event = graph.create()
    items, link = begin(connect(sandbox, prefer=""))
    assert items[0]["id"] != event["id"]
    graph("DELETE", path_of(event))
    assert told(go_on(graph, link)[0]) == [f"-{event['id']}"]
