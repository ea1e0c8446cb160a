"""Identifiers and secrets."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
import uuid

_lock = threading.Lock()
_last = (0, 0)  # the milliseconds and the counter of the newest id of this process


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): sorts by creation, so that indexes grow at one end.

    Within a process ids never go back, not even within a millisecond (section 6.2, method 1: a counter of 12 bits that
    borrows from the next millisecond when it is full); lists that order by id tell things in the order they happened.
    """
    global _last  # noqa: PLW0603 - the one piece of state that the order needs
    with _lock:
        millis, counter = max((time.time_ns() // 1_000_000, 0), (_last[0], _last[1] + 1))
        if counter > 0xFFF:
            millis, counter = millis + 1, 0
        _last = (millis, counter)
    value = (millis << 80) | (0x7 << 76) | (counter << 64) | (0x2 << 62) | (int.from_bytes(os.urandom(8), "big") >> 2)
    return uuid.UUID(int=value)


def new_token() -> str:
    """256 random bits, safe in an address."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """SHA-256 in hexadecimal: what is stored to look a token up by. The token is random, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
