from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.messages.richtext import clean_html, fill_in, to_text

LINK = "https://kalends.example/connect/abc?x=1&y=2"


def filled(html: str, **changes) -> str:
    arguments = {"company": "Lake & Side", "staff": "Emma <b>", "link": LINK, "link_label": "Connect"}
    return fill_in(html, **(arguments | changes))


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<p onclick='x()'>Hi<script>alert(1)</script></p>", "<p>Hi</p>"),
        ('<a href="javascript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href="data:text/html,x">x</a>', "<a>x</a>"),
        ("<img src=x onerror=y>", ""),
        ("<iframe src='https://evil.example'></iframe><form><input></form>", ""),
        ('<span style="color:red;position:fixed;background-image:url(x)">x</span>', '<span style="color:red">x</span>'),
        (
            '<table border="1"><tbody><tr><td colspan="2" style="background-color:#eee">x</td></tr></tbody></table>',
            '<table border="1"><tbody><tr><td colspan="2" style="background-color:#eee">x</td></tr></tbody></table>',
        ),
        ('<font color="#ff0000">x</font><strike>y</strike>', '<font color="#ff0000">x</font><strike>y</strike>'),
        ("<ul><li>one</li></ul><h2>two</h2>", "<ul><li>one</li></ul><h2>two</h2>"),
    ],
)
def test_markup_is_reduced_to_what_mails_show(html, clean):
    assert clean_html(html) == clean


def test_placeholders_are_filled_in_and_escaped():
    html = filled("<p>{company} asks {staff}: {link}</p>")
    assert html.startswith("<p>Lake &amp; Side asks Emma &lt;b&gt;: <a href=")
    assert html.count('href="https://kalends.example/connect/abc?x=1&amp;y=2"') == 1
    assert html.endswith(">Connect</a></p>")


def test_link_in_an_href_becomes_the_address():
    assert filled('<a href="{link}">here</a>') == f'<a href="{LINK.replace("&", "&amp;")}">here</a>'


def test_link_is_added_where_the_manager_left_it_out():
    assert filled("<p>Please connect.</p>").count(LINK.replace("&", "&amp;")) == 1


def test_company_name_cannot_add_markup():
    html = filled("<p title='{company}'>{company}</p>{link}", company='"><script>alert(1)</script>')
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/=\"' {}abcdinkpscrt:;&#xon", max_size=80), st.text(max_size=20))
def test_nothing_that_runs_ever_gets_through(html, name):
    result = filled(html, company=name, staff=name).lower()
    assert clean_html(result) == clean_html(clean_html(result))
    for danger in ("<script", "<img", "<iframe", "javascript:", " onclick="):
        assert danger not in result.replace("&lt;", "")


def test_text_half_says_the_same_words():
    html = filled("<h2>Hello</h2><p>I am&nbsp;managing<br>{company}.</p><ul><li>one</li><li>two</li></ul>{link}")
    assert to_text(html) == f"Hello\n\nI am managing\nLake & Side.\n\n- one\n- two\n\nConnect <{LINK}>"
