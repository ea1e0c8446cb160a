"""getSchedule: busy times without ids, for work and school accounts only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kalends.sandbox.microsoft import bodies, errors, events
from kalends.sandbox.microsoft.call import Call
from kalends.sandbox.microsoft.zones import read_local, write_local, zone_of

_DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4", "unknown": "2"}


def answer(call: Call) -> dict[str, Any]:
    """The reply to getSchedule. Raises GraphError 400."""
    # The metadata writes the parameters with a capital, the documentation's samples without one; both are taken.
    given = {name.lower(): value for name, value in call.body().items()}
    interval = given.get("availabilityviewinterval") or 30
    if not isinstance(interval, int) or not 5 <= interval <= 1440:
        raise errors.invalid("The availabilityViewInterval is not within 5 to 1440 minutes.")
    low, high = _moment(given.get("starttime")), _moment(given.get("endtime"))
    if high <= low or (high - low).days > 62:
        raise errors.invalid("The requested time window is not valid.", "ErrorInvalidTimeInterval")
    names = [str(name) for name in given.get("schedules") or []]
    return {"value": [_one(call, name, low, high, interval) for name in names]}


def _moment(value: Any) -> datetime:
    if not isinstance(value, dict):
        raise errors.invalid("The startTime or endTime is missing.")
    local = read_local(value.get("dateTime"))
    return local.replace(tzinfo=local.tzinfo or zone_of(value.get("timeZone") or "UTC")).astimezone(UTC)


def _one(call: Call, name: str, low: datetime, high: datetime, interval: int) -> dict[str, Any]:
    if name.lower() != call.account.email:
        problem = {"message": "The recipient was not found.", "responseCode": "ErrorMailRecipientNotFound"}
        return {"scheduleId": name, "availabilityView": "", "scheduleItems": [], "error": problem}
    calendar = call.store.default_calendar(call.account.email)
    found = events.in_window(call.store, call.account, calendar, low, high)
    spans = [(*bodies.span_of(row.body, call.account.timezone), row.body) for row in found]
    slots = int((high - low).total_seconds() // 60) // interval
    view = ""
    for number in range(slots):
        begins, ends = (low.timestamp() + 60 * interval * (number + shift) for shift in (0, 1))
        held = [_DIGITS[body["showAs"]] for start, end, body in spans
                if start.timestamp() < ends and end.timestamp() > begins]  # fmt: skip
        view += max(held, default="0")
    items = [
        {
            "status": body["showAs"],
            "subject": body["subject"],
            "isPrivate": body["sensitivity"] == "private",
            "start": {"dateTime": write_local(start), "timeZone": "UTC"},
            "end": {"dateTime": write_local(end), "timeZone": "UTC"},
        }
        for start, end, body in sorted(spans, key=lambda span: span[0])
    ]
    return {"scheduleId": name, "availabilityView": view, "scheduleItems": items}
