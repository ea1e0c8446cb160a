"""The state of the sandbox Microsoft: accounts, calendars, events, grants, tokens, subscriptions.

Everything is guarded by one lock: take `with store.writing():` around a request, also around one that only reads.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kalends.core.clock import utc_now
from kalends.sandbox.disk import Table
from kalends.sandbox.ledger import Clock, Ledger
from kalends.sandbox.oauth import Grant, Token

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
WORK, PERSONAL = "work", "personal"
_NAMESPACE = uuid.UUID("b2a0c0de-5a6d-4c3e-9f54-6d6963726f73")


@dataclass
class Account:
    """`kind` is "work" or "personal". `tid` and `oid` are made from the address where they are not given.

    admin_consent  the organisation lets only an administrator consent; `mfa` a refresh needs the person again
    mailbox        whether the mailbox can be reached by Graph
    """

    email: str
    name: str
    timezone: str
    kind: str = WORK
    tid: str = ""
    oid: str = ""
    admin_consent: bool = False
    mfa: bool = False
    mailbox: bool = True

    @property
    def id(self) -> str:
        """The user's id in Graph: the object id at work, its last 16 digits for a personal account."""
        return self.oid if self.kind == WORK else self.oid.replace("-", "")[-16:]

    @property
    def sub(self) -> str:
        """The subject that the one registered client sees."""
        return secret_of(f"sub\n{self.oid}")


PRESET = (
    Account("emma.morris@outlook.example", "Emma Morris", "Europe/Paris", PERSONAL),
    Account("taylor.carpenter@lakeside.example", "Taylor Carpenter", "Europe/Paris", WORK),
    Account("juan.sanchez@hotmail.example", "Juan Sanchez", "Europe/Madrid", PERSONAL),
    Account("john.smith@lakeside.example", "John Smith", "Europe/London", WORK),
)


@dataclass
class Calendar:
    """`account` is the mailbox that shows it, `owner` whose it is. `generation` is in every delta token given out."""

    id: str
    account: str
    name: str
    owner: str = ""
    owner_name: str = ""
    default: bool = False
    can_edit: bool = True
    color: str = "auto"
    hex: str = "#0078d4"
    change: int = 0
    generation: int = 0
    deleted: bool = False


@dataclass
class Event:
    """`body` holds the properties as kept: `start` and `end` are UTC texts with offset, or days for an all-day event.

    `zone` in it is the IANA zone of the author. `id` is the immutable id; `master` that of the series that a stored
    exception belongs to and `day` the day it belonged on, in the series' zone. `cancelled` are the days that a series
    lost, `tags` its single-value extended properties by id. `app` is the client that made it, "page" a person.
    `told` is false where a delta is not to speak of the deletion.
    """

    id: str
    calendar: str
    body: dict[str, Any]
    master: str = ""
    day: str = ""
    cancelled: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    app: str = ""
    change: int = 0
    made: int = 0
    deleted: bool = False
    told: bool = True

    @property
    def change_key(self) -> str:
        return base64.b64encode(self.change.to_bytes(16, "big")).decode()

    @property
    def etag(self) -> str:
        return f'W/"{self.change_key}"'


@dataclass
class Code:
    code: str
    grant: str
    scopes: list[str]
    redirect_uri: str
    challenge: str
    issued_at: float
    nonce: str = ""
    used: bool = False


@dataclass
class Subscription:
    """`calendar` is "" for every calendar of the mailbox. Times are seconds since the epoch.

    `warned` tells that reauthorizationRequired was sent for this end; while `paused` nothing is told.
    """

    id: str
    account: str
    client_id: str
    resource: str
    calendar: str
    change_types: str
    address: str
    lifecycle: str
    client_state: str
    created_at: float
    expires_at: float
    immutable: bool
    warned: bool = False
    paused: bool = False


Listener = Callable[[str, Event], None]


class Store(Ledger):
    """`clock` gives aware instants. With `path` the state is kept in that SQLite file."""

    def __init__(self, clock: Clock = utc_now, path: Path | None = None) -> None:
        super().__init__(clock, path)
        self.accounts = Table(self.disk, "account", Account)
        self.calendars = Table(self.disk, "calendar", Calendar)
        self.grants = Table(self.disk, "grant", Grant)
        self.codes = Table(self.disk, "code", Code)
        self.tokens = Table(self.disk, "token", Token)
        self.subscriptions = Table(self.disk, "subscription", Subscription)
        self._events = Table(self.disk, "event", Event)
        self._by_calendar: dict[str, dict[str, Event]] = {}
        for event in self._events.values():
            self._by_calendar.setdefault(event.calendar, {})[event.id] = event
        self.listeners: list[Listener] = []

    # -- accounts and calendars --------------------------------------------------------------------------------

    def add_account(self, account: Account) -> Account:
        """An account with its default calendar, a second one, and one that is read-only."""
        personal = account.kind == PERSONAL
        made = uuid.uuid5(_NAMESPACE, account.email)
        domain = account.email.rpartition("@")[2]
        account.tid = account.tid or (CONSUMERS if personal else str(uuid.uuid5(_NAMESPACE, domain)))
        account.oid = account.oid or (f"00000000-0000-0000-{str(made)[19:]}" if personal else str(made))
        self.accounts.put(account.email, account)
        self.add_calendar(account.email, "Calendar", default=True)
        self.add_calendar(account.email, "Family" if personal else "Projects", hex="#0b8043")
        holidays = "Holidays" if personal else "Meeting room"
        self.add_calendar(account.email, holidays, can_edit=False, owner=f"room@{domain}", hex="#8e24aa")
        return account

    def add_calendar(self, account: str, name: str, **more: Any) -> Calendar:
        """A calendar that the account sees; `more` are fields of Calendar."""
        owner = more.pop("owner", account)
        owner_name = self.accounts[owner].name if owner in self.accounts else name
        calendar = Calendar(new_id("AAMkAGC"), account, name, owner, owner_name, **more)
        self.touch(calendar)
        return calendar

    def touch(self, calendar: Calendar) -> None:
        """Give the calendar's own data a new version."""
        calendar.change = self.tick()
        self.calendars.put(calendar.id, calendar)

    def calendars_of(self, email: str) -> list[Calendar]:
        """The account's calendars, the default one first."""
        rows = [row for row in self.calendars.values() if row.account == email and not row.deleted]
        return sorted(rows, key=lambda row: (not row.default, not row.can_edit, row.change))

    def default_calendar(self, email: str) -> Calendar:
        return self.calendars_of(email)[0]

    # -- events ------------------------------------------------------------------------------------------------

    def events(self, calendar: str) -> list[Event]:
        """Every event that ever was in the calendar: also deleted ones, masters and stored exceptions."""
        return list(self._by_calendar.get(calendar, {}).values())

    def event(self, account: str, event_id: str) -> Event | None:
        """A living stored event of the account, by its immutable id."""
        for calendar in self.calendars_of(account):
            event = self._by_calendar.get(calendar.id, {}).get(event_id)
            if event is not None and not event.deleted:
                return event
        return None

    def exceptions(self, master: Event) -> list[Event]:
        """The living stored exceptions of a series."""
        rows = self._by_calendar.get(master.calendar, {}).values()
        return [row for row in rows if row.master == master.id and not row.deleted]

    def save(self, event: Event) -> Event:
        """Give the event a new version, keep it, and tell the listeners."""
        event.change = self.tick()
        event.made = event.made or event.change
        self._events.put(f"{event.calendar}\n{event.id}", event)
        self._by_calendar.setdefault(event.calendar, {})[event.id] = event
        for listener in self.listeners:
            listener(event.calendar, event)
        return event


def new_id(prefix: str) -> str:
    """A new case-sensitive id in Exchange's manner."""
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(45)).decode()


def secret_of(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(48)
