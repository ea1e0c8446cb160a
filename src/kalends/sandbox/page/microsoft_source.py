"""A sandbox Microsoft account on the page: what a person would do in Outlook, by the same rules as the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kalends.core.errors import NotAllowed
from kalends.sandbox.microsoft import events, recurrence, text
from kalends.sandbox.microsoft.events import Writer
from kalends.sandbox.microsoft.store import Account, Calendar, Event, Store
from kalends.sandbox.page.source import Edit, ShownCalendar, ShownEvent, day, is_day, wall


class MicrosoftSource:
    def __init__(self, store: Store, account: Account) -> None:
        self._store = store
        self._account = account
        self.key = account.email
        self.name = account.name
        self.label = account.email
        self.timezone = account.timezone

    def calendars(self) -> list[ShownCalendar]:
        rows = self._store.calendars_of(self.key)
        return [ShownCalendar(row.id, row.name, row.hex, row.can_edit) for row in rows]

    def events(self, low: datetime, high: datetime) -> list[ShownEvent]:
        return [
            self._shown(event, calendar)
            for calendar in self._store.calendars_of(self.key)
            for event in events.in_window(self._store, self._account, calendar, low, high)
        ]

    def _shown(self, event: Event, calendar: Calendar) -> ShownEvent:
        body = event.body
        start, end = (
            body[name] if body["isAllDay"] else wall(datetime.fromisoformat(body[name]), self.timezone)
            for name in ("start", "end")
        )
        return ShownEvent(
            id=event.id,
            calendar=calendar.id,
            title=body["subject"] or "(No title)",
            start=start,
            end=end,
            all_day=body["isAllDay"],
            free=body["showAs"] in ("free", "workingElsewhere"),
            by="app" if event.app not in ("", "page") else "",
            series=bool(event.master),
            editable=calendar.can_edit,
            notes=text.plain(body["html"]),
            location=body["locations"][0]["displayName"] if body["locations"] else "",
        )

    def _calendar(self, name: str) -> Calendar:
        for calendar in self._store.calendars_of(self.key):
            if calendar.id == name and calendar.can_edit:
                return calendar
        raise NotAllowed("this calendar is read-only")

    def create(self, calendar: str, edit: Edit) -> None:
        body: dict[str, Any] = {"subject": edit.title or "Busy", **self._times(edit)}
        if edit.kind == "free":
            body["showAs"] = "free"
        if edit.kind == "weekly" and edit.start:
            first = day(edit.start)
            body["recurrence"] = {
                "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [recurrence.DAYS[first.weekday()]]},
                "range": {"type": "noEnd", "startDate": first.isoformat()},
            }
        events.create_event(self._store, self._calendar(calendar), body, Writer(self._account, "page"))

    def change(self, calendar: str, event: str, edit: Edit) -> None:
        body = self._times(edit)
        if edit.title is not None:
            body["subject"] = edit.title
        row = self._calendar(calendar)
        events.change_event(self._store, row, events.find_event(self._store, self._account, event, row), body)

    def delete(self, calendar: str, event: str, edit: Edit) -> None:
        row = self._calendar(calendar)
        found = events.find_event(self._store, self._account, event, row)
        if edit.whole_series and found.master:
            found = events.find_event(self._store, self._account, found.master, row)
        events.delete_event(self._store, row, found)

    def _times(self, edit: Edit) -> dict[str, Any]:
        times: dict[str, Any] = {}
        for name, value in (("start", edit.start), ("end", edit.end)):
            if value is not None:
                times["isAllDay"] = is_day(value)
                clock = "T00:00:00" if is_day(value) else ":00"
                times[name] = {"dateTime": value + clock, "timeZone": self.timezone}
        return times
