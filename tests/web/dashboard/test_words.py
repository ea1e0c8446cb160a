"""Every rule and action that the engine can write into the journal has words of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kalends import calendars, sync
from kalends.calendars.engine import journal
from kalends.calendars.models import LinkStatus
from kalends.sync import actions
from kalends.sync.connection import State
from kalends.sync.link import Mode
from kalends.web.dashboard import words

SOURCE = Path(sync.__file__).parent


def test_states_modes_and_link_states_are_all_worded():
    assert set(words.STATES) | {State.INVITED} == set(State)
    assert set(words.MODES) == set(Mode)
    assert set(words.LINK_STATES) == set(LinkStatus)


def test_rules_of_the_decision_are_all_worded():
    used = set(re.findall(r'(?:Decision\([^"]*|rule=)"([a-z_]+)"', (SOURCE / "decide.py").read_text()))
    assert used - set(words.RULES) == set()


def test_rules_and_actions_of_the_engine_are_all_worded():
    text = "".join(path.read_text() for path in Path(calendars.__file__).parent.rglob("*.py"))
    rules = set(re.findall(r'rule="([a-z_]+)"', text))
    written = set(re.findall(r'action="([a-z_]+)"', text))
    assert (rules - set(words.RULES), written - set(words.ACTIONS)) == (set(), set())


@pytest.mark.parametrize("cls", actions.Action.__args__)
def test_actions_are_all_worded(cls: type):
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
    assert name in words.ACTIONS
    assert callable(journal.action_name)
