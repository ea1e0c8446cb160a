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


class Strict(Schema):
    """Input: a field that we do not know is an error, not silently dropped."""

    model_config = ConfigDict(extra="forbid")

    _texts = field_validator("*", mode="before")(_storable)


class StaffIn(Strict):
    name: str = Field(min_length=1, max_length=120)
    email: str = ""
    timezone: str | None = None
    active: bool = True


class StaffPatch(Strict):
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


class GroupIn(Strict):
    name: str = Field(min_length=1, max_length=120)
    staff: list[UUID] = []


class GroupPatch(Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    staff: list[UUID] | None = None


class GroupOut(Schema):
    id: UUID
    name: str
    staff: list[UUID]


class ServiceIn(Strict):
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


class ServicePatch(Strict):
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


class LocationIn(Strict):
    name: str = Field(min_length=1, max_length=120)
    address: str = ""
    timezone: str | None = None


class LocationPatch(Strict):
    name: str | None = Field(None, min_length=1, max_length=120)
    address: str | None = None
    timezone: str | None = None


class LocationOut(Schema):
    id: UUID
    name: str
    address: str
    timezone: str


class CustomerIn(Strict):
    name: str = Field(min_length=1, max_length=120)
    email: str = Field(min_length=3, max_length=254)
    phone: str = ""
    locale: str = ""
    timezone: str = ""


class CustomerPatch(Strict):
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


class WeeklyRangeIO(Strict):
    day: Weekday
    from_: str = Field(alias="from", pattern=r"^\d\d:\d\d$", examples=["09:00"])
    to: str = Field(pattern=r"^\d\d:\d\d$", examples=["17:00"])


class RangeIO(Strict):
    from_: str = Field(alias="from", pattern=r"^\d\d:\d\d$")
    to: str = Field(pattern=r"^\d\d:\d\d$")


class OverrideIO(Strict):
    date: date
    ranges: list[RangeIO] = []


class HoursIO(Strict):
    timezone: str
    weekly: list[WeeklyRangeIO]
    overrides: list[OverrideIO] = []


class TimeOffIn(Strict):
    start: datetime
    end: datetime
    label: str = Field("", max_length=120)


class TimeOffOut(Schema):
    id: UUID
    start: datetime
    end: datetime
    label: str


class AppointmentIn(Strict):
    service: UUID
    staff: UUID | None = None
    group: UUID | None = None
    start: datetime
    customer: CustomerIn
    notes: str = Field("", max_length=4000)


class AppointmentPatch(Strict):
    start: datetime | None = None
    staff: UUID | None = None
    notes: str | None = Field(None, max_length=4000)


class CancelIn(Strict):
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
