"""What never reaches a log line: the secret part of an address."""

from __future__ import annotations

import logging
import re

# /a/{token}, /connect/{token}, /feeds/{secret}.ics, /q/{token}, /w/{token}; and what a consent page sends back.
_SECRET_PATHS = re.compile(r"(/(?:a|connect|feeds|q|w)/)[^/\s?\"']+")
_SECRET_QUERY = re.compile(r"([?&](?:code|state|token)=)[^&\s\"']+")


class HideSecrets(logging.Filter):
    """Rewrites the finished message, so that it does not matter which part of a record held the address."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = _SECRET_QUERY.sub(r"\1…", _SECRET_PATHS.sub(r"\1…", message))
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True
