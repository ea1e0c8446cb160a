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
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from kalends.bookings.models import Claim
from kalends.calendars.selectors import busy_spans
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
    _add_claims(ids, span, near, busy, holds)
    _add_time_off(ids, near, busy)
    _add_closings(members, near, busy)
    for staff_id, spans in busy_spans(staff_ids=ids, span=near).items():
        busy[staff_id] += [Busy(start, end, EXTERNAL, id=str(ref or ""), label=name) for start, end, ref, name in spans]
    return {
        ident: Entry(StaffDays(str(ident), schedules[ident], tuple(busy[ident])), tuple(holds[ident])) for ident in ids
    }


_HOURS = Prepared(
    lambda staff: (
        WorkingHours.objects.filter(staff_id__in=staff)
        .order_by("weekday", "start_minute")
        .values_list("staff_id", "weekday", "start_minute", "end_minute")
    ),
    staff=[UUID],
)
_OVERRIDES = Prepared(
    lambda staff: (
        HoursOverride.objects.filter(staff_id__in=staff).order_by("date").values_list("staff_id", "date", "ranges")
    ),
    staff=[UUID],
)


def _schedules(members: Sequence[Member]) -> dict[UUID, Schedule]:
    ids = [member.id for member in members]
    weekly: defaultdict[UUID, list[list[TimeRange]]] = defaultdict(lambda: [[] for _ in range(7)])
    for staff_id, weekday, start, end in _HOURS.rows(staff=ids):
        weekly[staff_id][weekday].append(_range(start, end))
    overrides: defaultdict[UUID, list[DateOverride]] = defaultdict(list)
    for staff_id, day, ranges in _OVERRIDES.rows(staff=ids):
        overrides[staff_id].append(DateOverride(day, tuple(_range(*pair) for pair in ranges)))
    return {
        member.id: Schedule(
            member.timezone,
            tuple(tuple(ranges) for ranges in weekly[member.id]),
            overrides=tuple(overrides[member.id]),
        )
        for member in members
    }


def _range(start_minute: int, end_minute: int) -> TimeRange:
    return TimeRange(start_minute * MINUTE, end_minute * MINUTE)


_CLAIMS = Prepared(
    lambda staff, begin, end, near_begin, near_end: Claim.objects.filter(
        Q(start__lt=near_end, end__gt=near_begin) | Q(buffer_before__gt=0) | Q(buffer_after__gt=0),
        staff_id__in=staff, start__lt=end, end__gt=begin, blocks=True,
    ).values_list(
        "staff_id", "start", "end", "buffer_before", "buffer_after", "appointment_id", "hold_id", "service_id",
        "seats", "expires_at",
    ),
    staff=[UUID], begin=datetime, end=datetime, near_begin=datetime, near_end=datetime,
)  # fmt: skip
_TIME_OFF = Prepared(
    lambda staff, begin, end: (
        TimeOff.objects.filter(staff_id__in=staff, start__lt=end, end__gt=begin)
        .order_by()
        .values_list("staff_id", "id", "start", "end", "label")
    ),
    staff=[UUID],
    begin=datetime,
    end=datetime,
)
_CLOSINGS = Prepared(
    lambda companies, begin, end: (
        Closing.objects.filter(company_id__in=companies, start__lt=end, end__gt=begin)
        .order_by()
        .values_list("company_id", "id", "start", "end", "label")
    ),
    companies=[UUID],
    begin=datetime,
    end=datetime,
)


def _add_claims(
    ids: list[UUID],
    span: Span,
    near: Span,
    busy: defaultdict[UUID, list[Busy]],
    holds: defaultdict[UUID, list[tuple[datetime, Busy]]],
) -> None:
    rows = _CLAIMS.rows(staff=ids, begin=span.start, end=span.end, near_begin=near.start, near_end=near.end)
    for staff_id, start, end, before, after, appointment, hold, service, seats, expires in rows:
        row = Busy(
            int(start.timestamp()), _up(end), APPOINTMENT if expires is None else HOLD, before, after,
            str(appointment if expires is None else hold), "", str(service), seats,
        )  # fmt: skip
        if expires:
            holds[staff_id].append((expires, row))
        else:
            busy[staff_id].append(row)


def _add_time_off(ids: list[UUID], span: Span, busy: defaultdict[UUID, list[Busy]]) -> None:
    for staff_id, ident, start, end, label in _TIME_OFF.rows(staff=ids, begin=span.start, end=span.end):
        busy[staff_id].append(Busy(int(start.timestamp()), _up(end), TIME_OFF, id=str(ident), label=label))


def _add_closings(members: Sequence[Member], span: Span, busy: defaultdict[UUID, list[Busy]]) -> None:
    companies = {member.company_id for member in members}
    for company, ident, start, end, label in _CLOSINGS.rows(companies=companies, begin=span.start, end=span.end):
        closed = Busy(int(start.timestamp()), _up(end), CLOSING, id=str(ident), label=label)
        for member in members:
            if member.company_id == company:
                busy[member.id].append(closed)


def _up(moment: datetime) -> int:
    """The second at or after the moment: rounding never makes taken time shorter."""
    whole = int(moment.timestamp())
    return whole + 1 if moment.microsecond else whole
