"""External iCalendar URLs read by the engine from a real server: what blocks, what is kept, what is believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kalends.bookings.values import SlotTaken
from kalends.calendars import pace, selectors, services
from kalends.calendars.models import (
    BusySpan,
    CalendarConnection,
    ExternalCalendar,
    Journal,
    RemoteCalendar,
    RemoteEvent,
)
from kalends.calendars.seats import RowSeat
from kalends.calendars.services.external import store_external_calendar
from kalends.companies.models import Staff
from kalends.core.span import Span
from kalends.messages.models import OutgoingMessage
from tests.bookings.support import Salon, at, make_salon, person
from tests.calendars.blocking import busy_spans

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def event(start: str, end: str, uid: str = "1", *more: str) -> str:
    lines = [f"UID:{uid}", f"DTSTAMP:{uid[:1]}", f"DTSTART:{start}", f"DTEND:{end}", *more]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def calendar(*events: str, head: str = "") -> str:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}{''.join(events)}END:VCALENDAR\r\n"


def hour(day: int, start: int) -> str:
    """An event of one hour on that day of March 2026, in UTC."""
    return event(f"202603{day:02d}T{start:02d}0000Z", f"202603{day:02d}T{start + 1:02d}0000Z", f"{day}-{start}")


@dataclass
class Feed:
    """A server with one feed, as publishers are: it knows its tag, and may be asked whether it changed."""

    server: HTTPServer
    salon: Salon
    body: str = calendar()
    tagged: bool = True
    status: int = 200
    now: datetime = NOW
    answers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.expect_request("/feed.ics").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        tag = f'"{hash(self.body)}"'
        known = self.tagged and request.headers.get("If-None-Match") == tag
        status = self.status if self.status != 200 else 304 if known else 200
        self.answers.append(status)
        headers = {"ETag": tag} if self.tagged else {}
        return Response("" if status == 304 else self.body, status, headers, content_type="text/calendar")

    @property
    def staff(self) -> Staff:
        return self.salon.staff[0]

    def add(self, staff: Staff | None) -> ExternalCalendar:
        url = self.server.url_for("/feed.ics")
        row = services.add_external_calendar(company=self.salon.company, staff=staff, url=url, now=self.now)
        self.answers.clear()
        self.run()
        return row

    def run(self, after: timedelta = timedelta(0)) -> None:
        self.now += after
        services.run_connection(CalendarConnection.objects.get(provider="ics").pk, now=self.now)

    def poll(self) -> None:
        """The next read, when it is due."""
        due = RemoteCalendar.objects.get().next_poll_at
        assert due is not None
        self.run(max(due - self.now, timedelta(0)))

    def blocked(self) -> list[Span]:
        span = Span(NOW - timedelta(days=30), NOW + timedelta(days=400))
        return selectors.blocked_by_external(row=ExternalCalendar.objects.get(), span=span)

    def facts(self) -> selectors.ExternalFacts:
        (facts,) = selectors.external_calendars_of(
            company=self.salon.company, staff=ExternalCalendar.objects.get().staff
        )
        return facts


@pytest.fixture
def feed(db, httpserver: HTTPServer, settings) -> Feed:
    host = f"{httpserver.host}:{httpserver.port}"
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=(host,))
    return Feed(httpserver, make_salon(2))


def utc(day: int, start: int) -> Span:
    begin = datetime(2026, 3, day, start, tzinfo=UTC)
    return Span(begin, begin + timedelta(hours=1))


def revisions() -> list[int]:
    return list(Staff.objects.order_by("pk").values_list("schedule_revision", flat=True))


def test_event_of_an_address_blocks_and_gives_back(feed: Feed):
    feed.body = calendar(hour(3, 9), hour(4, 9))
    feed.add(feed.staff)
    assert feed.blocked() == [utc(3, 9), utc(4, 9)]
    before = revisions()
    feed.body = calendar(hour(3, 14), hour(4, 9))
    feed.poll()
    assert feed.blocked() == [utc(3, 14), utc(4, 9)]
    assert [after - old for after, old in zip(revisions(), before, strict=True)] == [1, 0]


def test_unchanged_feed_costs_a_304_and_changes_no_row(feed: Feed):
    feed.body = calendar(hour(3, 9))
    feed.add(feed.staff)
    spans, before = list(BusySpan.objects.values()), revisions()
    for _ in range(5):
        feed.poll()
    assert feed.answers == [200, 304, 304, 304, 304, 304]
    assert (list(BusySpan.objects.values()), revisions()) == (spans, before)
    assert feed.facts().read_at == feed.now


def test_F07_feed_that_makes_new_uids_and_stamps_each_time_writes_nothing(feed: Feed):
    feed.tagged = False
    feed.body = calendar(event("20260303T090000Z", "20260303T100000Z", "first"), hour(4, 9))
    feed.add(feed.staff)
    rows = list(RemoteEvent.objects.order_by("pk").values()), list(BusySpan.objects.order_by("pk").values())
    before = revisions()
    for number in range(100):
        feed.body = calendar(event("20260303T090000Z", "20260303T100000Z", f"{number}"), hour(4, 9))
        feed.poll()
    after = list(RemoteEvent.objects.order_by("pk").values()), list(BusySpan.objects.order_by("pk").values())
    assert feed.answers == [200] * 101
    assert (after, revisions()) == (rows, before)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, "", "The address answered with status 500."),
        (404, "", "There is nothing at this address any more. Perhaps the calendar has a new one."),
        (403, "", "The address may not be read any more. Perhaps the calendar is shared no longer."),
        (200, "", "The address answered with nothing at all."),
        (200, "<html><input type=password>", "The address leads to a sign-in page. A calendar's secret or public iCal address is needed."),
        (200, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTST", "The calendar at this address breaks off in the middle."),
        (200, "moved", "There is no iCalendar at this address."),
    ],
)  # fmt: skip
def test_F21_failed_read_keeps_the_last_good_copy_and_says_why(feed: Feed, status: int, body: str, words: str):
    feed.body = calendar(hour(3, 9))
    feed.add(feed.staff)
    read_at = feed.facts().read_at
    feed.status, feed.body = status, body
    feed.poll()
    assert feed.blocked() == [utc(3, 9)]
    assert (feed.facts().state, feed.facts().wrong, feed.facts().read_at) == ("failing", words, read_at)
    feed.status, feed.body = 200, calendar(hour(3, 11))
    # An hour, and what chance adds to it.
    feed.run(timedelta(hours=2))
    assert (feed.blocked(), feed.facts().wrong) == ([utc(3, 11)], "")


def test_F20_feed_that_is_suddenly_empty_is_believed_the_second_time_only(feed: Feed):
    feed.body = calendar(*(hour(day, 9) for day in range(3, 13)))
    feed.add(feed.staff)
    feed.body = calendar()
    feed.poll()
    assert len(feed.blocked()) == 10
    assert Journal.objects.filter(rule="implausible_drop").count() == 1
    asked_again = RemoteCalendar.objects.get().next_poll_at
    assert asked_again == feed.now + timedelta(minutes=5)
    feed.poll()
    assert feed.blocked() == []


def test_F20_feed_that_was_empty_for_a_moment_frees_nobody(feed: Feed):
    good = calendar(*(hour(day, 9) for day in range(3, 13)))
    feed.body = good
    feed.add(feed.staff)
    feed.body = calendar()
    feed.poll()
    feed.body = good
    feed.poll()
    assert len(feed.blocked()) == 10
    assert RemoteCalendar.objects.get().suspected_drop == 0


def test_feed_in_which_every_event_moved_is_believed_at_once(feed: Feed):
    feed.body = calendar(*(hour(day, 9) for day in range(3, 13)))
    feed.add(feed.staff)
    feed.body = calendar(*(hour(day, 11) for day in range(3, 13)))
    feed.poll()
    assert feed.blocked() == [utc(day, 11) for day in range(3, 13)]


def test_weekly_full_read_of_a_feed_that_changed_is_believed(feed: Feed):
    feed.body = calendar(hour(20, 9), hour(21, 9))
    feed.add(feed.staff)
    feed.body = calendar(hour(20, 11), hour(21, 11))
    feed.run(timedelta(days=8, hours=1))
    assert feed.blocked() == [utc(20, 11), utc(21, 11)]
    assert RemoteCalendar.objects.get().suspected_drop == 0


def test_F44_one_bad_event_is_set_aside_with_the_reason_and_the_rest_serves(feed: Feed):
    feed.body = calendar(hour(3, 9), event("yesterday", "20260303T100000Z", "bad"), hour(4, 9))
    feed.add(feed.staff)
    assert feed.blocked() == [utc(3, 9), utc(4, 9)]
    assert feed.facts().set_aside == [(1, "A time in it cannot be read.")]
    feed.body = calendar(hour(3, 9), event("yesterday", "20260303T100000Z", "bad"), hour(5, 9))
    feed.poll()
    assert feed.facts().set_aside == [(1, "A time in it cannot be read.")]
    feed.body = calendar(hour(3, 9), hour(5, 9))
    feed.poll()
    assert feed.facts().set_aside == []


def test_series_nobody_can_follow_blocks_once_and_is_shown(feed: Feed):
    feed.body = calendar(event("20260303T090000Z", "20260303T100000Z", "1", "RRULE:FREQ=SOMETIMES"))
    feed.add(feed.staff)
    assert feed.blocked() == [utc(3, 9)]
    assert feed.facts().set_aside == [
        (1, "Its repetition cannot be followed: it blocks the first time only."),
    ]


def test_closings_of_the_company_block_every_member(feed: Feed):
    feed.body = calendar(event("20260303", "20260304"))
    before = revisions()
    feed.add(None)
    ids = [member.pk for member in feed.salon.staff]
    busy = busy_spans(staff_ids=ids, span=Span(NOW, NOW + timedelta(days=7)))
    begin = int(datetime(2026, 3, 2, 23, tzinfo=UTC).timestamp())  # midnight in Paris
    assert {ident: [row[:2] for row in rows] for ident, rows in busy.items()} == {
        ident: [(begin, begin + 86_400)] for ident in ids
    }
    assert [after - old for after, old in zip(revisions(), before, strict=True)] == [1, 1]
    for member in feed.salon.staff:
        with pytest.raises(SlotTaken):
            feed.salon.book(at(3, 10), person(1), now=NOW, staff=member)


def test_removing_the_address_gives_the_time_back(feed: Feed):
    feed.body = calendar(hour(3, 9))
    row = feed.add(feed.staff)
    before = revisions()
    services.delete_external_calendar(company=feed.salon.company, staff=feed.staff, calendar_id=row.pk, now=NOW)
    assert [after - old for after, old in zip(revisions(), before, strict=True)] == [1, 0]
    assert (CalendarConnection.objects.count(), RemoteEvent.objects.count(), BusySpan.objects.count()) == (0, 0, 0)


def test_worker_that_is_reading_an_address_that_was_removed_commits_nothing(feed: Feed):
    feed.body = calendar(hour(3, 9))
    row = feed.add(feed.staff)
    feed.body = calendar(hour(3, 11))

    def remove(step: str) -> None:
        if step == "page read":
            services.delete_external_calendar(company=feed.salon.company, staff=feed.staff, calendar_id=row.pk, now=NOW)

    report = services.run_connection(row.connection_id, now=NOW + timedelta(hours=1), at=remove)
    assert report.skipped
    assert BusySpan.objects.count() == 0


@pytest.mark.parametrize(("hours", "stale"), [(7, False), (23, False), (25, True)])
def test_F68_feed_is_trusted_for_a_day(feed: Feed, hours: int, stale: bool):
    feed.add(None)
    feed.status = 500
    feed.run(timedelta(hours=hours))
    ids = [member.pk for member in feed.salon.staff]
    expected = dict.fromkeys(ids, "calendar_stale") if stale else {}
    assert selectors.stale_staff(staff_ids=ids, now=feed.now) == expected
    assert services.tell_of_stale_calendars(now=feed.now) == stale
    if stale:
        message = OutgoingMessage.objects.get(kind="connection_needs_attention")
        assert message.subject_id == CalendarConnection.objects.get().pk


def test_feed_that_cannot_be_asked_at_booking_serves_from_the_mirror(feed: Feed):
    feed.body = calendar(hour(3, 9))
    feed.add(feed.staff)
    feed.status = 500
    feed.now += timedelta(hours=3)
    answers = services.live_check(staff_ids=[feed.staff.pk], span=utc(5, 9), now=feed.now)
    assert answers == {feed.staff.pk: services.CheckResult(ok=True)}


@pytest.mark.parametrize("of_company", [False, True])
def test_event_that_came_a_moment_ago_refuses_the_booking(feed: Feed, of_company: bool):
    feed.add(None if of_company else feed.staff)
    feed.body = calendar(hour(5, 9))
    feed.now += timedelta(minutes=3)
    answers = services.live_check(staff_ids=[feed.staff.pk], span=utc(5, 9), now=feed.now)
    assert answers == {feed.staff.pk: services.CheckResult(ok=False, reason="busy_outside")}


def test_floating_times_follow_the_staff_member_to_another_zone(feed: Feed):
    feed.body = calendar(event("20260303T090000", "20260303T100000"))
    feed.add(feed.staff)
    assert feed.blocked() == [utc(3, 8)]
    Staff.objects.filter(pk=feed.staff.pk).update(timezone="Europe/London")
    feed.poll()
    assert feed.blocked() == [utc(3, 9)]


def test_pauses_adapt_and_are_shown(feed: Feed):
    feed.add(feed.staff)
    pauses = []
    for _ in range(5):
        pauses.append(RemoteCalendar.objects.get().next_poll_at - feed.now)
        feed.poll()
    assert [pause.total_seconds() / 60 for pause in pauses] == [15, 22.5, 33.75, 50.625, 60]
    assert feed.facts().next_read_at == feed.now + timedelta(minutes=60)
    for number in range(4):
        feed.body = calendar(hour(3, 9 + number))
        feed.poll()
    assert RemoteCalendar.objects.get().next_poll_at - feed.now == timedelta(minutes=5)


def test_thousand_events_are_mirrored_and_one_change_touches_one(feed: Feed):
    events = [
        event(
            f"202604{1 + n % 28:02d}T{n // 28 % 24:02d}{n // 672 * 10:02d}00Z",
            f"202604{1 + n % 28:02d}T235900Z",
            f"{n}",
        )
        for n in range(1000)
    ]
    feed.body = calendar(*events)
    feed.add(feed.staff)
    before = set(RemoteEvent.objects.values_list("pk", flat=True))
    assert len(before) == 1000
    feed.body = calendar(*events[:-1], hour(3, 9))
    feed.poll()
    after = set(RemoteEvent.objects.values_list("pk", flat=True))
    assert (len(before - after), len(after - before)) == (1, 1)


# -- the host ---------------------------------------------------------------------------------------------------------


def many_at_one_host(feed: Feed, count: int) -> list[CalendarConnection]:
    """As many addresses at the feed's server, all to be read now."""
    for number in range(count):
        feed.server.expect_request(f"/{number}.ics").respond_with_handler(feed._answer)
        address = feed.server.url_for(f"/{number}.ics")
        store_external_calendar(feed.salon.company, None, address, feed.now)
    return list(CalendarConnection.objects.order_by("pk"))


def look_at_due(feed: Feed) -> None:
    """One turn of the workers."""
    for pk in CalendarConnection.objects.filter(due_at__lte=feed.now).order_by("pk").values_list("pk", flat=True):
        services.run_connection(pk, now=feed.now)


def test_F70_host_of_many_addresses_is_asked_a_few_at_once_and_then_twice_a_second(feed: Feed):
    many_at_one_host(feed, 40)
    asked_by = []
    for _ in range(20):
        look_at_due(feed)
        asked_by.append(len(feed.answers))
        feed.now += timedelta(seconds=1)
    assert asked_by == [4 + 2 * second for second in range(19)] + [40]
    assert RemoteCalendar.objects.filter(fresh_as_of=None).count() == 0
    assert ExternalCalendar.objects.exclude(turn_at=None).count() == 0


def test_F70_thousand_addresses_of_one_host_are_read_evenly_over_minutes(feed: Feed):
    for number in range(1000):
        store_external_calendar(feed.salon.company, None, feed.server.url_for(f"/{number}.ics"), feed.now)
    turns = [pace._ask_or_queue(row, feed.now, True) for row in ExternalCalendar.objects.all()]
    assert [turn for turn in turns if turn is None] == [None] * 4
    waits = sorted((turn - feed.now).total_seconds() for turn in turns if turn is not None)
    assert waits == [0.5 + number / 2 for number in range(996)]


def test_F70_slow_host_keeps_at_most_four_workers(feed: Feed):
    (connection, *_) = many_at_one_host(feed, 1)
    host = ExternalCalendar.objects.get().host
    slow = [RowSeat(f"feed {host}", 4) for _ in range(4)]
    assert all(seat.hold(0) for seat in slow)
    services.run_connection(connection.pk, now=feed.now)
    assert feed.answers == []
    due = RemoteCalendar.objects.get().next_poll_at
    assert due > feed.now
    assert CalendarConnection.objects.get().due_at == due
    slow[0].leave()
    services.run_connection(connection.pk, now=due)
    assert feed.answers == [200]


def test_F70_booking_asks_no_host_that_others_wait_for(feed: Feed):
    feed.add(feed.staff)
    many_at_one_host(feed, 10)
    feed.now += timedelta(minutes=3)
    look_at_due(feed)
    feed.answers.clear()
    feed.body = calendar(hour(5, 9))
    answers = services.live_check(staff_ids=[feed.staff.pk], span=utc(5, 9), now=feed.now)
    assert (answers, feed.answers) == ({feed.staff.pk: services.CheckResult(ok=True)}, [])


def test_F70_entering_an_address_goes_ahead_and_what_is_read_by_itself_makes_way(feed: Feed):
    for number in range(8):
        feed.server.expect_request(f"/new-{number}.ics").respond_with_data(calendar(), content_type="text/calendar")
        url = feed.server.url_for(f"/new-{number}.ics")
        services.add_external_calendar(company=feed.salon.company, staff=feed.staff, url=url, now=feed.now)
    look_at_due(feed)
    turns = ExternalCalendar.objects.exclude(turn_at=None).values_list("turn_at", flat=True)
    assert min(turns) == feed.now + timedelta(seconds=2.5)
    assert len(turns) == 8
