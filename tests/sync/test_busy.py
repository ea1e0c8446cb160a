"""Foreign events to busy time: flags, days, series and their exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.core.span import Span
from kalends.sync.busy import Reading, day_span, event_blocks, event_spans, rolling_window, spans_of
from kalends.sync.port import AllDay, BusyState, RemoteEvent, Timed, When

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WINDOW = rolling_window(NOW)
PARIS = Reading("Europe/Paris")


def hour(day: int, at: int) -> Span:
    start = datetime(2026, 3, day, at, 0, tzinfo=UTC)
    return Span(start, start + timedelta(hours=1))


def event(when: When | None, ident: str = "e", **changes) -> RemoteEvent:
    return RemoteEvent(ident, "t", when, **changes)


TIMED, DAY = Timed(hour(3, 9)), AllDay(date(2026, 3, 3), date(2026, 3, 4))


@pytest.mark.parametrize(
    ("made", "blocks"),
    [
        (event(TIMED), True),
        (event(TIMED, busy=BusyState.TENTATIVE), True),
        (event(TIMED, busy=BusyState.OUT_OF_OFFICE), True),
        (event(TIMED, busy=BusyState.FREE), False),
        (event(TIMED, busy=BusyState.ELSEWHERE), False),
        (event(TIMED, declined=True), False),
        (event(TIMED, cancelled=True), False),
        (event(None), False),
        (event(DAY), True),
        (event(DAY, busy=BusyState.FREE), False),
    ],
)
def test_F59_busy_table(made, blocks):
    assert event_blocks(made, all_day_blocks=True) is blocks


def test_all_day_blocks_only_if_the_staff_member_wants_it():
    assert not event_blocks(event(DAY), all_day_blocks=False)
    assert event_blocks(event(TIMED), all_day_blocks=False)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Pacific/Pago_Pago", "2026-03-03T11:00Z", "2026-03-04T11:00Z"),
        ("UTC", "2026-03-03T00:00Z", "2026-03-04T00:00Z"),
        ("Europe/Paris", "2026-03-02T23:00Z", "2026-03-03T23:00Z"),
        ("Pacific/Kiritimati", "2026-03-02T10:00Z", "2026-03-03T10:00Z"),
    ],
)
def test_F55_all_day_is_the_local_day_of_the_zone(zone, start, end):
    expected = Span(datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert spans_of([event(DAY)], WINDOW, Reading(zone)) == [expected]


def test_F55_day_of_the_clock_change_has_23_hours():
    assert day_span(date(2026, 3, 29), date(2026, 3, 30), "Europe/Paris").duration == timedelta(hours=23)


@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.sampled_from(["America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo"])
)
def test_F55_consecutive_days_touch_even_where_midnight_does_not_exist(day, zone):
    """Some zones change their clocks at midnight."""
    tomorrow = day + timedelta(days=1)
    first = day_span(day, tomorrow, zone)
    assert first.end == day_span(tomorrow, tomorrow + timedelta(days=1), zone).start
    assert first.start.astimezone(ZoneInfo(zone)).date() == day


def test_F56_series_begun_five_years_ago_blocks_this_week():
    start = datetime(2021, 3, 2, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
    master = event(Timed(Span(start, start + timedelta(hours=1)), "Europe/Paris"), recurrence=("RRULE:FREQ=WEEKLY",))
    spans = spans_of([master], Span(NOW, NOW + timedelta(days=7)), PARIS)
    assert spans == [hour(3, 8)]


def test_F57_exceptions_are_keyed_by_the_start_they_replace():
    master = event(TIMED, recurrence=("RRULE:FREQ=DAILY;COUNT=4",))
    cancelled = event(None, "x", cancelled=True, series_id="e", original_start=hour(4, 9).start)
    moved = event(Timed(hour(5, 15)), "y", series_id="e", original_start=hour(5, 9).start)
    spans = spans_of([master, cancelled, moved], WINDOW, PARIS)
    assert spans == [hour(3, 9), hour(5, 15), hour(6, 9)]


def test_F57_free_exception_frees_its_occurrence_only():
    master = event(TIMED, recurrence=("RRULE:FREQ=DAILY;COUNT=2",))
    free = event(Timed(hour(4, 9)), "x", busy=BusyState.FREE, series_id="e", original_start=hour(4, 9).start)
    assert spans_of([master, free], WINDOW, PARIS) == [hour(3, 9)]


def test_F57_all_day_series_with_an_excluded_and_a_moved_day():
    master = event(DAY, recurrence=("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260304"))
    moved = event(AllDay(date(2026, 3, 9), date(2026, 3, 10)), "x", series_id="e", original_start=date(2026, 3, 5))
    days = [span.start.day for span in spans_of([master, moved], WINDOW, Reading("UTC"))]
    assert days == [3, 9]


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_F58_series_split_in_two_masters_is_two_series(kept):
    """Four days at nine, of which from the 1st, the middle or the last on all are moved to ten."""
    first = event(TIMED, "a", recurrence=(f"RRULE:FREQ=DAILY;UNTIL=202603{2 + kept:02}T235959Z",))
    second = event(Timed(hour(3 + kept, 10)), "b", recurrence=(f"RRULE:FREQ=DAILY;COUNT={4 - kept}",))
    expected = [hour(3 + day, 9 if day < kept else 10) for day in range(4)]
    assert spans_of([first, second] if kept else [second], WINDOW, PARIS) == expected


def test_F60_event_from_yesterday_to_tomorrow_blocks_today():
    running = event(Timed(Span(NOW - timedelta(days=1), NOW + timedelta(days=1))))
    assert len(spans_of([running], Span(NOW, NOW + timedelta(hours=1)), PARIS)) == 1


def test_spans_are_half_open_and_empty_ones_block_nothing():
    window = Span(hour(3, 10).start, hour(3, 11).start)
    assert spans_of([event(TIMED)], window, PARIS) == []
    instant = event(Timed(Span(hour(3, 10).start, hour(3, 10).start)))
    assert spans_of([instant], window, PARIS) == []


def test_wall_time_of_the_author_is_kept_over_the_clock_change():
    start = datetime(2026, 3, 27, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
    master = event(
        Timed(Span(start, start + timedelta(hours=1)), "Europe/Paris"), recurrence=("RRULE:FREQ=DAILY;COUNT=4",)
    )
    starts = [span.start.hour for span in event_spans(master, [], WINDOW, PARIS)]
    assert starts == [8, 8, 7, 7]
