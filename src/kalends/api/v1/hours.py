"""Working hours and time off of a staff member."""

from __future__ import annotations

from typing import Any

from ninja import Query, Schema, Status

from kalends.api.auth import CompanyRequest, actor_of
from kalends.api.idempotency import answer
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.routing import answers, instant, router
from kalends.api.v1.schemas import WEEKDAYS, HoursIO, TimeOffIn, TimeOffOut
from kalends.companies import selectors, services
from kalends.companies.models import Staff, TimeOff
from kalends.companies.values import DayOverride, Hours, MinuteRange, WeeklyRange
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput

routes = router("hours")


class TimeOffPage(Schema):
    items: list[TimeOffOut]
    next: str | None


def _minutes(text: str, field: str) -> int:
    """Minutes from midnight; 24:00 is the day's end."""
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > 1440:
        raise InvalidInput(f"{text} is not a time of day.", field=field)
    return hour * 60 + minute


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _hours_json(staff: Staff) -> dict[str, Any]:
    return {
        "timezone": staff.timezone,
        "weekly": [
            {"day": WEEKDAYS[row.weekday], "from": _clock(row.start_minute), "to": _clock(row.end_minute)}
            for row in staff.working_hours.all()
        ],
        "overrides": [
            {
                "date": row.date.isoformat(),
                "ranges": [{"from": _clock(start), "to": _clock(end)} for start, end in row.ranges],
            }
            for row in staff.overrides.all()
        ],
    }


@routes.get("/staff/{staff_id}/hours", response=answers(ok=HoursIO), by_alias=True, summary="Working hours")
def get_hours(request: CompanyRequest, staff_id: str) -> Any:
    return _hours_json(selectors.staff_member(request.company, staff_id))


@routes.put("/staff/{staff_id}/hours", response=answers(ok=HoursIO), by_alias=True, summary="Replace working hours")
def set_hours(request: CompanyRequest, staff_id: str, payload: HoursIO) -> Any:
    staff = selectors.staff_member(request.company, staff_id)
    weekly = [
        WeeklyRange(WEEKDAYS.index(item.day), _minutes(item.from_, "weekly"), _minutes(item.to, "weekly"))
        for item in payload.weekly
    ]
    overrides = [
        DayOverride(
            item.date, [MinuteRange(_minutes(r.from_, "overrides"), _minutes(r.to, "overrides")) for r in item.ranges]
        )
        for item in payload.overrides
    ]
    services.set_hours(
        staff=staff, hours=Hours(payload.timezone, weekly, overrides), actor=actor_of(request), now=utc_now()
    )
    return _hours_json(selectors.staff_member(request.company, staff_id))


def _time_off_json(row: TimeOff) -> dict[str, Any]:
    return {"id": str(row.pk), "start": row.start.isoformat(), "end": row.end.isoformat(), "label": row.label}


@routes.get("/staff/{staff_id}/time-off", response=answers(ok=TimeOffPage), summary="Time off")
def list_time_off(request: CompanyRequest, staff_id: str, page: Query[PageQuery]) -> Any:
    staff = selectors.staff_member(request.company, staff_id)
    return page_of(TimeOff.objects.filter(staff=staff), page, _time_off_json)


@routes.post("/staff/{staff_id}/time-off", response=answers(created=TimeOffOut), summary="Add time off")
def add_time_off(request: CompanyRequest, staff_id: str, payload: TimeOffIn) -> Any:
    staff = selectors.staff_member(request.company, staff_id)
    start, end = instant(payload.start, "start"), instant(payload.end, "end")
    return answer(
        request,
        lambda _key: (
            201,
            _time_off_json(
                services.add_time_off(
                    staff=staff,
                    start=start,
                    end=end,
                    label=payload.label,
                    actor=actor_of(request),
                    now=utc_now(),
                )
            ),
        ),
    )


@routes.delete("/staff/{staff_id}/time-off/{time_off_id}", response=answers(none=None), summary="Remove time off")
def delete_time_off(request: CompanyRequest, staff_id: str, time_off_id: str) -> Any:
    time_off = selectors.time_off_of(selectors.staff_member(request.company, staff_id), time_off_id)
    services.delete_time_off(time_off=time_off, actor=actor_of(request), now=utc_now())
    return Status(204, None)
