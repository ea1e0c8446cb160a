"""The choice of a time as a page draws it: a month's grid, one day's free times, the whole month as a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kalends.bookings.values import SlotDays
from kalends.messages.dates import zone_label

Search = Callable[[date, date], SlotDays]
LOOK_AHEAD = timedelta(days=92)
_YEARS = range(1970, 2200)


@dataclass(frozen=True, slots=True)
class SlotView:
    label: str
    note: str
    href: str


@dataclass(frozen=True, slots=True)
class DayView:
    """`label` is what a screen reader says: "Thursday 4 June, 3 free times"."""

    date: date
    label: str
    groups: list[tuple[str, list[SlotView]]]


@dataclass(frozen=True, slots=True)
class Cell:
    date: date
    number: int
    label: str
    href: str
    is_today: bool
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks to see. `is_refused`: it asked for a day that cannot be booked."""

    month: date
    day: date | None
    as_list: bool
    is_refused: bool


@dataclass(slots=True)
class Picker:
    month: date
    title: str
    weekdays: list[tuple[str, str]]
    weeks: list[list[Cell | None]]
    chosen: DayView | None
    days: list[DayView]
    has_free: bool
    previous: str
    next: str
    first_free: str
    first_free_href: str
    as_list: bool
    list_href: str
    grid_href: str
    notices: list[str] = field(default_factory=list)
    some_left_out: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.has_free

    @property
    def has_none_at_all(self) -> bool:
        return self.is_empty and not self.first_free


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of the picker's own page and of the step after it. `kept` goes into both, `framed` into the first."""

    here: str
    onward: str
    kept: Mapping[str, str]
    framed: Mapping[str, str] = field(default_factory=dict)

    def page(self, **params: str) -> str:
        return f"{self.here}?{urlencode({**self.kept, **self.framed, **params})}"

    def slot(self, start: datetime) -> str:
        return f"{self.onward}?{urlencode({**self.kept, 'start': format_start_param(start)})}"


def format_start_param(start: datetime) -> str:
    return start.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def read_start_param(text: str) -> datetime | None:
    """An instant of these centuries as `format_start_param` writes it (any offset is read), or None."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        return None
    if start.tzinfo is None or start.year not in _YEARS:
        return None
    return start.astimezone(UTC)


def read_asked(query: QueryDict, *, first: date, last: date) -> Asked:
    """`date` names a day, `month` a month; both within what can be booked (`first` to `last`, local days)."""
    as_list = query.get("view") == "list"
    day = _read_date(query.get("date", ""))
    if day is not None:
        if first <= day <= last:
            return Asked(day.replace(day=1), day, as_list, is_refused=False)
        return Asked(first.replace(day=1), None, as_list, is_refused=True)
    month = _read_date(f"{query.get('month', '')}-01")
    if month is not None and first.replace(day=1) <= month <= last:
        return Asked(month, None, as_list, is_refused=False)
    return Asked(first.replace(day=1), None, as_list, is_refused=bool(query.get("date") or query.get("month")))


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def build_picker(*, asked: Asked, search: Search, links: Links, today: date, last: date, seats: bool) -> Picker:
    """`search` finds free times between two local days, both included; `last` is the last day that can be booked.

    Only the days that are shown with their times are drawn; of the others the count is enough.
    """
    month_end = _next_month(asked.month) - timedelta(days=1)
    found = search(max(asked.month, today), min(month_end, last))
    starts = found.found.dates(found.timezone)
    draw = _Drawing(found, links, seats=seats)
    first_free = None if starts else _first_after(month_end, last, search)
    chosen = asked.day or next(iter(starts), None)
    mode = {"view": "list"} if asked.as_list else {}
    return Picker(
        month=asked.month,
        title=formats.date_format(asked.month, "YEAR_MONTH_FORMAT"),
        weekdays=_weekdays(),
        weeks=[] if asked.as_list else _weeks(asked.month, starts, links, today=today, chosen=chosen),
        chosen=draw.day(chosen, starts.get(chosen, [])) if chosen and not asked.as_list else None,
        days=[draw.day(day, epochs) for day, epochs in starts.items()] if asked.as_list else [],
        has_free=bool(starts),
        previous=links.page(month=_month_param(asked.month - timedelta(days=1)), **mode) if asked.month > today else "",
        next=links.page(month=_month_param(month_end + timedelta(days=1)), **mode) if month_end < last else "",
        first_free=day_label(*first_free) if first_free else "",
        first_free_href=links.page(date=first_free[0].isoformat(), **mode) if first_free else "",
        as_list=asked.as_list,
        list_href=links.page(month=_month_param(asked.month), view="list"),
        grid_href=links.page(month=_month_param(asked.month)),
        some_left_out=bool(found.not_offered),
    )


def _first_after(month_end: date, last: date, search: Search) -> tuple[date, int] | None:
    """The first day with a free time after an empty month and how many it has, looked for as far as people plan."""
    start = month_end + timedelta(days=1)
    if start > last:
        return None
    counts = search(start, min(last, start + LOOK_AHEAD)).counts()
    return min(counts.items(), default=None)


def day_label(day: date, count: int) -> str:
    name = formats.date_format(day, "l j F")
    if not count:
        return _("%(day)s, no free times") % {"day": name}
    return ngettext("%(day)s, %(count)d free time", "%(day)s, %(count)d free times", count) % {
        "day": name,
        "count": count,
    }


class _Drawing:
    """Draws days with their times from one answer."""

    def __init__(self, found: SlotDays, links: Links, *, seats: bool) -> None:
        self.found = found.found
        self.timezone = found.timezone
        self.zone = ZoneInfo(found.timezone)
        self.links = links
        self.seats = seats

    def day(self, day: date, epochs: Sequence[int]) -> DayView:
        local = [datetime.fromtimestamp(epoch, self.zone) for epoch in epochs]
        seen = Counter(_clock(start) for start in local)
        groups = [
            (name, [self.slot(start, twice=seen[_clock(start)] > 1) for start in part])
            for name, part in groupby(local, key=lambda start: _part_of_day(start.hour))
        ]
        return DayView(day, day_label(day, len(epochs)), groups)

    def slot(self, local: datetime, *, twice: bool) -> SlotView:
        note = ""
        if twice:
            # The hour that comes twice when clocks go back.
            note = zone_label(local, self.timezone).rpartition(", ")[2]
        elif self.seats and (slot := self.found.at(local.astimezone(UTC))):
            note = ngettext("%(n)d place left", "%(n)d places left", slot.seats_left) % {"n": slot.seats_left}
        return SlotView(_clock(local), note, self.links.slot(local))


def _clock(local: datetime) -> str:
    return formats.time_format(local.time(), "TIME_FORMAT")


def _part_of_day(hour: int) -> str:
    if hour < 12:
        return _("Morning")
    return _("Afternoon") if hour < 17 else _("Evening")


def _weekdays() -> list[tuple[str, str]]:
    first = formats.get_format("FIRST_DAY_OF_WEEK")
    # 2023-01-01 was a Sunday, and Django counts from Sunday.
    days = [date(2023, 1, 1) + timedelta(days=first + at) for at in range(7)]
    return [(formats.date_format(day, "D"), formats.date_format(day, "l")) for day in days]


def _weeks(
    month: date, starts: Mapping[date, Sequence[int]], links: Links, *, today: date, chosen: date | None
) -> list[list[Cell | None]]:
    first_weekday = formats.get_format("FIRST_DAY_OF_WEEK")
    lead = (month.isoweekday() - first_weekday) % 7
    length = (_next_month(month) - month).days
    cells: list[Cell | None] = [None] * lead
    for at in range(length):
        day = month + timedelta(days=at)
        count = len(starts.get(day, ()))
        cells.append(
            Cell(
                date=day,
                number=day.day,
                label=day_label(day, count),
                href=links.page(date=day.isoformat()) if count else "",
                is_today=day == today,
                is_chosen=day == chosen,
            )
        )
    cells += [None] * (-len(cells) % 7)
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]


def _next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _month_param(day: date) -> str:
    return day.strftime("%Y-%m")
