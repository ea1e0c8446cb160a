"""A company's feed of 10,000 appointments as the product renders it from SQLite: cold, unchanged, after 50 changes.

The reads of the database beside the rest: what a change costs beyond them.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.bench.server import own_settings

APPOINTMENTS, CHANGED = 10_000, 50


def main() -> None:
    """Runs in a process of its own: settings are read once, from the environment."""
    with own_settings() as env:
        subprocess.run([sys.executable, "-m", "tests.bench.feed_product", "inside"], env=env, check=True)


def inside() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from kalends.companies.models import Feed
    from kalends.feeds import rendering
    from tests.bench.shop import Shop

    ours = Shop()
    booked = ours.book(ours.member("Emma Bench"), APPOINTMENTS)
    feed = Feed.objects.select_related("company").get(company=ours.company, kind="company")
    members, period, today = rendering.members_of(feed), rendering.Period(), ours.now.date()

    def render() -> int:
        return rendering.render(feed, members, period, today).count(b"BEGIN:VEVENT")

    _row("cold", render)
    _row("unchanged", render)
    ours.note(booked[:CHANGED])
    _row(f"{CHANGED} changed", render)
    _row("unchanged", render)


def _row(job: str, work: Callable[[], int]) -> None:
    """`rest` is all but the reads: the rows' fetching and conversion are theirs."""
    from kalends.feeds import rendering

    reading = [0.0]
    names = ("feed_index", "names_for_feeds", "appointments_for_feed")
    plain = {name: getattr(rendering, name) for name in names}

    def timed(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            try:
                return plain[name](*args, **kwargs)
            finally:
                reading[0] += time.process_time() - begun

        return call

    for name in names:
        setattr(rendering, name, timed(name))
    gc.collect()
    begun = time.process_time()
    events = work()
    spent = time.process_time() - begun
    for name in names:
        setattr(rendering, name, plain[name])
    print(
        f"  {job:12} | {events:,} events | {spent * 1000:6.1f} ms CPU | reads {reading[0] * 1000:6.1f} ms"
        f" | rest {(spent - reading[0]) * 1000:5.1f} ms"
    )


if __name__ == "__main__":
    inside() if sys.argv[1:] == ["inside"] else main()
