"""What goes in and comes out about calendars: sync settings, feeds, connections, external addresses, the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema

from kalends.api.v1.schemas import Strict


class CalendarSyncOut(Schema):
    google_enabled: bool
    outlook_enabled: bool
    office365_enabled: bool
    caldav_enabled: bool
    bidirectional: bool
    on_outside_move: str
    on_outside_delete: str
    stale_after_hours: int
    stale_after_hours_ics: int


class CalendarSyncPatch(Strict):
    google_enabled: bool | None = None
    outlook_enabled: bool | None = None
    office365_enabled: bool | None = None
    caldav_enabled: bool | None = None
    bidirectional: bool | None = None
    on_outside_move: Literal["accept", "accept_and_flag", "put_back"] | None = None
    on_outside_delete: Literal["cancel", "ask", "put_back"] | None = None
    stale_after_hours: int | None = Field(None, ge=1, le=168)
    stale_after_hours_ics: int | None = Field(None, ge=1, le=336)


class SubscribeOut(Schema):
    apple: str
    google: str
    outlook: str
    office365: str


class FeedOut(Schema):
    id: UUID
    kind: str
    name: str
    url: str
    subscribe: SubscribeOut
    privacy: str


class FeedPatch(Strict):
    privacy: Literal["busy", "title", "full"]


class InvitationIn(Strict):
    email: str | None = None
    subject: str | None = Field(None, max_length=200)
    html: str | None = Field(None, max_length=200_000)


class InvitationOut(Schema):
    id: UUID
    connect_url: str
    email: str
    expires_at: datetime


class RevokeIn(Strict):
    providers: list[Literal["google", "office365", "outlook", "caldav"]] | None = None


class ExternalCalendarIn(Strict):
    url: str = Field(max_length=2000)


class ReplaceExternalIn(Strict):
    url: str = Field("", max_length=2000)


class SetAsideOut(Schema):
    count: int
    reason: str


class ExternalCalendarOut(Schema):
    """`state`: waiting (not read yet), read, failing (the last good copy goes on blocking; `error` says why)."""

    id: UUID
    url: str
    name: str
    state: Literal["waiting", "read", "failing"]
    read_at: datetime | None
    next_read_at: datetime | None
    error: str
    events: int
    set_aside: list[SetAsideOut]


class UpdatesOut(Schema):
    """How soon a change outside is seen: told `at_once`, and read besides, or only read, `every_seconds`."""

    at_once: bool
    every_seconds: int
    why: Literal["", "off", "cannot", "opening", "silent", "refused"]


class ConnectionOut(Schema):
    id: UUID
    provider: str
    account: str
    state: str
    mode: str
    fresh_as_of: datetime | None
    last_error: str
    counts: dict[str, int]
    updates: UpdatesOut | None


class ConnectionPatch(Strict):
    mode: Literal["one_way", "two_way"] | None = None
    paused: bool | None = None


class RemoteCalendarOut(Schema):
    id: UUID
    name: str
    receives: bool
    blocks: bool
    writable: bool


class RemoteCalendarPatch(Strict):
    id: UUID
    receives: bool | None = None
    blocks: bool | None = None


class CaldavIn(Strict):
    url: str = Field(min_length=1, max_length=2000)
    username: str = Field(min_length=1, max_length=254)
    password: str = Field(min_length=1, max_length=1000)


class JournalOut(Schema):
    at: datetime
    signal: str
    evidence: str
    rule: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
