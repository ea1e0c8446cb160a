"""What the scheduling engine needs to know of staff members: their hours and everything that takes their time.

A constant number of queries whatever the number of staff. Outside a transaction what was read is kept per staff member
and `schedule_revision`, which every write that changes a member's time raises: a kept entry is never older than the
revision it is asked for. Inside a transaction, and so under the locks of a booking, rows are always read again.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import (
    DateField,
    DateTimeField,
    Field,
    IntegerField,
    JSONField,
    PositiveSmallIntegerField,
    Q,
    QuerySet,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext as _

from kalends.bookings.models import Claim
from kalends.calendars.selectors import busy_rows
from kalends.companies.models import Closing, HoursOverride, Service, Staff, StaffGroup, TimeOff, WorkingHours
from kalends.core.errors import NotFound
from kalends.core.span import Span
from kalends.jobs.prepared import Prepared
from kalends.scheduling.busy import APPOINTMENT, CLOSING, EXTERNAL, HOLD, TIME_OFF, Busy, StaffDays
from kalends.scheduling.hours import DateOverride, Schedule, TimeRange
from kalends.scheduling.rules import Horizon, ServiceRules
from kalends.scheduling.zones import MINUTE

_WEEK = timedelta(days=7)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)
_KEPT_MEMBERS = 2000


@dataclass(frozen=True, slots=True)
class Member:
    """A staff member who can take a service, as of `revision`."""

    id: UUID
    company_id: UUID
    timezone: str
    revision: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One member's hours and taken time. Holds are apart: whether one still counts depends on the present."""

    lasting: StaffDays
    holds: tuple[tuple[datetime, Busy], ...]

    def days(self, now: datetime) -> StaffDays:
        held = tuple(busy for expires, busy in self.holds if expires > now)
        return replace(self.lasting, busy=(*self.lasting.busy, *held)) if held else self.lasting


def rules_of(service: Service) -> ServiceRules:
    return ServiceRules(
        duration=service.duration,
        interval=service.interval,
        grid=service.grid,  # type: ignore[arg-type]  # the column's choices are the engine's names
        buffer_before=service.buffer_before,
        buffer_after=service.buffer_after,
        notice=service.notice,
        horizon=Horizon("days", service.horizon),
        capacity=service.capacity,
        service=str(service.pk),
    )


_COLUMNS = ("id", "company_id", "timezone", "schedule_revision")


def _members(company: Any, service: Any) -> QuerySet[Staff]:
    return Staff.objects.filter(company_id=company, services=service, active=True)


_MEMBERS = Prepared(
    lambda company, service: _members(company, service).values_list(*_COLUMNS), company=UUID, service=UUID
)
_GROUP_MEMBERS = Prepared(
    lambda company, service, group: _members(company, service).filter(groups=group).values_list(*_COLUMNS),
    company=UUID,
    service=UUID,
    group=UUID,
)
_NAMED_MEMBERS = Prepared(
    lambda company, service, ids: _members(company, service).filter(pk__in=ids).values_list(*_COLUMNS),
    company=UUID,
    service=UUID,
    ids=[UUID],
)


def members_for(
    *, service: Service, staff: Staff | None = None, group: StaffGroup | None = None, staff_ids: Iterable[UUID] = ()
) -> list[Member]:
    """Active staff who give this service: one, those of a group, those of `staff_ids`, or any. In the company's order.

    Raises NotFound if a staff member or group was named that does not give this service.
    """
    of = {"company": service.company_id, "service": service.pk}
    wanted = [staff.pk] if staff is not None else list(staff_ids)
    if wanted:
        rows = _NAMED_MEMBERS.rows(**of, ids=wanted)
    elif group is not None:
        rows = _GROUP_MEMBERS.rows(**of, group=group.pk)
    else:
        rows = _MEMBERS.rows(**of)
    members = [Member(*row) for row in rows]
    if not members and (staff is not None or group is not None):
        raise NotFound(_("Nobody asked for gives this service."))
    return members


def member_of(staff: Staff) -> Member:
    return Member(staff.pk, staff.company_id, staff.timezone, staff.schedule_revision)


def staff_days(members: Sequence[Member], *, span: Span, now: datetime, near: Span | None = None) -> list[StaffDays]:
    """The members with all that takes their time and overlaps `span`, in the order given.

    `near`: what is without buffers is needed only where it overlaps this part of the span. That is asked for a booking,
    which raises the revision, so that what is not kept yet is not worth keeping.
    """
    if connection.in_atomic_block:
        entries = _load(members, span, near or span)
    else:
        around = _whole_weeks(span)
        entries = _kept.find(members, around)
        if missing := [member for member in members if member.id not in entries]:
            entries |= _load(missing, span, near) if near else _kept.load(missing, around)
    return [entries[member.id].days(now) for member in members]


def _whole_weeks(span: Span) -> Span:
    """Rounded outwards, so that questions about neighbouring days find the same kept entry."""
    first, last = (span.start - _EPOCH) // _WEEK, -((_EPOCH - span.end) // _WEEK)
    return Span(_EPOCH + first * _WEEK, _EPOCH + last * _WEEK)


class _Kept:
    """The entries used last, by member, revision and weeks."""

    def __init__(self, most: int) -> None:
        self._entries: OrderedDict[tuple[UUID, int, Span], Entry] = OrderedDict()
        self._most = most
        self._lock = Lock()

    def find(self, members: Sequence[Member], span: Span) -> dict[UUID, Entry]:
        found = {}
        with self._lock:
            for member in members:
                key = (member.id, member.revision, span)
                if entry := self._entries.get(key):
                    self._entries.move_to_end(key)
                    found[member.id] = entry
        return found

    def load(self, members: Sequence[Member], span: Span) -> dict[UUID, Entry]:
        loaded = _load(members, span, span)
        with self._lock:
            for member in members:
                self._entries[member.id, member.revision, span] = loaded[member.id]
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        return loaded


_kept = _Kept(_KEPT_MEMBERS)


def _load(members: Sequence[Member], span: Span, near: Span) -> dict[UUID, Entry]:
    ids = [member.id for member in members]
    schedules = _schedules(members)
    busy: defaultdict[UUID, list[Busy]] = defaultdict(list)
    holds: defaultdict[UUID, list[tuple[datetime, Busy]]] = defaultdict(list)
    _add_taken(ids, span, near, busy, holds)
    return {
        ident: Entry(StaffDays(str(ident), schedules[ident], tuple(busy[ident])), tuple(holds[ident])) for ident in ids
    }


# Weekly hours by weekday, then the dates that are otherwise: one query for both.
_SCHEDULES = Prepared(
    lambda staff: (
        WorkingHours.objects.filter(staff_id__in=staff)
        .order_by()
        .values_list("staff_id", "weekday", "start_minute", "end_minute", _null(DateField()), _null(JSONField()))
        .union(
            HoursOverride.objects.filter(staff_id__in=staff)
            .order_by()
            .values_list("staff_id", *[_null(PositiveSmallIntegerField())] * 3, "date", "ranges"),
            all=True,
        )
    ),
    staff=[UUID],
)


def _schedules(members: Sequence[Member]) -> dict[UUID, Schedule]:
    weekly: defaultdict[UUID, list[list[TimeRange]]] = defaultdict(lambda: [[] for _ in range(7)])
    overrides: defaultdict[UUID, list[DateOverride]] = defaultdict(list)
    for staff_id, weekday, start, end, day, ranges in _SCHEDULES.rows(staff=[member.id for member in members]):
        if day is None:
            weekly[staff_id][weekday].append(_range(start, end))
        else:
            overrides[staff_id].append(DateOverride(day, tuple(_range(*pair) for pair in ranges)))
    return {
        member.id: Schedule(
            member.timezone,
            tuple(tuple(sorted(ranges)) for ranges in weekly[member.id]),
            overrides=tuple(sorted(overrides[member.id], key=lambda override: override.day)),
        )
        for member in members
    }


def _range(start_minute: int, end_minute: int) -> TimeRange:
    return TimeRange(start_minute * MINUTE, end_minute * MINUTE)


def _taken(staff: Any, begin: Any, end: Any, near_begin: Any, near_end: Any) -> QuerySet[Any, Any]:
    """One query for all that takes their time: kind, staff member, start, end, id, label, then what only claims have."""
    claims = Claim.objects.filter(
        Q(start__lt=near_end, end__gt=near_begin) | Q(buffer_before__gt=0) | Q(buffer_after__gt=0),
        staff_id__in=staff, start__lt=end, end__gt=begin, blocks=True,
    ).values_list(
        _text(APPOINTMENT), "staff_id", "start", "end", Coalesce("appointment_id", "hold_id"), _text(""),
        "buffer_before", "buffer_after", "service_id", "seats", "expires_at",
    )  # fmt: skip
    near = {"start__lt": near_end, "end__gt": near_begin}
    others = [
        (TIME_OFF, TimeOff.objects.filter(staff_id__in=staff, **near), ("staff_id", "start", "end", "id", "label")),
        (
            CLOSING,
            Closing.objects.filter(company__staff__in=staff, **near),
            ("company__staff", "start", "end", "id", "label"),
        ),
        *((EXTERNAL, rows, columns) for rows, columns in busy_rows(staff, near_begin, near_end)),
    ]
    nothing = (_null(IntegerField()), _null(IntegerField()), _null(UUIDField()), _null(IntegerField()))
    lasting = _null(DateTimeField())
    parts = [rows.order_by().values_list(_text(kind), *columns, *nothing, lasting) for kind, rows, columns in others]
    return claims.order_by().union(*parts, all=True)


def _text(value: str) -> Value:
    return Value(value, output_field=TextField())


def _null(field: Field[Any, Any]) -> Cast:
    return Cast(Value(None), field)


_TAKEN = Prepared(_taken, staff=[UUID], begin=datetime, end=datetime, near_begin=datetime, near_end=datetime)


def _add_taken(
    ids: list[UUID],
    span: Span,
    near: Span,
    busy: defaultdict[UUID, list[Busy]],
    holds: defaultdict[UUID, list[tuple[datetime, Busy]]],
) -> None:
    rows = _TAKEN.rows(staff=ids, begin=span.start, end=span.end, near_begin=near.start, near_end=near.end)
    for kind, staff_id, start, end, ident, label, before, after, service, seats, expires in rows:
        begins, ends = int(start.timestamp()), _up(end)
        if kind != APPOINTMENT:
            busy[staff_id].append(Busy(begins, ends, kind, id=str(ident or ""), label=label))
        elif expires is None:
            busy[staff_id].append(Busy(begins, ends, kind, before, after, str(ident), "", str(service), seats))
        else:
            held = Busy(begins, ends, HOLD, before, after, str(ident), "", str(service), seats)
            holds[staff_id].append((expires, held))


def _up(moment: datetime) -> int:
    """The second at or after the moment: rounding never makes taken time shorter."""
    whole = int(moment.timestamp())
    return whole + 1 if moment.microsecond else whole
