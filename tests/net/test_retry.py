from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.net.retry import RetryBudget


@settings(deadline=None)
@given(st.lists(st.sampled_from(["earn", "spend"]), max_size=300))
def test_budget_never_grants_more_than_reserve_and_a_tenth(acts):
    budget = RetryBudget()
    granted = sum(budget.spend("h") for act in acts if act == "spend" or budget.earn("h"))
    assert granted <= 10 + acts.count("earn") / 10


def test_budget_of_one_host_is_not_spent_by_another():
    budget = RetryBudget()
    while budget.spend("a"):
        pass
    assert budget.spend("b") is True
