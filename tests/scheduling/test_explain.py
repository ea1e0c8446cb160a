from __future__ import annotations

from dataclasses import replace

import pytest

from kalends.core.errors import InvalidInput
from kalends.scheduling import Blocker, Explanation, Horizon, Limits, ServiceRules, StaffDays, explain_slot
from tests.scheduling.builders import asked, at, between, daily, taken

MORNING = daily(("09:00", "12:00"))
TEN = at("2026-04-10T10:00Z")


def failing(told: Explanation) -> dict[str, bool | None]:
    return {rule.rule: rule.ok for rule in told.rules if rule.ok is not True}


def blockers(told: Explanation, name: str) -> tuple[Blocker, ...]:
    [rule] = [rule for rule in told.rules if rule.rule == name]
    return rule.blockers


def test_a_free_start_holds_every_rule():
    told = explain_slot(asked(ServiceRules(60), StaffDays("anna", MORNING)), TEN)
    assert (told.staff, told.start, told.end, told.offered) == ("anna", TEN, at("2026-04-10T11:00Z"), True)
    assert [(rule.rule, rule.ok) for rule in told.rules] == [
        ("minute", True),
        ("hours", True),
        ("notice", True),
        ("horizon", True),
        ("limits", True),
        ("busy", True),
        ("grid", True),
    ]


def test_busy_time_is_named_with_kind_id_span_and_label():
    meeting = taken("2026-04-10T10:15Z", "2026-04-10T10:30Z", id="e7", label="Dentist")
    told = explain_slot(asked(ServiceRules(60), StaffDays("anna", MORNING, [meeting])), TEN)
    assert failing(told) == {"busy": False, "grid": None}
    span = between("2026-04-10T10:15Z", "2026-04-10T10:30Z")
    assert blockers(told, "busy") == (Blocker("external", "e7", "Dentist", span),)


def test_a_buffer_is_told_from_the_thing_itself():
    before = taken("2026-04-10T09:00Z", "2026-04-10T09:50Z", kind="appointment", id="a1", after=15)
    told = explain_slot(asked(ServiceRules(60), StaffDays("anna", MORNING, [before])), TEN)
    assert [(blocker.id, blocker.buffer) for blocker in blockers(told, "busy")] == [("a1", True)]


def test_an_event_marked_free_is_named_as_not_blocking():
    free = taken("2026-04-10T10:00Z", "2026-04-10T11:00Z", id="e8", blocks=False, note="marked free")
    told = explain_slot(asked(ServiceRules(60), StaffDays("anna", MORNING, [free])), TEN)
    assert told.offered
    assert [(blocker.id, blocker.note) for blocker in told.ignored] == [("e8", "marked free")]


def test_the_appointment_being_moved_is_named_as_left_out():
    own = taken("2026-04-10T10:00Z", "2026-04-10T11:00Z", kind="appointment", id="a1")
    told = explain_slot(asked(ServiceRules(60), StaffDays("anna", MORNING, [own]), ignore=frozenset({"a1"})), TEN)
    assert told.offered
    assert [(blocker.id, blocker.note) for blocker in told.ignored] == [("a1", "left out of this question")]


@pytest.mark.parametrize(
    ("changes", "start", "failed"),
    [
        ({}, "2026-04-10T11:30Z", {"hours": False, "grid": None}),
        ({}, "2026-04-10T10:20Z", {"grid": False}),
        ({}, "2026-04-10T10:00:30Z", {"minute": False, "grid": None}),
        ({"restriction": daily(("09:00", "10:30"))}, "2026-04-10T10:00Z", {"restriction": False, "grid": None}),
        ({"now": at("2026-04-10T10:00Z")}, "2026-04-10T10:00Z", {"notice": False, "grid": None}),
        (
            {"rules": ServiceRules(60, horizon=Horizon("days", 3))},
            "2026-04-10T10:00Z",
            {"horizon": False, "grid": None},
        ),
        (
            {"rules": ServiceRules(60, horizon=Horizon("bookable_days", 3))},
            "2026-04-10T10:00Z",
            {"horizon": False, "grid": None},
        ),
        (
            {
                "rules": ServiceRules(
                    60, horizon=Horizon("range", first=at("2026-05-01").date(), last=at("2026-05-02").date())
                )
            },
            "2026-04-10T10:00Z",
            {"horizon": False, "grid": None},
        ),
    ],
    ids=["hours", "grid", "minute", "restriction", "notice", "days", "bookable days", "range"],
)
def test_the_rule_that_refuses_is_named(changes: dict, start: str, failed: dict):
    query = replace(asked(ServiceRules(60), StaffDays("anna", MORNING)), **changes)
    told = explain_slot(query, at(start))
    assert not told.offered
    assert failing(told) == failed


def test_a_reached_limit_is_named():
    rules = ServiceRules(60, service="yoga", limits=Limits(bookings_per_day=1))
    row = taken("2026-04-10T09:00Z", "2026-04-10T10:00Z", kind="appointment", service="yoga")
    told = explain_slot(asked(rules, StaffDays("anna", MORNING, [row])), TEN)
    assert failing(told) == {"limits": False, "grid": None}
    assert blockers(told, "limits") == (
        Blocker("limit", "", "1 per day", between("2026-04-10T00:00Z", "2026-04-11T00:00Z")),
    )


@pytest.mark.parametrize(
    ("seats", "offered", "text"), [(1, True, "1 of 2 places left"), (2, False, "0 of 2 places left")]
)
def test_places_are_counted(seats: int, offered: bool, text: str):
    row = taken("2026-04-10T10:00Z", "2026-04-10T11:00Z", kind="appointment", service="yoga", seats=seats)
    rules = ServiceRules(60, capacity=2, service="yoga")
    told = explain_slot(asked(rules, StaffDays("anna", MORNING, [row])), TEN)
    [places] = [rule for rule in told.rules if rule.rule == "seats"]
    assert (told.offered, places.ok, places.message) == (offered, offered, text)


def test_only_one_staff_member_is_explained():
    with pytest.raises(InvalidInput):
        explain_slot(asked(ServiceRules(60), StaffDays("anna", MORNING), StaffDays("ben", MORNING)), TEN)
