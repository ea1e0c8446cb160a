"""When to ask an address again: between 5 and 60 minutes, more often where more happens."""

from __future__ import annotations

import re
from datetime import timedelta

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(minutes=60)
FIRST = timedelta(minutes=15)
_STATED = re.compile(r"\n(?:REFRESH-INTERVAL|X-PUBLISHED-TTL)(?:;[^:\n]*)?:([^\n]+)", re.IGNORECASE)
_DURATION = re.compile(r"\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$")


def next_pause(previous: timedelta | None, *, changed: bool, stated: timedelta | None) -> timedelta:
    """A change halves the pause, a read without one lengthens it by half; never shorter than the feed asks for.

    `stated` is what the feed asks for (RFC 7986, 5.7: the least that its publisher suggests); beyond an hour it is not
    followed, since busy time must not be older.
    """
    least = min(max(SHORTEST, stated or SHORTEST), LONGEST)
    if previous is None:
        return max(least, FIRST)
    wanted = previous / 2 if changed else previous * 3 / 2
    return min(max(least, wanted), LONGEST)


def stated_interval(outside: str) -> timedelta | None:
    """REFRESH-INTERVAL, or its forerunner X-PUBLISHED-TTL, in the text outside of events; None if there is none."""
    for value in _STATED.findall(outside):
        match = _DURATION.match(value.strip().upper())
        if match:
            weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            found = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
            if found:
                return found
    return None
