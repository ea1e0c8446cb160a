"""What the page can show: accounts with calendars and events, wherever they are kept.

Times that the page sees are wall times of the account's zone, "2026-11-24T10:00", days "2026-11-24": the browser
does no arithmetic with zones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from kalends.core.errors import InvalidInput

KINDS = ("busy", "free", "allday", "weekly")


@dataclass(frozen=True, slots=True)
class ShownCalendar:
    id: str
    name: str
    color: str
    writable: bool


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """`by` is "app" for an event that an application made, or "" for one made by hand; `series` a series' occurrence."""

    id: str
    calendar: str
    title: str
    start: str
    end: str
    all_day: bool
    free: bool
    by: str
    series: bool
    editable: bool
    notes: str
    location: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person sets. `start` and `end` are wall times, or days for an all-day event; None leaves it."""

    start: str | None = None
    end: str | None = None
    title: str | None = None
    kind: str = "busy"
    whole_series: bool = False


class Source(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def timezone(self) -> str: ...

    def calendars(self) -> list[ShownCalendar]: ...

    def events(self, low: datetime, high: datetime) -> list[ShownEvent]:
        """What overlaps [low, high), aware instants."""

    def create(self, calendar: str, edit: Edit) -> None: ...

    def change(self, calendar: str, event: str, edit: Edit) -> None: ...

    def delete(self, calendar: str, event: str, edit: Edit) -> None: ...


def read_edit(body: Mapping[str, Any]) -> Edit:
    """The edit in a request of the page. Raises InvalidInput."""
    known = {name: body[name] for name in ("start", "end", "title", "kind", "whole_series") if name in body}
    edit = Edit(**known)
    if edit.kind not in KINDS:
        raise InvalidInput(f"there is no kind {edit.kind}", field="kind")
    for name in ("start", "end"):
        text = getattr(edit, name)
        if text is not None:
            _check_wall(text, name)
    return edit


def _check_wall(text: Any, name: str) -> None:
    try:
        sound = datetime.fromisoformat(text).tzinfo is None
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} is no time: {text}", field=name) from error
    if not sound:
        raise InvalidInput(f"{name} is to be a wall time", field=name)


def is_day(text: str) -> bool:
    return len(text) == 10


def wall(moment: datetime, zone: str) -> str:
    """An instant as the page shows it."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def instant(text: str, zone: str) -> datetime:
    """A wall time or day of the page as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def day(text: str) -> date:
    return date.fromisoformat(text[:10])


def as_json(value: ShownCalendar | ShownEvent) -> dict[str, Any]:
    return asdict(value)
