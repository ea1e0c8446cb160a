from __future__ import annotations

from kalends.bookings.services import drop_old_holds
from kalends.core.clock import utc_now
from kalends.jobs.sweeps import register


def drop_holds() -> None:
    drop_old_holds(now=utc_now())


def register_sweeps() -> None:
    register("bookings.drop_old_holds", lambda: 300, drop_holds)
