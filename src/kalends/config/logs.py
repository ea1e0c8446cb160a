"""Log lines: one JSON object each, with the connection and run they belong to, and without what identifies a person.

What never reaches a line: the secret part of an address, mail addresses, and the texts of exceptions, which may quote
any value; a trace says which kind of exception came from where.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from structlog.contextvars import get_contextvars

# Every address of the URL map that holds a token (a test holds the list against it); and what a consent page sends back.
_SECRET_PATHS = re.compile(
    r"(/(?:a|connect/question|connect|feeds|join|q|book/done|password/reset/key|confirm-email)/)[^/\s?\"']+"
)
_SECRET_QUERY = re.compile(r"([?&](?:code|state|token)=)[^&\s\"']+")
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*")


class HideSecrets(logging.Filter):
    """Rewrites the finished message, so that it does not matter which part of a record held the address."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = hide(message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True


class Lines(logging.Formatter):
    """`at`, `level`, `logger`, `event`; `connection` and `run` where there are; `trace` of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **get_contextvars(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = trace_of(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def hide(text: str) -> str:
    return _MAIL_ADDRESS.sub("…@…", _SECRET_QUERY.sub(r"\1…", _SECRET_PATHS.sub(r"\1…", text)))


def trace_of(error: BaseException) -> list[str]:
    """The outermost exception first, then what caused it; of each its kind and where it went, never its text."""
    found: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        found += [type(link).__name__, *_frames(link.__traceback__)]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return found


def _frames(begin: TracebackType | None) -> list[str]:
    return [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(begin)]
