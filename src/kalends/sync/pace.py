"""How fast one host is asked for calendars, whoever they belong to: a few at once, then evenly spread (F70).

Two instants stand for a host. `open_at` bounds what is asked: it moves on by GAP with each request and may run ahead of
the clock by BURST requests, so that in any span of time at most BURST more are made than GAPs fit into it. `tail` is the
end of the queue: who comes while the host is not open is given a turn of its own there, and comes back then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

GAP = timedelta(seconds=0.5)
BURST = 4
_AHEAD = (BURST - 1) * GAP
# Requests in flight to one host; a slow one keeps no more workers than that.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Host:
    open_at: datetime
    tail: datetime


def asked(host: Host, now: datetime) -> Host:
    """After a request that is made now."""
    return replace(host, open_at=max(host.open_at, now) + GAP)


def is_open(host: Host, turn: datetime | None, now: datetime) -> bool:
    """Whether it may be asked now by whoever has this turn (None: none yet). Nobody overtakes a queue."""
    first = host.tail <= now if turn is None else turn <= now
    return first and host.open_at <= now + _AHEAD


def queued(host: Host, now: datetime) -> tuple[Host, datetime]:
    """After somebody was given a turn, and when it is."""
    turn = max(host.tail, host.open_at - _AHEAD, now + GAP)
    return replace(host, tail=turn + GAP), turn
