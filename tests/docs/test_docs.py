"""The documents say what is there: rooms, tests, variables, commands, links."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

from kalends.ops import commands
from kalends.sync import actions, evidence, port
from kalends.sync.connection import State

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/kalends"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
STATUSES = {"covered", "partly", "later", "cannot"}
# `test_name`, also in the middle of a sentence.
TEST_NAME = re.compile(r"`(test_\w+)`")
ROW = re.compile(r"^\| (F\d\d) \| (.+?) \| (\w+) \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@lru_cache
def test_names() -> frozenset[str]:
    """Every test function of the suite, read without importing it."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return frozenset(found)


test_names.__test__ = False  # type: ignore[attr-defined]


def failure_cases() -> dict[str, tuple[str, list[str]]]:
    """Each row's status and the tests that it names."""
    rows = ROW.findall(text_of("docs/sync.md"))
    return {number: (status, TEST_NAME.findall(by)) for number, _what, status, by in rows}


# -- the code, as docs/architecture.md tells it ---------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_named_in_the_architecture(room):
    assert f"| `{room}` |" in text_of("docs/architecture.md")


def test_architecture_names_no_room_that_is_not_there():
    assert sorted(re.findall(r"^\| `(\w+)` \|", text_of("docs/architecture.md"), re.MULTILINE)) == ROOMS


@pytest.mark.parametrize(
    "package",
    [path for path in sorted(PACKAGE.rglob("__init__.py")) if path.parent.name != "migrations"],
    ids=lambda path: ".".join(path.parent.relative_to(PACKAGE.parent).parts),
)
def test_package_says_what_it_is_for(package):
    assert ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))


# -- docs/sync.md -----------------------------------------------------------------------------------------------------


def test_every_failure_case_has_its_row():
    assert list(failure_cases()) == [f"F{number:02}" for number in range(1, 81)]


def test_rows_say_how_they_stand():
    assert {status for status, _tests in failure_cases().values()} <= STATUSES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_tests_that_a_page_names_exist(page):
    assert set(TEST_NAME.findall(page.read_text(encoding="utf-8"))) - test_names() == set()


def test_covered_rows_name_a_test():
    assert [number for number, (status, tests) in failure_cases().items() if status == "covered" and not tests] == []


def test_cases_with_a_test_of_their_number_are_not_said_to_have_none():
    numbered = {f"F{number}" for name in test_names() for number in re.findall(r"_F(\d\d)(?=_|$)", name)}
    open_rows = {number for number, (status, _tests) in failure_cases().items() if status in ("later", "cannot")}
    assert numbered & open_rows == set()


def test_every_guarantee_has_its_row():
    rows = re.findall(r"^\| (G\d+) \| .+ \| .+ \| (.+) \|$", text_of("docs/sync.md"), re.MULTILINE)
    assert [number for number, _by in rows] == [f"G{number}" for number in range(1, 16)]
    assert [number for number, by in rows if not TEST_NAME.findall(by)] == []


def test_truth_table_has_every_rule_of_decide():
    """Rules are the first argument of each Decision in decide.py; "set_<state>_stays" and "unknown:..." are made."""
    tree = ast.parse((PACKAGE / "sync/decide.py").read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Decision"]
    rules = {
        leaf.value
        for call in calls
        for leaf in ast.walk(call.args[0])
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) and not _is_in_f_string(call, leaf)
    }
    document = text_of("docs/sync.md")
    assert {rule for rule in rules if f"`{rule}`" not in document} == set()
    assert "`set_<state>_stays`" in document
    assert "`unknown:<reason>`" in document


def _is_in_f_string(call: ast.Call, leaf: ast.Constant) -> bool:
    return any(leaf in text.values for text in ast.walk(call.args[0]) if isinstance(text, ast.JoinedStr))


def test_truth_table_of_the_document_is_that_of_the_code():
    """The seven columns of decide.py's docstring stand in the document, word by word."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / "sync/decide.py").read_text(encoding="utf-8"))) or ""
    lines = [line for line in docstring.splitlines() if line.count("|") == 2]
    rows = ["| " + " | ".join(cell.strip() for cell in line.split("|")) + " |" for line in lines]
    assert len(rows) == 9
    assert [row for row in rows if row not in text_of("docs/sync.md")] == []


def test_every_evidence_capability_and_state_is_explained():
    document = text_of("docs/sync.md")
    kinds = [kind.__name__ for kind in evidence.Evidence.__args__]
    capabilities = list(port.Capabilities.__dataclass_fields__)
    named = [f"`{name}" for name in kinds + capabilities]
    assert [name for name in named if name not in document] == []
    assert [state for state in State if f"| {state} |" not in document and state is not State.INVITED] == []
    assert len(actions.CUSTOMER_EFFECTS) == 2


# -- docs/operations.md -----------------------------------------------------------------------------------------------


def test_every_variable_that_is_read_is_documented():
    code = (PACKAGE / "config/env.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"(KALENDS_[A-Z_]+)"', code))
    document = text_of("docs/operations.md")
    assert {"KALENDS_BASE_URL", "KALENDS_CONFIG", "KALENDS_VAR"} <= named
    assert {name for name in named if f"`{name}`" not in document} == set()


def test_no_variable_is_documented_that_nothing_reads():
    documented = {name for page in PAGES for name in re.findall(r"KALENDS_[A-Z]+(?:_[A-Z]+)*", page.read_text("utf-8"))}
    product, tests = (
        "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
        for folder in (PACKAGE, ROOT / "tests")
    )
    unread = {
        name
        for name in documented
        if f'"{name}"' not in (tests if name.startswith(("KALENDS_TEST_", "KALENDS_BENCH_")) else product)
    }
    assert unread == set()


@pytest.mark.parametrize("name", [*(command.name for command in commands.ALL), "manage"])
def test_command_is_documented(name):
    assert f"| `kalends {name}" in text_of("docs/operations.md")


# -- links ------------------------------------------------------------------------------------------------------------


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them: small letters, spaces to hyphens, everything else but letters and digits dropped."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_internal_links_resolve(page):
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors_of(found)):
            broken.append(target)
    assert broken == []


def test_readme_fits_one_screen():
    assert len(text_of("README.md").splitlines()) <= 60
