"""The French catalogue is whole, keeps what is filled in, and is up to date with the sources."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from tests.support import require

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUE = ROOT / "src/kalends/locale/fr/LC_MESSAGES/django.po"
FILLED_IN = re.compile(r"%\([a-z_]+\)[sd]|\{[a-z_]+\}|</?[a-z]+[^>]*>")


@pytest.fixture(scope="module")
def catalogue() -> Any:
    with CATALOGUE.open("rb") as file:
        return read_po(file)


def pairs(catalogue: Any) -> Iterator[tuple[str, str]]:
    """Each English text with its French one; the forms of a plural one by one."""
    for message in catalogue:
        if message.id and message.pluralizable:
            yield from zip(message.id, message.string, strict=True)
        elif message.id:
            yield message.id, message.string


def test_french_catalogue_leaves_nothing_untranslated(catalogue: Any) -> None:
    assert [english for english, french in pairs(catalogue) if not french.strip()] == []


def test_french_catalogue_holds_no_guesses(catalogue: Any) -> None:
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []


def test_french_catalogue_counts_as_french_does(catalogue: Any) -> None:
    assert (str(catalogue.locale), catalogue.num_plurals, catalogue.plural_expr) == ("fr", 2, "(n > 1)")


def test_french_texts_keep_what_is_filled_in(catalogue: Any) -> None:
    wrong = [
        (english, french)
        for english, french in pairs(catalogue)
        if sorted(FILLED_IN.findall(english)) != sorted(FILLED_IN.findall(french))
    ]
    assert wrong == []


def test_french_texts_keep_line_ends_and_spaces_at_the_edges(catalogue: Any) -> None:
    edges = re.compile(r"^\s*|\s*$")
    assert [english for english, french in pairs(catalogue) if edges.findall(english) != edges.findall(french)] == []


def test_french_texts_follow_french_typography(catalogue: Any) -> None:
    """Curly apostrophes, and a space that does not break before : ; ? ! and inside « »."""
    wrong = re.compile(r"\w'\w| [:;?!»]|« ")
    assert [french for _, french in pairs(catalogue) if wrong.search(re.sub(r"<[^>]*>", "", french))] == []


def test_french_catalogue_is_up_to_date_with_the_sources() -> None:
    require("xgettext", "collecting the texts of the sources")
    command = [sys.executable, str(ROOT / "tools/messages.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
