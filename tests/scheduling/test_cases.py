from __future__ import annotations

import json
from pathlib import Path

import pytest

from kalends.core.errors import InvalidInput
from kalends.scheduling import CaseResult, run_cases

TEXT = (Path(__file__).parent / "availability-cases.json").read_text()
DOCUMENT = json.loads(TEXT)


@pytest.mark.parametrize("result", run_cases(TEXT), ids=lambda result: result.id)
def test_case_passes(result: CaseResult):
    assert result == CaseResult(result.id, "pass")


def test_cases_without_an_answer_of_their_own_for_the_fixed_grid_have_the_same_one():
    cases = [case | {"expect_fixed": case.get("expect_fixed", case["expect"])} for case in DOCUMENT["cases"]]
    results = run_cases(json.dumps(DOCUMENT | {"cases": cases}))
    assert [result for result in results if result.outcome != "pass"] == []


def one(**changes: object) -> CaseResult:
    case = next(case for case in DOCUMENT["cases"] if case["id"] == "A01")
    [result] = run_cases(json.dumps(DOCUMENT | {"cases": [case | changes]}))
    return result


def test_run_cases_says_what_differs():
    result = one(expect={"2024-05-23": ["2024-05-23T04:00Z/30*16", "2024-05-23T13:00Z"]})
    assert result.outcome == "fail"
    assert result.detail == "2024-05-23: missing 2024-05-23T13:00Z, not expected 2024-05-23T12:00Z"


def test_run_cases_fails_a_case_whose_fixed_grid_differs():
    assert one(expect_fixed={}).detail.startswith(
        "fixed grid: 2024-05-23: missing none, not expected 2024-05-23T04:00Z"
    )


def test_run_cases_does_not_pass_what_it_does_not_know():
    assert one(moon="full") == CaseResult("A01", "not supported", "case: moon")
    assert one(mode="rota") == CaseResult("A01", "not supported", "mode rota")


def test_run_cases_refuses_a_grid_that_hangs_on_the_visitor():
    assert one(anchor_tz="viewer").outcome == "not supported"


def test_run_cases_fails_a_case_that_cannot_be_read():
    assert one(now="noon").outcome == "fail"
    assert one(staff=[{"id": "s1", "schedule": {"tz": "Mars/Olympus"}}]).detail == (
        "cannot be read: there is no time zone named 'Mars/Olympus' (timezone)"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "cases": []}', '{"format": 1}'])
def test_run_cases_refuses_what_is_no_file_of_cases(text: str):
    with pytest.raises(InvalidInput):
        run_cases(text)
