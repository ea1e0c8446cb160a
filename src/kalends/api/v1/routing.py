"""What every router of this version shares."""

from __future__ import annotations

from datetime import datetime

from ninja.constants import NOT_SET
from ninja.router import Router

from kalends.api.v1.schemas import ErrorOut
from kalends.core.errors import InvalidInput
from kalends.core.span import within_reach

# Declared once for every operation: a client that reads the document knows all the answers it may get.
ERRORS: dict[int, type[ErrorOut]] = dict.fromkeys((400, 401, 403, 404, 409, 412, 422, 503), ErrorOut)


def router(tag: str) -> Router:
    return Router(tags=[tag], auth=NOT_SET)


def answers(**by_status: object) -> dict[int, object]:
    """`answers(ok=StaffOut)`, `answers(created=...)`, `answers(none=None)` with the errors beside."""
    numbers = {"ok": 200, "created": 201, "none": 204}
    return {**{numbers[name]: schema for name, schema in by_status.items()}, **ERRORS}


def instant(moment: datetime, field: str) -> datetime:
    """`moment`, if it says which instant it is. Raises InvalidInput for one without an offset or out of reach."""
    if moment.tzinfo is None:
        raise InvalidInput("Give times with an offset, as in 2026-03-02T09:00:00+01:00.", field=field)
    within_reach(moment, field)
    return moment
