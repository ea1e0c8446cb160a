"""Bookable starts of 30 days: a 30-minute service, 200 busy spans per staff member, one member and any of 20.

The peers' figures are quoted from design/performance.md, taken where two million steps of a Python loop needed 0.10 s.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kalends.core.span import Span
from kalends.scheduling import Busy, Schedule, ServiceRules, SlotQuery, StaffDays, any_of, find_slots, weekly_hours
from kalends.scheduling.hours import WEEKDAYS

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
WINDOW = Span(BEGIN, BEGIN + timedelta(days=30))
HOURS = weekly_hours(dict.fromkeys(WEEKDAYS, (("09:00", "12:30"), ("13:30", "18:00"))))
RUNS = 200
CALIBRATION_THERE = 0.105
PEERS = {
    1: {"cal.com": 109, "Easy!Appointments": 50, "django-appointment": 111},
    20: {"cal.com": 543, "Easy!Appointments": 660, "django-appointment": 2255},
}


def rows(seed: int) -> list[Busy]:
    chance = random.Random(seed)
    begin = int(BEGIN.timestamp())
    starts = sorted(begin + chance.randrange(30) * 86_400 + chance.randrange(7 * 12, 18 * 12) * 300 for _ in range(200))
    return [Busy(start, start + chance.choice([900, 1800, 3600]), id=str(start)) for start in starts]


def staff(count: int) -> list[StaffDays]:
    return [StaffDays(f"s{seed}", Schedule("Europe/Paris", HOURS), rows(seed)) for seed in range(count)]


def calibration() -> float:
    """Seconds for a loop of two million steps, in the process's own time."""
    begin = time.process_time()
    total = 0
    for step in range(2_000_000):
        total += step
    return time.process_time() - begin


def milliseconds(job: Callable[[], object], runs: int = RUNS) -> float:
    """The best of many runs in the process's own time: others on the machine do not count, nor does filling the caches."""
    spent = []
    for _ in range(runs):
        begin = time.process_time()
        job()
        spent.append((time.process_time() - begin) * 1000)
    return min(spent)


def search(members: list[StaffDays]) -> Callable[[], object]:
    query = SlotQuery(
        ServiceRules(30, service="s"), any_of(members), now=BEGIN - timedelta(days=9), zone="Europe/Paris"
    )
    return lambda: find_slots(query, WINDOW)


def main() -> dict[str, float]:
    """Prints one line per job, `job | ours | peer | ratio`; ratios are corrected by the calibration loop."""
    loop = min(calibration() for _ in range(5))
    print(f"calibration, 2,000,000 steps | {loop:.3f} s | there {CALIBRATION_THERE:.3f} s")
    result = {"calibration_s": loop}
    for count, peers in PEERS.items():
        members = staff(count)
        ours = milliseconds(search(members))
        packing = milliseconds(lambda members=members: [StaffDays(m.id, m.schedule, m.busy) for m in members])
        name = f"slots, 30 days, {'1 staff member' if count == 1 else f'any of {count}'}"
        for peer, theirs in peers.items():
            ratio = theirs * loop / CALIBRATION_THERE / ours
            print(f"{name} | {ours:.2f} ms (best of {RUNS}) | {peer} {theirs:,} ms | x {ratio:.0f}")
        print(f"  of rows to columns before it | {packing:.2f} ms")
        result |= {f"ours_ms_{count}": ours, f"packing_ms_{count}": packing}
    return result


if __name__ == "__main__":
    main()
