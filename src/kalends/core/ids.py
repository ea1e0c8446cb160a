"""Identifiers and secrets."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): sorts by creation, so that indexes grow at one end."""
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return uuid.UUID(int=value)


def new_token() -> str:
    """256 random bits, safe in an address."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """SHA-256 in hexadecimal: what is stored to look a token up by. The token is random, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
