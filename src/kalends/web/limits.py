"""How often one connection may act in a while."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from django.http import HttpRequest

from kalends.core.clock import utc_now
from kalends.jobs.limits import count_act


def within_limit(request: HttpRequest, *, scope: str, limit: int, seconds: int) -> bool:
    """Counts this act of the caller's connection; whether it is among the first `limit` within `seconds`."""
    return count_act(f"{scope}:{_source(request)}", window=timedelta(seconds=seconds), now=utc_now()) <= limit


def _source(request: HttpRequest) -> str:
    """The caller's address; for IPv6 the network of one household (/64)."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address)
