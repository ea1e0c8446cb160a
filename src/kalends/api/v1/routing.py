"""What every router of this version shares."""

from __future__ import annotations

from ninja.constants import NOT_SET
from ninja.router import Router

from kalends.api.v1.schemas import ErrorOut

# Declared once for every operation: a client that reads the document knows all the answers it may get.
ERRORS: dict[int, type[ErrorOut]] = dict.fromkeys((401, 403, 404, 409, 412, 422, 503), ErrorOut)


def router(tag: str) -> Router:
    return Router(tags=[tag], auth=NOT_SET)


def answers(**by_status: object) -> dict[int, object]:
    """`answers(ok=StaffOut)`, `answers(created=...)`, `answers(none=None)` with the errors beside."""
    numbers = {"ok": 200, "created": 201, "none": 204}
    return {**{numbers[name]: schema for name, schema in by_status.items()}, **ERRORS}
