"""A manager's own words in a mail: cleaned to what mail programs show, with the placeholders filled in.

Placeholders: {company} and {staff} become text, {link} a button (or the address, where it stands in an href); if
{link} is not there at all, the button goes below the text, because a mail without it would be of no use.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

import nh3

_TAGS = {
    "a", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "del", "div", "em", "font", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "s", "small", "span", "strike", "strong", "sub", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"style", "align", "dir", "lang"},
    "a": {"href"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"colspan", "rowspan", "width", "valign", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "valign", "bgcolor", "scope"},
    "col": {"span", "width"},
    "tr": {"valign", "bgcolor"},
}
_STYLES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius",
    "border-right", "border-spacing", "border-style", "border-top", "border-width", "color", "display", "font-family",
    "font-size", "font-style", "font-weight", "height", "line-height", "list-style-type", "margin", "margin-bottom",
    "margin-left", "margin-right", "margin-top", "max-width", "padding", "padding-bottom", "padding-left",
    "padding-right", "padding-top", "text-align", "text-decoration", "text-decoration-line", "text-indent",
    "vertical-align", "white-space", "width",
}  # fmt: skip
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    filter_style_properties=_STYLES,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
    clean_content_tags={"script", "style", "title", "template", "noscript", "textarea", "select", "iframe", "object"},
)
_TAG = re.compile(r"(<[^<>]*>)")
_BUTTON_STYLE = (
    "display:inline-block;padding:12px 20px;border-radius:9px;background-color:#0b675d;color:#ffffff;"
    "font-weight:600;text-decoration:none"
)


def clean_html(html: str) -> str:
    """`html` without scripts, forms, images, frames, positions and classes; tables, colours and lists stay."""
    return _cleaner.clean(html)


def fill_in(html: str, *, company: str, staff: str, link: str, link_label: str) -> str:
    """Clean HTML with the placeholders replaced; cleaned once more, so that what is put in cannot add markup."""
    words = {"{company}": escape(company), "{staff}": escape(staff)}
    address = escape(link)
    button = f'<a href="{address}" style="{_BUTTON_STYLE}">{escape(link_label)}</a>'
    cleaned = clean_html(html).replace("%7Blink%7D", "{link}")
    pieces = [
        _replace(piece, words | {"{link}": address if piece.startswith("<") else button})
        for piece in _TAG.split(cleaned)
    ]
    filled = "".join(pieces)
    if "{link}" not in cleaned:
        filled = f"{filled}<p>{button}</p>"
    return clean_html(filled)


def fill_in_line(line: str, *, company: str, staff: str) -> str:
    """A line of plain text, such as a subject, with the placeholders of names replaced."""
    return _replace(line, {"{company}": company, "{staff}": staff})


def _replace(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


class _TextWriter(HTMLParser):
    """Plain text of clean HTML: blocks on their own lines, list items with a dash, addresses after their words."""

    _BLOCKS = {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "tr", "blockquote", "pre", "hr"}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._href = ""
        self._words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._BLOCKS or tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "a":
            self._href, self._words = dict(attrs).get("href") or "", ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._BLOCKS:
            self.parts.append("\n\n" if tag in ("ul", "ol", "table") else "\n")
        elif tag == "a" and self._href:
            if self._href.removeprefix("mailto:") != self._words.strip():
                self.parts.append(f" <{self._href}>")
            self._href = ""

    def handle_data(self, data: str) -> None:
        words = re.sub(r"\s+", " ", data)
        self._words += words
        self.parts.append(words)


def to_text(html: str) -> str:
    """The words of clean HTML for the plain-text half of a mail."""
    writer = _TextWriter()
    writer.feed(html)
    writer.close()
    lines = [" ".join(line.split()) for line in "".join(writer.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
