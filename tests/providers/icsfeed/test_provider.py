"""The address itself: bounds, redirects, inner networks, what the server says; and what is remembered between reads."""

from __future__ import annotations

import gzip
import hashlib
import socket
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from kalends.calendars.external import GivenAddress
from kalends.core.span import Span
from kalends.providers.icsfeed import cursor as cursors
from kalends.providers.icsfeed.cursor import Cursor
from kalends.providers.icsfeed.pace import LONGEST, SHORTEST, next_pause, stated_interval
from kalends.providers.icsfeed.provider import CALENDAR_ID, IcsFeedProvider
from kalends.providers.icsfeed.units import cut
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import CursorExpired, Forbidden, Guard, Intent, ProviderError, Throttled
from tests.net.servers import answer, serve

NOW = datetime(2026, 7, 1, tzinfo=UTC)
WINDOW = Span(NOW - timedelta(days=30), NOW + timedelta(days=400))


def event(number: int, *more: str) -> str:
    lines = [f"UID:{number}", f"DTSTART:202607{number:02d}T080000Z", "DURATION:PT1H", *more]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def calendar(*events: str, head: str = "") -> str:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}{''.join(events)}END:VCALENDAR\r\n"


def provider(url: str, *hosts: str) -> IcsFeedProvider:
    return IcsFeedProvider(GivenAddress(url, "Europe/Paris"), ProviderSettings(allow_hosts=hosts), lambda: NOW)


def pull(feed: IcsFeedProvider, cursor: str = ""):
    return list(feed.pull(CALENDAR_ID, cursor, WINDOW))


def wrong(feed: IcsFeedProvider) -> str:
    with pytest.raises(ProviderError) as error:
        pull(feed)
    return error.value.detail


def on(server: HTTPServer, path: str = "/a.ics") -> IcsFeedProvider:
    return provider(server.url_for(path), f"{server.host}:{server.port}")


def test_F71_feed_is_not_read_from_an_inner_address_however_it_is_reached(httpserver: HTTPServer, monkeypatch):
    httpserver.expect_request("/a.ics").respond_with_data(calendar())
    port = httpserver.port
    names = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "169.254.1.1",
    ]
    assert {name: wrong(provider(f"https://{name}:{port}/a.ics")) for name in names} == dict.fromkeys(
        names, "address_refused"
    )
    httpserver.expect_request("/there").respond_with_data(
        status=302, headers={"Location": f"https://127.0.0.1:{port + 1}/"}
    )
    assert wrong(on(httpserver, "/there")) == "address_refused"


def test_F71_name_that_changes_its_address_after_the_check_leads_nowhere_inside(monkeypatch):
    asked = []
    real = socket.getaddrinfo

    def changing(host, port, *rest, **more):
        if host != "calendar.example":
            return real(host, port, *rest, **more)
        asked.append(host)
        address = "203.0.113.7" if len(asked) > 1 else "10.0.0.7"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    assert wrong(provider("https://calendar.example/a.ics")) == "address_refused"
    assert asked == ["calendar.example"]


def test_sixth_redirect_is_not_followed(httpserver: HTTPServer):
    httpserver.expect_request("/a.ics").respond_with_data(calendar(event(3)))
    for number in range(7):
        to = "/a.ics" if number == 0 else f"/{number - 1}"
        httpserver.expect_request(f"/{number}").respond_with_data(status=302, headers={"Location": to})
    assert len(pull(on(httpserver, "/4"))[0].items) == 1
    assert wrong(on(httpserver, "/5")) == "redirected"


@pytest.mark.parametrize("packed", [False, True])
def test_more_than_10_mb_is_refused_packed_or_not(httpserver: HTTPServer, packed: bool):
    body = calendar(event(3, "X-A:" + "x" * 11 * 1024 * 1024)).encode()
    headers = {"Content-Encoding": "gzip"} if packed else {}
    httpserver.expect_request("/a.ics").respond_with_data(gzip.compress(body) if packed else body, headers=headers)
    assert wrong(on(httpserver)) == "answer_too_large"


def test_server_that_asks_for_a_pause_gets_it(httpserver: HTTPServer):
    httpserver.expect_request("/a.ics").respond_with_data(status=429, headers={"Retry-After": "120"})
    with pytest.raises(Throttled) as error:
        pull(on(httpserver))
    assert error.value.retry_at == NOW + timedelta(seconds=120)


def test_peer_that_closes_in_the_middle_gives_no_calendar():
    whole = answer(body=calendar(event(3)).encode())
    with serve(lambda connection, _request: connection.sendall(whole[:-40])) as server:
        assert wrong(provider(f"{server.url}/a.ics", server.host)) in ("MaybeSent", "timeout")


def test_second_read_is_conditional_and_gives_only_what_changed(httpserver: HTTPServer):
    httpserver.expect_oneshot_request("/a.ics").respond_with_data(
        calendar(event(3), event(4)), headers={"ETag": '"1"', "Last-Modified": "Wed, 01 Jul 2026 00:00:00 GMT"}
    )
    feed = on(httpserver)
    (first,) = pull(feed)
    assert (len(first.items), first.complete) == (2, True)
    seen = []

    def later(request):

        seen.append((request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")))
        return Response(calendar(event(3), event(5)))

    httpserver.expect_request("/a.ics").respond_with_handler(later)
    (second,) = pull(feed, first.next_cursor)
    assert seen == [('"1"', "Wed, 01 Jul 2026 00:00:00 GMT")]
    assert ([type(item).__name__ for item in second.items], second.complete) == (["RemoteEvent", "Deleted"], False)
    assert pull(feed, second.next_cursor)[0].items == ()


def test_feed_that_lost_much_asks_for_a_full_read_of_the_same_answer(httpserver: HTTPServer):
    httpserver.expect_oneshot_request("/a.ics").respond_with_data(calendar(*(event(n) for n in range(1, 21))))
    feed = on(httpserver)
    (first,) = pull(feed)
    httpserver.expect_oneshot_request("/a.ics").respond_with_data(calendar(event(1)))
    with pytest.raises(CursorExpired):
        pull(feed, first.next_cursor)
    (full,) = pull(feed)
    assert (len(full.items), full.complete) == (1, True)
    httpserver.check_assertions()


def test_nothing_can_be_written_to_a_feed(httpserver: HTTPServer):
    feed = on(httpserver)
    intent: Intent = None  # type: ignore[assignment]
    for write in (lambda: feed.put(CALENDAR_ID, intent, Guard()), lambda: feed.remove(CALENDAR_ID, Guard())):
        with pytest.raises(Forbidden):
            write()
    assert feed.calendar(CALENDAR_ID).writable is False


# -- units, cursor, pace ----------------------------------------------------------------------------------------------


def digests(text: str, floating: str = "UTC") -> list[str]:
    return sorted(cut(text, floating=floating).units)


def test_digest_is_of_what_decides_only():
    plain = digests(calendar(event(3)))
    assert digests(calendar(event(3, "SUMMARY:x", "DTSTAMP:1", "SEQUENCE:9")).replace("UID:3", "UID:z")) == plain
    assert digests(calendar(event(3)).replace("\r\n", "\n")) == plain
    assert digests(calendar(event(3, "TRANSP:TRANSPARENT"))) != plain
    assert digests(calendar(event(3)), floating="Europe/Paris") != plain
    assert digests(calendar(event(3), head="X-WR-TIMEZONE:Asia/Tokyo\r\n")) != plain


@given(
    st.frozensets(st.binary(min_size=10, max_size=10).map(bytes.hex)),
    st.dictionaries(st.text(max_size=20), st.text(max_size=20)),
    st.none() | st.timedeltas(timedelta(seconds=1), timedelta(hours=1)),
)
def test_cursor_comes_back_as_it_was_written(units, bad, pause):
    cursor = Cursor('"e"', "", "b", "UTC", units, bad, pause, None)
    assert cursors.read(cursors.write(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"form":99}', "null"])
def test_cursor_of_another_version_is_none(text: str):
    assert cursors.read(text) is None


@given(
    st.none() | st.timedeltas(timedelta(0), timedelta(days=9)),
    st.booleans(),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=900)),
)
def test_F70_pause_stays_within_its_bounds(previous, changed, stated):
    pause = next_pause(previous, changed=changed, stated=stated)
    assert SHORTEST <= pause <= LONGEST
    assert pause >= min(stated or SHORTEST, LONGEST)


@pytest.mark.parametrize(
    ("line", "minutes"),
    [
        ("REFRESH-INTERVAL;VALUE=DURATION:PT12H", 720),
        ("X-PUBLISHED-TTL:PT20M", 20),
        ("X-PUBLISHED-TTL:P1D", 1440),
        ("X-PUBLISHED-TTL:soon", None),
        ("X-OTHER:PT20M", None),
        ("X-PUBLISHED-TTL:PT0S", None),
    ],
)
def test_stated_interval_is_read(line: str, minutes: int | None):
    assert stated_interval(f"\nBEGIN:VCALENDAR\n{line}\n") == (None if minutes is None else timedelta(minutes=minutes))


def test_same_bytes_are_known_by_their_digest_and_another_zone_reads_them_again(httpserver: HTTPServer):
    httpserver.expect_request("/a.ics").respond_with_data(calendar(event(3)))
    first = pull(on(httpserver))[-1].next_cursor
    known = cursors.read(first)
    assert known is not None
    assert known.body == hashlib.blake2b(calendar(event(3)).encode(), digest_size=16).hexdigest()
    (same,) = pull(on(httpserver), first)
    assert (same.items, same.complete) == ((), False)
    url, host = httpserver.url_for("/a.ics"), f"{httpserver.host}:{httpserver.port}"
    elsewhere = IcsFeedProvider(GivenAddress(url, "Asia/Tokyo"), ProviderSettings(allow_hosts=(host,)), lambda: NOW)
    (again,) = pull(elsewhere, first)
    assert len(again.items) == 2  # the event under its new digest, and the old one gone
