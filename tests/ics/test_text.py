from __future__ import annotations

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.ics.text import escaped, folded, parameter, text_line, uri

# What iCalendar can carry: no control characters but TAB and line ends, no lone surrogates
carried = st.text(st.characters(blacklist_categories=("Cc", "Cs"), whitelist_characters="\t\n"))


def unfolded(text):
    return text.replace("\r\n ", "")


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=300))
def test_folded_lines_have_75_octets_at_most_and_lose_nothing(text):
    line = "SUMMARY:" + escaped(text)
    pieces = folded(line).split("\r\n")
    assert max(len(piece.encode()) for piece in pieces) <= 75
    assert all(piece.startswith(" ") for piece in pieces[1:])
    assert unfolded(folded(line)) == line


def test_folded_leaves_75_octets_alone_and_fills_lines():
    assert folded("x" * 75) == "x" * 75
    assert folded("x" * 76) == "x" * 75 + "\r\n x"
    assert folded("é" * 38) == "é" * 37 + "\r\n é"
    assert folded("🦊" * 40).split("\r\n ") == ["🦊" * 18, "🦊" * 18, "🦊" * 4]


@settings(deadline=None)
@given(carried)
def test_escaped_text_is_read_back_by_icalendar(text):
    line = text_line("SUMMARY", f"({text})")
    event = icalendar.Event.from_ical(f"BEGIN:VEVENT\r\n{line}END:VEVENT\r\n")
    assert str(event["SUMMARY"]) == f"({text})"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a;b,c\\d", "a\\;b\\,c\\\\d"),
        ("a\r\nb\rc\nd", "a\\nb\\nc\\nd"),
        ("a\x00b\x07c\x7fd", "abcd"),
        ("a\tb", "a\tb"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("END:VEVENT\r\nBEGIN:VALARM", "END:VEVENT\\nBEGIN:VALARM"),
    ],
)
def test_escaped_writes_no_line_of_its_own(text, written):
    assert escaped(text) == written


def outside_icalendars_escapes(text):
    """A parameter knows no backslash as an escape (RFC 5545, 3.2); icalendar reads these four as if it did."""
    return not any(pair in text for pair in ("\\\\", "\\,", "\\;", "\\:"))


@settings(deadline=None)
@given(carried.filter(lambda text: "\n" not in text).filter(outside_icalendars_escapes))
def test_parameter_is_read_back_by_icalendar(text):
    line = folded(f"ATTENDEE;CN={parameter(f'({text})')}:mailto:a@example.com")
    event = icalendar.Event.from_ical(f"BEGIN:VEVENT\r\n{line}\r\nEND:VEVENT\r\n")
    assert str(event["ATTENDEE"].params["CN"]) == f"({text})"


def test_parameter_quotes_and_encodes():
    assert parameter("Zoé") == "Zoé"
    assert parameter("Zoé, Inc.") == '"Zoé, Inc."'
    assert parameter('a "b" ^\nc') == "a ^'b^' ^^^nc"
    assert parameter("x\r\nATTENDEE:evil") == '"x^nATTENDEE:evil"'


def test_uri_ends_no_line():
    assert uri("https://example.com/a?b=c,d;e\r\nATTENDEE:x") == "https://example.com/a?b=c,d;eATTENDEE:x"
