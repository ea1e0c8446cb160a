"""A sandbox account on the page: what a person would do in Google's own web page, by the same rules as the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kalends.core.errors import NotAllowed
from kalends.sandbox.google import bodies, events, listing
from kalends.sandbox.google.events import Writer
from kalends.sandbox.google.store import Account, Calendar, Event, Store
from kalends.sandbox.page.source import Edit, ShownCalendar, ShownEvent, instant, is_day, wall

_WRITERS = ("writer", "owner")


class GoogleSource:
    def __init__(self, store: Store, account: Account) -> None:
        self._store = store
        self._writer = Writer(account.email, "page")
        self.key = account.email
        self.name = account.name
        self.label = account.email
        self.timezone = store.calendars[account.email].timezone

    def calendars(self) -> list[ShownCalendar]:
        return [
            ShownCalendar(row.id, "Calendar" if row.id == self.key else row.summary, row.color, role in _WRITERS)
            for row, role in self._store.calendars_of(self.key)
        ]

    def events(self, low: datetime, high: datetime) -> list[ShownEvent]:
        found = []
        for calendar, role in self._store.calendars_of(self.key):
            params = {"singleEvents": ["true"], "timeMin": [low.isoformat()], "timeMax": [high.isoformat()],
                      "maxResults": ["2500"]}  # fmt: skip
            query = listing.read_query(self._store, calendar, params)
            page = listing.list_events(self._store, calendar, query)
            found += [self._shown(event, calendar, role in _WRITERS) for event in page.events]
        return found

    def _shown(self, event: Event, calendar: Calendar, editable: bool) -> ShownEvent:
        body = event.body
        all_day = "date" in body["start"]
        start, end = (
            body[name]["date"] if all_day else wall(bodies.instant(body[name], calendar), self.timezone)
            for name in ("start", "end")
        )
        return ShownEvent(
            id=event.id,
            calendar=calendar.id,
            title=body.get("summary", "(No title)"),
            start=start,
            end=end,
            all_day=all_day,
            free=body.get("transparency") == "transparent",
            by="app" if event.maker not in ("", "page") else "",
            series=bool(event.master_id),
            editable=editable,
            notes=body.get("description", ""),
            location=body.get("location", ""),
        )

    def _calendar(self, name: str) -> Calendar:
        for calendar, role in self._store.calendars_of(self.key):
            if calendar.id == name and role in _WRITERS:
                return calendar
        raise NotAllowed("this calendar is read-only")

    def create(self, calendar: str, edit: Edit) -> None:
        body: dict[str, Any] = {"summary": edit.title or "Busy", **self._times(edit)}
        if edit.kind == "free":
            body["transparency"] = "transparent"
        if edit.kind == "weekly":
            body["recurrence"] = ["RRULE:FREQ=WEEKLY"]
        events.insert_event(self._store, self._calendar(calendar), body, self._writer)

    def change(self, calendar: str, event: str, edit: Edit) -> None:
        body = self._times(edit)
        if edit.title is not None:
            body["summary"] = edit.title
        events.change_event(self._store, self._calendar(calendar), event, body, self._writer, replace=False)

    def delete(self, calendar: str, event: str, edit: Edit) -> None:
        row = self._calendar(calendar)
        found = events.read_event(self._store, row, event)
        target = found.master_id if edit.whole_series and found.master_id else event
        events.delete_event(self._store, row, target, self._writer)

    def _times(self, edit: Edit) -> dict[str, Any]:
        times: dict[str, Any] = {}
        for name, text in (("start", edit.start), ("end", edit.end)):
            if text is None:
                continue
            if is_day(text):
                times[name] = {"date": text, "dateTime": None, "timeZone": None}
            else:
                moment = instant(text, self.timezone).isoformat()
                times[name] = {"dateTime": moment, "timeZone": self.timezone, "date": None}
        return times
