"""The state of the sandbox: accounts, calendars, events, grants, tokens, channels.

Everything is guarded by one lock: take `with store.writing():` around a request, also around one that only reads.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kalends.core.clock import utc_now
from kalends.sandbox.disk import Table
from kalends.sandbox.ledger import Clock, Ledger
from kalends.sandbox.oauth import Grant, Token

HOLIDAYS = "en.sandbox#holiday@group.v.calendar.sandbox.example"
ROLES = ("none", "freeBusyReader", "reader", "writer", "owner")


@dataclass
class Account:
    email: str
    name: str
    timezone: str
    sub: str = ""


PRESET = (
    Account("emma@sandbox.example", "Emma Morris", "Europe/Paris"),
    Account("taylor@sandbox.example", "Taylor Carpenter", "Europe/Paris"),
    Account("juan@sandbox.example", "Juan Sanchez", "Europe/Madrid"),
    Account("john@sandbox.example", "John Smith", "Europe/London"),
)


@dataclass
class Calendar:
    """`roles` maps an account's email to its access role; `generation` is in every sync token that is given out."""

    id: str
    summary: str
    timezone: str
    owner: str
    roles: dict[str, str]
    color: str = "#1a73e8"
    change: int = 0
    updated: str = ""
    generation: int = 0
    deleted: bool = False


@dataclass
class Event:
    """`body` is the resource as stored: `dateTime` in UTC, without etag, kind and links.

    `change` is the number of its last change (its etag too); `made` that of its creation; `via` who wrote last,
    `maker` who made it.
    """

    id: str
    calendar: str
    body: dict[str, Any]
    change: int = 0
    made: int = 0
    via: str = ""
    maker: str = ""

    @property
    def cancelled(self) -> bool:
        return self.body.get("status") == "cancelled"

    @property
    def master_id(self) -> str:
        return str(self.body.get("recurringEventId", ""))

    @property
    def etag(self) -> str:
        return f'"{self.change}"'


@dataclass
class Code:
    code: str
    grant: str
    redirect_uri: str
    challenge: str
    challenge_method: str
    offline: bool
    issued_at: float
    nonce: str = ""
    used: bool = False


@dataclass
class Channel:
    """`expires_ms` is a Unix time in milliseconds; `number` the last X-Goog-Message-Number."""

    id: str
    calendar: str
    account: str
    client_id: str
    address: str
    token: str
    resource_id: str
    resource_uri: str
    expires_ms: int
    number: int = 0


class Store(Ledger):
    """`clock` gives aware instants. With `path` the state is kept in that SQLite file."""

    per_second = 2_000_000  # so that change numbers look like Google's etags

    def __init__(self, clock: Clock = utc_now, path: Path | None = None) -> None:
        super().__init__(clock, path)
        self.accounts = Table(self.disk, "account", Account)
        self.calendars = Table(self.disk, "calendar", Calendar)
        self.grants = Table(self.disk, "grant", Grant)
        self.codes = Table(self.disk, "code", Code)
        self.tokens = Table(self.disk, "token", Token)
        self.channels = Table(self.disk, "channel", Channel)
        self._events = Table(self.disk, "event", Event)
        self._by_calendar: dict[str, dict[str, Event]] = {}
        self._exceptions: dict[tuple[str, str], set[str]] = {}
        for event in self._events.values():
            self._index(event)
        self.listeners: list[Callable[[str], None]] = []

    # -- accounts and calendars --------------------------------------------------------------------------------

    def add_account(self, account: Account) -> None:
        """An account with its primary calendar, a second one, and the shared holidays read-only."""
        digest = hashlib.sha256(account.email.encode()).hexdigest()
        account.sub = account.sub or str(10**20 + int(digest[:16], 16))
        self.accounts.put(account.email, account)
        self.add_calendar(Calendar(account.email, account.email, account.timezone, account.email, {}))
        second = f"{digest[:26]}@group.calendar.sandbox.example"
        personal = Calendar(second, "Personal", account.timezone, account.email, {}, color="#0b8043")
        self.add_calendar(personal)
        holidays = self.calendars.get(HOLIDAYS)
        if holidays is None:
            holidays = Calendar(HOLIDAYS, "Holidays", "UTC", "", {}, color="#8e24aa")
        holidays.roles[account.email] = "reader"
        self.add_calendar(holidays)

    def add_calendar(self, calendar: Calendar) -> Calendar:
        if calendar.owner:
            calendar.roles[calendar.owner] = "owner"
        self.touch(calendar)
        return calendar

    def touch(self, calendar: Calendar) -> None:
        """Give the calendar's own data a new version."""
        calendar.change = self.tick()
        calendar.updated = rfc3339(self.now())
        self.calendars.put(calendar.id, calendar)

    def calendars_of(self, email: str) -> list[tuple[Calendar, str]]:
        """The account's calendars with its role, the primary first."""
        rows = [
            (calendar, calendar.roles.get(email, "none"))
            for calendar in self.calendars.values()
            if not calendar.deleted and calendar.roles.get(email, "none") != "none"
        ]
        return sorted(rows, key=lambda row: (row[0].id != email, row[0].owner != email, row[0].summary, row[0].id))

    def set_role(self, calendar_id: str, email: str, role: str) -> None:
        """Change who may do what. Sync tokens of the calendar die with it, as the guide says of ACL changes."""
        calendar = self.calendars[calendar_id]
        calendar.roles[email] = role
        calendar.generation += 1
        self.touch(calendar)

    # -- events ------------------------------------------------------------------------------------------------

    def events(self, calendar_id: str) -> Iterable[Event]:
        return list(self._by_calendar.get(calendar_id, {}).values())

    def event(self, calendar_id: str, event_id: str) -> Event | None:
        return self._by_calendar.get(calendar_id, {}).get(event_id)

    def exceptions(self, calendar_id: str, master_id: str) -> list[Event]:
        ids = self._exceptions.get((calendar_id, master_id), set())
        return [self._by_calendar[calendar_id][event_id] for event_id in sorted(ids)]

    def save(self, event: Event, *, via: str, updated: bool = True) -> Event:
        """Store a new version. `updated=False` leaves the `updated` field, as a change of reminders does."""
        event.change = self.tick()
        event.made = event.made or event.change
        event.via = via
        event.maker = event.maker or via
        if updated:
            event.body["updated"] = rfc3339(self.now())
        self._events.put(f"{event.calendar}\n{event.id}", event)
        self._index(event)
        for listener in self.listeners:
            listener(event.calendar)
        return event

    def purge(self, event: Event) -> None:
        """Forget a tombstone: "such cancelled events will eventually disappear"."""
        self._events.remove(f"{event.calendar}\n{event.id}")
        self._by_calendar[event.calendar].pop(event.id, None)
        self._exceptions.get((event.calendar, event.master_id), set()).discard(event.id)

    def _index(self, event: Event) -> None:
        self._by_calendar.setdefault(event.calendar, {})[event.id] = event
        if event.master_id:
            self._exceptions.setdefault((event.calendar, event.master_id), set()).add(event.id)


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and Z, as in `created` and `updated`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_event_id() -> str:
    """26 characters of base32hex, like the ids that Google makes."""
    return base64.b32hexencode(secrets.token_bytes(20)).decode().lower()[:26]


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)
