from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from hypothesis import given
from hypothesis import strategies as st

from kalends.web.templatetags.booking_words import duration
from kalends.web.templatetags.kalends_ui import avatar, icon, initials, ink_on, swatch

TEMPLATES = Path(__file__).parents[2] / "src/kalends/web/templates"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King Lovelace", "AL"),
        ("cher", "C"),
        ("  ", "?"),
        ("(Ann) Ørsted", "Ø"),
        ("李 小龍", "李小"),
    ],
)
def test_initials_are_the_first_and_the_last_words(name, letters):
    assert initials(name) == letters


def test_avatar_escapes_and_refuses_odd_colours():
    drawn = avatar("<b> &x", 'red" onload="x')
    assert "onload" not in drawn
    assert 'fill="#5f6b66"' in drawn
    assert "<b>" not in drawn
    assert 'fill="#5f6b66"' in swatch("url(#x)")


@given(st.integers(0, 0xFFFFFF))
def test_initials_always_read_at_least_4_5_to_1(number):
    color = f"#{number:06x}"
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    ground = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    ink = 1.0 if ink_on(color) == "#ffffff" else 0.0
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5


def test_icons_named_in_templates_are_in_the_sprite():
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', Path(finders.find("kalends/icons.svg")).read_text()))
    used = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r'{% icon "([\w-]+)"|picture="([\w-]+)"', path.read_text())
        for name in name
        if name
    }
    assert used - drawn == set()
    assert 'aria-hidden="true"' in icon("home")
    assert "/static/kalends/icons.svg#home" in icon("home")


@pytest.mark.parametrize(
    ("minutes", "words"), [(1, "1 minute"), (45, "45 minutes"), (60, "1 hour"), (90, "1 h 30 min"), (120, "2 hours")]
)
def test_duration_in_words(minutes, words):
    assert duration(minutes) == words
