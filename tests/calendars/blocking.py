"""What connected calendars make busy, read as bookings reads it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from kalends.calendars.selectors import busy_rows
from kalends.core.span import Span


def busy_spans(*, staff_ids: Iterable[UUID], span: Span) -> dict[UUID, list[tuple]]:
    """Start and end in seconds, what makes it busy, the calendar's name; sorted, with a key for each staff member."""
    wanted = list(staff_ids)
    found: dict[UUID, list[tuple]] = {staff_id: [] for staff_id in wanted}
    for rows, columns in busy_rows(wanted, span.start, span.end):
        for staff_id, start, end, ident, name in rows.values_list(*columns):
            found[staff_id].append((int(start.timestamp()), int(end.timestamp()), ident, name))
    return {staff_id: sorted(spans, key=lambda busy: busy[:2]) for staff_id, spans in found.items()}
