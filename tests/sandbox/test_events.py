"""Insert, get, patch, update, delete and move, driven by Google's own client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import EMMA, JUAN, Connect, refusal, timed, weekly

OWN = "abcdef0123456789abcdef01234567890001"


def tagged(request: Any, tag: str) -> Any:
    request.headers["If-Match"] = tag
    return request


def test_insert_gives_back_the_event_in_the_calendars_zone(google: Any) -> None:
    event = google.events().insert(calendarId="primary", body=timed(id=OWN)).execute()
    assert event["id"] == OWN
    assert event["start"] == {"dateTime": "2026-11-24T11:00:00+01:00", "timeZone": "Europe/Paris"}
    assert event["status"] == "confirmed"
    assert event["organizer"] == {"email": EMMA, "self": True}
    assert event["iCalUID"] == f"{OWN}@google.com"
    assert event["sequence"] == 0
    assert "transparency" not in event
    assert event["etag"].startswith('"')
    assert google.events().get(calendarId=EMMA, eventId=OWN).execute() == event


def test_insert_rewrites_texts_as_google_does(google: Any) -> None:
    body = timed(summary=" Cut\nand colour ", description="one\r\ntwo  \n\n<script>x</script>", location="Rue 1\nParis")
    event = google.events().insert(calendarId="primary", body=body).execute()
    texts = (event["summary"], event["description"], event["location"])
    assert texts == ("Cut and colour", "one\ntwo", "Rue 1 Paris")


@pytest.mark.parametrize("event_id", ["abcd", "ABCDEF", "with-dash", "xyzxyz", "a" * 1025])
def test_insert_refuses_ids_that_are_not_base32hex(google: Any, event_id: str) -> None:
    assert refusal(google.events().insert(calendarId="primary", body=timed(id=event_id))) == (400, "invalid")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"end": {"dateTime": "2026-11-24T09:00:00Z"}}, "timeRangeEmpty"),
        ({"end": {"date": "2026-11-25"}}, "invalid"),
        ({"start": {"dateTime": "2026-11-24T10:00:00"}}, "required"),
        ({"start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "Nowhere/Land"}}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=WEEKLY"]}, "required"),
        ({"start": {"dateTime": "2026-11-24T10:00:00Z", "timeZone": "UTC"}, "recurrence": ["DTSTART:2026"]}, "invalid"),
        ({"transparency": "maybe"}, "invalid"),
        ({"eventType": "fromGmail"}, "eventTypeRestriction"),
        ({"id": OWN, "iCalUID": "x@y"}, "invalid"),
    ],
)
def test_insert_refuses_what_google_refuses(google: Any, change: dict[str, Any], reason: str) -> None:
    assert refusal(google.events().insert(calendarId="primary", body={**timed(), **change})) == (400, reason)


def test_insert_with_a_used_id_is_a_duplicate_also_after_deletion(google: Any) -> None:
    events = google.events()
    events.insert(calendarId="primary", body=timed(id=OWN)).execute()
    assert refusal(events.insert(calendarId="primary", body=timed(id=OWN))) == (409, "duplicate")
    events.delete(calendarId="primary", eventId=OWN).execute()
    assert refusal(events.insert(calendarId="primary", body=timed(id=OWN))) == (409, "duplicate")
    assert events.get(calendarId="primary", eventId=OWN).execute()["status"] == "cancelled"


def test_delete_twice_is_gone_and_unknown_is_not_found(google: Any) -> None:
    events = google.events()
    events.insert(calendarId="primary", body=timed(id=OWN)).execute()
    events.delete(calendarId="primary", eventId=OWN).execute()
    assert refusal(events.delete(calendarId="primary", eventId=OWN)) == (410, "deleted")
    assert refusal(events.delete(calendarId="primary", eventId="unknown")) == (404, "notFound")
    assert refusal(events.get(calendarId="primary", eventId="unknown")) == (404, "notFound")


def test_a_cancelled_event_is_revived_by_its_status(google: Any) -> None:
    events = google.events()
    events.insert(calendarId="primary", body=timed(id=OWN)).execute()
    events.delete(calendarId="primary", eventId=OWN).execute()
    revived = events.patch(calendarId="primary", eventId=OWN, body={"status": "confirmed"}).execute()
    assert (revived["status"], revived["summary"]) == ("confirmed", "Cut")


def test_patch_merges_objects_and_null_removes(google: Any) -> None:
    events = google.events()
    body = timed(description="notes", extendedProperties={"private": {"a": "1", "b": "2"}})
    event = events.insert(calendarId="primary", body=body).execute()
    patch = {"description": None, "extendedProperties": {"private": {"a": None, "c": "3"}}}
    changed = events.patch(calendarId="primary", eventId=event["id"], body=patch).execute()
    assert "description" not in changed
    assert changed["extendedProperties"] == {"private": {"b": "2", "c": "3"}}
    assert changed["summary"] == "Cut"
    assert changed["etag"] != event["etag"]
    assert changed["sequence"] == 0


def test_patch_from_time_to_day_needs_null_for_the_time(google: Any) -> None:
    events = google.events()
    name = events.insert(calendarId="primary", body=timed()).execute()["id"]
    half = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}
    assert refusal(events.patch(calendarId="primary", eventId=name, body=half)) == (400, "invalid")
    whole = {key: {**value, "dateTime": None, "timeZone": None} for key, value in half.items()}
    changed = events.patch(calendarId="primary", eventId=name, body=whole).execute()
    assert (changed["start"], changed["end"]) == ({"date": "2026-11-24"}, {"date": "2026-11-25"})


def test_update_replaces_what_is_not_named(google: Any) -> None:
    events = google.events()
    event = events.insert(calendarId="primary", body=timed(description="notes", id=OWN)).execute()
    changed = events.update(calendarId="primary", eventId=OWN, body=timed(start="2026-11-24T09:00:00Z")).execute()
    assert "description" not in changed
    assert changed["iCalUID"] == event["iCalUID"]
    assert changed["created"] == event["created"]
    assert changed["sequence"] == 1


def test_if_match_guards_patch_update_and_delete(google: Any) -> None:
    events = google.events()
    old = events.insert(calendarId="primary", body=timed(id=OWN)).execute()["etag"]
    new = tagged(events.patch(calendarId="primary", eventId=OWN, body={"summary": "B"}), old).execute()["etag"]
    stale = (412, "conditionNotMet")
    assert refusal(tagged(events.patch(calendarId="primary", eventId=OWN, body={"summary": "C"}), old)) == stale
    assert refusal(tagged(events.update(calendarId="primary", eventId=OWN, body=timed()), old)) == stale
    assert refusal(tagged(events.delete(calendarId="primary", eventId=OWN), old)) == stale
    assert tagged(events.delete(calendarId="primary", eventId=OWN), new).execute() == ""


def test_reminders_change_the_etag_but_not_updated(google: Any) -> None:
    events = google.events()
    event = events.insert(calendarId="primary", body=timed(id=OWN)).execute()
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    changed = events.patch(calendarId="primary", eventId=OWN, body={"reminders": reminders}).execute()
    assert changed["updated"] == event["updated"]
    assert changed["etag"] != event["etag"]


def test_a_lower_sequence_is_refused(google: Any) -> None:
    events = google.events()
    events.insert(calendarId="primary", body=timed(id=OWN, sequence=5)).execute()
    assert refusal(events.patch(calendarId="primary", eventId=OWN, body={"sequence": 4})) == (400, "invalid")


def test_an_event_of_another_organizer_keeps_its_shared_properties(google: Any) -> None:
    body = timed(iCalUID="1@elsewhere.example", organizer={"email": "boss@elsewhere.example"})
    body["attendees"] = [{"email": EMMA, "responseStatus": "declined"}]
    event = google.events().import_(calendarId="primary", body=body).execute()
    assert event["organizer"] == {"email": "boss@elsewhere.example"}
    assert event["attendees"] == [{"email": EMMA, "responseStatus": "declined", "self": True}]
    move = {"start": {"dateTime": "2026-11-24T08:00:00Z"}}
    refused = refusal(google.events().patch(calendarId="primary", eventId=event["id"], body=move))
    assert refused == (403, "forbiddenForNonOrganizer")


def test_move_leaves_a_tombstone_and_keeps_the_id(google: Any) -> None:
    listed = google.calendarList().list().execute()["items"]
    personal = next(item["id"] for item in listed if item["summary"] == "Personal")
    google.events().insert(calendarId="primary", body=timed(id=OWN)).execute()
    moved = google.events().move(calendarId="primary", eventId=OWN, destination=personal).execute()
    assert moved["id"] == OWN
    assert moved["organizer"]["email"] == personal
    assert google.events().get(calendarId="primary", eventId=OWN).execute()["status"] == "cancelled"
    assert google.events().get(calendarId=personal, eventId=OWN).execute()["status"] == "confirmed"


def test_a_read_only_calendar_refuses_writes_and_a_foreign_one_is_not_there(google: Any, connect: Connect) -> None:
    listed = google.calendarList().list().execute()["items"]
    assert [(item["accessRole"], item.get("primary", False)) for item in listed] == [
        ("owner", True),
        ("owner", False),
        ("reader", False),
    ]
    holidays = listed[2]["id"]
    assert google.calendars().get(calendarId=holidays).execute()["id"] == holidays
    refused = refusal(google.events().insert(calendarId=holidays, body=timed()))
    assert refused == (403, "requiredAccessLevel")
    assert refusal(google.events().list(calendarId=JUAN)) == (404, "notFound")
    assert connect(JUAN).events().list(calendarId=JUAN).execute()["items"] == []


def test_an_occurrence_is_read_and_changed_by_its_own_id(google: Any) -> None:
    events = google.events()
    master = events.insert(calendarId="primary", body=weekly(id=OWN)).execute()
    name = f"{OWN}_20261026T090000Z"
    occurrence = events.get(calendarId="primary", eventId=name).execute()
    assert occurrence["recurringEventId"] == OWN
    assert occurrence["originalStartTime"] == {"dateTime": "2026-10-26T10:00:00+01:00", "timeZone": "Europe/Paris"}
    assert "recurrence" not in occurrence
    assert occurrence["iCalUID"] == master["iCalUID"]
    later = {"start": {"dateTime": "2026-10-26T12:00:00Z"}, "end": {"dateTime": "2026-10-26T12:30:00Z"}}
    moved = events.patch(calendarId="primary", eventId=name, body=later).execute()
    assert moved["originalStartTime"] == occurrence["originalStartTime"]
    assert moved["start"]["dateTime"] == "2026-10-26T13:00:00+01:00"
    assert refusal(events.get(calendarId="primary", eventId=f"{OWN}_20261027T090000Z")) == (404, "notFound")


def test_extended_properties_are_limited(google: Any) -> None:
    body = timed(extendedProperties={"private": {"k" * 45: "dropped", "k": "v" * 1030}})
    event = google.events().insert(calendarId="primary", body=body).execute()
    assert event["extendedProperties"] == {"private": {"k": "v" * 1024}}
