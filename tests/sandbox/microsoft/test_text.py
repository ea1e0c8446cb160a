"""What Exchange makes of a body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.sandbox.microsoft import text

LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=20)


@given(st.lists(LINES, max_size=5))
def test_plain_text_comes_back_as_lines(lines: list[str]) -> None:
    kept = text.normalise({"contentType": "text", "content": "\n".join(lines)})
    assert text.plain(kept) == "\r\n".join(lines).strip()


@given(st.lists(LINES, max_size=5), st.sampled_from(["text", "html"]))
def test_what_was_rewritten_once_is_not_rewritten_again(lines: list[str], kind: str) -> None:
    kept = text.normalise({"contentType": kind, "content": "\n".join(lines)})
    assert text.normalise({"contentType": "html", "content": kept}) == kept


@pytest.mark.parametrize(
    ("given_html", "inner"),
    [
        ("<p>One</p>", "<p>One</p>"),
        ("<html><head><title>x</title></head><body class='a'><p>One</p></body></html>", "<p>One</p>"),
        ("<p onclick='x()'>One</p><script>alert(1)</script>", "<p>One</p>"),
        ("One\nTwo", "One\r\nTwo"),
    ],
)
def test_html_becomes_a_document_without_active_parts(given_html: str, inner: str) -> None:
    kept = text.normalise({"contentType": "HTML", "content": given_html})
    assert kept.startswith('<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">')
    assert kept.endswith(f"<body>\r\n{inner}\r\n</body>\r\n</html>\r\n")


def test_an_empty_body_stays_empty() -> None:
    assert text.normalise({"contentType": "html", "content": ""}) == text.normalise(None) == ""
