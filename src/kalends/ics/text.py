"""The text of iCalendar: escaping, parameters, folding (RFC 5545, 3.1 to 3.3; parameter values RFC 6868)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

CRLF = "\r\n"
_OCTETS = 75
_SPECIAL = re.compile(r"[\\;,\x00-\x1f\x7f\ud800-\udfff]")
# TAB may stand in text as it is; other control characters may not stand in a content line at all.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NOT_IN_URI = re.compile(r"[\x00-\x20\x7f\ud800-\udfff<>\"\\^`{|}]")
# "=" need not be quoted, but icalendar drops a space after one that is not.
_QUOTED = re.compile(r"[:;,=]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def escaped(text: str) -> str:
    r"""`text` as a TEXT value. Line ends of every kind become \n; control characters, which are not allowed, go."""
    if not _SPECIAL.search(text):
        return text
    if _ODD.search(text):
        text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\r\n", "\n").replace("\r", "\n")
        text = _CONTROL.sub("", text)
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def parameter(text: str) -> str:
    """`text` as a parameter value: quoted where needed, quotation marks and line ends as RFC 6868 writes them."""
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text).replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    return f'"{text}"' if _QUOTED.search(text) else text


def folded(line: str) -> str:
    """A content line without its line end, folded after at most 75 octets and never inside a character."""
    if len(line) <= _OCTETS and (line.isascii() or len(line.encode()) <= _OCTETS):
        return line
    return _folded_ascii(line) if line.isascii() else _folded_utf8(line)


def _folded_ascii(line: str) -> str:
    rest = (line[at : at + _OCTETS - 1] for at in range(_OCTETS, len(line), _OCTETS - 1))
    return "\r\n ".join([line[:_OCTETS], *rest])


def _folded_utf8(line: str) -> str:
    data = line.encode()
    pieces, begin, room = [], 0, _OCTETS
    while len(data) - begin > room:
        end = begin + room
        while data[end] & 0xC0 == 0x80:  # the middle of a character
            end -= 1
        pieces.append(data[begin:end])
        begin, room = end, _OCTETS - 1
    return b"\r\n ".join([*pieces, data[begin:]]).decode()


def text_line(name: str, value: str) -> str:
    """`NAME:value` with its line end, the value escaped and the line folded."""
    return folded(f"{name}:{escaped(value)}") + CRLF


def uri(text: str) -> str:
    """`text` as a URI value, which is not escaped: characters that would end the line or are no part of a URI go."""
    return _NOT_IN_URI.sub("", text)


def utc(moment: datetime) -> str:
    """An aware instant as DATE-TIME in UTC, to the second."""
    return f"{wall(moment.astimezone(UTC))}Z"


def wall(moment: datetime) -> str:
    """What stands in `moment` as DATE-TIME without a zone, to the second."""
    day = (moment.year, moment.month, moment.day)
    # A feed writes four per event, and format specifiers take twice as long.
    return "%04d%02d%02dT%02d%02d%02d" % (*day, moment.hour, moment.minute, moment.second)  # noqa: UP031


def duration(length: timedelta) -> str:
    """A positive DURATION of whole minutes: "PT1H30M"."""
    minutes = max(1, int(length.total_seconds()) // 60)
    hours, rest = divmod(minutes, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{rest}M" if rest else "")
