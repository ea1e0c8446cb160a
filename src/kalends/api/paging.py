"""Lists: {"items": [...], "next": cursor}. Ids sort by creation, so the last id of a page is the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from ninja import Field, Schema

from kalends.core.errors import InvalidInput

Row = TypeVar("Row", bound=Model)


class PageQuery(Schema):
    cursor: str | None = Field(None, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200)


def page_of(
    rows: QuerySet[Row], query: PageQuery, render: Callable[[Row], Any], *, newest_first: bool = False
) -> dict[str, Any]:
    ordered = rows.order_by("-pk" if newest_first else "pk")
    if query.cursor:
        try:
            ordered = ordered.filter(**{"pk__lt" if newest_first else "pk__gt": UUID(query.cursor)})
        except ValueError as error:
            raise InvalidInput("This is not a cursor of ours.", field="cursor") from error
    found = list(ordered[: query.limit + 1])
    more = len(found) > query.limit
    items = found[: query.limit]
    return {"items": [render(item) for item in items], "next": str(items[-1].pk) if more else None}
