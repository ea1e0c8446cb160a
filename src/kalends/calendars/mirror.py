"""The mirror of foreign events: rows from pages, and busy spans from rows. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from kalends.calendars.models import BusySpan, RemoteCalendar
from kalends.calendars.models import RemoteEvent as Row
from kalends.calendars.ours import Ours
from kalends.companies.models import Staff
from kalends.core.span import Span
from kalends.jobs.listed import Listed
from kalends.jobs.prepared import insert
from kalends.jobs.saved import save
from kalends.sync.busy import Reading, Unexpandable, event_spans
from kalends.sync.port import AllDay, BusyState, RemoteEvent, Timed

_COLUMNS = (
    "tag",
    "seen_generation",
    "start",
    "end",
    "start_date",
    "end_date",
    "timezone",
    "busy",
    "declined",
    "cancelled",
    "recurrence",
    "series_id",
    "original_start",
    "original_date",
    "op_key",
)


_NAMED = Listed(
    lambda calendar, ids: Row.objects.filter(calendar=calendar, remote_id__in=ids), calendar=UUID, ids=[str]
)
_SERIES = Listed(
    lambda calendar, ids: (
        Row.objects.filter(calendar=calendar, remote_id__in=ids).exclude(series_id="").values_list("series_id")
    ),
    calendar=UUID,
    ids=[str],
)
_NAMED_AND_THEIRS = Listed(
    lambda calendar, ids: (
        Row.objects.filter(calendar=calendar, remote_id__in=ids)
        | Row.objects.filter(calendar=calendar, series_id__in=ids)
    ),
    calendar=UUID,
    ids=[str],
)
_SPANS = Listed(
    lambda events: BusySpan.objects.filter(event__in=events).values_list("event_id", "start", "end"), events=[UUID]
)


def staff_of(calendar: RemoteCalendar) -> list[UUID]:
    """Whose time the calendar takes: its staff member's; all members' where it is the company's closings."""
    if calendar.staff_id is not None:
        return [calendar.staff_id]
    members = Staff.objects.filter(company_id=calendar.connection.company_id)
    return list(members.order_by("pk").values_list("pk", flat=True))


def reading_of(calendar: RemoteCalendar) -> Reading:
    """Days are those of the calendar's zone if it states one, else of the staff member's, else of the company's."""
    staff = calendar.staff
    if staff is None:
        return Reading(calendar.timezone or calendar.connection.company.timezone)
    return Reading(calendar.timezone or staff.timezone, staff.all_day_blocks)


def reading_key(calendar: RemoteCalendar) -> str:
    """Changes when the busy spans of unchanged events would come out otherwise."""
    reading = reading_of(calendar)
    return f"{reading.zone} {'with' if reading.all_day_blocks else 'without'} days"


def store_event(calendar: RemoteCalendar, event: RemoteEvent) -> None:
    """Upserts by id (F04); only times, flags, id and tag are kept (G14)."""
    values = _values(event) | {"seen_generation": calendar.generation}
    row: Row | None = _NAMED.first(calendar=calendar.pk, ids=[event.id])
    if row is None:
        insert(Row(calendar=calendar, remote_id=event.id, **values))
        return
    for name, value in values.items():
        setattr(row, name, value)
    save(row, tuple(values))


def store_events(calendar: RemoteCalendar, events: Sequence[RemoteEvent]) -> None:
    """Upserts many at once, each by its id: what is equal to its row costs no write but the generation's."""
    known = {row.remote_id: row for row in _NAMED.rows(calendar=calendar.pk, ids=[event.id for event in events])}
    met, other = [], []
    for event in events:
        row, values = known.get(event.id), _values(event)
        if row is None or any(getattr(row, name) != value for name, value in values.items()):
            other.append(Row(calendar=calendar, remote_id=event.id, seen_generation=calendar.generation, **values))
        elif row.seen_generation != calendar.generation:
            met.append(row.pk)
    if met:
        Row.objects.filter(pk__in=met).update(seen_generation=calendar.generation)
    Row.objects.bulk_create(
        other,
        update_conflicts=True,
        unique_fields=["calendar", "remote_id"],
        update_fields=_COLUMNS,
    )


def forget_events(calendar: RemoteCalendar, remote_ids: Collection[str]) -> tuple[bool, set[str]]:
    """Removes events and, of masters, their exceptions; spans go with the rows.

    Returns whether anything was mirrored, and the ids of the series that exceptions among them belonged to: their
    occurrences are back, and those series' spans are to be derived anew.
    """
    if not remote_ids:
        return False, set()
    rows = Row.objects.filter(calendar=calendar)
    series = {series for (series,) in _SERIES.rows(calendar=calendar.pk, ids=remote_ids)}
    removed, _ = (rows.filter(remote_id__in=remote_ids) | rows.filter(series_id__in=remote_ids)).delete()
    return bool(removed), series


def _values(event: RemoteEvent) -> dict[str, Any]:
    when = event.when
    original = event.original_start
    timed = when if isinstance(when, Timed) else None
    days = when if isinstance(when, AllDay) else None
    return {
        "tag": event.tag,
        "start": timed.span.start if timed else None,
        "end": timed.span.end if timed else None,
        "start_date": days.start if days else None,
        "end_date": days.end if days else None,
        "timezone": timed.timezone if timed else "",
        "busy": event.busy.value,
        "declined": event.declined,
        "cancelled": event.cancelled,
        "recurrence": list(event.recurrence),
        "series_id": event.series_id,
        "original_start": original if isinstance(original, datetime) else None,
        "original_date": original if original is not None and not isinstance(original, datetime) else None,
        "op_key": event.op_key,
    }


def event_of(row: Row) -> RemoteEvent:
    when: Timed | AllDay | None = None
    if row.start is not None and row.end is not None:
        when = Timed(Span(row.start, row.end), row.timezone or "UTC")
    elif row.start_date is not None and row.end_date is not None:
        when = AllDay(row.start_date, row.end_date)
    return RemoteEvent(
        id=row.remote_id,
        tag=row.tag,
        when=when,
        cancelled=row.cancelled,
        busy=BusyState(row.busy),
        declined=row.declined,
        recurrence=tuple(row.recurrence),
        series_id=row.series_id,
        original_start=row.original_start or row.original_date,
        op_key=row.op_key,
    )


def rebuild_spans(calendar: RemoteCalendar, remote_ids: Iterable[str], window: Span) -> tuple[bool, list[str]]:
    """Derives the busy spans of these events anew, and of the series they belong to.

    Returns whether any span changed, and the ids of series that cannot be expanded. What is ours among them has none:
    its time is blocked by the claim, not by the mirror.
    """
    rows = _with_series(calendar, set(remote_ids))
    ours = Ours.among(calendar, [(row.remote_id, row.op_key) for row in rows])
    by_series: dict[str, list[RemoteEvent]] = {}
    for row in rows:
        if row.series_id:
            by_series.setdefault(row.series_id, []).append(event_of(row))
    spans: list[BusySpan] = []
    bad: list[str] = []
    for row in rows:
        if ours.has(row.remote_id, row.op_key) or not calendar.blocks:
            continue
        found, expanded = _spans(event_of(row), by_series.get(row.remote_id, []), window, reading_of(calendar))
        spans += [_span_row(calendar, row, span) for span in found]
        if not expanded:
            bad.append(row.remote_id)
    return _replace_spans([row.pk for row in rows], spans), bad


def _replace_spans(event_ids: list[UUID], spans: list[BusySpan]) -> bool:
    """Writes only if something differs, so that an unchanged calendar costs no write."""
    before = sorted(_SPANS.rows(events=event_ids))
    if before == sorted((span.event_id, span.start, span.end) for span in spans):
        return False
    if before:
        BusySpan.objects.filter(event__in=event_ids).delete()
    BusySpan.objects.bulk_create(spans, batch_size=500)
    return True


def _with_series(calendar: RemoteCalendar, remote_ids: set[str]) -> list[Row]:
    """The events, the masters of exceptions among them, and all exceptions of those masters."""
    named = {series for (series,) in _SERIES.rows(calendar=calendar.pk, ids=remote_ids)}
    found: list[Row] = _NAMED_AND_THEIRS.rows(calendar=calendar.pk, ids=remote_ids | named)
    return found


def _spans(
    event: RemoteEvent, exceptions: list[RemoteEvent], window: Span, reading: Reading
) -> tuple[list[Span], bool]:
    try:
        return event_spans(event, exceptions, window, reading), True
    except Unexpandable as error:
        return error.spans, False


def _span_row(calendar: RemoteCalendar, row: Row, span: Span) -> BusySpan:
    return BusySpan(
        company_id=calendar.connection.company_id,
        staff_id=calendar.staff_id,
        calendar=calendar,
        event=row,
        start=span.start,
        end=span.end,
    )
