"""Lists and calendar views: windows, filters, order, pages, what is selected."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from hypothesis import given
from hypothesis import strategies as st

from kalends.sandbox.app import Running
from kalends.sandbox.microsoft import recurrence
from tests.sandbox.microsoft.conftest import EMMA, IMMUTABLE, JOHN, OURS, Graph, connect, path_of, timed, weekly

WEEK = {"startDateTime": "2026-11-23T00:00:00Z", "endDateTime": "2026-11-30T00:00:00Z"}


def subjects(graph: Graph, path: str = "/me/events", **query: str) -> list[str]:
    reply = graph.get(path, **query)
    assert reply.status == 200, reply.json
    return [item["subject"] for item in reply.json["value"]]


def test_a_view_holds_what_overlaps_its_window(graph: Graph) -> None:
    graph("POST", "/me/events", weekly())
    for name, start, end in (
        ("before", "2026-11-22T23:00:00", "2026-11-23T00:00:00"),
        ("over the edge", "2026-11-22T23:00:00", "2026-11-23T00:00:01"),
        ("long", "2026-11-01T00:00:00", "2026-12-31T00:00:00"),
        ("after", "2026-11-30T00:00:00", "2026-11-30T01:00:00"),
    ):
        graph.create(subject=name, start=start, end=end, zone="UTC")
    assert sorted(subjects(graph, "/me/calendarView", **WEEK)) == ["Stand-up", "long", "over the edge"]
    assert sorted(subjects(graph)) == ["Stand-up", "after", "before", "long", "over the edge"]


def test_a_view_needs_a_window_that_can_be_used(graph: Graph) -> None:
    assert graph.get("/me/calendarView").code == "ErrorInvalidParameter"
    backwards = {"startDateTime": WEEK["endDateTime"], "endDateTime": WEEK["startDateTime"]}
    assert graph.get("/me/calendarView", **backwards).code == "ErrorInvalidParameter"
    endless = {"startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z"}
    assert graph.get("/me/calendarView", **endless).code == "ErrorInvalidParameter"


def test_a_windows_offset_is_obeyed_and_none_means_utc(graph: Graph) -> None:
    graph.create(start="2026-11-24T10:00:00", end="2026-11-24T11:00:00", zone="Tokyo Standard Time")
    for start, end, count in (
        ("2026-11-24T10:00:00+09:00", "2026-11-24T11:00:00+09:00", 1),
        ("2026-11-24T01:00:00", "2026-11-24T02:00:00", 1),
        ("2026-11-24T10:00:00", "2026-11-24T11:00:00", 0),
    ):
        assert len(subjects(graph, "/me/calendarView", startDateTime=start, endDateTime=end)) == count


def test_an_all_day_event_lies_on_the_mailboxs_days(sandbox: Running) -> None:
    graph = connect(sandbox, EMMA)  # in Paris
    graph.create(isAllDay=True, start="2026-11-24T00:00:00", end="2026-11-25T00:00:00")
    inside = {"startDateTime": "2026-11-23T23:00:00Z", "endDateTime": "2026-11-23T23:30:00Z"}
    outside = {"startDateTime": "2026-11-24T23:00:00Z", "endDateTime": "2026-11-24T23:30:00Z"}
    assert len(subjects(graph, "/me/calendarView", **inside)) == 1
    assert subjects(graph, "/me/calendarView", **outside) == []


def test_pages_are_followed_to_the_end(graph: Graph) -> None:
    for number in range(23):
        graph.create(subject=str(number))
    first = graph.get("/me/events", _count="true")
    assert (len(first.json["value"]), first.json["@odata.count"]) == (10, 23)
    assert [item["subject"] for item in graph.all("/me/events")[0]] == [str(number) for number in range(23)]
    assert [item["subject"] for item in graph.all("/me/calendarView", **WEEK, _top="5")[0]] == [
        str(number) for number in range(23)
    ]
    sized = graph.get("/me/events", {"Prefer": f"{IMMUTABLE}, odata.maxpagesize=7"})
    assert (len(sized.json["value"]), sized.headers["Preference-Applied"]) == (7, "odata.maxpagesize=7")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"_top": "0"}, "ErrorInvalidUrlQuery"),
        ({"_top": "1001"}, "ErrorInvalidUrlQuery"),
        ({"_orderby": "colour"}, "ErrorInvalidUrlQuery"),
        ({"_expand": "friends"}, "ErrorInvalidUrlQuery"),
        ({"_expand": "singleValueExtendedProperties"}, "ErrorInvalidUrlQuery"),
        ({"_select": "colour"}, "RequestBroker--ParseUri"),
        ({"_filter": "colour eq 'red'"}, "ErrorInvalidUrlQueryFilter"),
        ({"_filter": "subject eq 'a' or subject eq 'b'"}, "ErrorInvalidUrlQueryFilter"),
        ({"_filter": "subject"}, "ErrorInvalidUrlQueryFilter"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(graph: Graph, query: dict[str, str], code: str) -> None:
    reply = graph.get("/me/events", **query)
    assert (reply.status, reply.code) == (400, code)


def test_filters_choose(graph: Graph) -> None:
    tags = [{"id": OURS.replace("8e4c", "8E4C"), "value": "it's 1"}]
    graph.create(subject="ours", singleValueExtendedProperties=tags)
    graph.create(subject="free", showAs="free", start="2026-12-01T10:00:00", end="2026-12-01T11:00:00")
    ours = f"singleValueExtendedProperties/Any(ep: ep/id eq '{OURS}' and ep/value eq 'it''s 1')"
    for text, found in (
        (ours, ["ours"]),
        (ours.replace("''s 1", ""), []),
        (f"{ours} and start/dateTime lt '2026-11-30T00:00:00'", ["ours"]),
        ("showAs ne 'busy'", ["free"]),
        ("start/dateTime ge '2026-12-01T09:00:00Z'", ["free"]),
        ("end/dateTime le '2026-11-24T10:00:00Z'", ["ours"]),
        ("startswith(subject,'OU')", ["ours"]),
        ("isAllDay eq false and subject eq 'free'", ["free"]),
        ("type eq 'seriesMaster'", []),
    ):
        assert subjects(graph, _filter=text) == found, text


def test_what_is_selected_is_given(graph: Graph) -> None:
    event = graph.create()
    reply = graph.get(path_of(event), _select="subject,start", _expand="calendar($select=name)")
    assert sorted(reply.json) == ["@odata.context", "@odata.etag", "calendar", "id", "start", "subject"]
    assert reply.json["calendar"]["name"] == "Calendar"


def test_order_goes_both_ways(graph: Graph) -> None:
    for name, day in (("b", 25), ("a", 26), ("c", 24)):
        graph.create(subject=name, start=f"2026-11-{day}T10:00:00", end=f"2026-11-{day}T11:00:00")
    assert subjects(graph, _orderby="start/dateTime") == ["c", "b", "a"]
    assert subjects(graph, _orderby="subject desc") == ["c", "b", "a"]
    assert subjects(graph) == ["b", "a", "c"]


def test_busy_times_of_a_work_account_and_none_of_a_personal_one(graph: Graph, sandbox: Running) -> None:
    graph.create(start="2026-11-24T10:00:00", end="2026-11-24T11:00:00", zone="UTC", showAs="oof")
    body = {
        "Schedules": [JOHN, "nobody@lakeside.example"],
        "StartTime": {"dateTime": "2026-11-24T09:00:00", "timeZone": "UTC"},
        "EndTime": {"dateTime": "2026-11-24T12:00:00", "timeZone": "UTC"},
        "AvailabilityViewInterval": 60,
    }
    found, unknown = graph("POST", "/me/calendar/getSchedule", body).json["value"]
    assert (found["availabilityView"], found["scheduleItems"][0]["status"]) == ("030", "oof")
    assert unknown["error"]["responseCode"] == "ErrorMailRecipientNotFound"
    refused = connect(sandbox, EMMA)("POST", "/me/calendar/getSchedule", body)
    assert (refused.status, refused.code) == (403, "ErrorAccessDenied")


def test_the_person_and_the_zones_can_be_read(graph: Graph, sandbox: Running) -> None:
    me = graph.get("/me").json
    assert (me["userPrincipalName"], me["id"]) == (JOHN, sandbox.microsoft.store.accounts[JOHN].oid)
    assert len(connect(sandbox, EMMA).get("/me").json["id"]) == 16
    names = [row["alias"] for row in graph.get("/me/outlook/supportedTimeZones").json["value"]]
    assert "Romance Standard Time" in names
    assert graph.get("/me/nothing").code == "BadRequest"


# -- patterns ----------------------------------------------------------------------------------------------------

MO, SU = weekday(0), weekday(6)
FIRST = date(2026, 1, 5)


def pattern_days(first: date, **pattern: Any) -> list[date]:
    value = {"pattern": pattern, "range": {"type": "numbered", "startDate": first.isoformat(),
                                           "numberOfOccurrences": 12}}  # fmt: skip
    return list(recurrence.days(recurrence.normalise(value, first, "Europe/Paris")))


@pytest.mark.parametrize(
    ("pattern", "first", "rule"),
    [
        ({"type": "daily", "interval": 3}, FIRST, {"freq": DAILY, "interval": 3}),
        (
            {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "sunday"], "firstDayOfWeek": "monday"},
            FIRST,
            {"freq": WEEKLY, "interval": 2, "byweekday": (MO, SU), "wkst": MO},
        ),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 5}, FIRST, {"freq": MONTHLY, "bymonthday": 5}),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "first"},
            FIRST,
            {"freq": MONTHLY, "byweekday": MO(1)},
        ),
        (
            {"type": "relativeMonthly", "interval": 2, "daysOfWeek": ["sunday"], "index": "last"},
            date(2026, 1, 25),
            {"freq": MONTHLY, "interval": 2, "byweekday": SU(-1)},
        ),
        (
            {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 5, "month": 1},
            FIRST,
            {"freq": YEARLY, "bymonth": 1, "bymonthday": 5},
        ),
    ],
)
def test_patterns_mean_what_their_rfc_5545_rules_mean(
    pattern: dict[str, Any], first: date, rule: dict[str, Any]
) -> None:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC).replace(tzinfo=None)
    assert pattern_days(first, **pattern) == [moment.date() for moment in rrule(dtstart=start, count=12, **rule)]


def test_a_short_month_has_its_last_day() -> None:
    found = pattern_days(date(2026, 1, 31), type="absoluteMonthly", interval=1, dayOfMonth=31)
    assert found[:4] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


@given(st.integers(1, 4), st.sets(st.sampled_from(recurrence.DAYS), min_size=1), st.integers(0, 400))
def test_beginning_later_gives_the_same_days(interval: int, week: set[str], ahead: int) -> None:
    first = FIRST + timedelta(days=next(i for i in range(7) if recurrence.DAYS[i] in week))
    value = {
        "pattern": {"type": "weekly", "interval": interval, "daysOfWeek": sorted(week)},
        "range": {"type": "endDate", "startDate": first.isoformat(), "endDate": "2027-03-01"},
    }
    kept = recurrence.normalise(value, first, "UTC")
    since = first + timedelta(days=ahead)
    assert list(recurrence.days(kept, since)) == [day for day in recurrence.days(kept) if day >= since]


@pytest.mark.parametrize(
    "change",
    [
        {"pattern": None},
        {"pattern": {"type": "hourly", "interval": 1}},
        {"pattern": {"type": "daily", "interval": 0}},
        {"pattern": {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32}},
        {"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["someday"]}},
        {"range": {"type": "noEnd", "startDate": "2026-11-25"}},
        {"range": {"type": "endDate", "startDate": "2026-11-24", "endDate": "soon"}},
        {"range": {"type": "numbered", "startDate": "2026-11-24", "numberOfOccurrences": 0}},
        {"range": {"type": "noEnd", "startDate": "2026-11-24", "recurrenceTimeZone": "Moon"}},
    ],
)
def test_a_recurrence_that_cannot_be_read_is_refused(graph: Graph, change: dict[str, Any]) -> None:
    sound = {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "noEnd", "startDate": "2026-11-24"}}
    assert graph("POST", "/me/events", timed(recurrence={**sound, **change})).status == 400
