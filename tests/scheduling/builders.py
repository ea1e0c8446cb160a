"""Small makers and hypothesis strategies for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.scheduling import Busy, Schedule, ServiceRules, SlotQuery, StaffDays, any_of, weekly_hours
from kalends.scheduling.hours import WEEKDAYS
from kalends.scheduling.zones import epoch

ZONES = ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham", "UTC")
MONDAYS = (datetime(2026, 3, 23, tzinfo=UTC), datetime(2026, 6, 15, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC))
"""Weeks without a change of offset, and weeks that end with one somewhere."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def between(start: str, end: str) -> Span:
    return Span(at(start), at(end))


def taken(start: str, end: str, **more: Any) -> Busy:
    return Busy(epoch(at(start)), epoch(at(end)))._replace(**more)


def daily(*ranges: tuple[str, str], tz: str = "UTC") -> Schedule:
    return Schedule(tz, weekly_hours(dict.fromkeys(WEEKDAYS, ranges)))


def asked(rules: ServiceRules, *staff: StaffDays, now: str = "2026-01-01T00:00:00Z", **more: Any) -> SlotQuery:
    return SlotQuery(**{"rules": rules, "needs": any_of(staff), "now": at(now), "zone": "UTC"} | more)


def starts(slots: Any) -> list[str]:
    return [slot.start.strftime("%dT%H:%M") for slot in slots]


# Ranges keep clear of the hours in which clocks are changed, where an oracle by wall time would read folds otherwise.
DAY_PLANS = st.sampled_from(
    [
        (),
        (("09:00", "12:00"), ("12:00", "17:30")),
        (("08:20", "11:45"), ("13:05", "19:00")),
        (("22:00", "24:00"),),
        (("00:00", "01:00"), ("06:10", "12:00"), ("21:30", "24:00")),
        (("00:00", "00:35"), ("10:00", "16:00")),
    ]
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    return Schedule(draw(st.sampled_from(ZONES)), weekly_hours({day: draw(DAY_PLANS) for day in WEEKDAYS}))


@st.composite
def busy_rows(draw: st.DrawFn, monday: datetime) -> Busy:
    start = monday + timedelta(minutes=5 * draw(st.integers(-288, 8 * 288)))
    end = start + timedelta(minutes=5 * draw(st.integers(0, 40)), seconds=draw(st.sampled_from([0, 0, 59])))
    return Busy(
        epoch(start),
        epoch(end),
        draw(st.sampled_from(["appointment", "external", "hold"])),
        before=draw(st.sampled_from([0, 0, 10, 45])),
        after=draw(st.sampled_from([0, 0, 5, 30])),
        id=str(draw(st.integers(0, 20))),
        service=draw(st.sampled_from(["", "massage"])),
        blocks=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def service_rules(draw: st.DrawFn, grids: tuple[str, ...] = ("fixed", "clock", "fit", "opening")) -> ServiceRules:
    return ServiceRules(
        duration=draw(st.sampled_from([10, 25, 30, 60, 95])),
        interval=draw(st.sampled_from([None, 15, 40])),
        grid=draw(st.sampled_from(grids)),
        offset=draw(st.sampled_from([0, 0, 5])),
        buffer_before=draw(st.sampled_from([0, 15, 20])),
        buffer_after=draw(st.sampled_from([0, 10])),
        buffer_policy=draw(st.sampled_from(["max", "sum"])),
        notice=draw(st.sampled_from([0, 60, 1000])),
        capacity=draw(st.sampled_from([1, 1, 3])),
        service="massage",
    )


@st.composite
def queries(draw: st.DrawFn, most_staff: int = 2, grids: tuple[str, ...] = ("fixed", "clock", "fit", "opening")) -> Any:
    """A query and the Monday its week begins with."""
    monday = draw(st.sampled_from(MONDAYS))
    staff = [
        StaffDays(f"s{index}", draw(schedules()), draw(st.lists(busy_rows(monday), max_size=12)))
        for index in range(draw(st.integers(1, most_staff)))
    ]
    now = monday + timedelta(minutes=draw(st.integers(-2000, 4000)), seconds=draw(st.sampled_from([0, 13])))
    query = SlotQuery(
        rules=draw(service_rules(grids)),
        needs=any_of(staff),
        now=now,
        zone=draw(st.sampled_from(ZONES)),
        restriction=draw(st.sampled_from([None, daily(("08:00", "18:00"), tz="Europe/Paris")])),
        ignore=frozenset(draw(st.lists(st.sampled_from(["1", "2", "3"]), max_size=1))),
    )
    return query, monday
