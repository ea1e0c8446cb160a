"""Creating, changing and deleting events: Graph's rules, rewriting, ids, preconditions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from kalends.sandbox.app import Running
from tests.sandbox.microsoft.conftest import EMMA, IMMUTABLE, OURS, Graph, connect, path_of, timed, weekly

TAGGED = {"singleValueExtendedProperties": [{"id": OURS, "value": "a-1"}]}
EXPAND = f"singleValueExtendedProperties($filter=id eq '{OURS}')"


def test_an_event_is_kept_as_exchange_keeps_it(graph: Graph) -> None:
    event = graph.create(subject="x" * 300, body={"contentType": "text", "content": "One\nTwo & <three>"})
    assert event["subject"] == "x" * 255
    assert event["body"]["contentType"] == "html"
    assert event["body"]["content"].startswith("<html>\r\n<head>\r\n<meta http-equiv=")
    assert 'class="PlainText">One<br>\r\nTwo &amp; &lt;three&gt;</div>' in event["body"]["content"]
    assert event["bodyPreview"] == "One\r\nTwo & <three>"
    assert event["start"] == {"dateTime": "2026-11-24T09:00:00.0000000", "timeZone": "UTC"}
    assert event["originalStartTimeZone"] == "Romance Standard Time"
    assert (event["isOrganizer"], event["showAs"], event["type"]) == (True, "busy", "singleInstance")
    assert event["responseStatus"]["response"] == "organizer"
    assert event["organizer"]["emailAddress"]["address"] == "john.smith@lakeside.example"


def test_times_are_shown_in_the_zone_that_is_preferred(graph: Graph) -> None:
    event = graph.create(zone="Romance Standard Time")
    for name in ("Tokyo Standard Time", "Asia/Tokyo"):
        reply = graph.get(path_of(event), {"Prefer": f'{IMMUTABLE}, outlook.timezone="{name}"'})
        assert reply.json["start"] == {"dateTime": "2026-11-24T18:00:00.0000000", "timeZone": name}
        assert reply.headers["Preference-Applied"] == f'outlook.timezone="{name}"'
    assert graph.get(path_of(event), {"Prefer": 'outlook.timezone="Moon"'}).code == "TimeZoneNotSupportedException"


def test_text_is_given_where_it_is_preferred(graph: Graph) -> None:
    event = graph.create(body={"contentType": "html", "content": "<p>One</p><p>Two <b>bold</b></p>"})
    body = graph.get(path_of(event), {"Prefer": 'outlook.body-content-type="text"'}).json["body"]
    assert body == {"contentType": "text", "content": "One\r\nTwo bold"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"zone": "Middle-earth Standard Time"}, "TimeZoneNotSupportedException"),
        ({"start": "2026-11-24T12:00:00"}, "ErrorCalendarEndDateIsEarlierThanStartDate"),
        ({"start": "soon"}, "ErrorInvalidDateTime"),
        ({"isAllDay": True}, "ErrorPropertyValidationFailure"),
        ({"isAllDay": True, "start": "2026-11-24T00:00:00", "end": "2026-11-24T00:00:00"},
         "ErrorPropertyValidationFailure"),
        ({"showAs": "asleep"}, "RequestBodyRead"),
        ({"singleValueExtendedProperties": [{"id": "kalends", "value": "1"}]}, "ErrorPropertyValidationFailure"),
        ({"recurrence": {"pattern": {"type": "weekly", "interval": 1}, "range": {"type": "noEnd"}}},
         "ErrorPropertyValidationFailure"),
    ],
)  # fmt: skip
def test_what_graph_refuses(graph: Graph, more: dict[str, Any], code: str) -> None:
    reply = graph("POST", "/me/events", timed(**more))
    assert (reply.status, reply.code) == (400, code)
    assert graph.get("/me/events").json["value"] == []


def test_an_all_day_event_is_the_same_days_in_every_zone(graph: Graph) -> None:
    event = graph.create(isAllDay=True, start="2026-11-24T00:00:00", end="2026-11-26T00:00:00")
    shown = graph.get(path_of(event), {"Prefer": 'outlook.timezone="Tokyo Standard Time"'}).json
    assert event["start"]["dateTime"] == shown["start"]["dateTime"] == "2026-11-24T00:00:00.0000000"
    assert event["end"]["dateTime"] == "2026-11-26T00:00:00.0000000"


def test_a_patch_changes_what_it_names_and_makes_a_new_version(graph: Graph) -> None:
    event = graph.create(body={"contentType": "html", "content": "<p>Kept</p>"})
    times = timed("2026-11-25T14:00:00", "2026-11-25T15:00:00")
    reply = graph("PATCH", path_of(event), {"start": times["start"], "end": times["end"]})
    assert (reply.status, reply.json["id"]) == (200, event["id"])
    assert reply.json["start"]["dateTime"] == "2026-11-25T13:00:00.0000000"
    assert (reply.json["subject"], reply.json["body"]) == ("Cut", event["body"])
    assert reply.json["changeKey"] != event["changeKey"]
    assert reply.json["@odata.etag"] == f'W/"{reply.json["changeKey"]}"'


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_stale_change_key_is_refused(graph: Graph, method: str) -> None:
    event = graph.create()
    fresh = graph("PATCH", path_of(event), {"subject": "Theirs"}).json
    body = {"subject": "Ours"} if method == "PATCH" else None
    stale = graph(method, path_of(event), body, {"If-Match": event["@odata.etag"]})
    assert (stale.status, stale.code) == (412, "ErrorIrresolvableConflict")
    assert graph.get(path_of(event)).json["subject"] == "Theirs"
    assert graph(method, path_of(event), body, {"If-Match": fresh["@odata.etag"]}).status in (200, 204)


def test_a_deleted_event_is_not_found(graph: Graph) -> None:
    event = graph.create()
    assert graph("DELETE", path_of(event)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        reply = graph(method, path_of(event), {} if method == "PATCH" else None)
        assert (reply.status, reply.code) == (404, "ErrorItemNotFound")


def test_a_calendar_that_is_gone_says_so_otherwise_than_an_event(graph: Graph, sandbox: Running) -> None:
    calendar = graph.calendar("Projects")
    event = graph.create(f"/me/calendars/{calendar}/events")
    assert graph("DELETE", f"/me/calendars/{calendar}").status == 204
    assert graph.get(f"/me/calendars/{calendar}/events/{event['id']}").code == "ErrorFolderNotFound"
    assert graph.get(f"/me/calendars/{calendar}").code == "ErrorFolderNotFound"
    assert graph.get(path_of(event)).code == "ErrorItemNotFound"
    assert graph("DELETE", f"/me/calendars/{graph.calendar('Calendar')}").code == "ErrorDeleteDistinguishedFolder"
    sandbox.microsoft.acts.set_account("john.smith@lakeside.example", mailbox=False)
    assert graph.get(path_of(event)).code == "MailboxNotEnabledForRESTAPI"


def test_a_read_only_calendar_refuses_writes(graph: Graph, sandbox: Running) -> None:
    room = graph.calendar("Meeting room")
    assert graph("POST", f"/me/calendars/{room}/events", timed()).status == 403
    projects = graph.calendar("Projects")
    event = graph.create(f"/me/calendars/{projects}/events")
    sandbox.microsoft.acts.set_calendar(projects, can_edit=False)
    for method in ("PATCH", "DELETE"):
        assert graph(method, path_of(event), {} if method == "PATCH" else None).code == "ErrorAccessDenied"


def test_calendars_say_what_can_be_done_with_them(graph: Graph) -> None:
    rows = graph.get("/me/calendars").json["value"]
    assert [(row["name"], row["isDefaultCalendar"], row["canEdit"], row["isRemovable"]) for row in rows] == [
        ("Calendar", True, True, False),
        ("Projects", False, True, True),
        ("Meeting room", False, False, False),
    ]
    assert graph.get("/me/calendar").json["id"] == rows[0]["id"]
    assert rows[2]["owner"]["address"] == "room@lakeside.example"
    made = graph("POST", "/me/calendars", {"name": "New"})
    assert made.status == 201
    assert graph("POST", "/me/calendars", {"name": "New"}).code == "ErrorFolderExists"
    first = graph.get("/me/calendars", _top="1")
    assert len(first.json["value"]) == 1
    assert graph.get(first.json["@odata.nextLink"]).json["value"][0]["name"] == "Projects"


def test_an_event_is_found_in_its_own_calendar_only(graph: Graph) -> None:
    projects = graph.calendar("Projects")
    event = graph.create(f"/me/calendars/{projects}/events")
    assert graph.get(f"/me/calendars/{projects}/events/{event['id']}").status == 200
    assert graph.get(f"/me/calendars/{graph.calendar('Calendar')}/events/{event['id']}").code == "ErrorItemNotFound"


def test_one_mailbox_does_not_see_anothers(graph: Graph, sandbox: Running) -> None:
    event = graph.create()
    other = connect(sandbox, EMMA)
    assert other.get(path_of(event)).code == "ErrorItemNotFound"
    assert other.get(f"/me/calendars/{graph.calendar('Projects')}").code == "ErrorFolderNotFound"


def test_ids_are_of_the_kind_that_is_preferred_and_both_are_taken(sandbox: Running) -> None:
    plain, immutable = connect(sandbox, prefer=""), connect(sandbox)
    event = plain.create()
    (listed,) = immutable.get("/me/events").json["value"]
    assert listed["id"] != event["id"]
    assert plain.get(path_of(listed)).json["id"] == event["id"]
    assert immutable.get(path_of(event)).json["id"] == listed["id"]
    for wrong in (listed["id"].swapcase(), "AAkALgnothing"):
        assert immutable.get(f"/me/events/{quote(wrong)}").status in (400, 404)
    assert immutable.get("/me/events/rubbish").code == "ErrorInvalidIdMalformed"


def test_a_transaction_id_makes_one_event_and_is_told_to_its_application_only(graph: Graph, sandbox: Running) -> None:
    event = graph.create(transactionId="t-1")
    assert graph.create(subject="Again", transactionId="t-1") == event
    assert event["transactionId"] == "t-1"
    assert len(graph.get("/me/events").json["value"]) == 1
    assert graph("PATCH", path_of(event), {"transactionId": "t-2"}).status == 400
    with sandbox.microsoft.store.writing():
        stored = sandbox.microsoft.store.event("john.smith@lakeside.example", event["id"])
        assert stored is not None
        stored.app = "another application"
    assert graph.get(path_of(event)).json["transactionId"] is None


def test_a_transaction_id_can_be_answered_with_a_conflict(graph: Graph, sandbox: Running) -> None:
    graph.create(transactionId="t-1")
    sandbox.microsoft.acts.set(transaction_conflict=True)
    reply = graph("POST", "/me/events", timed(transactionId="t-1"))
    assert (reply.status, reply.code) == (409, "ErrorDuplicateTransactionId")


def test_extended_properties_are_given_only_when_they_are_asked_for(graph: Graph) -> None:
    event = graph.create(**TAGGED)
    assert "singleValueExtendedProperties" not in event
    assert "singleValueExtendedProperties" not in graph.get(path_of(event)).json
    assert graph.get(path_of(event), _expand=EXPAND).json["singleValueExtendedProperties"] == [
        {"id": OURS, "value": "a-1"}
    ]
    other = EXPAND.replace("kalends", "else")
    assert "singleValueExtendedProperties" not in graph.get(path_of(event), _expand=other).json


# -- series ------------------------------------------------------------------------------------------------------


def occurrences(graph: Graph, master: dict[str, Any]) -> list[dict[str, Any]]:
    window = {"startDateTime": "2026-10-01T00:00:00Z", "endDateTime": "2026-12-31T00:00:00Z"}
    return graph.all(f"{path_of(master)}/instances", **window)[0]


def test_a_series_keeps_its_wall_time_over_the_end_of_summer_time(graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    assert master["type"] == "seriesMaster"
    assert master["recurrence"]["pattern"]["daysOfWeek"] == ["monday"]
    assert master["recurrence"]["range"]["recurrenceTimeZone"] == "Romance Standard Time"
    found = occurrences(graph, master)
    assert [item["start"]["dateTime"][5:16] for item in found] == [
        "10-05T08:00", "10-12T08:00", "10-19T08:00", "10-26T09:00",
        "11-02T09:00", "11-09T09:00", "11-16T09:00", "11-23T09:00",
    ]  # fmt: skip
    assert {item["seriesMasterId"] for item in found} == {master["id"]}
    assert len({item["iCalUId"] for item in found}) == 8
    assert len({item["id"] for item in found}) == 8


def test_an_occurrence_that_is_changed_becomes_an_exception(graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    second = occurrences(graph, master)[1]
    times = timed("2026-10-13T15:00:00", "2026-10-13T15:30:00")
    moved = graph("PATCH", path_of(second), {"start": times["start"], "end": times["end"]}).json
    assert (moved["type"], moved["id"], moved["seriesMasterId"]) == ("exception", second["id"], master["id"])
    assert moved["originalStart"] == "2026-10-12T08:00:00.0000000Z"
    kinds = [item["type"] for item in occurrences(graph, master)]
    assert sorted(kinds) == ["exception"] + ["occurrence"] * 7
    assert graph.get(path_of(master)).json["changeKey"] != master["changeKey"]


def test_an_occurrence_or_the_series_can_be_deleted(graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    found = occurrences(graph, master)
    graph("PATCH", path_of(found[2]), {"subject": "Special"})
    assert graph("DELETE", path_of(found[1])).status == graph("DELETE", path_of(found[2])).status == 204
    assert graph.get(path_of(found[1])).code == "ErrorItemNotFound"
    assert [item["id"] for item in occurrences(graph, master)] == [found[i]["id"] for i in (0, 3, 4, 5, 6, 7)]
    assert graph("DELETE", path_of(master)).status == 204
    assert graph.get(path_of(found[0])).code == "ErrorItemNotFound"


def test_new_times_of_a_series_take_its_exceptions_away(graph: Graph) -> None:
    master = graph("POST", "/me/events", weekly()).json
    found = occurrences(graph, master)
    graph("PATCH", path_of(found[1]), {"subject": "Special"})
    times = timed("2026-10-05T11:00:00", "2026-10-05T11:30:00")
    graph("PATCH", path_of(master), {"start": times["start"], "end": times["end"]})
    after = occurrences(graph, master)
    assert {item["type"] for item in after} == {"occurrence"}
    assert after[0]["start"]["dateTime"] == "2026-10-05T09:00:00.0000000"
    assert after[0]["id"] == found[0]["id"]


def test_an_occurrence_cannot_recur(graph: Graph) -> None:
    first = occurrences(graph, graph("POST", "/me/events", weekly()).json)[0]
    assert graph("PATCH", path_of(first), {"recurrence": weekly()["recurrence"]}).status == 400
