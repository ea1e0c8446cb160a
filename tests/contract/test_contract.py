"""What the engine relies on, whichever calendar system stands behind the port."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kalends.core.span import Span
from kalends.sync.port import (
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    BusyState,
    Conflict,
    Content,
    CursorExpired,
    Deleted,
    Forbidden,
    Guard,
    Intent,
    NotFound,
    RemoteEvent,
)
from tests.contract.worlds import span_of

pytestmark = pytest.mark.contract

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WINDOW = Span(START - 30 * DAY, START + 400 * DAY)
CONTENT = Content(
    span=Span(START, START + HOUR),
    timezone="Europe/Paris",
    title="Haircut; Ada, “Countess” <Lovelace> & Co.",
    location="Room 1, 3rd floor\\west",
    notes="Phone: +33 1 23\nManage: https://kalends.example/a/x?y=1;z\n\nÇa va – 日本語 🎉",
)
INTENT = Intent(UUID("0191b2c3-d4e5-7f60-8a9b-0c1d2e3f4a5b"), 1, CONTENT)


def guard_of(event):
    return Guard(event.id, event.tag, event.raw)


def create(world, intent=INTENT):
    return world.provider.put(world.calendar_id, intent, Guard()).event


def read(world, remote_id):
    return world.provider.get(world.calendar_id, [remote_id])[remote_id]


def pull(world, cursor=""):
    """(items of all pages, next cursor); asserts that only the last page ends the pull."""
    pages = list(world.provider.pull(world.calendar_id, cursor, WINDOW))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [bool(page.next_cursor) for page in pages] == [page.last for page in pages]
    assert {page.complete for page in pages} == {cursor == ""}
    return [item for page in pages for item in page.items], pages[-1].next_cursor


def events(items):
    return [item for item in items if isinstance(item, RemoteEvent)]


def changed(span=None, **texts):
    return replace(INTENT, content=replace(CONTENT, **({"span": span} if span else {}), **texts))


# -- create -------------------------------------------------------------------------------------------------------


def test_create_gives_back_what_stands_in_the_calendar(world):
    made = create(world)
    assert (made.op_key, made.cancelled, made.busy, made.declined) == (INTENT.op_key, False, BusyState.BUSY, False)
    assert made.content == CONTENT
    assert made.when.span == CONTENT.span
    assert made.foreign_organizer is False
    assert made.recurrence == ()


def test_create_F13_the_echo_is_what_every_later_read_shows(world):
    made = create(world)
    stored = read(world, made.id)
    items, _ = pull(world)
    assert (stored.content, stored.tag) == (made.content, made.tag)
    assert [(item.id, item.content, item.tag) for item in items] == [(made.id, made.content, made.tag)]


def test_create_F13_the_echo_of_each_of_several_writes_is_what_every_later_read_shows(world):
    # A provider that has seen an answer keep its word may take the next ones at theirs.
    texts = ["Cut; wash, dry", "Ça — “quoted”, back\\slash", "Line one\n  line two \n\n last", "A" * 200]
    intents = [replace(INTENT, generation=n, content=replace(CONTENT, notes=t)) for n, t in enumerate(texts, 1)]
    made = [world.provider.put(world.calendar_id, intent, Guard()).event for intent in intents]
    stored = world.provider.get(world.calendar_id, [event.id for event in made])
    assert [(stored[event.id].content, stored[event.id].tag) for event in made] == [(e.content, e.tag) for e in made]


def test_create_twice_is_refused_and_leaves_one_event(world):
    made = create(world)
    with pytest.raises(Conflict):
        create(world)
    items, _ = pull(world)
    assert [item.id for item in items] == [made.id]


def test_create_F02_whose_answer_is_lost_is_found_and_stands_once(world):
    world.lose_next_answer()
    with pytest.raises(Ambiguous):
        create(world)
    found = world.provider.find(world.calendar_id, INTENT.op_key)
    items, _ = pull(world)
    assert found.content == CONTENT
    assert [item.id for item in items] == [found.id]


def test_find_of_what_was_never_written_is_none(world):
    assert world.provider.find(world.calendar_id, INTENT.op_key) is None


def test_create_F03_after_a_deletion_outside_takes_the_next_generation(world):
    made = create(world)
    world.delete(made.id)
    found = world.provider.find(world.calendar_id, INTENT.op_key)
    assert found is None or found.cancelled
    again = create(world, replace(INTENT, generation=2))
    assert again.id != made.id
    items, _ = pull(world)
    assert [item.id for item in events(items)] == [again.id]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("UTC", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("Europe/Paris", datetime(2027, 3, 28, 0, 30, tzinfo=UTC)),
        ("Europe/Paris", datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        ("Europe/Paris", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("Europe/Paris", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("America/Sao_Paulo", datetime(2027, 1, 5, 12, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2027, 1, 5, 12, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, 15, tzinfo=UTC)),
        ("Europe/Dublin", datetime(2027, 7, 5, 12, tzinfo=UTC)),
        ("Africa/Casablanca", datetime(2027, 2, 20, 12, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2027, 1, 5, 12, tzinfo=UTC)),
    ],
)
def test_create_F14_the_instant_survives_in_every_zone(world, zone, start):
    span = Span(start, start + timedelta(minutes=45))
    made = create(world, replace(INTENT, content=replace(CONTENT, span=span, timezone=zone)))
    assert span_of(made) == span
    assert span_of(read(world, made.id)) == span
    assert made.content.span == span


# -- update -------------------------------------------------------------------------------------------------------


def test_F17_update_changes_in_place_what_we_own(world):
    made = create(world)
    wanted = changed(span=Span(START + DAY, START + DAY + HOUR), title="Colour", location="", notes="New\nnotes")
    done = world.provider.put(world.calendar_id, wanted, guard_of(made)).event
    assert (done.id, done.content) == (made.id, wanted.content)
    assert done.tag != made.tag
    assert read(world, made.id).content == wanted.content


def test_update_F05_of_the_same_content_gives_the_same_echo(world):
    made = create(world)
    done = world.provider.put(world.calendar_id, INTENT, guard_of(made)).event
    assert done.content == made.content


def test_update_without_the_raw_event_reads_it_first(world):
    made = create(world)
    wanted = changed(title="Colour")
    done = world.provider.put(world.calendar_id, wanted, Guard(made.id, made.tag)).event
    assert done.content == wanted.content


def test_update_F38_on_a_stale_tag_is_refused_and_the_other_change_stands(world):
    made = create(world)
    world.move(made.id, Span(START + 2 * HOUR, START + 3 * HOUR))
    for guard in (guard_of(made), Guard(made.id, made.tag)):
        with pytest.raises(Conflict):
            world.provider.put(world.calendar_id, changed(title="Mine"), guard)
    now = read(world, made.id)
    assert (span_of(now), now.content.title) == (Span(START + 2 * HOUR, START + 3 * HOUR), CONTENT.title)


def test_update_F39_keeps_what_the_staff_member_added(world):
    made = create(world)
    world.write_lines(made.id, "My own line")
    now = read(world, made.id)
    assert now.content == made.content
    wanted = changed(title="Colour", notes="Changed notes")
    done = world.provider.put(world.calendar_id, wanted, guard_of(now)).event
    assert done.content == wanted.content
    assert world.decorations(made.id) == (True, True)


def test_update_of_a_deleted_event_is_not_found_or_a_conflict(world):
    made = create(world)
    world.delete(made.id)
    with pytest.raises((NotFound, Conflict)):
        world.provider.put(world.calendar_id, changed(title="Mine"), guard_of(made))
    assert events(pull(world)[0]) == []


def test_update_F02_whose_answer_is_lost_is_found(world):
    made = create(world)
    world.lose_next_answer()
    with pytest.raises(Ambiguous):
        world.provider.put(world.calendar_id, changed(title="Colour"), guard_of(made))
    assert world.provider.find(world.calendar_id, INTENT.op_key).content.title == "Colour"


# -- remove -------------------------------------------------------------------------------------------------------


def test_remove_twice_counts_as_done(world):
    made = create(world)
    world.provider.remove(world.calendar_id, guard_of(made))
    world.provider.remove(world.calendar_id, guard_of(made))
    left = read(world, made.id)
    assert left is None or left.cancelled


def test_remove_on_a_stale_tag_is_refused(world):
    made = create(world)
    world.move(made.id, Span(START + 2 * HOUR, START + 3 * HOUR))
    with pytest.raises(Conflict):
        world.provider.remove(world.calendar_id, guard_of(made))
    assert read(world, made.id).cancelled is False


def test_remove_F19_in_a_calendar_that_is_not_there_is_not_done(world):
    with pytest.raises(NotFound):
        world.provider.remove(world.missing_id, Guard("x", "y"))


# -- reading ------------------------------------------------------------------------------------------------------


def test_get_of_a_missing_event_is_none(world):
    made = create(world)
    missing = getattr(world, "missing_event", "") or made.id.replace(INTENT.op_key, "0" * len(INTENT.op_key))
    found = world.provider.get(world.calendar_id, [missing, made.id])
    assert (found[missing], found[made.id].id) == (None, made.id)


def test_get_of_nothing_is_nothing(world):
    assert world.provider.get(world.calendar_id, []) == {}


def test_get_of_many_events_returns_each(world):
    ids = [world.add(Span(START + n * HOUR, START + (n + 1) * HOUR)) for n in range(5)]
    found = world.provider.get(world.calendar_id, ids)
    assert {remote_id: event.id for remote_id, event in found.items()} == {remote_id: remote_id for remote_id in ids}


def test_pull_of_an_empty_calendar_ends_with_a_cursor(world):
    items, cursor = pull(world)
    assert items == []
    assert cursor != ""


def test_pull_reads_all_then_only_what_changed(world):
    old = world.add(Span(START, START + HOUR))
    items, cursor = pull(world)
    assert [item.id for item in items] == [old]
    new = world.add(Span(START + DAY, START + DAY + HOUR))
    items, later = pull(world, cursor)
    assert [item.id for item in events(items)] == [new]
    assert later != cursor


def test_pull_G10_of_an_idle_calendar_is_one_request(world):
    world.add(Span(START, START + HOUR))
    _, cursor = pull(world)
    before = world.requests()
    items, _ = pull(world, cursor)
    assert items == []
    assert world.requests() - before == 1


def test_pull_G14_keeps_no_text_of_a_foreign_event(world):
    world.add(Span(START, START + HOUR), title="Therapy")
    (item,), _ = pull(world)
    assert (item.content, item.raw, item.op_key) == (None, "", "")
    assert "Therapy" not in repr(item)


def test_pull_leaves_out_what_ended_before_the_window(world):
    world.add(Span(WINDOW.start - 2 * HOUR, WINDOW.start - HOUR))
    running = world.add(Span(WINDOW.start - HOUR, WINDOW.start + HOUR))
    items, _ = pull(world)
    assert [item.id for item in items] == [running]


def test_pull_sees_a_deletion_outside(world):
    made = create(world)
    _, cursor = pull(world)
    world.delete(made.id)
    items, _ = pull(world, cursor)
    assert items == [Deleted(made.id)]


def test_pull_sees_a_move_outside(world):
    made = create(world)
    _, cursor = pull(world)
    moved = Span(START + 2 * HOUR, START + 3 * HOUR)
    world.move(made.id, moved)
    (item,), _ = pull(world, cursor)
    assert (item.id, span_of(item), item.op_key) == (made.id, moved, INTENT.op_key)
    assert (item.content.title, item.content.notes) == (CONTENT.title, CONTENT.notes)


def test_pull_sees_an_event_set_free(world):
    made = create(world)
    _, cursor = pull(world)
    world.set_free(made.id)
    (item,), _ = pull(world, cursor)
    assert (item.busy, item.content) == (BusyState.FREE, made.content)


def test_pull_F01_a_copy_by_hand_is_another_event(world):
    made = create(world)
    copy = world.copy(made.id)
    items, _ = pull(world)
    assert {item.id for item in items} == {made.id, copy}
    assert copy != made.id
    assert world.provider.find(world.calendar_id, INTENT.op_key).id == made.id


def test_pull_with_an_expired_cursor_says_so(world):
    world.add(Span(START, START + HOUR))
    _, cursor = pull(world)
    with pytest.raises(CursorExpired):
        list(world.provider.pull(world.calendar_id, world.stale(cursor), WINDOW))
    items, _ = pull(world)
    assert len(items) == 1


@pytest.mark.parametrize("world", ["memory", "google", "caldav", "xandikos"], indirect=True)
def test_pull_F57_gives_a_series_as_master_and_exceptions(world):
    master_id = world.add_series(START, 6, cancelled=2, moved=3, by=2 * HOUR)
    items, _ = pull(world)
    (master,) = [item for item in items if not item.series_id]
    assert master.id == master_id
    assert "RRULE:FREQ=WEEKLY;COUNT=6" in master.recurrence
    assert span_of(master) == Span(START, START + HOUR)
    week = timedelta(weeks=1)
    moved = [item for item in items if item.original_start == START + 3 * week]
    assert [(item.series_id, span_of(item), item.cancelled) for item in moved] == [
        (master_id, Span(START + 3 * week + 2 * HOUR, START + 3 * week + 3 * HOUR), False)
    ]
    cancelled = [item for item in items if item.original_start == START + 2 * week]
    excluded = any("20261215T090000Z" in line for line in master.recurrence if line.startswith("EXDATE"))
    assert excluded or [item.cancelled for item in cancelled] == [True]


def test_busy_shows_what_overlaps_the_span(world):
    made = create(world)
    before = world.add(Span(START - 2 * HOUR, START - HOUR))
    long = world.add(Span(START - 2 * DAY, START + 2 * DAY))
    touching = world.add(Span(START + HOUR, START + 2 * HOUR))
    found = world.provider.busy([world.calendar_id], Span(START, START + HOUR), 60)
    ids = {event.id for event in found[world.calendar_id]}
    assert ids == {made.id, long}
    assert {before, touching} & ids == set()


# -- accounts and calendars ---------------------------------------------------------------------------------------


def test_identify_is_stable_and_has_a_label(world):
    account = world.provider.identify()
    assert account == world.provider.identify()
    assert account.subject != ""
    assert account.label != ""


def test_calendars_lists_what_calendar_reads_directly(world):
    by_id = {info.id: info for info in world.provider.calendars()}
    assert by_id[world.calendar_id] == world.provider.calendar(world.calendar_id)
    assert by_id[world.calendar_id].writable is True


def test_calendar_that_is_missing_is_not_found(world):
    with pytest.raises(NotFound):
        world.provider.calendar(world.missing_id)
    with pytest.raises(NotFound):
        list(world.provider.pull(world.missing_id, "", WINDOW))
    with pytest.raises(NotFound):
        world.provider.put(world.missing_id, INTENT, Guard())


@pytest.mark.parametrize("world", ["google", "caldav", "office365", "outlook"], indirect=True)
def test_calendar_that_is_read_only_refuses_writes(world):
    assert world.provider.calendar(world.readonly_id).writable is False
    with pytest.raises(Forbidden):
        world.provider.put(world.readonly_id, INTENT, Guard())


def test_locked_out_is_an_auth_answer_everywhere(world):
    made = create(world)
    _, cursor = pull(world)
    provider = world.locked_out()
    calls = [
        provider.calendars,
        lambda: provider.calendar(world.calendar_id),
        lambda: list(provider.pull(world.calendar_id, cursor, WINDOW)),
        lambda: list(provider.pull(world.calendar_id, "", WINDOW)),
        lambda: provider.get(world.calendar_id, [made.id]),
        lambda: provider.busy([world.calendar_id], WINDOW, 60),
        lambda: provider.find(world.calendar_id, INTENT.op_key),
        lambda: provider.put(world.calendar_id, changed(title="x"), guard_of(made)),
        lambda: provider.remove(world.calendar_id, guard_of(made)),
    ]
    for call in calls:
        with pytest.raises((AuthRevoked, AuthTransient)):
            call()
