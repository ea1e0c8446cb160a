"""What Exchange makes of a body: every text becomes an HTML document with its own head and CRLF line ends."""

from __future__ import annotations

import html
import re
from typing import Any

from kalends.sandbox.microsoft import errors

_META = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
_CONVERTED = (
    '<meta name="Generator" content="Microsoft Exchange Server">\r\n<!-- converted from text -->'
    "<style><!-- .EmailQuote { margin-left: 1pt; padding-left: 4pt; border-left: #800000 2px solid; } --></style>"
)
_BODY = re.compile(r"<body[^>]*>(.*?)(?:</body>|\Z)", re.IGNORECASE | re.DOTALL)
_HEAD = re.compile(r"<head[^>]*>(.*?)</head>", re.IGNORECASE | re.DOTALL)
_ACTIVE = re.compile(r"<(script|iframe|object|form)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_HANDLER = re.compile(r"\son\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_OTHER_META = re.compile(r"<meta[^>]*charset[^>]*>\s*", re.IGNORECASE)
PREVIEW = 255


def normalise(body: Any) -> str:
    """The kept HTML of an itemBody. Raises GraphError 400."""
    if body is None:
        return ""
    if not isinstance(body, dict) or str(body.get("contentType", "text")).lower() not in ("text", "html"):
        raise errors.invalid_property("The body must have a contentType of text or html.")
    content = _crlf(str(body.get("content") or ""))
    if not content:
        return ""
    if str(body.get("contentType", "text")).lower() == "text":
        return _from_text(content)
    return _document(content)


def _crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def _from_text(text: str) -> str:
    lines = html.escape(text, quote=False).replace("\r\n", "<br>\r\n").replace("  ", " &nbsp;")
    inner = f'<font size="2"><span style="font-size:11pt;"><div class="PlainText">{lines}</div></span></font>'
    return _wrap(f"{_META}\r\n{_CONVERTED}", inner)


def _document(content: str) -> str:
    content = _HANDLER.sub("", _ACTIVE.sub("", content))
    head, body = _HEAD.search(content), _BODY.search(content)
    extra = _OTHER_META.sub("", head.group(1)).strip() if head else ""
    inner = body.group(1) if body else re.sub(r"</?html[^>]*>", "", content, flags=re.IGNORECASE)
    return _wrap(f"{_META}\r\n{extra}" if extra else _META, inner.strip("\r\n"))


def _wrap(head: str, inner: str) -> str:
    return f"<html>\r\n<head>\r\n{head}\r\n</head>\r\n<body>\r\n{inner}\r\n</body>\r\n</html>\r\n"


def plain(content: str) -> str:
    """The kept HTML as text, for `outlook.body-content-type="text"` and for the preview."""
    found = _BODY.search(content)
    text = re.sub(r"\s*\r\n\s*", " ", found.group(1) if found else content)
    text = re.sub(r"<br\s*/?>\s?|</(?:p|div|li|tr|h\d)>\s?", "\r\n", text, flags=re.IGNORECASE)
    return html.unescape(re.sub(r"<[^>]+>", "", text)).replace("\xa0", " ").strip()
