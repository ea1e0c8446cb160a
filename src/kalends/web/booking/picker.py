"""The choice of a time as a page draws it: a month's grid, one day's free times, the whole month as a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kalends.bookings.values import SlotDays
from kalends.messages.dates import zone_label
from kalends.scheduling.answer import Slot

Search = Callable[[date, date], SlotDays]
LOOK_AHEAD = timedelta(days=92)
_YEARS = range(1970, 2200)


@dataclass(frozen=True, slots=True)
class SlotView:
    label: str
    note: str
    href: str
    start: datetime


@dataclass(frozen=True, slots=True)
class DayView:
    """`label` is what a screen reader says: "Thursday 4 June, 3 free times"."""

    date: date
    label: str
    groups: list[tuple[str, list[SlotView]]]
    count: int


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
    previous: str
    next: str
    first_free: DayView | None
    first_free_href: str
    as_list: bool
    list_href: str
    grid_href: str
    notices: list[str] = field(default_factory=list)
    some_left_out: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.days

    @property
    def has_none_at_all(self) -> bool:
        return self.is_empty and self.first_free is None


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of the picker's own page and of the step after it. `kept` goes into both."""

    here: str
    onward: str
    kept: Mapping[str, str]

    def page(self, **params: str) -> str:
        return f"{self.here}?{urlencode({**self.kept, **params})}"

    def slot(self, start: datetime) -> str:
        return f"{self.onward}?{urlencode({**self.kept, 'start': format_start_param(start)})}"


def format_start_param(start: datetime) -> str:
    return start.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%MZ")


def read_start_param(text: str) -> datetime | None:
    """An instant of these centuries as `format_start_param` writes it (any offset is read), or None."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        return None
    if start.tzinfo is None or start.year not in _YEARS:
        return None
    return start.astimezone(ZoneInfo("UTC"))


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
    """`search` finds free times between two local days, both included; `last` is the last day that can be booked."""
    month_end = _next_month(asked.month) - timedelta(days=1)
    found = search(max(asked.month, today), min(month_end, last))
    views = _day_views(found, links, seats=seats)
    by_date = {view.date: view for view in views}
    first_free = None if views else _first_after(month_end, last, search, links, seats=seats)
    chosen = by_date.get(asked.day) if asked.day else next(iter(views), None)
    if asked.day and chosen is None:
        chosen = DayView(asked.day, day_label(asked.day, 0), [], 0)
    mode: dict[str, Any] = {"view": "list"} if asked.as_list else {}
    return Picker(
        month=asked.month,
        title=formats.date_format(asked.month, "YEAR_MONTH_FORMAT"),
        weekdays=_weekdays(),
        weeks=_weeks(asked.month, by_date, links, today=today, chosen=chosen),
        chosen=chosen,
        days=views,
        previous=links.page(month=_month_param(asked.month - timedelta(days=1)), **mode) if asked.month > today else "",
        next=links.page(month=_month_param(month_end + timedelta(days=1)), **mode) if month_end < last else "",
        first_free=first_free,
        first_free_href=links.page(date=first_free.date.isoformat(), **mode) if first_free else "",
        as_list=asked.as_list,
        list_href=links.page(month=_month_param(asked.month), view="list"),
        grid_href=links.page(month=_month_param(asked.month)),
        some_left_out=bool(found.not_offered),
    )


def _first_after(month_end: date, last: date, search: Search, links: Links, *, seats: bool) -> DayView | None:
    """The first day with a free time after an empty month, looked for as far as people plan."""
    start = month_end + timedelta(days=1)
    if start > last:
        return None
    found = search(start, min(last, start + LOOK_AHEAD))
    return next(iter(_day_views(found, links, seats=seats)), None)


def day_label(day: date, count: int) -> str:
    name = formats.date_format(day, "l j F")
    if not count:
        return _("%(day)s, no free times") % {"day": name}
    return ngettext("%(day)s, %(count)d free time", "%(day)s, %(count)d free times", count) % {
        "day": name,
        "count": count,
    }


def _day_views(found: SlotDays, links: Links, *, seats: bool) -> list[DayView]:
    return [_day_view(day, slots, found.timezone, links, seats=seats) for day, slots in sorted(found.days().items())]


def _day_view(day: date, slots: Sequence[Slot], timezone: str, links: Links, *, seats: bool) -> DayView:
    zone = ZoneInfo(timezone)
    labels = Counter(_clock(slot.start.astimezone(zone)) for slot in slots)
    groups = [
        (name, [_slot_view(slot, timezone, links, labels, seats=seats) for slot in part])
        for name, part in groupby(slots, key=lambda slot: _part_of_day(slot.start.astimezone(zone).hour))
    ]
    return DayView(day, day_label(day, len(slots)), groups, len(slots))


def _slot_view(slot: Slot, timezone: str, links: Links, labels: Counter[str], *, seats: bool) -> SlotView:
    local = slot.start.astimezone(ZoneInfo(timezone))
    label = _clock(local)
    note = ""
    if labels[label] > 1:
        # The hour that comes twice when clocks go back.
        note = zone_label(local, timezone).rpartition(", ")[2]
    elif seats:
        note = ngettext("%(n)d place left", "%(n)d places left", slot.seats_left) % {"n": slot.seats_left}
    return SlotView(label, note, links.slot(slot.start), slot.start)


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
    month: date, by_date: Mapping[date, DayView], links: Links, *, today: date, chosen: DayView | None
) -> list[list[Cell | None]]:
    first_weekday = formats.get_format("FIRST_DAY_OF_WEEK")
    lead = (month.isoweekday() - first_weekday) % 7
    length = (_next_month(month) - month).days
    cells: list[Cell | None] = [None] * lead
    for at in range(length):
        day = month + timedelta(days=at)
        view = by_date.get(day)
        cells.append(
            Cell(
                date=day,
                number=day.day,
                label=view.label if view else day_label(day, 0),
                href=links.page(date=day.isoformat()) if view else "",
                is_today=day == today,
                is_chosen=chosen is not None and chosen.date == day,
            )
        )
    cells += [None] * (-len(cells) % 7)
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]


def _next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _month_param(day: date) -> str:
    return day.strftime("%Y-%m")
