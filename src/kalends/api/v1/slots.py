"""Bookable times, and why a time is not one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Field, Query, Schema

from kalends.api.auth import CompanyRequest
from kalends.api.v1.routing import answers, instant, router
from kalends.bookings import selectors as bookings
from kalends.bookings.values import SlotDays
from kalends.companies import selectors
from kalends.companies.models import Service
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput
from kalends.core.span import within_reach
from kalends.core.zones import UnknownZone, zone
from kalends.scheduling.answer import Team
from kalends.scheduling.explain import Blocker

routes = router("slots")

_MOST_DAYS = 92


class SlotsQuery(Schema):
    service: UUID
    staff: UUID | None = None
    group: UUID | None = None
    from_: date = Field(alias="from")
    to: date = Field(description="Included")
    tz: str = Field("", description="IANA zone that groups the answer; the company's unless given")


class SlotOut(Schema):
    start: datetime
    end: datetime
    staff: list[UUID]
    seats_left: int


class DayOut(Schema):
    date: date
    slots: list[SlotOut]


class SlotsOut(Schema):
    timezone: str
    days: list[DayOut]


def _checked(query: SlotsQuery, company_zone: str) -> str:
    tz = query.tz or company_zone
    try:
        zone(tz)
    except UnknownZone as error:
        error.field = "tz"  # what it is called here
        raise
    within_reach(query.from_, "from")
    within_reach(query.to, "to")
    if query.to < query.from_ or query.to - query.from_ >= timedelta(days=_MOST_DAYS):
        raise InvalidInput(f"Ask for 1 to {_MOST_DAYS} days, the first one first.", field="to")
    return tz


@routes.get("/slots", response=answers(ok=SlotsOut), summary="Bookable times")
def list_slots(request: CompanyRequest, query: Query[SlotsQuery]) -> Any:
    """Without staff and group: of any staff member who gives the service. `staff` of a slot are those who are free."""
    company = request.company
    tz = _checked(query, company.timezone)
    service = selectors.service_of(company, query.service)
    found = bookings.slots(
        company=company,
        service=service,
        staff=selectors.staff_member(company, query.staff) if query.staff else None,
        group=selectors.group_of(company, query.group) if query.group else None,
        from_date=query.from_,
        to_date=query.to,
        tz=tz,
        now=utc_now(),
    )
    return HttpResponse(_render(found, service), content_type="application/json")


def _render(answer: SlotDays, service: Service) -> str:
    """Written by hand: a month of any-of-20 has thousands of times, and objects for them cost more than finding them."""
    tz, found, length = zone(answer.timezone), answer.found, service.duration * 60

    @cache
    def who(teams: tuple[Team, ...]) -> str:
        names = '","'.join(dict.fromkeys(member for team in teams for member in team))
        return f'"staff":["{names}"],"seats_left":'

    days = []
    for day, starts in found.dates(answer.timezone).items():
        slots = []
        for start, when in zip(starts, _times(day, starts, length, tz), strict=True):
            teams = tuple(found.teams_at(start))
            # Seats are counted only where a time is shared.
            shared = found.at(datetime.fromtimestamp(start, tz)) if service.capacity > 1 else None
            slots.append(f"{{{when},{who(teams)}{shared.seats_left if shared else len(teams)}}}")
        days.append(f'{{"date":"{day.isoformat()}","slots":[{",".join(slots)}]}}')
    return f'{{"timezone":"{answer.timezone}","days":[{",".join(days)}]}}'


_MINUTES = tuple(f"T{minute // 60:02}:{minute % 60:02}:00" for minute in range(24 * 60))


def _times(day: date, starts: Sequence[int], length: int, tz: tzinfo) -> Iterator[str]:
    """Start and end in RFC 3339 of each of one local day's starts, given in epoch seconds.

    They are put together from parts, but for times with seconds, past midnight, or on a day whose clocks are changed.
    """
    first = datetime.combine(day, time(), tz)
    begin, text, offset = int(first.timestamp()), day.isoformat(), first.isoformat()[19:]
    plain = (first + timedelta(days=1)).utcoffset() == first.utcoffset() and length % 60 == 0
    minutes, last, between = length // 60, len(_MINUTES), f'{offset}","end":"{text}'
    for start in starts:
        minute, rest = divmod(start - begin, 60)
        if plain and not rest and 0 <= minute < last - minutes:
            yield f'"start":"{text}{_MINUTES[minute]}{between}{_MINUTES[minute + minutes]}{offset}"'
        else:
            begun, ended = (datetime.fromtimestamp(second, tz).isoformat() for second in (start, start + length))
            yield f'"start":"{begun}","end":"{ended}"'


class ExplainQuery(Schema):
    service: UUID
    staff: UUID
    at: datetime


class BlockerOut(Schema):
    kind: str
    id: str
    label: str
    start: datetime
    end: datetime
    note: str


class RuleOut(Schema):
    rule: str
    ok: bool | None
    message: str
    blocking: list[BlockerOut]


class ExplainOut(Schema):
    start: datetime
    end: datetime
    offered: bool
    reason: str = Field(description="Why the staff member is not offered at all; empty if nothing speaks against it")
    rules: list[RuleOut]
    ignored: list[BlockerOut]


@routes.get("/slots/explain", response=answers(ok=ExplainOut), summary="Why a time is offered or not")
def explain_slot(request: CompanyRequest, query: Query[ExplainQuery]) -> Any:
    """Each rule with its result and the object that blocks. Give `at` with an offset."""
    company = request.company
    explained = bookings.explain(
        company=company,
        service=selectors.service_of(company, query.service),
        staff=selectors.staff_member(company, query.staff),
        at=instant(query.at, "at"),
        now=utc_now(),
    )
    found = explained.explanation
    return {
        "start": found.start,
        "end": found.end,
        "offered": explained.offered,
        "reason": explained.stale_reason,
        "rules": [
            {
                "rule": result.rule,
                "ok": result.ok,
                "message": result.message,
                "blocking": [_blocker(item) for item in result.blockers],
            }
            for result in found.rules
        ],
        "ignored": [_blocker(item) for item in found.ignored],
    }


def _blocker(item: Blocker) -> dict[str, Any]:
    plain = {"kind": item.kind, "id": item.id, "label": item.label, "note": item.note}
    return {**plain, "start": item.span.start, "end": item.span.end}
