"""Counts in the shared store: how often one connection may act in a while."""

from __future__ import annotations

import hashlib
import ipaddress

from django.core.cache import cache
from django.http import HttpRequest


def within_limit(request: HttpRequest, *, scope: str, limit: int, seconds: int) -> bool:
    """Whether this act of the caller's connection is among the first `limit` within `seconds`."""
    key = f"limit:{scope}:{_source(request)}"
    if cache.add(key, 1, timeout=seconds):
        return True
    try:
        return cache.incr(key) <= limit
    except ValueError:
        # It ran out between the two calls.
        return cache.add(key, 1, timeout=seconds) or True


def _source(request: HttpRequest) -> str:
    """The caller's address, hashed; for IPv6 the network of one household (/64)."""
    raw = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(raw)
    except ValueError:
        return "unknown"
    if address.version == 6:
        raw = str(ipaddress.ip_network(f"{raw}/64", strict=False))
    return hashlib.sha256(raw.encode()).hexdigest()[:32]
