"""A thousand series in a window of 90 days: ours beside dateutil, recurring-ical-events and ical in the same run.

Every reader gets the rules as text; what it keeps between runs is thrown away before each of ours. The peers are slow,
so each gets the share of the set that it does in reasonable time, taken evenly from it.
"""

from __future__ import annotations

import gc
import random
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rruleset, rrulestr
from ical.calendar_stream import IcsCalendarStream

from kalends.core import recurrence, rrule, rule_days, rule_walls
from kalends.core.recurrence import expand
from kalends.core.span import Span

RULES, WANTED = 1_000, 700_000
WINDOW = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=90))
HOUR = timedelta(hours=1)
ZONES = ("Europe/Paris", "Europe/London", "America/New_York", "America/Sao_Paulo", "Asia/Tokyo", "Australia/Sydney")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Series:
    start: datetime
    zone: str
    rule: str
    removed: tuple[datetime, ...] = ()

    @property
    def lines(self) -> list[str]:
        found = [f"RRULE:{self.rule}"]
        if self.removed:
            found.append(f"EXDATE;TZID={self.zone}:{','.join(f'{day:%Y%m%dT%H%M%S}' for day in self.removed)}")
        return found


def series(count: int, years: Sequence[int], seed: int = 1) -> list[Series]:
    """As calendars have them: mostly weekly, many daily, some monthly and yearly; with ends, counts and gaps."""
    chance = random.Random(seed)
    return [_one(chance, years) for _ in range(count)]


def _one(chance: random.Random, years: Sequence[int]) -> Series:
    start = datetime(chance.choice(years), 1, 1) + timedelta(
        days=chance.randrange(365), minutes=15 * chance.randrange(28, 76)
    )
    kind = chance.choices(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"), (26, 55, 15, 4))[0]
    rule = f"FREQ={kind}" + _PARTS[kind](chance) + f";WKST={chance.choice(('MO', 'SU'))}" * (chance.random() < 0.5)
    rule += chance.choices(("", ";UNTIL=20270630T220000Z", f";COUNT={chance.randrange(1000, 20_000)}"), (8, 1, 1))[0]
    removed = []
    if chance.random() < 0.1:
        removed = [start.replace(year=2026, month=3, day=chance.randrange(1, 29)) for _ in range(3)]
    return Series(start, chance.choice(ZONES), rule, tuple(removed))


def _of_month(chance: random.Random) -> str:
    by_day = f";BYDAY={chance.choice((1, 2, 3, 4, -1))}{chance.choice(WEEKDAYS)}"
    return chance.choice(
        ("", by_day, f";BYMONTHDAY={chance.choice((1, 15, 28, -1))}", ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1")
    )


_PARTS: dict[str, Callable[[random.Random], str]] = {
    "DAILY": lambda chance: chance.choice(("", "", ";INTERVAL=2", ";BYDAY=MO,TU,WE,TH,FR")),
    "WEEKLY": lambda chance: (
        f";BYDAY={','.join(chance.sample(WEEKDAYS[:5], chance.randrange(1, 4)))}"
        + ";INTERVAL=2" * (chance.random() < 0.2)
    ),
    "MONTHLY": _of_month,
    "YEARLY": lambda chance: chance.choice(("", ";BYMONTH=4;BYDAY=1SU", ";BYMONTHDAY=10;BYMONTH=3,4,5")),
}


# -- the readers --------------------------------------------------------------------------------------------------


def forget() -> None:
    """As in a process that has just begun, but for the tables of its zones."""
    for module in (recurrence, rrule, rule_days, rule_walls):
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


def ours(wanted: Sequence[Series]) -> list[int]:
    return [
        len(
            expand(
                start=each.start.replace(tzinfo=ZoneInfo(each.zone)),
                duration=HOUR,
                timezone=each.zone,
                rules=each.lines,
                window=WINDOW,
            )
        )
        for each in wanted
    ]


def by_dateutil(wanted: Sequence[Series]) -> list[int]:
    found = []
    for each in wanted:
        clock = ZoneInfo(each.zone)
        dates = rruleset()
        dates.rrule(rrulestr(each.rule, dtstart=each.start.replace(tzinfo=clock)))
        for day in each.removed:
            dates.exdate(day.replace(tzinfo=clock))
        after = (at for at in dates.xafter(WINDOW.start - HOUR) if at + HOUR > WINDOW.start)
        count = 0
        for at in after:
            if at >= WINDOW.end:
                break
            count += 1
        found.append(count)
    return found


def text_of(each: Series) -> str:
    begin = f"DTSTART;TZID={each.zone}:{each.start:%Y%m%dT%H%M%S}"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z"]
    return "\r\n".join([*lines, begin, "DURATION:PT1H", *each.lines, "END:VEVENT", "END:VCALENDAR", ""])


def by_recurring_ical_events(calendars: Sequence[icalendar.Calendar]) -> list[int]:
    return [len(recurring_ical_events.of(each).between(WINDOW.start, WINDOW.end)) for each in calendars]


def by_ical(calendars: Sequence) -> list[int]:
    return [sum(1 for _ in each.timeline.overlapping(WINDOW.start, WINDOW.end)) for each in calendars]


def _rate(job: Callable[[Sequence], list[int]], wanted: Sequence, runs: int, before=lambda: None) -> tuple[float, int]:
    """Occurrences a second of the best of several runs, in the process's own time, and how many there are."""
    best = 1e9
    for _ in range(runs):
        before()
        gc.collect()
        begin = time.process_time()
        found = sum(job(wanted))
        best = min(best, time.process_time() - begin)
    return found / best, found


def main() -> dict[str, float]:
    """One line per peer and one on the past: `job | ours | peer | ratio`."""
    warnings.simplefilter("ignore")
    wanted = series(RULES, range(2015, 2026))
    mine, found = _rate(ours, wanted, 7, forget)
    job = f"recurrence, {RULES:,} series, {found:,} in 90 days"
    print(f"{job} | {mine:,.0f}/s | wanted {WANTED:,}/s | x {mine / WANTED:.2f}")
    some, few = wanted[::10], wanted[::25]
    parsed = [icalendar.Calendar.from_ical(text_of(each)) for each in few]
    read = [IcsCalendarStream.calendar_from_ics(text_of(each)) for each in few]
    peers = {
        "dateutil": _rate(by_dateutil, some, 2),
        "recurring-ical-events": _rate(by_recurring_ical_events, parsed, 2),
        "ical": _rate(by_ical, read, 2),
    }
    for name, (theirs, _) in peers.items():
        print(f"{job} | {mine:,.0f}/s | {name} {theirs:,.0f}/s | x {mine / theirs:.0f}")
    past = {year: _rate(ours, series(RULES, [year]), 7, forget)[0] for year in (1990, 2025)}
    print(
        f"  begun in 1990 | {past[1990]:,.0f}/s | begun in 2025 {past[2025]:,.0f}/s | x {past[1990] / past[2025]:.2f}"
    )
    return {"ours": mine, **{name: theirs for name, (theirs, _) in peers.items()}}


if __name__ == "__main__":
    main()
