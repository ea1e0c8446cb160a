from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.providers.notes import BEGIN, END, read_notes, write_notes

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=60)
HTML_LINES = st.builds(lambda text: f"<p>{text}</p>", st.text("abc é<>&;[]/Kalends", max_size=30))


def tidied(notes):
    return "\n".join(line.rstrip() for line in notes.split("\n")).strip("\n").rstrip()


@settings(deadline=None)
@given(LINES | HTML_LINES, LINES)
def test_notes_come_back_as_they_were_written(description, notes):
    if BEGIN.lower() in notes.lower() or END.lower() in notes.lower():
        return
    # HTML writes a space that must stay as one that does not break: the two read alike.
    read = read_notes(write_notes(description, notes)).replace("\xa0", " ")
    assert read.strip() == tidied(notes.replace("\xa0", " ")).strip()


@settings(deadline=None)
@given(LINES | HTML_LINES, LINES, LINES)
def test_notes_F15_writing_is_idempotent_and_the_last_wins(description, first, second):
    once = write_notes(write_notes(description, first), second)
    assert write_notes(once, second) == once
    assert read_notes(once) == read_notes(write_notes(description, second))


@settings(deadline=None)
@given(LINES, LINES, LINES, LINES)
def test_notes_keep_the_lines_around_them(before, after, first, second):
    if any(mark in text for mark in (BEGIN, END) for text in (before, after)):
        return
    around = write_notes(before, first.strip() or "x")
    changed = write_notes(around + after, second.strip() or "y")
    assert changed.startswith(before.rstrip())
    assert changed.endswith(after)


def test_notes_stand_between_marks_that_people_can_read():
    assert write_notes("", "Phone: 1\nManage: x") == "[Kalends]\nPhone: 1\nManage: x\n[/Kalends]"
    assert write_notes("Bring scissors", "Phone: 1") == "Bring scissors\n\n[Kalends]\nPhone: 1\n[/Kalends]"


def test_notes_that_are_empty_remove_the_part():
    assert write_notes("Mine\n\n[Kalends]\nx\n[/Kalends]\n\nToo", "") == "Mine\n\nToo"
    assert write_notes("[Kalends]\nx\n[/Kalends]", "") == ""
    assert write_notes("Mine", "") == "Mine"


@pytest.mark.parametrize(
    "description",
    [
        "<p>Mine</p>[Kalends]<br>Phone: 1 &amp; 2<br>a &lt;b&gt;<br>[/Kalends]",
        "Mine<br>[Kalends]<br/>Phone:&nbsp;1 &amp; 2<br />\na &lt;b&gt;[/Kalends]<br>",
        "<p>[Kalends]</p><p>Phone: 1 &amp; 2</p><p>a &lt;b&gt;</p><p>[/Kalends]</p>",
        "<html-blob>[Kalends]<br><b>Phone:</b> 1 &amp; 2<br>a &lt;b&gt;<br>[/Kalends]</html-blob>",
    ],
)
def test_notes_F13_are_read_alike_after_a_page_made_them_html(description):
    assert read_notes(description) == "Phone: 1 & 2\na <b>"


def test_notes_are_written_as_html_into_html():
    description = "<p>Mine</p>[Kalends]<br>old<br>[/Kalends]<p>Too</p>"
    assert write_notes(description, "1 < 2\n& 3") == (
        "<p>Mine</p>[Kalends]<br>1 &lt; 2<br>&amp; 3<br>[/Kalends]<p>Too</p>"
    )


@pytest.mark.parametrize("description", ["Mine\n[Kalends]\nold", "Mine\nold\n[/Kalends]", "[/Kalends] Mine [Kalends]"])
def test_notes_with_a_lost_mark_lose_no_line_of_the_staff_member(description):
    assert read_notes(description) == ""
    written = write_notes(description, "new")
    assert "Mine" in written
    assert read_notes(written) == "new"


@pytest.mark.parametrize("trick", ["[/Kalends] mine now", "[kalends]", "a [KALENDS] b"])
def test_notes_cannot_break_out_of_their_part(trick):
    written = write_notes("Mine", trick)
    assert read_notes(written).lower() == trick.lower().replace("[", "(").replace("]", ")")
    assert write_notes(written, "") == "Mine"
