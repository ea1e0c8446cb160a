"""Channels, as the engine relies on them: opened, told of changes, closed; no channel where nothing can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.providers.google.push import read_notification
from kalends.sync.channels import ChannelRequest, Notification, NotificationKind
from kalends.sync.port import AuthRevoked, Permanent
from tests.contract.google_world import GoogleWorld
from tests.contract.worlds import MemoryWorld
from tests.support import listening

pytestmark = pytest.mark.contract

DAY = timedelta(days=1)
OPENED, CHANGED = NotificationKind.OPENED, NotificationKind.CHANGED


class Hook:
    """Takes notifications over HTTP and reads them as the product does."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/hooks/google")
        self.heard: list[Notification] = []
        server.expect_request("/hooks/google", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        self.heard.append(read_notification(dict(request.headers)))
        return Response(status=202)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as server:
        yield Hook(server)


@pytest.fixture(params=["memory", "google"])
def told(request, hook) -> tuple[object, Callable[[], list[Notification]]]:
    """A world, and what was heard so far."""
    world = request.getfixturevalue(f"{request.param}_world")
    if isinstance(world, MemoryWorld):
        world.server.push = True
        return world, lambda: list(world.server.notices)
    assert isinstance(world, GoogleWorld)

    def heard() -> list[Notification]:
        assert world.sandbox.sender.wait_idle()
        return hook.heard

    return world, heard


def asked(hook: Hook, ident: str = "0191b2c3-d4e5-7f60-8a9b-0c1d2e3f4a5b", life: timedelta = 6 * DAY) -> ChannelRequest:
    return ChannelRequest(ident, hook.url, hook.url, "a secret", utc_now() + life)


def add(world, start: datetime) -> str:
    return world.add(Span(start, start + timedelta(hours=1)))


def test_channel_tells_that_it_was_opened_and_of_each_change_with_our_id_and_secret(told, hook):
    world, heard = told
    request = asked(hook)
    grant = world.provider.open_channel(world.calendar_id, request)
    assert grant.remote_id != ""
    assert abs(grant.expires - request.expires) < timedelta(seconds=2)
    assert [notification.kind for notification in heard()] == [OPENED]
    add(world, utc_now() + DAY)
    said = heard()
    assert [notification.kind for notification in said] == [OPENED, CHANGED]
    for notification in said:
        assert (notification.channel_id, notification.remote_id) == (request.id, grant.remote_id)
        assert notification.secret == "a secret"


def test_closed_channel_is_silent_and_closing_it_again_is_done_already(told, hook):
    world, heard = told
    request = asked(hook)
    grant = world.provider.open_channel(world.calendar_id, request)
    before = len(heard())
    world.provider.close_channel(request.id, grant.remote_id)
    world.provider.close_channel(request.id, grant.remote_id)
    world.provider.close_channel("never-opened", "never-given")
    add(world, utc_now() + DAY)
    assert len(heard()) == before


def test_two_channels_of_one_calendar_overlap(told, hook):
    world, heard = told
    first = world.provider.open_channel(world.calendar_id, asked(hook, "channel-1"))
    world.provider.open_channel(world.calendar_id, asked(hook, "channel-2"))
    world.provider.close_channel("channel-1", first.remote_id)
    before = len(heard())
    add(world, utc_now() + DAY)
    assert [notification.channel_id for notification in heard()[before:]] == ["channel-2"]


def test_id_of_a_channel_is_taken_once(told, hook):
    world, _ = told
    world.provider.open_channel(world.calendar_id, asked(hook))
    with pytest.raises(Permanent):
        world.provider.open_channel(world.calendar_id, asked(hook))


def test_channel_without_renewal_says_so(told, hook):
    world, _ = told
    request = asked(hook)
    grant = world.provider.open_channel(world.calendar_id, request)
    with pytest.raises(Permanent):
        world.provider.renew_channel(request.id, grant.remote_id, utc_now() + DAY)


def test_F51_channel_of_a_revoked_grant_is_a_typed_verdict(google_world, hook):
    google_world.locked_out()
    with pytest.raises(AuthRevoked):
        google_world.provider.open_channel(google_world.calendar_id, asked(hook))


def test_caldav_gives_no_channels(caldav_world, hook):
    with pytest.raises(Permanent):
        caldav_world.provider.open_channel(caldav_world.calendar_id, asked(hook))
    with pytest.raises(Permanent):
        caldav_world.provider.renew_channel("x", "y", utc_now() + DAY)
    caldav_world.provider.close_channel("x", "y")
