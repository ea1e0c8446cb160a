"""What one run carries through its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from kalends.calendars.models import CalendarConnection, RemoteCalendar
from kalends.jobs.prepared import Prepared
from kalends.sync.connection import State
from kalends.sync.link import DeleteRule, Mode, Policy
from kalends.sync.port import Provider, ProviderError

_CALENDARS = Prepared(lambda connection: RemoteCalendar.objects.filter(connection=connection), connection=UUID)

# Called with the name of each boundary that a kill may fall on; tests raise in it.
Step = Callable[[str], None]


def no_step(name: str) -> None:
    """Nothing happens between two steps of a healthy worker."""


@dataclass(slots=True)
class Report:
    """What a run did; `again` asks for another one at once."""

    skipped: bool = False
    again: bool = False
    writes: int = 0
    moves: int = 0
    cancels: int = 0
    pages: int = 0
    error: str = ""


@dataclass(slots=True)
class Run:
    connection: CalendarConnection
    provider: Provider
    fence: int
    now: datetime
    at: Step = no_step
    report: Report = field(default_factory=Report)
    wrote: set[UUID] = field(default_factory=set)  # calendars
    stirred: bool = False  # something was read beyond "nothing changed"
    mirrored: dict[UUID, int] = field(default_factory=dict)  # events ahead, by calendar, when its full read began
    _calendars: list[RemoteCalendar] | None = None

    @property
    def policy(self) -> Policy:
        return policy_of(self.connection)

    @property
    def may_write(self) -> bool:
        return State(self.connection.state).writes

    def calendars(self) -> list[RemoteCalendar]:
        """As they were when the run first asked; what it changed itself stands in them."""
        if self._calendars is None:
            self._calendars = calendars_of(self.connection)
        return self._calendars

    def chosen_calendars(self) -> list[RemoteCalendar]:
        chosen = [calendar for calendar in self.calendars() if calendar.chosen]
        for calendar in chosen:
            if calendar.staff_id == self.connection.staff_id:
                calendar.staff = self.connection.staff
        return chosen


def calendars_of(connection: CalendarConnection) -> list[RemoteCalendar]:
    """Read anew, with the connection that is at hand already."""
    calendars: list[RemoteCalendar] = _CALENDARS.rows(connection=connection.pk)
    for calendar in calendars:
        calendar.connection = connection
    return calendars


def policy_of(connection: CalendarConnection) -> Policy:
    return Policy(
        mode=Mode(connection.mode),
        on_outside_delete=DeleteRule(connection.company.on_outside_delete),
        grace=timedelta(seconds=settings.KALENDS.grace_seconds),
    )


def poll_interval() -> timedelta:
    return timedelta(seconds=settings.KALENDS.poll_seconds)


class Lacking(Exception):
    """The calendar itself, read directly, is gone or may not be written to any more: a person has to mend it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def error_name(error: ProviderError) -> str:
    return type(error).__name__.lower()
