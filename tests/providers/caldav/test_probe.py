"""What a server can do is found out by asking it, and what it cannot do is worked around."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kalends.core.span import Span
from kalends.sync.port import (
    Capabilities,
    Conflict,
    Content,
    Forbidden,
    Guard,
    Intent,
    NotFound,
    Permanent,
    Temporary,
    Throttled,
)
from tests.providers.caldav.dav_server import PATH, Habits, dav_server

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WINDOW = Span(START - 30 * DAY, START + 400 * DAY)
CONTENT = Content(Span(START, START + HOUR), "Europe/Paris", "Cut", "Room 1", "Phone: 1")
INTENT = Intent(UUID(int=1), 1, CONTENT)
EVERYTHING = Capabilities()
NO_CONFLICT = '<d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><c:no-uid-conflict/></d:error>'


def event(uid, start=START):
    times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\nDTEND:{start + HOUR:%Y%m%dT%H%M%SZ}"
    return f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:{uid}\n{times}\nEND:VEVENT\nEND:VCALENDAR\n"


def pull(provider, calendar, cursor=""):
    pages = list(provider.pull(calendar, cursor, WINDOW))
    return sorted(item.id for page in pages for item in page.items), pages[-1].next_cursor, pages[-1].complete


def capabilities(habits, *texts, error=None):
    with dav_server(habits) as (server, provider, calendar):
        for number, text in enumerate(texts):
            server.store(f"{number}.ics", text)
        server.habits.answers.update(error or {})
        found = provider.calendar(calendar).capabilities
        assert provider.calendar(calendar).capabilities == found
        return found


# -- what is found out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("habits", "differs"),
    [
        (Habits(), {}),
        (Habits(sync=False), {"delta": False}),
        (Habits(sync=False, ctag=False), {"delta": False, "change_tag": False}),
        (Habits(full_on_stale=True), {"delta": False}),
        (Habits(takes_no_token=True), {"delta": False}),
        (Habits(full_on_stale=True, ctag=False), {"delta": False, "change_tag": False}),
        (Habits(etags=False), {"tags": False}),
        (Habits(dav="1, calendar-access, Calendar-Auto-Schedule"), {"schedules_by_itself": True}),
        (Habits(dav="1, calendar-auto-schedule-not"), {}),
    ],
)
def test_capabilities_are_those_that_the_server_shows(habits, differs):
    now = datetime.now(UTC).replace(microsecond=0)
    expected = replace(EVERYTHING, **differs)
    assert capabilities(habits, event("1", now), event("2", now)) == expected


def test_capabilities_of_an_empty_calendar_presume_tags():
    assert capabilities(Habits(etags=False)).tags is True


@pytest.mark.parametrize(
    ("request_name", "differs"),
    [("OPTIONS", {"schedules_by_itself": True}), ("calendar-query", {}), ("sync-collection", {"delta": False})],
)
def test_capabilities_an_error_presumes_what_does_no_harm(request_name, differs):
    found = capabilities(Habits(), error={request_name: "500 Internal Server Error"})
    assert found == replace(EVERYTHING, **differs)


@pytest.mark.parametrize("request_name", ["OPTIONS", "calendar-query", "sync-collection"])
def test_capabilities_a_server_that_asks_for_a_pause_gets_it(request_name):
    with pytest.raises(Throttled):
        capabilities(Habits(), error={request_name: "429 Too Many Requests"})


def test_calendars_lists_what_calendar_reads():
    with dav_server(Habits(sync=False)) as (_, provider, calendar):
        assert provider.calendars() == [provider.calendar(calendar)]


# -- an invalid sync token that is answered with everything -----------------------------------------------------------


def test_pull_F28_a_server_that_answers_any_token_is_read_by_its_tag():
    with dav_server(Habits(full_on_stale=True)) as (server, provider, calendar):
        gone, stays = server.store("1.ics", event("1")), server.store("2.ics", event("2"))
        found, cursor, _ = pull(provider, calendar)
        assert (found, cursor) == ([gone, stays], "ctag:2")
        server.drop(gone)
        assert pull(provider, calendar, cursor) == ([stays], "ctag:3", True)


def test_pull_F28_a_server_that_refuses_its_own_tokens_is_not_read_in_full_at_each_poll():
    with dav_server(Habits(takes_no_token=True)) as (server, provider, calendar):
        href = server.store("1.ics", event("1"))
        found, cursor, _ = pull(provider, calendar)
        assert (found, cursor) == ([href], "ctag:1")
        server.requests.clear()
        assert pull(provider, calendar, cursor) == ([], cursor, False)
        assert server.requests == ["PROPFIND"]


# -- listings that are cut short --------------------------------------------------------------------------------------


@pytest.mark.parametrize("says_so", [True, False])
def test_pull_F62_a_listing_that_is_cut_short_is_asked_for_piece_by_piece(says_so):
    with dav_server(Habits(sync=False, limit=4, says_so=says_so)) as (server, provider, calendar):
        starts = [START + day * DAY for day in range(-20, 1500, 40)]
        hrefs = sorted(server.store(f"{n:03}.ics", event(n, start)) for n, start in enumerate(starts))
        assert pull(provider, calendar)[0] == hrefs


@pytest.mark.parametrize("says_so", [True, False])
def test_busy_F62_a_listing_that_is_cut_short_is_asked_for_piece_by_piece(says_so):
    with dav_server(Habits(limit=2, says_so=says_so)) as (server, provider, calendar):
        hrefs = [server.store(f"{n}.ics", event(n, START + n * 3 * HOUR)) for n in range(9)]
        found = provider.busy([calendar], Span(START, START + 2 * DAY), 20)
        assert sorted(item.id for item in found[calendar]) == hrefs


def test_busy_F62_what_cannot_be_asked_for_in_pieces_stays_unknown():
    with dav_server(Habits(limit=2)) as (server, provider, calendar):
        for number in range(3):
            server.store(f"{number}.ics", event(number))
        with pytest.raises(Temporary):
            provider.busy([calendar], Span(START, START + DAY), 20)
        with pytest.raises(Temporary):
            pull(provider, calendar)


# -- tags in odd forms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "habits",
    [
        Habits(tag_form="{}"),
        Habits(tag_form='W/"{}"'),
        Habits(tag_form='W/"{}"', no_match=True),
    ],
    ids=["unquoted", "weak", "weak, and true to the letter"],
)
def test_put_F38_with_tags_in_odd_forms_is_still_guarded(habits):
    with dav_server(habits) as (server, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        assert made.tag == f'"{made.tag[1:-1]}"'
        assert provider.get(calendar, [made.id])[made.id].tag == made.tag
        wanted = replace(INTENT, content=replace(CONTENT, title="Colour"))
        done = provider.put(calendar, wanted, Guard(made.id, made.tag, made.raw)).event
        assert done.content == wanted.content
        theirs = server.resources[made.id].replace("Colour", "Theirs")
        server.store(made.id.removeprefix(PATH), theirs)
        for attempt in (
            lambda: provider.put(calendar, INTENT, Guard(done.id, done.tag, done.raw)),
            lambda: provider.remove(calendar, Guard(done.id, done.tag)),
        ):
            with pytest.raises(Conflict):
                attempt()
        assert server.resources[made.id] == theirs
        now = provider.get(calendar, [made.id])[made.id]
        provider.remove(calendar, Guard(now.id, now.tag))
        assert server.resources == {}


def test_put_with_a_strong_tag_that_is_refused_is_never_sent_without():
    with dav_server(Habits(no_match=True)) as (server, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        with pytest.raises(Conflict):
            provider.put(calendar, INTENT, Guard(made.id, made.tag, made.raw))
        assert server.requests.count("PUT") == 2


# -- the same UID under another name ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        ("409 Conflict", ""),
        ("412 Precondition Failed", ""),
        ("403 Forbidden", NO_CONFLICT),
        ("400 Bad Request", ""),
        ("403 Forbidden", ""),
    ],
)
def test_create_F02_our_event_under_another_name_is_a_conflict_and_is_found(refusal):
    with dav_server(Habits(same_uid=refusal)) as (server, provider, calendar):
        made = provider.put(calendar, INTENT, Guard()).event
        text = server.resources[made.id]
        server.drop(made.id)
        renamed = server.store("renamed.ics", text)
        with pytest.raises(Conflict):
            provider.put(calendar, INTENT, Guard())
        assert provider.find(calendar, INTENT.op_key).id == renamed
        assert list(server.resources) == [renamed]


@pytest.mark.parametrize(("status", "error"), [("403 Forbidden", Forbidden), ("400 Bad Request", Permanent)])
def test_create_that_is_refused_for_another_reason_says_so(status, error):
    with dav_server(Habits(answers={"PUT": status})) as (_, provider, calendar), pytest.raises(error):
        provider.put(calendar, INTENT, Guard())


def test_create_F19_that_is_refused_in_a_calendar_that_is_gone_says_that():
    answers = {"PUT": "403 Forbidden", "PROPFIND": "404 Not Found"}
    with dav_server(Habits(answers=answers)) as (_, provider, calendar), pytest.raises(NotFound):
        provider.put(calendar, INTENT, Guard())
