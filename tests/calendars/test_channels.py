"""Channels of the real engine over calendars in memory: notifications are delivered, lost, repeated, forged by the tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from kalends.calendars import services
from kalends.calendars.announcing import Announced, Why, announced, overview
from kalends.calendars.models import BusySpan, CalendarConnection, Channel, RemoteCalendar
from kalends.calendars.models.channels import is_proven
from kalends.core.ids import token_digest
from kalends.core.span import Span
from kalends.sync import push
from kalends.sync.channels import Notification, NotificationKind
from kalends.sync.memory_server import Fault, MemoryCalendar
from kalends.sync.push import HEARTBEAT, PATIENCE, ChannelState
from tests.calendars.world import GRACE, HALF_HOUR, POLL, START, World, at

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass
class Post:
    """Delivers what the calendar system has to say."""

    world: World

    def deliver(self, times: int = 1) -> int:
        """Returns how many notifications were believed."""
        waiting = list(self.world.server.notices)
        self.world.server.notices.clear()
        return sum(self.send(notification) for notification in waiting for _ in range(times))

    def send(self, *notifications: Notification) -> int:
        return services.receive_notifications(hook="google", notifications=notifications, now=self.world.now)

    def lose(self) -> None:
        self.world.server.notices.clear()

    def tell(self, kind: NotificationKind) -> None:
        """Whatever the calendar system says of the living channels of the first calendar."""
        for channel in self.world.server.living_channels(self.world.main):
            self.world.server.notify(channel, kind)
        self.deliver()

    def step(self, amount: timedelta = timedelta()) -> None:
        """Time passes, the post comes, and whatever is due is looked at."""
        self.world.pass_time(amount)
        self.deliver()
        self.work()

    def work(self) -> None:
        for _ in range(4):
            due = CalendarConnection.objects.filter(due_at__lte=self.world.now).order_by("pk")
            rows = list(due)
            for row in rows:
                self.world.run(row)
            if not rows:
                return


@pytest.fixture
def pushing(settings) -> Iterator[None]:
    settings.KALENDS = replace(settings.KALENDS, push=True)
    return


@pytest.fixture
def told(pushing, new_world) -> Callable[..., tuple[World, Post]]:
    """A world whose two calendars have verified channels, and whose post is empty."""

    def make(*, renews: bool = False, **more) -> tuple[World, Post]:
        world = new_world(connected=False, **more)
        world.server.push, world.server.push_renews = True, renews
        world.connect()
        post = Post(world)
        post.work()
        post.step(MINUTE)
        world.pass_time(MINUTE)
        world.forget_requests()
        return world, post

    return make


def living(world: World, calendar: MemoryCalendar | None = None) -> list[str]:
    return [channel.id for channel in world.server.living_channels(calendar or world.main)]


def rows(state: ChannelState = ChannelState.OPEN) -> list[Channel]:
    return list(Channel.objects.filter(state=state).order_by("opened_at", "pk"))


def main_row() -> RemoteCalendar:
    return RemoteCalendar.objects.get(remote_id="cal-1")


def row_of_main() -> Channel:
    return Channel.objects.get(calendar=main_row(), state=ChannelState.OPEN)


def how(world: World) -> Announced:
    calendar = RemoteCalendar.objects.select_related("connection").get(remote_id="cal-1")
    return announced([calendar], now=world.now)[calendar.pk]


# -- opening ----------------------------------------------------------------------------------------------------------


def test_each_chosen_calendar_gets_a_channel_whose_secret_is_kept_as_a_digest_only(told):
    world, _ = told()
    assert len(rows()) == 2
    for row in rows():
        channel = world.server.channels[str(row.pk)]
        assert row.secret_digest == token_digest(channel.secret)
        assert channel.secret not in str(vars(row))
        assert (row.remote_id, row.expires_at) == (channel.remote_id, channel.expires)
        assert row.verified_at == world.now - MINUTE


def test_no_channel_where_this_installation_takes_no_notifications(new_world):
    world = new_world(connected=False)
    world.server.push = True
    world.connect()
    world.run()
    assert world.count("open_channel") == 0
    assert how(world) == Announced(at_once=False, every_seconds=120, why=Why.OFF)


def test_no_channel_where_the_calendar_system_sends_none(pushing, world):
    assert world.count("open_channel") == 0
    assert how(world) == Announced(at_once=False, every_seconds=120, why=Why.CANNOT)


def test_calendar_that_refuses_a_channel_is_polled_and_asked_again_a_day_later(told, new_world, pushing):
    world = new_world(connected=False)
    world.server.push = True
    world.server.fail("open_channel", Fault.PERMANENT, Fault.FORBIDDEN)
    world.connect()
    post = Post(world)
    post.work()
    assert rows() == []
    assert how(world) == Announced(at_once=False, every_seconds=120, why=Why.REFUSED)
    assert overview(now=world.now).refused == 2
    world.forget_requests()
    post.step(POLL)
    assert (world.count("open_channel"), world.count("pull")) == (0, 2)
    post.step(DAY)
    assert world.count("open_channel") == 2


# -- G9: how often is read --------------------------------------------------------------------------------------------


def test_G9_behind_proven_channels_an_idle_connection_is_read_every_half_hour(told):
    world, post = told()
    assert how(world) == Announced(at_once=True, every_seconds=1800, why=Why.NONE)
    for _ in range(28):
        post.step(MINUTE)
    assert world.count("pull") == 0
    for _ in range(3):
        post.step(MINUTE)
    assert world.count("pull") == 2


def test_G8_change_outside_is_read_as_soon_as_it_is_announced_and_moves_after_the_grace_time(told):
    world, post = told()
    appointment = world.book_synced(at(3, 10))
    post.step(MINUTE)
    world.server.move(world.main, world.event(appointment).id, Span(at(3, 14), at(3, 14) + HALF_HOUR))
    post.step()
    post.step(GRACE)
    appointment.refresh_from_db()
    assert appointment.start == at(3, 14)


def test_F49_with_every_notification_lost_a_change_is_found_within_the_poll_interval(pushing, new_world):
    """None ever comes: no channel is verified, and none is trusted."""
    world = new_world(connected=False)
    world.server.push = True
    world.connect()
    post = Post(world)
    post.work()
    for minute in range(60):
        post.lose()
        post.step(MINUTE)
        if minute % 7 == 0:
            meeting = Span(at(4, 9) + minute * MINUTE, at(4, 9) + (minute + 1) * MINUTE)
            world.server.add(world.extra, meeting)
            post.lose()
            post.step(POLL)
            assert (meeting.start, meeting.end) in world.busy()


def test_F49_channel_that_falls_silent_is_noticed_by_our_own_writes(told):
    world, post = told()
    world.book(at(3, 10))
    post.work()
    post.lose()
    assert how(world).at_once
    for _ in range(4):
        post.lose()
        post.step(MINUTE)
    assert how(world).why == Why.SILENT
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    post.lose()
    post.step(POLL)
    assert (at(4, 9), at(4, 10)) in world.busy()


def test_F49_change_found_by_the_heartbeat_that_nobody_announced_ends_the_trust_at_once(told):
    world, post = told()
    first = living(world)
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    post.lose()
    post.step(HEARTBEAT)
    assert (at(4, 9), at(4, 10)) in world.busy()
    assert not how(world).at_once
    # Another channel was opened beside it, and the old one is closed once the new one was heard of.
    assert len(living(world)) == 2
    post.step()
    assert len(living(world)) == 1
    assert living(world) != first
    # It is on trial: only a change that it announces proves it.
    assert how(world).why == Why.SILENT
    world.server.add(world.main, Span(at(4, 11), at(4, 12)))
    post.step(MINUTE)
    assert how(world).at_once


def test_late_notification_of_our_own_write_keeps_the_trust(told):
    world, post = told()
    world.book(at(3, 10))
    post.work()
    world.pass_time(2 * MINUTE)
    post.deliver()
    post.work()
    post.step(MINUTE)
    assert how(world).at_once
    assert row_of_main().awaiting_since is None


def test_provider_that_never_announces_changes_is_polled_and_not_asked_for_channels_without_end(told):
    world, post = told()
    world.forget_requests()
    for hour in range(48):
        world.server.add(world.extra, Span(at(10, 0) + hour * MINUTE, at(10, 0) + (hour + 1) * MINUTE))
        world.server.notices = type(world.server.notices)(
            notice for notice in world.server.notices if notice.kind == NotificationKind.OPENED
        )
        post.step(timedelta(hours=1))
    assert world.count("open_channel") <= 16
    assert world.count("pull") >= 48


def test_F49_fifty_copies_of_a_notification_cause_one_read(told):
    world, post = told()
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    assert post.deliver(times=50) == 50
    post.work()
    assert world.server.requests.count(("pull", "cal-1")) == 1


def test_notifications_of_a_calendar_that_waits_to_be_read_cost_no_write(told, django_assert_num_queries):
    world, post = told()
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    (notice,) = world.server.notices
    post.deliver()
    with django_assert_num_queries(1):
        post.send(notice, notice, notice)


def test_G4_notification_of_our_own_write_causes_no_write(told):
    world, post = told()
    world.book(at(3, 10))
    post.work()
    world.forget_requests()
    for _ in range(5):
        post.step(MINUTE)
    assert world.count("put", "remove") == 0


def test_what_was_heard_while_a_page_was_read_is_read_once_more(told):
    world, post = told()

    def meddle(operation: str, calendar_id: str) -> None:
        if operation == "pull" and calendar_id == "cal-2":
            world.server.meddle = None
            world.server.add(world.main, Span(at(4, 9), at(4, 10)))
            world.now += timedelta(milliseconds=1)
            post.deliver()

    world.server.meddle = meddle
    RemoteCalendar.objects.update(next_poll_at=None)
    report = world.run()
    assert report.again
    world.run()
    assert (at(4, 9), at(4, 10)) in world.busy()


def test_booking_asks_no_calendar_whose_push_is_proven_unless_something_waits_to_be_read(told):
    world, post = told()
    post.step(20 * MINUTE)
    world.forget_requests()
    wish = {"staff_ids": [world.staff.pk], "span": Span(at(4, 9), at(4, 10))}
    assert services.live_check(**wish, now=world.now)[world.staff.pk].ok
    assert world.count("busy") == 0
    world.server.add(world.main, wish["span"])
    post.deliver()
    assert services.live_check(**wish, now=world.now)[world.staff.pk].reason == "busy_outside"
    assert world.server.requests == [("busy", "cal-1")]


def test_booking_asks_again_when_the_heartbeat_is_overdue_or_the_channel_silent(told):
    world, _ = told()
    wish = {"staff_ids": [world.staff.pk], "span": Span(at(4, 9), at(4, 10))}
    services.live_check(**wish, now=world.now + HEARTBEAT)
    assert world.count("busy") == 1
    Channel.objects.update(awaiting_since=world.now)
    services.live_check(**wish, now=world.now + PATIENCE)
    assert world.count("busy") == 2


def test_connection_is_woken_in_the_second_in_which_it_falls_due(told):
    world, _ = told()
    due = world.connection().due_at
    second = timedelta(seconds=1)
    assert services.wake_due_connections(now=due - second, since=due - 3 * second) == 0
    assert services.wake_due_connections(now=due + second, since=due - second) == 1
    assert services.wake_due_connections(now=due + 3 * second, since=due + second) == 0
    assert services.wake_due_connections(now=due + 3 * second) == 1


# -- whom is believed -------------------------------------------------------------------------------------------------


def snapshot() -> list[object]:
    tables = (Channel, RemoteCalendar, CalendarConnection)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_forged_late_and_odd_notifications_change_nothing(told, new_world):
    world, post = told()
    row = row_of_main()
    real = world.server.channels[str(row.pk)]
    before = snapshot()
    world.pass_time(MINUTE)
    changed = NotificationKind.CHANGED
    for forged in (
        Notification(real.id, real.remote_id, "wrong", changed),
        Notification(real.id, real.remote_id, "", changed),
        Notification(str(uuid4()), real.remote_id, real.secret, changed),
        Notification("no-uuid", real.remote_id, real.secret, changed),
        Notification("", "unknown", real.secret, changed),
        Notification("", "", real.secret, NotificationKind.REMOVED),
        Notification("", "\x00\ud800", "\ud800", changed),
        Notification(real.id, real.remote_id, row.secret_digest, changed),
    ):
        assert post.send(forged) == 0
    right = Notification(real.id, real.remote_id, real.secret, changed)
    assert services.receive_notifications(hook="microsoft", notifications=[right], now=world.now) == 0
    assert services.receive_notifications(hook="nowhere", notifications=[right], now=world.now) == 0
    assert snapshot() == before


def test_F46_notifications_after_the_channel_was_closed_change_nothing(told):
    world, post = told()
    real = world.server.channels[str(row_of_main().pk)]
    services.disconnect(connection=world.connection(), events="keep", now=world.now)
    before = snapshot()
    post.send(Notification(real.id, real.remote_id, real.secret, NotificationKind.CHANGED))
    assert snapshot() == before


def test_notification_after_the_end_of_the_channel_changes_nothing(told):
    world, post = told()
    real = world.server.channels[str(row_of_main().pk)]
    world.now = row_of_main().expires_at
    before = snapshot()
    post.send(Notification(real.id, real.remote_id, real.secret, NotificationKind.CHANGED))
    assert snapshot() == before


def test_F47_two_staff_members_with_one_calendar_are_told_apart(told):
    """The calendar system has one id for the resource that both watch."""
    world, post = told(members=2)
    other = world.connect(world.salon.staff[1])
    post.work()
    post.step(MINUTE)
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    mine = str(row_of(world.connection(other.pk)).pk)
    (notice,) = [notice for notice in world.server.notices if notice.channel_id == mine]
    RemoteCalendar.objects.update(next_poll_at=world.now + DAY)
    Channel.objects.update(remote_id="shared")
    post.send(replace(notice, remote_id="shared"))
    due = RemoteCalendar.objects.filter(next_poll_at=None)
    assert [(calendar.connection_id, calendar.remote_id) for calendar in due] == [(other.pk, "cal-1")]


def row_of(connection: CalendarConnection) -> Channel:
    return Channel.objects.get(calendar__connection=connection, calendar__remote_id="cal-1", state=ChannelState.OPEN)


# -- F50: what is said of the channel itself --------------------------------------------------------------------------


@pytest.mark.parametrize("renews", [False, True])
def test_F50_missed_is_a_read_now_and_nothing_else(told, renews):
    world, post = told(renews=renews)
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    post.lose()
    post.tell(NotificationKind.MISSED)
    post.work()
    assert (at(4, 9), at(4, 10)) in world.busy()
    assert world.count("open_channel", "renew_channel") == 0


@pytest.mark.parametrize("renews", [False, True])
def test_F50_removed_is_another_channel_and_a_read(told, renews):
    world, post = told(renews=renews)
    (old,) = living(world)
    world.server.add(world.main, Span(at(4, 9), at(4, 10)))
    post.lose()
    post.tell(NotificationKind.REMOVED)
    world.server.channels[old].stopped = True
    post.work()
    post.step(MINUTE)
    assert (at(4, 9), at(4, 10)) in world.busy()
    assert len(living(world)) == 1
    assert living(world) != [old]
    assert how(world).at_once


def test_F50_reauthorize_is_a_renewal_at_once(told):
    world, post = told(renews=True)
    (old,) = living(world)
    world.pass_time(DAY)
    before = row_of_main().expires_at
    post.tell(NotificationKind.REAUTHORIZE)
    post.work()
    assert world.count("renew_channel") == 1
    assert living(world) == [old]
    assert row_of_main().expires_at > before


# -- F48, F52: renewal ------------------------------------------------------------------------------------------------


def test_G12_account_that_says_wait_when_a_channel_is_opened_is_asked_nothing_until_then(pushing, new_world):
    world = new_world(connected=False)
    world.server.push = True
    world.connect()
    world.server.fail("open_channel", Fault.THROTTLED)
    world.run()
    until = world.now + MINUTE
    assert (world.connection().throttled_until, world.connection().state) == (until, "throttled")
    world.forget_requests()
    world.book(at(3, 10))
    world.pass_time(MINUTE / 2)
    world.run()
    assert world.server.requests == []
    # As long as its own pause may be, with what chance adds.
    world.pass_time(MINUTE)
    world.run()
    assert world.count("put", "open_channel") == 3


def test_F48_failing_renewals_leave_the_old_channel_and_are_tried_again(told):
    world, post = told()
    (old,) = living(world)
    world.now = Channel.objects.order_by("-renew_at")[0].renew_at
    world.server.fail("open_channel", *[Fault.TEMPORARY] * 4)
    post.work()
    assert living(world) == [old]
    assert how(world).at_once
    for _ in range(6):
        post.step(HEARTBEAT)
    assert old not in living(world)
    assert len(living(world)) == 1
    assert how(world).at_once


def test_F48_new_channel_that_is_never_heard_of_is_given_up_and_the_old_one_serves(told):
    world, post = told()
    (old,) = living(world)
    Channel.objects.filter(calendar=main_row()).update(renew_at=world.now)
    main_row().connection.calendars.update(next_poll_at=None)
    services.sync_now(connection=world.connection(), now=world.now)
    post.work()
    (_, new) = living(world)
    for _ in range(6):
        post.lose()
        post.step(POLL)
        assert old in living(world)
    assert new not in living(world)
    assert how(world).at_once


def test_channel_that_renews_is_given_more_time_and_a_lost_one_is_replaced(told):
    world, post = told(renews=True)
    (old,) = living(world)
    world.now = row_of_main().renew_at
    post.work()
    assert living(world) == [old]
    assert row_of_main().expires_at == world.now + push.LIFE
    world.server.channels[old].stopped = True
    world.now = row_of_main().renew_at
    post.work()
    post.step(MINUTE)
    assert len(living(world)) == 1
    assert how(world).at_once


def test_F52_clock_that_skips_30_days_finds_the_channels_ended_and_opens_others(told):
    world, post = told()
    meeting = Span(START + 40 * DAY, START + 41 * DAY)
    world.server.add(world.main, meeting)
    world.pass_time(30 * DAY)
    post.lose()
    assert not how(world).at_once
    post.work()
    post.step(MINUTE)
    assert (meeting.start, meeting.end) in world.busy()
    assert how(world).at_once
    assert len(living(world)) == 1


def test_F52_channel_that_ends_within_a_day_is_counted_for_the_operator(told):
    world, _ = told()
    assert overview(now=world.now).ending == 0
    world.now = row_of_main().expires_at - timedelta(hours=23)
    assert overview(now=world.now) == overview_of(able=2, telling=2, ending=2, refused=0)


def overview_of(**counts):
    return type(overview(now=datetime.now().astimezone()))(**counts)


SLOW_POLL = timedelta(hours=6)


@pytest.mark.slow
@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="a year is long, and its statements are run by other tests there"
)
@pytest.mark.parametrize("renews", [False, True])
def test_F52_year_of_expiring_channels_in_which_nothing_is_missed(told, settings, renews):
    """Opening, renewing and closing fail at random, one notification in ten is lost, channels vanish.

    What is announced is found at once, all else within the interval, which is six hours here: a year of two minutes
    would take as long to play.
    """
    world, post = told(renews=renews)
    settings.KALENDS = replace(settings.KALENDS, poll_seconds=int(SLOW_POLL.total_seconds()))
    only = RemoteCalendar.objects.get(remote_id="cal-2").pk
    services.choose_calendars(connection=world.connection(), receives=None, blocks=[only], now=world.now)
    post.step()
    chance, end, at_once, changes = random.Random(52), world.now + 365 * DAY, 0, 0
    while world.now < end:
        _trouble(world, chance)
        _advance(world, post, world.now + timedelta(hours=chance.randint(12, 60), seconds=chance.randint(0, 3599)))
        made = world.now
        meeting = Span(made + 30 * DAY, made + 30 * DAY + MINUTE)
        world.server.add(world.extra, meeting)
        if chance.random() < 0.1:
            post.lose()
        post.step()
        changes += 1
        at_once += _is_found(meeting)
        _advance(world, post, made + SLOW_POLL)
        assert _is_found(meeting), f"missed: {made}"
        assert len(living(world, world.extra)) <= 3
    print(f"a year, renews={renews}: {changes} changes, {at_once} at once, {world.count('open_channel')} channels")
    assert changes > 180
    assert at_once > changes * 0.7
    # Nothing piles up: what is not needed was closed, or has run out and is forgotten after a month.
    assert Channel.objects.exclude(state=ChannelState.CLOSED).count() <= 3
    assert Channel.objects.count() < 60


def _is_found(meeting: Span) -> bool:
    return BusySpan.objects.filter(start=meeting.start, end=meeting.end).exists()


def _trouble(world: World, chance: random.Random) -> None:
    world.server.clear_faults()
    for operation in ("open_channel", "renew_channel", "close_channel"):
        if chance.random() < 0.4:
            faults = (Fault.BEFORE, Fault.AFTER, Fault.TEMPORARY, Fault.THROTTLED)
            world.server.fail(operation, *[chance.choice(faults) for _ in range(chance.randint(1, 3))])
    if chance.random() < 0.03:
        for channel in world.server.living_channels(world.extra):
            channel.stopped = True


def _advance(world: World, post: Post, until: datetime) -> None:
    """Every look that falls due until then."""
    while True:
        due = world.connection().due_at
        world.now = max(world.now, until if due is None else min(due, until))
        post.step()
        if world.now >= until:
            return


# -- closing ----------------------------------------------------------------------------------------------------------


def closed_all(world: World) -> bool:
    left = Channel.objects.exclude(state=ChannelState.CLOSED).exists()
    return not left and not living(world) and not living(world, world.extra)


def test_pause_closes_the_channels_and_going_on_opens_others(told):
    world, post = told()
    services.pause(connection=world.connection(), now=world.now)
    post.work()
    assert closed_all(world)
    assert world.count("pull", "put", "get") == 0
    assert world.connection().due_at is None
    services.resume(connection=world.connection(), now=world.now)
    post.work()
    post.step(MINUTE)
    assert how(world).at_once


def test_pause_tries_again_to_close_what_could_not_be_closed(told):
    world, post = told()
    world.server.fail("close_channel", Fault.TEMPORARY, Fault.BEFORE)
    services.pause(connection=world.connection(), now=world.now)
    post.work()
    assert not closed_all(world)
    post.step(2 * MINUTE)
    assert closed_all(world)


def test_calendar_that_is_not_chosen_any_more_loses_its_channel(told):
    world, post = told()
    services.choose_calendars(
        connection=world.connection(), receives=main_row().pk, blocks=[main_row().pk], now=world.now
    )
    post.work()
    assert living(world, world.extra) == []
    assert len(living(world)) == 1


@pytest.mark.parametrize("events", ["keep", "remove"])
def test_disconnecting_closes_the_channels(told, events):
    world, post = told()
    services.disconnect(connection=world.connection(), events=events, now=world.now)
    post.work()
    assert world.connection().credentials == ""
    assert closed_all(world)


def test_disconnecting_ends_although_channels_cannot_be_closed(told):
    world, _ = told()
    world.server.fail("close_channel", Fault.TEMPORARY)
    services.disconnect(connection=world.connection(), events="keep", now=world.now)
    assert world.connection().credentials == ""
    assert rows() == []


def test_F51_revoked_grant_ends_all_calls_about_channels(told):
    world, post = told()
    world.server.revoked = True
    world.now = Channel.objects.order_by("-renew_at")[0].renew_at
    for _ in range(3):
        post.work()
        world.pass_time(MINUTE)
    assert world.connection().state == "needs_attention"
    world.forget_requests()
    for _ in range(10):
        post.step(DAY)
    assert world.server.requests == []


# -- F46: killed between any two steps --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, 14))
def test_F46_killed_at_any_step_of_opening_leaves_one_channel_for_each_calendar(pushing, new_world, step):
    world = new_world(connected=False)
    world.server.push = True
    world.connect()
    post = Post(world)
    assert world.run_killed_at(step)
    CalendarConnection.objects.update(due_at=world.now)
    for _ in range(3):
        post.step(MINUTE)
    assert len(living(world)) == 1
    assert len(living(world, world.extra)) == 1
    assert how(world).at_once


# -- another address of this installation -----------------------------------------------------------------------------


def move_house(settings) -> None:
    settings.KALENDS = replace(settings.KALENDS, base_url="https://new.example")


def test_G9_channels_that_announce_to_an_address_of_before_are_not_trusted_and_replaced_at_once(told, settings):
    world, post = told()
    before = {row.pk for row in rows()}
    assert how(world).at_once
    move_house(settings)
    assert not how(world).at_once
    assert services.renew_channels_elsewhere(now=world.now) == 2
    assert services.renew_channels_elsewhere(now=world.now) == 2
    post.step()
    assert services.renew_channels_elsewhere(now=world.now) == 0
    post.step()
    assert {row.base_url for row in rows()} == {"https://new.example"}
    assert before.isdisjoint(row.pk for row in rows())
    assert len(living(world)) == 1
    assert how(world).at_once


def test_channel_to_an_address_of_before_is_not_given_more_time_but_replaced(told, settings):
    world, post = told(renews=True)
    move_house(settings)
    services.renew_channels_elsewhere(now=world.now)
    world.forget_requests()
    post.step()
    assert (world.count("renew_channel"), world.count("open_channel"), world.count("close_channel")) == (0, 2, 2)


def test_change_that_was_announced_to_the_address_of_before_is_found_at_once(told, settings):
    world, post = told()
    move_house(settings)
    world.server.add(world.main, Span(at(3, 9), at(3, 10)))
    post.lose()
    services.renew_channels_elsewhere(now=world.now)
    post.work()
    assert [span.start for span in BusySpan.objects.all()] == [at(3, 9)]


def test_channels_of_before_wake_nobody_while_opening_another_waits(told, settings):
    world, _ = told()
    move_house(settings)
    RemoteCalendar.objects.update(next_channel_at=world.now + MINUTE)
    assert services.renew_channels_elsewhere(now=world.now) == 0
    assert services.renew_channels_elsewhere(now=world.now + MINUTE) == 2


# -- what the database asks is what is meant --------------------------------------------------------------------------

moments = st.integers(-10, 10).map(lambda minutes: START + minutes * MINUTE)


class IsProven(TestCase):
    @given(st.data())
    def test_condition_in_sql_is_the_pure_one(self, data):
        from tests.bookings.support import make_salon

        salon = make_salon(1)
        connection = CalendarConnection.objects.create(
            company=salon.company, staff=salon.staff[0], provider="google", subject="x", mode="one_way"
        )
        calendar = RemoteCalendar.objects.create(connection=connection, remote_id="x")
        maybe = st.none() | moments
        row = Channel.objects.create(
            calendar=calendar,
            state=data.draw(st.sampled_from(ChannelState)),
            opened_at=data.draw(moments),
            expires_at=data.draw(moments),
            renew_at=data.draw(moments),
            verified_at=data.draw(maybe),
            heard_at=data.draw(maybe),
            awaiting_since=data.draw(maybe),
            on_trial=data.draw(st.booleans()),
            base_url=data.draw(st.sampled_from((settings.KALENDS.base_url, "https://before.example"))),
        )
        now = data.draw(moments)
        found = Channel.objects.filter(is_proven(now, now - PATIENCE, settings.KALENDS.base_url)).exists()
        assert found == push.proven(row.facts(), now)
