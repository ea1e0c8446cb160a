from __future__ import annotations

from datetime import date

import pytest

from kalends.core.errors import InvalidInput
from kalends.scheduling import Horizon, Limits, ServiceRules


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"bookings_per_day": 9, "bookings_per_month": 5}, "limits.bookings_per_month"),
        ({"minutes_per_week": 600, "minutes_per_year": 300}, "limits.minutes_per_year"),
        ({"bookings_per_day": 0}, "limits.bookings_per_day"),
    ],
)
def test_limits_refuse_what_makes_no_sense(limits: dict[str, int], field: str):
    with pytest.raises(InvalidInput) as refused:
        Limits(**limits)
    assert refused.value.field == field


@pytest.mark.parametrize(("shorter", "longer"), [({"bookings_per_day": 3}, {"bookings_per_month": 5}), ({}, {})])
def test_limits_accept_a_longer_period_with_more(shorter: dict[str, int], longer: dict[str, int]):
    assert [most for _, most, _ in Limits(**shorter, **longer).by_period()] == [*shorter.values(), *longer.values()]


def test_limits_accept_equal_numbers_per_day_and_year():
    assert Limits(bookings_per_day=1, bookings_per_year=1).by_period() == [("day", 1, None), ("year", 1, None)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"duration": 0}, "duration"),
        ({"duration": -30}, "duration"),
        ({"duration": 30, "interval": 0}, "interval"),
        ({"duration": 30, "capacity": 0}, "capacity"),
        ({"duration": 30, "notice": -1}, "notice"),
        ({"duration": 30, "buffer_after": 10**9}, "buffer_after"),
        ({"duration": 30, "grid": "spiral"}, "grid"),
        ({"duration": 30, "buffer_policy": "min"}, "buffer_policy"),
        ({"duration": 60, "limits": Limits(minutes_per_day=45)}, "limits.minutes_per_day"),
    ],
)
def test_service_rules_name_the_field_at_fault(fields: dict, field: str):
    with pytest.raises(InvalidInput) as refused:
        ServiceRules(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "days", "days": -1},
        {"type": "bookable_days", "days": 0},
        {"type": "range", "first": date(2026, 1, 2)},
        {"type": "range", "first": date(2026, 1, 2), "last": date(2026, 1, 1)},
    ],
)
def test_horizon_refuses_what_has_no_end(fields: dict):
    with pytest.raises(InvalidInput) as refused:
        Horizon(**fields)
    assert refused.value.field == "horizon"


def test_clean_step_is_the_largest_that_divides_the_interval():
    assert [ServiceRules(length).clean_step for length in (120, 90, 45, 40, 25, 8)] == [60, 30, 15, 20, 5, 1]
