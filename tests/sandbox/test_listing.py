"""events.list and events.instances: windows, pages, sync tokens and their refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kalends.sandbox.app import Running
from tests.sandbox.conftest import EMMA, Clock, refusal, timed, weekly

SERIES = "series00"


def listed(google: Any, **params: Any) -> dict[str, Any]:
    return google.events().list(calendarId="primary", **params).execute()


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"] for item in answer["items"]]


def insert(google: Any, name: str, **more: Any) -> dict[str, Any]:
    return google.events().insert(calendarId="primary", body=timed(id=name, **more)).execute()


def test_a_delta_holds_what_changed_with_bare_tombstones(google: Any) -> None:
    insert(google, "aaaaa")
    insert(google, "bbbbb")
    token = listed(google)["nextSyncToken"]
    assert listed(google, syncToken=token)["items"] == []
    google.events().patch(calendarId="primary", eventId="aaaaa", body={"summary": "New"}).execute()
    google.events().delete(calendarId="primary", eventId="bbbbb").execute()
    answer = listed(google, syncToken=token)
    changed, deleted = answer["items"]
    assert changed["summary"] == "New"
    assert sorted(deleted) == ["etag", "id", "kind", "status"]
    assert (deleted["id"], deleted["status"]) == ("bbbbb", "cancelled")
    assert listed(google, syncToken=answer["nextSyncToken"])["items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iCalUID", "x"),
        ("orderBy", "updated"),
        ("privateExtendedProperty", "a=b"),
        ("q", "x"),
        ("sharedExtendedProperty", "a=b"),
        ("timeMin", "2026-01-01T00:00:00Z"),
        ("timeMax", "2026-01-01T00:00:00Z"),
        ("updatedMin", "2026-11-20T00:00:00Z"),
        ("showDeleted", False),
    ],
)
def test_a_sync_token_refuses_filters(google: Any, name: str, value: Any) -> None:
    token = listed(google)["nextSyncToken"]
    request = google.events().list(calendarId="primary", syncToken=token, **{name: value})
    assert refusal(request) == (400, "badRequest")


def test_a_sync_token_needs_the_same_parameters(google: Any) -> None:
    token = listed(google)["nextSyncToken"]
    assert refusal(google.events().list(calendarId="primary", syncToken=token, singleEvents=True)) == (
        400,
        "badRequest",
    )


def test_a_forged_sync_token_is_invalid_and_an_expired_one_gone(google: Any, sandbox: Running) -> None:
    token = listed(google)["nextSyncToken"]
    assert refusal(google.events().list(calendarId="primary", syncToken="forged")) == (400, "invalid")
    sandbox.faults.expire_sync_tokens(EMMA)
    assert refusal(google.events().list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")


def test_a_change_of_rights_ends_sync_tokens(google: Any, sandbox: Running) -> None:
    token = listed(google)["nextSyncToken"]
    sandbox.faults.set_role(EMMA, EMMA, "reader")
    assert refusal(google.events().list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")
    assert refusal(google.events().insert(calendarId="primary", body=timed())) == (403, "requiredAccessLevel")


def test_pages_cover_everything_once_and_only_the_last_has_a_sync_token(google: Any) -> None:
    for index in range(7):
        insert(google, f"page{index}")
    first = listed(google, maxResults=3)
    second = listed(google, maxResults=3, pageToken=first["nextPageToken"])
    last = listed(google, maxResults=3, pageToken=second["nextPageToken"])
    assert [len(page["items"]) for page in (first, second, last)] == [3, 3, 1]
    assert ids(first) + ids(second) + ids(last) == [f"page{index}" for index in range(7)]
    assert ["nextSyncToken" in page for page in (first, second, last)] == [False, False, True]
    assert "nextPageToken" not in last


def test_a_change_between_pages_comes_with_the_next_delta(google: Any) -> None:
    for index in range(4):
        insert(google, f"page{index}")
    first = listed(google, maxResults=2)
    google.events().delete(calendarId="primary", eventId="page0").execute()
    last = listed(google, maxResults=2, pageToken=first["nextPageToken"])
    assert ids(listed(google, syncToken=last["nextSyncToken"])) == ["page0"]


def test_a_delta_is_paged_under_the_same_sync_token(google: Any) -> None:
    token = listed(google)["nextSyncToken"]
    for index in range(3):
        insert(google, f"page{index}")
    first = listed(google, syncToken=token, maxResults=2)
    assert "nextSyncToken" not in first
    wrong = google.events().list(calendarId="primary", pageToken=first["nextPageToken"], maxResults=2)
    assert refusal(wrong) == (400, "invalid")
    last = listed(google, syncToken=token, maxResults=2, pageToken=first["nextPageToken"])
    assert ids(first) + ids(last) == ["page0", "page1", "page2"]


def test_pages_may_be_shorter_than_asked_for(google: Any, sandbox: Running) -> None:
    sandbox.faults.page_cap = 1
    insert(google, "page0")
    insert(google, "page1")
    assert ids(listed(google, maxResults=250)) == ["page0"]


def test_the_window_is_half_open_and_baked_into_the_token(google: Any) -> None:
    insert(google, "aaaaa", start="2026-11-24T09:00:00Z", end="2026-11-24T10:00:00Z")
    insert(google, "bbbbb", start="2026-11-24T09:30:00Z", end="2026-11-24T10:30:00Z")
    insert(google, "ccccc", start="2026-11-24T12:00:00Z", end="2026-11-24T13:00:00Z")
    window = {"timeMin": "2026-11-24T10:00:00Z", "timeMax": "2026-11-24T12:00:00Z"}
    answer = listed(google, **window)
    assert ids(answer) == ["bbbbb"]
    insert(google, "ddddd", start="2026-11-20T09:00:00Z", end="2026-11-20T10:00:00Z")
    insert(google, "eeeee", start="2026-11-24T11:00:00Z", end="2026-11-24T11:30:00Z")
    away = {"start": {"dateTime": "2026-12-24T09:00:00Z"}, "end": {"dateTime": "2026-12-24T10:00:00Z"}}
    google.events().patch(calendarId="primary", eventId="bbbbb", body=away).execute()
    assert ids(listed(google, syncToken=answer["nextSyncToken"])) == ["bbbbb", "eeeee"]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"timeMin": "2026-11-24T10:00:00"}, "badRequest"),
        ({"timeMin": "2026-11-25T10:00:00Z", "timeMax": "2026-11-24T10:00:00Z"}, "timeRangeEmpty"),
        ({"orderBy": "startTime"}, "badRequest"),
        ({"pageToken": "forged"}, "invalid"),
        ({"maxResults": 0}, "invalid"),
    ],
)
def test_list_refuses_parameters(google: Any, params: dict[str, Any], reason: str) -> None:
    assert refusal(google.events().list(calendarId="primary", **params)) == (400, reason)


def test_filters_and_no_sync_token_with_them(google: Any) -> None:
    marks = {"private": {"link": "1", "kind": "x"}}
    insert(google, "aaaaa", extendedProperties=marks, summary="Blue hair")
    insert(google, "bbbbb", extendedProperties={"private": {"link": "2"}})
    found = listed(google, privateExtendedProperty=["link=1", "kind=x"])
    assert ids(found) == ["aaaaa"]
    assert "nextSyncToken" not in found
    assert ids(listed(google, privateExtendedProperty="link=3")) == []
    assert ids(listed(google, q="hair")) == ["aaaaa"]
    assert ids(listed(google, iCalUID="bbbbb@google.com")) == ["bbbbb"]


def test_deleted_events_are_listed_only_when_asked_for(google: Any) -> None:
    insert(google, "aaaaa")
    google.events().delete(calendarId="primary", eventId="aaaaa").execute()
    assert ids(listed(google)) == []
    assert ids(listed(google, showDeleted=True)) == ["aaaaa"]
    assert ids(listed(google, updatedMin="2026-11-23T08:00:00Z")) == ["aaaaa"]


def test_updated_min_too_long_ago_is_gone(google: Any) -> None:
    old = google.events().list(calendarId="primary", updatedMin="2026-01-01T00:00:00Z")
    assert refusal(old) == (410, "updatedMinTooLongAgo")


def test_a_series_is_a_master_or_its_occurrences_by_wall_time(google: Any) -> None:
    google.events().insert(calendarId="primary", body=weekly(id=SERIES)).execute()
    assert ids(listed(google)) == [SERIES]
    window = {"timeMin": "2026-10-19T00:00:00Z", "timeMax": "2026-10-27T00:00:00Z"}
    assert ids(listed(google, **window)) == [SERIES]
    single = listed(google, singleEvents=True, orderBy="startTime", **window)
    assert [item["start"]["dateTime"] for item in single["items"]] == [
        "2026-10-19T10:00:00+02:00",
        "2026-10-26T10:00:00+01:00",
    ]
    assert ids(single) == [f"{SERIES}_20261019T080000Z", f"{SERIES}_20261026T090000Z"]
    assert ids(listed(google, timeMin="2026-12-01T00:00:00Z")) == []


def test_exceptions_stand_beside_their_master(google: Any) -> None:
    events = google.events()
    events.insert(calendarId="primary", body=weekly(id=SERIES)).execute()
    token = listed(google)["nextSyncToken"]
    hole, moved = f"{SERIES}_20261019T080000Z", f"{SERIES}_20261026T090000Z"
    events.delete(calendarId="primary", eventId=hole).execute()
    later = {"start": {"dateTime": "2026-12-26T12:00:00Z"}, "end": {"dateTime": "2026-12-26T12:30:00Z"}}
    events.patch(calendarId="primary", eventId=moved, body=later).execute()
    bare = {"etag", "id", "kind", "originalStartTime", "recurringEventId", "status"}
    answer = listed(google)
    assert ids(answer) == [SERIES, hole, moved]
    assert set(answer["items"][1]) == bare
    assert ids(listed(google, syncToken=token)) == [hole, moved]
    window = {"timeMin": "2026-10-18T00:00:00Z", "timeMax": "2026-10-28T00:00:00Z"}
    assert ids(listed(google, **window)) == [SERIES, hole, moved]
    expanded = listed(google, singleEvents=True)
    assert len(expanded["items"]) == 7
    assert hole not in ids(expanded)


def test_deleting_a_series_deletes_its_exceptions(google: Any) -> None:
    events = google.events()
    events.insert(calendarId="primary", body=weekly(id=SERIES)).execute()
    name = f"{SERIES}_20261026T090000Z"
    events.patch(calendarId="primary", eventId=name, body={"summary": "Other"}).execute()
    token = listed(google)["nextSyncToken"]
    events.delete(calendarId="primary", eventId=SERIES).execute()
    answer = listed(google, syncToken=token)
    assert [(item["id"], item["status"]) for item in answer["items"]] == [(SERIES, "cancelled"), (name, "cancelled")]
    assert listed(google, singleEvents=True)["items"] == []


def test_instances_of_a_series_with_bounds_and_exdate(google: Any) -> None:
    body = weekly(id=SERIES, recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20261026T090000Z",
                                         "EXDATE;TZID=Europe/Paris:20261012T100000"])  # fmt: skip
    google.events().insert(calendarId="primary", body=body).execute()
    answer = google.events().instances(calendarId="primary", eventId=SERIES).execute()
    assert [item["start"]["dateTime"] for item in answer["items"]] == [
        "2026-10-05T10:00:00+02:00",
        "2026-10-19T10:00:00+02:00",
        "2026-10-26T10:00:00+01:00",
    ]
    one = google.events().instances(calendarId="primary", eventId=SERIES, originalStart="2026-10-19T08:00:00Z")
    assert ids(one.execute()) == [f"{SERIES}_20261019T080000Z"]


def test_all_day_series_keep_their_dates(google: Any) -> None:
    body = {"summary": "Off", "id": SERIES, "start": {"date": "2026-10-24"}, "end": {"date": "2026-10-25"},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}  # fmt: skip
    google.events().insert(calendarId="primary", body=body).execute()
    answer = listed(google, singleEvents=True)
    assert [item["start"]["date"] for item in answer["items"]] == ["2026-10-24", "2026-10-25", "2026-10-26"]
    assert ids(answer)[0] == f"{SERIES}_20261024"


def test_a_purged_tombstone_is_unknown_and_its_id_is_free(google: Any, sandbox: Running) -> None:
    insert(google, "aaaaa")
    google.events().delete(calendarId="primary", eventId="aaaaa").execute()
    sandbox.faults.purge_tombstones()
    assert refusal(google.events().get(calendarId="primary", eventId="aaaaa")) == (404, "notFound")
    assert insert(google, "aaaaa")["status"] == "confirmed"


def test_fields_cut_the_answer_down(google: Any) -> None:
    insert(google, "aaaaa")
    answer = listed(google, fields="items(id,start/dateTime),nextSyncToken")
    assert answer["items"] == [{"id": "aaaaa", "start": {"dateTime": "2026-11-24T11:00:00+01:00"}}]
    assert sorted(answer) == ["items", "nextSyncToken"]
    assert refusal(google.events().list(calendarId="primary", fields="items(id")) == (400, "invalidParameter")


def test_free_busy_merges_what_blocks(google: Any) -> None:
    insert(google, "aaaaa", start="2026-11-24T09:00:00Z", end="2026-11-24T10:00:00Z")
    insert(google, "bbbbb", start="2026-11-24T09:30:00Z", end="2026-11-24T11:00:00Z")
    insert(google, "ccccc", start="2026-11-24T12:00:00Z", end="2026-11-24T13:00:00Z", transparency="transparent")
    body = {
        "timeMin": "2026-11-24T09:15:00Z",
        "timeMax": "2026-11-24T18:00:00Z",
        "items": [{"id": EMMA}, {"id": "nobody@sandbox.example"}],
    }
    answer = google.freebusy().query(body=body).execute()["calendars"]
    assert answer[EMMA] == {"busy": [{"start": "2026-11-24T09:15:00Z", "end": "2026-11-24T11:00:00Z"}]}
    assert answer["nobody@sandbox.example"]["errors"] == [{"domain": "global", "reason": "notFound"}]
    many = {**body, "items": [{"id": f"{index}@x.example"} for index in range(51)]}
    assert refusal(google.freebusy().query(body=many)) == (400, "tooManyCalendarsRequested")


def test_calendar_list_syncs_by_its_own_token(google: Any, clock: Clock) -> None:
    token = google.calendarList().list().execute()["nextSyncToken"]
    clock.now += timedelta(seconds=1)
    made = google.calendars().insert(body={"summary": "Studio"}).execute()
    changed = google.calendarList().list(syncToken=token).execute()["items"]
    assert [item["id"] for item in changed] == [made["id"]]
    google.calendars().delete(calendarId=made["id"]).execute()
    assert refusal(google.calendarList().get(calendarId=made["id"])) == (404, "notFound")
