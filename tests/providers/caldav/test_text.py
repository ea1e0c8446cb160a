from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.ics.text import escaped
from kalends.providers.caldav.text import BadText, Block, Line, parse, read_line, render, unescaped

TEXT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
X-WR-CALNAME:Été\r
BEGIN:VEVENT\r
UID:1\r
ATTENDEE;CN="Doe; Ada: x";PARTSTAT=ACCEPTED:mailto:ada@example.org\r
SUMMARY:A very long summary that goes on and on and on until it does not fi\r
 t into one line any more\r
BEGIN:VALARM\r
TRIGGER:-PT5M\r
END:VALARM\r
X-AFTER:1\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_render_gives_back_what_was_parsed():
    assert render(parse(TEXT)) == TEXT


def test_parse_reads_bare_line_ends_and_a_byte_order_mark():
    assert render(parse("\ufeff" + TEXT.replace("\r\n", "\n"))) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><body>Please sign in</body></html>",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n",
        "BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n",
        "BEGIN:VEVENT\nEND:VEVENT\n",
        TEXT[:200],
    ],
)
def test_parse_F21_refuses_what_is_not_a_whole_calendar(text):
    with pytest.raises(BadText):
        parse(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SUMMARY:a:b;c", Line("SUMMARY", {}, "a:b;c")),
        ("dtstart;value=DATE:20260101", Line("DTSTART", {"VALUE": "DATE"}, "20260101")),
        (
            'ATTENDEE;CN="Doe; Ada: x";ROLE=CHAIR:mailto:a@b',
            Line("ATTENDEE", {"CN": "Doe; Ada: x", "ROLE": "CHAIR"}, "mailto:a@b"),
        ),
        ('DTSTART;TZID="Europe/Paris":20260101T000000', Line("DTSTART", {"TZID": "Europe/Paris"}, "20260101T000000")),
        ('X-A;M="a","b,c",d:v', Line("X-A", {"M": "a,b,c,d"}, "v")),
        ("X-EMPTY:", Line("X-EMPTY", {}, "")),
    ],
)
def test_read_line_takes_a_line_apart(text, line):
    assert read_line(text) == line


@pytest.mark.parametrize("text", ["SUMMARY", "SUMMARY;x", ":value", 'X;A="open:v', "no name:x", ""])
def test_read_line_refuses_what_is_no_line(text):
    with pytest.raises(BadText):
        read_line(text)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n")))
def test_any_words_survive_escaping_folding_and_parsing(words):
    event = Block("VEVENT", [f"SUMMARY:{escaped(words)}"])
    again = parse(render(Block("VCALENDAR", [event])))
    assert again.blocks("VEVENT")[0].words("SUMMARY") == words


@settings(deadline=None)
@given(st.text())
def test_parse_of_anything_ends_in_a_block_or_bad_text(text):
    with suppress(BadText):
        assert parse(text).name == "VCALENDAR"


def test_unescaped_reads_every_escape():
    assert unescaped(r"a\, b\; c\\ d\n e\N f\: g") == "a, b; c\\ d\n e\n f: g"


def test_put_replaces_in_place_drops_doubles_and_adds_before_inner_blocks():
    block = Block("VEVENT", ["A:1", "B:1", "C:1", "B:2", Block("VALARM"), "D:1"])
    block.put("B", "B:9")
    block.put("E", "E:1")
    assert block.body == ["A:1", "B:9", "C:1", "E:1", Block("VALARM"), "D:1"]
    block.put("C")
    block.drop("A", "D")
    assert block.body == ["B:9", "E:1", Block("VALARM")]
