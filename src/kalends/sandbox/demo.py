"""A first week of private life for the demo's accounts, so that a calendar that was just connected blocks something."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kalends.sandbox.google import events
from kalends.sandbox.google.events import Writer
from kalends.sandbox.google.store import HOLIDAYS, Store
from kalends.sandbox.microsoft import store as microsoft
from kalends.sandbox.page.microsoft_source import MicrosoftSource
from kalends.sandbox.page.source import Edit

# Title, weekday (Monday 0), start, minutes, further properties. By the first letter of the account's name.
_WEEK: list[tuple[str, int, time, int, dict[str, Any]]] = [
    ("Team stand-up", 0, time(9, 0), 30, {"recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR"]}),
    ("Dentist", 1, time(14, 0), 60, {}),
    ("Lunch with Camille", 2, time(12, 30), 60, {}),
    ("Pick up parcel (free)", 3, time(10, 0), 30, {"transparency": "transparent"}),
    ("School run", 3, time(16, 0), 45, {"recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU,TH"]}),
]


def add_events(store: Store, email: str) -> None:
    """Foreign events around this week for an account: single, weekly, free and all-day ones."""
    calendar = store.calendars[email]
    zone = ZoneInfo(calendar.timezone)
    today = store.now().astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    shift = sum(map(ord, email)) % 3
    writer = Writer(email, "page")
    for week in (0, 1):
        for title, weekday, at, minutes, more in _WEEK:
            if week and "recurrence" in more:
                continue
            day = monday + timedelta(days=(weekday if "recurrence" in more else (weekday + shift) % 5) + 7 * week)
            start = datetime.combine(day, at)
            body = {"summary": title, **_times(start, minutes, calendar.timezone), **more}
            events.insert_event(store, calendar, body, writer)
    fair = monday + timedelta(days=8 + shift)
    body = {"summary": "Trade fair", "start": {"date": fair.isoformat()}, "end": {"date": _next(fair)}}
    events.insert_event(store, calendar, body, writer)


def add_microsoft_events(store: microsoft.Store, account: microsoft.Account) -> None:
    """The same week in a Microsoft account, made as a person would make it on the page."""
    source = MicrosoftSource(store, account)
    calendar = store.default_calendar(account.email).id
    today = store.now().astimezone(ZoneInfo(account.timezone)).date()
    monday = today - timedelta(days=today.weekday())
    shift = sum(map(ord, account.email)) % 3
    for week in (0, 1):
        for title, weekday, at, minutes, more in _WEEK:
            weekly = "recurrence" in more
            if week and weekly:
                continue
            day = monday + timedelta(days=(weekday if weekly else (weekday + shift) % 5) + 7 * week)
            start = datetime.combine(day, at)
            kind = "weekly" if weekly else "free" if "transparency" in more else "busy"
            source.create(calendar, Edit(_wall(start), _wall(start + timedelta(minutes=minutes)), title, kind))
    fair = monday + timedelta(days=8 + shift)
    source.create(calendar, Edit(fair.isoformat(), _next(fair), "Trade fair", "allday"))


def _wall(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


def add_holidays(store: Store) -> None:
    """Fixed public holidays of the year, free as Google shows them, in the shared read-only calendar."""
    calendar = store.calendars[HOLIDAYS]
    if store.events(HOLIDAYS):
        return
    year = store.now().year
    for month, day, title in ((1, 1, "New Year's Day"), (5, 1, "Labour Day"), (12, 25, "Christmas Day")):
        first = datetime(year, month, day, tzinfo=ZoneInfo("UTC")).date()
        body = {
            "summary": title,
            "start": {"date": first.isoformat()},
            "end": {"date": _next(first)},
            "recurrence": ["RRULE:FREQ=YEARLY"],
            "transparency": "transparent",
        }
        events.insert_event(store, calendar, body, Writer(HOLIDAYS, "page"))


def _next(day: date) -> str:
    return (day + timedelta(days=1)).isoformat()


def _times(start: datetime, minutes: int, zone: str) -> dict[str, Any]:
    end = start + timedelta(minutes=minutes)
    return {
        name: {"dateTime": moment.isoformat(), "timeZone": zone} for name, moment in (("start", start), ("end", end))
    }
