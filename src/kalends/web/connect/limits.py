"""How often one address may try: counted in the shared cache, so that every web process knows."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest


def too_many(request: HttpRequest, what: str, *, most: int, seconds: int) -> bool:
    """Counts this try; True once there were more than `most` from this address within `seconds`."""
    key = f"limit:{what}:{request.META.get('REMOTE_ADDR', '')}"
    if cache.add(key, 1, timeout=seconds):
        return False
    try:
        return cache.incr(key) > most
    except ValueError:  # the entry ran out between the two calls
        cache.add(key, 1, timeout=seconds)
        return False
