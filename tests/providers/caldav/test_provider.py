"""CalDAV servers with odd habits. What all have in common is in tests/contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kalends.core.span import Span
from kalends.net.http import Response
from kalends.providers.caldav.failures import failure
from kalends.providers.caldav.provider import CalDavProvider
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import (
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    Conflict,
    Content,
    CursorExpired,
    Deleted,
    Forbidden,
    Guard,
    Intent,
    Malformed,
    NotFound,
    Permanent,
    Quarantined,
    RemoteEvent,
    Temporary,
    Throttled,
)
from tests.net.servers import answer, serve
from tests.providers.caldav.dav_server import PATH, Account, Habits, dav_server

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Span(START - 30 * 24 * HOUR, START + 400 * 24 * HOUR)
CONTENT = Content(Span(START, START + HOUR), "Europe/Paris", "Cut", "Room 1", "Phone: 1")
INTENT = Intent(UUID(int=1), 1, CONTENT)
EVENT = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:{0}\nDTSTART:20261201T090000Z\n{1}END:VEVENT\nEND:VCALENDAR\n"


PLAIN = {"with_cursor": False, "now": START}


def event(name, more=""):
    return EVENT.format(name, more)


def pull(provider, calendar, cursor=""):
    pages = list(provider.pull(calendar, cursor, WINDOW))
    return [item for page in pages for item in page.items], pages[-1].next_cursor


def ids(items):
    return [item.id for item in items]


# -- cursors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("habits", "kind"),
    [(Habits(), "sync:"), (Habits(sync=False), "ctag:"), (Habits(sync=False, ctag=False), "list:")],
)
def test_pull_by_what_the_server_has(habits, kind):
    with dav_server(habits) as (server, provider, calendar):
        first = server.store("1.ics", event("1"))
        items, cursor = pull(provider, calendar)
        assert (ids(items), cursor.startswith(kind)) == ([first], True)
        server.requests.clear()
        assert pull(provider, calendar, cursor) == ([], cursor)
        assert len(server.requests) == 1
        second = server.store("2.ics", event("2"))
        items, later = pull(provider, calendar, cursor)
        assert second in ids(items)
        assert later != cursor


@pytest.mark.parametrize("habits", [Habits(sync=False), Habits(sync=False, ctag=False)])
def test_pull_without_a_delta_says_that_its_listing_is_complete(habits):
    with dav_server(habits) as (server, provider, calendar):
        gone, stays = server.store("1.ics", event("1")), server.store("2.ics", event("2"))
        _, cursor = pull(provider, calendar)
        server.drop(gone)
        (page,) = provider.pull(calendar, cursor, WINDOW)
        assert (page.complete, page.last, ids(page.items)) == (True, True, [stays])


@pytest.mark.parametrize(
    "stale",
    [
        ("403 Forbidden", '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'),
        ("400 Bad Request", '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'),
        ("409 Conflict", ""),
        ("410 Gone", ""),
        ("412 Precondition Failed", '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'),
        ("415 Unsupported Media Type", ""),
        ("418 I'm a teapot", "<x/>"),
    ],
)
def test_pull_F26_F28_a_refused_token_is_an_expired_cursor(stale):
    with dav_server(Habits(stale_token=stale)) as (_, provider, calendar), pytest.raises(CursorExpired):
        pull(provider, calendar, "sync:t99")


def test_pull_a_403_without_a_reason_is_a_lost_right():
    habits = Habits(stale_token=("403 Forbidden", "no"))
    with dav_server(habits) as (_, provider, calendar), pytest.raises(Forbidden):
        pull(provider, calendar, "sync:t99")


def test_pull_with_a_cursor_of_another_kind_is_expired():
    with dav_server() as (_, provider, calendar), pytest.raises(CursorExpired):
        pull(provider, calendar, "CPDAlvWDx70CEPDAlvWDx70CGAU=")


def test_pull_goes_on_where_a_delta_was_cut_short():
    with dav_server(Habits(page=2)) as (server, provider, calendar):
        _, cursor = pull(provider, calendar)
        hrefs = [server.store(f"{n}.ics", event(n)) for n in range(5)]
        pages = list(provider.pull(calendar, cursor, WINDOW))
        assert [page.last for page in pages] == [False, False, True]
        seen = [item.id for page in pages for item in page.items if isinstance(item, RemoteEvent)]
        assert (seen, pages[-1].next_cursor) == (hrefs, "sync:t5")


def test_pull_F62_a_listing_that_was_cut_short_proves_nothing():
    with dav_server(Habits(cut_short=True)) as (server, provider, calendar):
        server.store("1.ics", event("1"))
        with pytest.raises(Temporary):
            pull(provider, calendar)
        with pytest.raises(Temporary):
            provider.busy([calendar], WINDOW, 5)


def test_pull_F62_every_listing_has_a_time_range_and_no_text():
    with dav_server(Habits(sync=False, ctag=False)) as (server, provider, calendar):
        server.store("1.ics", event("1"))
        pull(provider, calendar)
        provider.busy([calendar], WINDOW, 5)
        assert server.requests == ["PROPFIND", "calendar-query", "GET", "calendar-query"]


def test_pull_F18_a_phantom_deletion_is_only_a_hint():
    with dav_server() as (server, provider, calendar):
        href = server.store("1.ics", event("1"))
        _, cursor = pull(provider, calendar)
        server.habits.phantoms.append(href)
        items, _ = pull(provider, calendar, cursor)
        assert items == [Deleted(href)]
        assert provider.get(calendar, [href])[href].id == href


def test_pull_what_a_multiget_leaves_out_is_read_by_itself():
    with dav_server(Habits(leaves_out=frozenset({f"{PATH}2.ics"}))) as (server, provider, calendar):
        hrefs = [server.store(f"{n}.ics", event(n)) for n in range(3)]
        items, _ = pull(provider, calendar)
        assert sorted(ids(items)) == hrefs


def test_pull_asks_for_a_hundred_resources_at_a_time():
    with dav_server() as (server, provider, calendar):
        for number in range(205):
            server.store(f"{number}.ics", event(number))
        pages = list(provider.pull(calendar, "", WINDOW))
        assert [len(page.items) for page in pages] == [100, 100, 5]
        assert [page.last for page in pages] == [False, False, True]
        assert server.requests.count("calendar-multiget") == 3


def test_pull_of_many_changes_comes_in_pages():
    with dav_server() as (server, provider, calendar):
        _, cursor = pull(provider, calendar)
        for number in range(150):
            server.store(f"{number}.ics", event(number))
        pages = list(provider.pull(calendar, cursor, WINDOW))
        assert [len(page.items) for page in pages] == [100, 50]
        assert [(page.last, page.next_cursor) for page in pages] == [(False, ""), (True, "sync:t150")]


def test_pull_F44_a_resource_that_is_too_large_is_quarantined_and_the_rest_serves():
    with dav_server() as (server, provider, calendar):
        hrefs = [server.store(f"{n}.ics", event(n)) for n in range(9)]
        huge = server.store("huge.ics", event("h", f"ATTACH;VALUE=BINARY:{'A' * 17_000_000}\n"))
        items, _ = pull(provider, calendar)
        assert [item.id for item in items if isinstance(item, RemoteEvent)] == hrefs
        assert [item.id for item in items if isinstance(item, Quarantined)] == [huge]


def test_put_with_weak_etags_is_still_guarded():
    with dav_server(Habits(weak=True)) as (_, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        wanted = replace(INTENT, content=replace(CONTENT, title="Colour"))
        done = provider.put(calendar, wanted, Guard(made.id, made.tag, made.raw)).event
        assert done.content == wanted.content
        with pytest.raises(Conflict):
            provider.put(calendar, INTENT, Guard(made.id, made.tag, made.raw))


def test_pull_F44_one_bad_resource_is_quarantined():
    with dav_server() as (server, provider, calendar):
        bad = server.store("1.ics", "BEGIN:VCALENDAR\nnonsense")
        good = server.store("2.ics", event("2"))
        items, cursor = pull(provider, calendar)
        assert [(item.id, type(item)) for item in items] == [(bad, Quarantined), (good, RemoteEvent)]
        server.store("1.ics", "still nonsense")
        items, _ = pull(provider, calendar, cursor)
        assert [(item.id, type(item)) for item in items] == [(bad, Quarantined)]
        with pytest.raises(Malformed):
            provider.get(calendar, [bad])


def test_pull_F57_a_series_comes_with_all_its_exceptions_in_one_page():
    series = (
        "RRULE:FREQ=DAILY\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20261202T090000Z\nDTSTART:20261202T120000Z\n"
    )
    with dav_server() as (server, provider, calendar):
        href = server.store("1.ics", event("1", series))
        items, cursor = pull(provider, calendar)
        assert ids(items) == [href, f"{href}#20261202T090000Z"]
        server.store("1.ics", event("1", "RRULE:FREQ=DAILY\n"))
        items, _ = pull(provider, calendar, cursor)
        assert [(item.id, type(item)) for item in items] == [(href, RemoteEvent)]
        assert provider.get(calendar, [f"{href}#20261202T090000Z"]) == {f"{href}#20261202T090000Z": None}


def test_pull_our_own_change_is_no_deletion():
    with dav_server() as (_, provider, calendar):
        _, cursor = pull(provider, calendar)
        made = provider.put(calendar, INTENT, Guard()).event
        assert pull(provider, calendar, cursor)[0] == [made]


def test_pull_places_floating_times_in_the_calendars_zone():
    zone = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:America/New_York\nEND:VTIMEZONE\nEND:VCALENDAR\n"
    with dav_server(Habits(timezone=zone)) as (server, provider, calendar):
        server.store("1.ics", event("1").replace("090000Z", "090000"))
        (item,), _ = pull(provider, calendar)
        assert (item.when.span.start, item.when.timezone) == (datetime(2026, 12, 1, 14, tzinfo=UTC), "America/New_York")
        assert provider.calendar(calendar).timezone == "America/New_York"


# -- tags ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("habits", [Habits(), Habits(etag_on_put=False), Habits(rewrites=True), Habits(etags=False)])
def test_put_F13_F40_the_echo_is_what_is_stored(habits):
    with dav_server(habits) as (server, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        stored = provider.get(calendar, [made.id])[made.id]
        assert (stored.content, stored.tag) == (made.content, made.tag)
        assert made.content.title == ("Re: Cut" if habits.rewrites else "Cut")
        wanted = replace(INTENT, content=replace(CONTENT, title="Colour"))
        server.habits.rewrites = False
        done = provider.put(calendar, wanted, Guard(made.id, made.tag, made.raw)).event
        assert done.content == wanted.content
        provider.remove(calendar, Guard(done.id, done.tag))
        assert server.resources == {}


TRUSTED, DOUBTED = ["PUT", "GET", "PUT", "PUT"], ["PUT", "GET"] * 3


@pytest.mark.parametrize(
    ("habits", "requests"),
    [
        (Habits(), TRUSTED),
        (Habits(rewrites=True), DOUBTED),
        (Habits(etag_on_put=False), DOUBTED),
        (Habits(weak=True), DOUBTED),
        (Habits(etags=False), DOUBTED),
    ],
)
def test_put_F40_is_read_back_until_a_strong_tag_has_kept_its_word(habits, requests):
    with dav_server(habits) as (server, provider, calendar):
        intents = [replace(INTENT, generation=number) for number in (1, 2, 3)]
        made = [provider.put(calendar, intent, Guard()).event for intent in intents]
        assert server.requests == requests
        stored = provider.get(calendar, [event.id for event in made])
        assert [(stored[event.id].content, stored[event.id].tag) for event in made] == [
            (e.content, e.tag) for e in made
        ]


def test_put_F13_tag_that_broke_its_word_is_not_believed_by_the_next_event_that_is_kept():
    with dav_server(Habits(rewrites=True)) as (server, provider, calendar):
        provider.put(calendar, INTENT, Guard())
        server.habits.rewrites = False
        for number in (2, 3):
            provider.put(calendar, replace(INTENT, generation=number), Guard())
        assert server.requests == DOUBTED


def test_put_F38_without_etags_a_changed_event_is_still_seen():
    with dav_server(Habits(etags=False)) as (server, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        server.store(f"{INTENT.op_key}.ics", server.resources[made.id].replace("Cut", "Theirs"))
        for attempt in (
            lambda: provider.put(calendar, INTENT, Guard(made.id, made.tag, made.raw)),
            lambda: provider.remove(calendar, Guard(made.id, made.tag, made.raw)),
        ):
            with pytest.raises(Conflict):
                attempt()
        assert "Theirs" in server.resources[made.id]


def test_put_that_cannot_be_read_back_is_ambiguous():
    with dav_server() as (server, provider, calendar):
        server.habits.answers["GET"] = "503 Service Unavailable"
        with pytest.raises(Ambiguous):
            provider.put(calendar, INTENT, Guard())
        server.habits.answers.clear()
        assert provider.find(calendar, INTENT.op_key).content == CONTENT


def test_find_sees_our_event_under_a_name_that_a_person_gave_it():
    with dav_server() as (server, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        text = server.resources[made.id]
        server.drop(made.id)
        moved = server.store("renamed.ics", text)
        server.store("other.ics", event("1"))
        assert provider.find(calendar, INTENT.op_key).id == moved
        assert provider.find(calendar, "f" * 36) is None


# -- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        ("400 Bad Request", Permanent, Permanent),
        ("401 Unauthorized", AuthTransient, AuthTransient),
        ("403 Forbidden", Forbidden, Forbidden),
        ("405 Method Not Allowed", Permanent, Permanent),
        ("409 Conflict", Conflict, Conflict),
        ("412 Precondition Failed", Conflict, Conflict),
        ("413 Too Large", Permanent, Permanent),
        ("423 Locked", Temporary, Temporary),
        ("429 Too Many Requests", Throttled, Throttled),
        ("500 Internal Server Error", Temporary, Ambiguous),
        ("502 Bad Gateway", Temporary, Ambiguous),
        ("501 Not Implemented", Temporary, Temporary),
        ("507 Insufficient Storage", Temporary, Permanent),
        ("301 Moved Permanently", Permanent, Permanent),
    ],
)
def test_F19_failures_are_typed_and_none_is_an_absence(status, reading, writing):
    habits = Habits(answers=dict.fromkeys(("GET", "PUT", "DELETE"), status))
    with dav_server(habits) as (_, provider, calendar):
        with pytest.raises(reading) as caught:
            provider.get(calendar, [f"{PATH}1.ics"])
        assert type(caught.value) is reading
        for write in (
            lambda: provider.put(calendar, INTENT, Guard()),
            lambda: provider.remove(calendar, Guard(f"{PATH}1.ics", '"1"')),
        ):
            with pytest.raises(writing) as caught:
                write()
            assert type(caught.value) is writing


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_get_only_the_resources_own_404_is_an_absence(status):
    with dav_server(Habits(answers={"GET": status})) as (_, provider, calendar):
        assert provider.get(calendar, [f"{PATH}1.ics"]) == {f"{PATH}1.ics": None}


def test_F19_a_login_page_with_status_200_is_an_error():
    with dav_server() as (server, provider, calendar):
        href = server.store("1.ics", "<html><body>Please sign in</body></html>")
        with pytest.raises(Malformed):
            provider.get(calendar, [href])
        server.habits.answers["PROPFIND"] = "200 OK"
        with pytest.raises(Temporary):
            provider.calendar(calendar)


def test_remove_F19_when_the_calendar_is_gone_is_not_done():
    habits = Habits(answers={"PROPFIND": "404 Not Found"})
    with dav_server(habits) as (_, provider, calendar), pytest.raises(NotFound):
        provider.remove(calendar, Guard(f"{PATH}1.ics", '"1"'))


def test_F80_one_401_is_asked_again_and_two_with_a_challenge_are_a_verdict():
    refusal = answer("401 Unauthorized", headers='WWW-Authenticate: Basic realm="x"\r\n')
    refusals = []

    def handle(connection, request):
        connection.sendall(refusals.pop() if refusals else answer("404 Not Found"))

    with serve(handle) as server:
        secret = {"url": f"{server.url}{PATH}", "username": "ada", "password": "secret"}
        provider = CalDavProvider(Account(secret), ProviderSettings(allow_hosts=(server.host,)))
        refusals = [refusal]
        assert provider.get(secret["url"], [f"{PATH}1.ics"]) == {f"{PATH}1.ics": None}
        refusals = [refusal, refusal]
        with pytest.raises(AuthRevoked):
            provider.get(secret["url"], [f"{PATH}1.ics"])
        refusals = [answer("401 Unauthorized"), refusal]
        with pytest.raises(AuthTransient):
            provider.get(secret["url"], [f"{PATH}1.ics"])


def test_a_server_that_wants_another_way_of_signing_in_says_so_instead_of_a_wrong_password():
    kinds = {
        offered: type(failure(Response(401, {"www-authenticate": offered}, b"", ""), method="GET", **PLAIN))
        for offered in ("Negotiate", 'Bearer realm="x"', 'Digest realm="x"', 'Negotiate, Basic realm="x"', "")
    }
    assert list(kinds.values()) == [Permanent, Permanent, AuthRevoked, AuthRevoked, AuthTransient]


def test_identify_falls_back_on_home_and_user_name():
    with dav_server() as (_, provider, calendar):
        account = provider.identify()
        assert (account.subject, account.label) == (f"{calendar}#ada@example.org", "ada@example.org")
