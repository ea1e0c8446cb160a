"""What goes in and comes out. Times are RFC 3339 with offset, zones IANA names, durations minutes."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import AfterValidator, ConfigDict, field_validator

Weekday = Literal["mo", "tu", "we", "th", "fr", "sa", "su"]
WEEKDAYS: tuple[Weekday, ...] = ("mo", "tu", "we", "th", "fr", "sa", "su")


class ErrorOut(Schema):
    code: str
    message: str
    field: str | None = None
    reason: str | None = None
    alternatives: list[dict[str, Any]] | None = None


_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def _storable(value: Any) -> Any:
    """JSON can spell what no database takes as text: NUL, and half of a surrogate pair."""
    if isinstance(value, str) and _NOT_STORABLE.search(value):
        raise ValueError("A text must not hold NUL or half a character.")
    return value


Text = Annotated[str, AfterValidator(_storable)]


class _Strict(Schema):
    """Input: a field that we do not know is an error, not silently dropped."""

    model_config = ConfigDict(extra="forbid")

    _texts = field_validator("*", mode="before")(_storable)


class StaffIn(_Strict):
    name: str = Field(min_length=1, max_length=120)
    email: str = ""
    timezone: str | None = None
    active: bool = True


class StaffPatch(_Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    email: str | None = None
    timezone: str | None = None
    active: bool | None = None


class StaffOut(Schema):
    id: UUID
    name: str
    email: str
    timezone: str
    active: bool


class GroupIn(_Strict):
    name: str = Field(min_length=1, max_length=120)
    staff: list[UUID] = []


class GroupPatch(_Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    staff: list[UUID] | None = None


class GroupOut(Schema):
    id: UUID
    name: str
    staff: list[UUID]


class ServiceIn(_Strict):
    name: str = Field(min_length=1, max_length=120)
    duration: int = Field(ge=1, le=1440)
    description: str = ""
    interval: int | None = Field(None, ge=1, le=1440)
    grid: Literal["fixed", "clock", "fit"] = "fixed"
    buffer_before: int = Field(0, ge=0, le=1440)
    buffer_after: int = Field(0, ge=0, le=1440)
    notice: int = Field(0, ge=0, le=525_600)
    horizon: int = Field(60, ge=1, le=730)
    capacity: int = Field(1, ge=1, le=500)
    active: bool = True
    staff: list[UUID] = []
    location: UUID | None = None


class ServicePatch(_Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    duration: int | None = Field(None, ge=1, le=1440)
    description: str | None = None
    interval: int | None = Field(None, ge=1, le=1440)
    grid: Literal["fixed", "clock", "fit"] | None = None
    buffer_before: int | None = Field(None, ge=0, le=1440)
    buffer_after: int | None = Field(None, ge=0, le=1440)
    notice: int | None = Field(None, ge=0, le=525_600)
    horizon: int | None = Field(None, ge=1, le=730)
    capacity: int | None = Field(None, ge=1, le=500)
    active: bool | None = None
    staff: list[UUID] | None = None
    location: UUID | None = None


class ServiceOut(Schema):
    id: UUID
    name: str
    description: str
    duration: int
    interval: int | None
    grid: str
    buffer_before: int
    buffer_after: int
    notice: int
    horizon: int
    capacity: int
    active: bool
    staff: list[UUID]
    location: UUID | None


class LocationIn(_Strict):
    name: str = Field(min_length=1, max_length=120)
    address: str = ""
    timezone: str | None = None


class LocationPatch(_Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    address: str | None = None
    timezone: str | None = None


class LocationOut(Schema):
    id: UUID
    name: str
    address: str
    timezone: str


class CustomerIn(_Strict):
    name: str = Field(min_length=1, max_length=120)
    email: str = Field(min_length=3, max_length=254)
    phone: str = ""
    locale: str = ""
    timezone: str = ""


class CustomerPatch(_Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    email: str | None = Field(None, min_length=3, max_length=254)
    phone: str | None = None
    locale: str | None = None
    timezone: str | None = None


class CustomerOut(Schema):
    id: UUID
    name: str
    email: str
    phone: str
    locale: str
    timezone: str


class WeeklyRangeIO(_Strict):
    day: Weekday
    from_: str = Field(alias="from", pattern=r"^\d\d:\d\d$", examples=["09:00"])
    to: str = Field(pattern=r"^\d\d:\d\d$", examples=["17:00"])


class RangeIO(_Strict):
    from_: str = Field(alias="from", pattern=r"^\d\d:\d\d$")
    to: str = Field(pattern=r"^\d\d:\d\d$")


class OverrideIO(_Strict):
    date: date
    ranges: list[RangeIO] = []


class HoursIO(_Strict):
    timezone: str
    weekly: list[WeeklyRangeIO]
    overrides: list[OverrideIO] = []


class TimeOffIn(_Strict):
    start: datetime
    end: datetime
    label: str = Field("", max_length=120)


class TimeOffOut(Schema):
    id: UUID
    start: datetime
    end: datetime
    label: str


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


class CalendarSyncPatch(_Strict):
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


class FeedPatch(_Strict):
    privacy: Literal["busy", "title", "full"]


class AppointmentIn(_Strict):
    service: UUID
    staff: UUID | None = None
    group: UUID | None = None
    start: datetime
    customer: CustomerIn
    notes: str = Field("", max_length=4000)


class AppointmentPatch(_Strict):
    start: datetime | None = None
    staff: UUID | None = None
    notes: str | None = Field(None, max_length=4000)


class CancelIn(_Strict):
    reason: str = Field("", max_length=400)


class AttendeeOut(Schema):
    id: UUID
    name: str
    email: str
    phone: str
    status: str
    uid: str
    sequence: int
    timezone: str


class SyncOut(Schema):
    connection: UUID
    state: str


class AppointmentOut(Schema):
    id: UUID
    status: str
    version: int
    sequence: int
    uid: str
    service: UUID
    staff: list[UUID]
    start: datetime
    end: datetime
    timezone: str
    notes: str
    flag: str
    attendees: list[AttendeeOut]
    sync: list[SyncOut]


class HistoryOut(Schema):
    at: datetime
    kind: str
    text: str
    by: str
    version: int
    detail: dict[str, Any]


class InvitationIn(_Strict):
    email: str | None = None
    subject: str | None = Field(None, max_length=200)
    html: str | None = Field(None, max_length=200_000)


class InvitationOut(Schema):
    id: UUID
    connect_url: str
    email: str
    expires_at: datetime


class RevokeIn(_Strict):
    providers: list[Literal["google", "office365", "outlook", "caldav"]] | None = None


class ExternalCalendarIn(_Strict):
    url: str = Field(max_length=2000)


class ReplaceExternalIn(_Strict):
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


class ConnectionPatch(_Strict):
    mode: Literal["one_way", "two_way"] | None = None
    paused: bool | None = None


class RemoteCalendarOut(Schema):
    id: UUID
    name: str
    receives: bool
    blocks: bool
    writable: bool


class RemoteCalendarPatch(_Strict):
    id: UUID
    receives: bool | None = None
    blocks: bool | None = None


class CaldavIn(_Strict):
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
