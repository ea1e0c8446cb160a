"""What never reaches a log line: the secret part of an address."""

from __future__ import annotations

import logging
import re

# Every address of the URL map that holds a token (a test holds the list against it); and what a consent page sends back.
_SECRET_PATHS = re.compile(
    r"(/(?:a|connect/question|connect|feeds|q|book/done|password/reset/key|confirm-email)/)[^/\s?\"']+"
)
_SECRET_QUERY = re.compile(r"([?&](?:code|state|token)=)[^&\s\"']+")


_plain = logging.Formatter()


class HideSecrets(logging.Filter):
    """Rewrites the finished message, so that it does not matter which part of a record held the address."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = hide(message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        if record.exc_info:
            # What a formatter finds here it does not make again.
            record.exc_text = hide(record.exc_text or _plain.formatException(record.exc_info))
        return True


def hide(text: str) -> str:
    return _SECRET_QUERY.sub(r"\1…", _SECRET_PATHS.sub(r"\1…", text))
