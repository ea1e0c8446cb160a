"""Our part of an event's description, and the staff member's own lines around it.

Our part stands between two short marks that people can read and that survive calendars which rewrite the text: Google's
web page turns a description that is edited there into HTML. What is outside the marks is never changed.
"""

from __future__ import annotations

import html
import re

BEGIN, END = "[Kalends]", "[/Kalends]"
_BLOCK = re.compile(rf"{re.escape(BEGIN)}(.*?){re.escape(END)}", re.DOTALL)
_MARK = re.compile(r"\[(/?)(Kalends)\]", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|b|blockquote|body|br|div|em|font|h[1-6]|head|hr|html|html-blob|i|li|meta|ol|p|pre|span|strong|table|tbody"
    r"|td|tr|u|ul)\b[^>]*>",
    re.IGNORECASE,
)
_LINE_END = re.compile(r"\s*(?:<br\b[^>]*>|</(?:p|div|li|h[1-6]|blockquote)>)\n?", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|nbsp|#\d{1,7}|#x[0-9a-f]{1,6});", re.IGNORECASE)


def read_notes(description: str, *, as_html: bool | None = None) -> str:
    """Our notes inside a description, as plain text; "" if our part is not there whole.

    `as_html` is what the calendar says of the description; None where it does not say: then the text tells.
    """
    match = _BLOCK.search(description)
    if match is None:
        return ""
    return _tidy(_plain(match[1]) if _is_html(description, as_html) else match[1])


def write_notes(description: str, notes: str, *, as_html: bool | None = None) -> str:
    """The description with our part saying `notes` ("" removes it) and everything else as it was."""
    match = _BLOCK.search(description)
    # A mark without its partner has lost its meaning; the lines next to it may be anybody's and stay.
    before, after = (description[: match.start()], description[match.end() :]) if match else (description, "")
    before, after = _unmarked(before), after if match else ""
    block = _block(_tidy(notes), as_html=_is_html(before + after + notes, as_html))
    if match:
        return before + block + after if block else (before.rstrip() + after if before.strip() else after.lstrip())
    if not block:
        return before
    if as_html and not _plain(before).strip():
        return before + block
    gap = "<br><br>" if _is_html(before, as_html) else "\n\n"
    return f"{before.rstrip()}{gap}{block}" if before.strip() else block


def _block(notes: str, *, as_html: bool) -> str:
    if not notes:
        return ""
    notes = _MARK.sub(r"(\1\2)", notes)
    if not as_html:
        return f"{BEGIN}\n{notes}\n{END}"
    lines = html.escape(notes, quote=False).split("\n")
    return "<br>".join([BEGIN, *lines, END])


def _unmarked(text: str) -> str:
    return text.replace(BEGIN, "").replace(END, "")


def _is_html(text: str, stated: bool | None = None) -> bool:
    if stated is not None:
        return stated
    return _TAG.search(text) is not None or _ENTITY.search(text) is not None


def _plain(text: str) -> str:
    text = _LINE_END.sub("\n", text)
    return html.unescape(_TAG.sub("", text)).replace("\xa0", " ")


def _tidy(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n").rstrip()
