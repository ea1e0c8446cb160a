"""Whether what an address answered is a calendar: asked when someone enters an External iCalendar URL, and at each read.

A calendar page, a login page and an empty answer all come with status 200; only the body tells (failure case F21).
"""

from __future__ import annotations

import codecs
import re
from enum import StrEnum

_HTML = re.compile(
    rb"^\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta)\b", re.IGNORECASE | re.DOTALL
)
_LOGIN = re.compile(rb"type\s*=\s*[\"']?password|accounts\.google\.com|login\.microsoftonline\.com", re.IGNORECASE)
_BEGIN = re.compile(rb"^\s*BEGIN:VCALENDAR\s*$", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"^END:VCALENDAR\s*\Z", re.IGNORECASE | re.MULTILINE)
_HEAD = 4096
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"


class Verdict(StrEnum):
    CALENDAR = "calendar"
    EMPTY = "empty"
    LOGIN_PAGE = "login_page"
    WEB_PAGE = "web_page"
    COMPRESSED = "compressed"
    TRUNCATED = "truncated"
    NOT_CALENDAR = "not_calendar"


def looks_like_calendar(body: bytes) -> Verdict:
    """What `body` is, by its beginning and its end; CALENDAR promises a whole object, not that each event is readable."""
    text = body.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        return Verdict.EMPTY
    if text.startswith((_ZIP, _GZIP)):
        return Verdict.COMPRESSED
    if _HTML.match(text[:_HEAD]):
        return Verdict.LOGIN_PAGE if _LOGIN.search(text) else Verdict.WEB_PAGE
    if not _BEGIN.search(text[:_HEAD]):
        return Verdict.NOT_CALENDAR
    return Verdict.CALENDAR if _END.search(text[-_HEAD:].rstrip()) else Verdict.TRUNCATED
