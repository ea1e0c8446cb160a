"""Our expansion against python-dateutil's, rule by rule, and over zones and daylight saving (F53)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kalends.core.recurrence import expand, expand_days
from kalends.core.span import Span
from kalends.core.zones import zone_names

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
HOUR = timedelta(hours=1)


def numbers(low, high, *, signed=False, most=3):
    one = st.integers(low, high)
    if signed:
        one = one | st.integers(-high, -low)
    return st.lists(one, min_size=1, max_size=most, unique=True).map(lambda found: ",".join(map(str, found)))


def weekdays(*, nth):
    plain = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True)
    if not nth:
        return plain.map(",".join)
    # dateutil takes a mixture of plain and numbered weekdays for their intersection, RFC 5545 for their union
    numbered = st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 4, 5, -1, -2]), st.sampled_from(WEEKDAYS)),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(lambda found: ",".join(f"{n}{day}" for n, day in found))
    return plain.map(",".join) | numbered


@st.composite
def rules(draw):
    """Rules that give something: for one that never does, dateutil searches to the year 9999."""
    freq = draw(st.sampled_from(["YEARLY", "MONTHLY", "MONTHLY", "WEEKLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]))
    small = freq in ("HOURLY", "MINUTELY")
    optional = {
        "BYDAY": weekdays(nth=freq in ("YEARLY", "MONTHLY")),
        "BYHOUR": numbers(0, 23),
        "BYMINUTE": numbers(0, 59),
        "WKST": st.sampled_from(WEEKDAYS),
    }
    if not small:
        optional["BYMONTH"] = numbers(1, 12)
        optional["BYMONTHDAY"] = numbers(1, 28, signed=True) if freq != "WEEKLY" else st.just("1,2,3,4,5,6,7")
    if freq == "YEARLY":
        optional["BYYEARDAY"] = numbers(1, 365, signed=True)
        optional["BYWEEKNO"] = numbers(1, 52, signed=True)
    parts = {name: draw(optional[name]) for name in draw(st.sets(st.sampled_from(sorted(optional)), max_size=3))}
    assume(len(parts.keys() & {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}) < 2)
    assume("BYMONTH" not in parts or not parts.keys() & {"BYYEARDAY", "BYWEEKNO"})
    assume(not (freq == "MONTHLY" and "5" in parts.get("BYDAY", "") and "BYMONTHDAY" in parts))
    if "BYWEEKNO" in parts:
        # dateutil gives all seven days of the week where no day is named; ordinals mean nothing there
        parts["BYDAY"] = draw(weekdays(nth=False))
    # dateutil counts BYSETPOS in the first week from DTSTART on, not from the week's beginning
    if freq in ("YEARLY", "MONTHLY", "DAILY") and parts and draw(st.booleans()):
        positions = ["1", "-1", "1,-1"]
        several = (
            freq == "MONTHLY" and "BYMONTHDAY" not in parts and not any(c.isdigit() for c in parts.get("BYDAY", "0"))
        )
        parts["BYSETPOS"] = draw(st.sampled_from(positions + ["2", "-2", "3,-4"] * several))
    interval = draw(st.integers(1, 5))
    if small:
        interval = draw(st.sampled_from([1, 7]))  # meets every hour and minute
    elif freq == "MONTHLY" and "BYMONTH" in parts:
        interval = 1
    return ";".join(f"{name}={value}" for name, value in {"FREQ": freq, "INTERVAL": interval, **parts}.items())


starts = st.datetimes(datetime(1997, 1, 1), datetime(2024, 12, 31)).map(lambda wall: wall.replace(microsecond=0))


def by_dateutil(rule, start, before, count=None):
    """dateutil's wall times below `before`, with DTSTART as first occurrence as RFC 5545 has it."""
    found = rrulestr(rule, dtstart=start).xafter(start - HOUR, inc=True)
    walls = [start]
    for wall in found:
        if wall >= before or (count and len(walls) >= count):
            break
        if wall != start:
            walls.append(wall)
    return walls


def span_days(rule):
    return 3 if "MINUTELY" in rule else 40 if "HOURLY" in rule else 1500


@settings(deadline=None)
@given(rules(), starts, st.none() | st.integers(1, 20), st.integers(0, 900))
def test_expand_equals_dateutil(rule, start, count, skipped):
    end = start + timedelta(days=span_days(rule))
    low = start + timedelta(days=skipped * span_days(rule) / 1500)
    window = Span(low.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
    try:
        oracle = by_dateutil(rule + f";UNTIL={end:%Y%m%dT%H%M%S}", start, end, count)
    except ValueError:
        assume(False)
    expected = [wall for wall in oracle if low < wall + HOUR]
    text = f"RRULE:{rule}" + (f";COUNT={count}" if count else "")
    found = expand(
        start=start.replace(tzinfo=UTC), duration=HOUR, timezone=None, rules=[text], window=window, limit=10**6
    )
    assert [at.replace(tzinfo=None) for at in found] == expected


@settings(deadline=None)
@given(
    st.sampled_from(zone_names()),
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=MONTHLY;BYDAY=-1SU", "FREQ=YEARLY"]),
    st.datetimes(datetime(1975, 1, 1), datetime(2015, 1, 1)).map(lambda wall: wall.replace(second=0, microsecond=0)),
    st.integers(2016, 2036),
)
def test_expand_keeps_wall_time_in_every_zone_F53(name, rule, start, year):
    clock = ZoneInfo(name)
    first = start.replace(tzinfo=clock)
    start = first.astimezone(UTC).astimezone(clock).replace(tzinfo=None)  # a wall time that exists
    window = Span(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    walls = rrulestr(rule, dtstart=start).between(datetime(year - 1, 12, 30), datetime(year + 1, 1, 3))
    instants = {wall.replace(tzinfo=clock).astimezone(UTC) for wall in walls}
    found = expand(start=first, duration=timedelta(0), timezone=name, rules=[f"RRULE:{rule}"], window=window)
    assert found == sorted(at for at in instants if window.start <= at < window.end)


@settings(deadline=None)
@given(st.sampled_from(["FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY", "FREQ=WEEKLY;BYDAY=TU,TH"]), st.integers(1, 10))
def test_expand_days_equals_dateutil(rule, days):
    start, first, end = date(2020, 1, 31), date(2026, 2, 1), date(2026, 6, 1)
    oracle = rrulestr(rule, dtstart=datetime(2020, 1, 31)).between(datetime(2025, 1, 1), datetime(2026, 7, 1))
    expected = [at.date() for at in oracle if at.date() < end and at.date() + timedelta(days=days) > first]
    assert expand_days(start=start, days=days, rules=[f"RRULE:{rule}"], first=first, end=end) == expected


@settings(deadline=None)
@given(rules(), starts, st.integers(1, 60))
def test_expand_with_count_gives_the_first_of_the_endless_series(rule, start, count):
    """COUNT is arithmetic where it can be: it must come to what counting comes to."""
    window = Span((start - HOUR).replace(tzinfo=UTC), (start + timedelta(days=span_days(rule))).replace(tzinfo=UTC))
    endless, counted = (
        expand(start=start.replace(tzinfo=UTC), duration=HOUR, timezone=None, rules=[line], window=window, limit=10**6)
        for line in (f"RRULE:{rule}", f"RRULE:{rule};COUNT={count}")
    )
    assert counted == endless[:count]
