"""What only Microsoft does: kinds of account, grants, codes, deltas and their windows, guards, zones, bodies, limits."""

from __future__ import annotations

import json
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.providers.microsoft.connect import ADMIN, DENIED, Flow, denial
from kalends.providers.microsoft.known import found
from kalends.providers.microsoft.push import read_notifications
from kalends.providers.registry import build
from kalends.sync.channels import ChannelRequest, Notification, NotificationKind
from kalends.sync.port import (
    Account,
    AllDay,
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    BusyState,
    Conflict,
    CursorExpired,
    Deleted,
    Forbidden,
    Guard,
    NotFound,
    Permanent,
    Temporary,
    Throttled,
)
from tests.contract.microsoft_world import OTHERS, times, weekly
from tests.contract.test_contract import (
    CONTENT,
    DAY,
    HOUR,
    INTENT,
    START,
    WINDOW,
    changed,
    create,
    events,
    guard_of,
    pull,
    read,
)
from tests.contract.worlds import Stored, span_of
from tests.e2e.processes import until
from tests.net.servers import answer, serve

pytestmark = pytest.mark.contract
WEEK = timedelta(weeks=1)


@pytest.fixture(params=["office365", "outlook"])
def world(request):
    return request.getfixturevalue(f"{request.param}_world")


def forget(world, ability):
    found.clear()
    assert found.get(ability, mailbox(world)) is None


def mailbox(world):
    return f"{world.proxy.url} {world.stored.read()['subject']}"


def verbs(world):
    return [line.split()[0] for line in world.proxy.requests]


# -- the grant ----------------------------------------------------------------------------------------------------


def test_connect_stores_a_grant_and_who_it_is(world):
    stored = world.stored.read()
    row = world.microsoft.store.accounts[world.account]
    assert set(stored) == {"access_token", "expires_at", "refresh_token", "subject", "email"}
    assert world.provider.identify() == Account(f"{row.tid}.{row.oid}", world.account)
    assert world.provider.kind == world.kind


def test_connect_F10_again_is_the_same_subject(world):
    other = build(world.kind, Stored(world.connect(OTHERS[world.kind])), world.settings)
    assert build(world.kind, Stored(world.connect()), world.settings).identify() == world.provider.identify()
    assert other.identify().subject != world.provider.identify().subject


def test_connect_refuses_a_grant_that_lacks_the_calendars(world):
    with pytest.raises(Forbidden) as caught:
        world.connect(scope="openid email profile offline_access")
    assert caught.value.detail == "permission_left_out"


def test_connect_refuses_a_code_that_is_not_valid(world):
    with pytest.raises(AuthRevoked):
        Flow(world.kind).exchange(world.settings, code="0.none", verifier="x" * 43, now=utc_now())


def test_connect_with_a_wrong_client_secret_is_the_operators_fault(world):
    settings = replace(world.settings, microsoft=replace(world.settings.microsoft, client_secret="wrong"))
    with pytest.raises(Permanent) as caught:
        Flow(world.kind).exchange(settings, code="0.none", verifier="x" * 43, now=utc_now())
    assert caught.value.detail == "invalid_client"


def test_connect_that_only_an_administrator_may_allow_is_told_apart_from_a_refusal(world):
    refused, _ = world.consent(decision="cancel")
    assert denial(refused["error"][0], refused["error_description"][0]) == DENIED
    world.microsoft.acts.set_account(world.account, admin_consent=True)
    wanting, _ = world.consent()
    assert denial(wanting["error"][0], wanting["error_description"][0]) == ADMIN


def test_an_expired_token_is_refreshed_and_the_new_refresh_token_kept(world):
    before = world.stored.read()
    world.microsoft.acts.expire_access(world.account)
    assert world.provider.calendar(world.calendar_id).primary is True
    after = world.stored.read()
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert verbs(world) == ["GET", "POST", "GET"]


def test_F37_eight_workers_at_once_all_go_on(world):
    failed = []

    def work():
        try:
            build(world.kind, world.stored, world.settings).calendar(world.calendar_id)
        except Exception as error:
            failed.append(error)

    world.microsoft.acts.expire_access(world.account)
    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []


def test_F51_a_revoked_grant_is_a_typed_verdict(world):
    with pytest.raises(AuthRevoked) as caught:
        world.locked_out().calendars()
    assert caught.value.detail == "invalid_grant"


def test_F51_conditional_access_wants_the_person_again(world):
    world.microsoft.acts.set_account(world.account, mfa=True)
    world.microsoft.acts.expire_access(world.account)
    with pytest.raises(AuthRevoked):
        world.provider.calendars()


@pytest.mark.parametrize(("status", "error"), [(500, Temporary), (503, Temporary), (429, Throttled)])
def test_F80_a_failing_token_endpoint_is_no_verdict(world, status, error):
    world.microsoft.acts.expire_access(world.account)
    world.sandbox.faults.add("error", path="/oauth2/v2.0/token", status=status)
    with pytest.raises(error):
        world.provider.calendars()
    assert world.provider.calendar(world.calendar_id).primary is True


def test_F80_a_401_that_a_new_token_does_not_mend_may_be_passing(world):
    world.sandbox.faults.add("error", path="/me/calendars", status=401, times=2)
    with pytest.raises(AuthTransient):
        world.provider.calendars()


def test_revoke_asks_nothing_of_microsoft(world):
    world.provider.revoke()
    assert world.proxy.requests == []


# -- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, "ApplicationThrottled", Throttled),
        (403, "ErrorAccessDenied", Forbidden),
        (404, "ErrorItemNotFound", NotFound),
        (404, "MailboxNotEnabledForRESTAPI", Permanent),
        (404, "ResourceNotFound", Permanent),
        (410, "syncStateNotFound", CursorExpired),
        (400, "SyncStateInvalid", CursorExpired),
        (410, "resyncChangesApplyDifferences", CursorExpired),
        (409, "ErrorIrresolvableConflict", Conflict),
        (412, "ErrorIrresolvableConflict", Conflict),
        (500, "InternalServerError", Temporary),
        (504, "GatewayTimeout", Temporary),
    ],
)
def test_F19_a_read_fails_by_its_code(world, status, code, error):
    world.sandbox.faults.add("error", path="/me/calendars", status=status, reason=code)
    with pytest.raises(error) as caught:
        world.provider.calendars()
    assert caught.value.detail == f"{status} {code}"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "x"), (403, "x"), (404, "MailboxNotEnabledForRESTAPI"), (404, "ResourceNotFound"), (429, "x"), (500, "x")],
)
def test_F19_no_failing_read_of_an_event_says_that_it_is_gone(world, status, code):
    made = create(world)
    world.sandbox.faults.add("error", method="GET", path="/events/", status=status, reason=code, times=2)
    with pytest.raises((AuthTransient, Forbidden, Throttled, Temporary, Permanent)):
        world.provider.get(world.calendar_id, [made.id])


def test_a_mailbox_that_graph_cannot_reach_has_lost_no_event(world):
    made = create(world)
    world.microsoft.acts.set_account(world.account, mailbox=False)
    with pytest.raises(Permanent):
        world.provider.get(world.calendar_id, [made.id])


def test_throttled_keeps_retry_after(world):
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    stored = Stored({**world.stored.read(), "expires_at": "2030-01-01T00:00:00+00:00"})
    provider = build(world.kind, stored, world.settings, lambda: now)
    for status in (429, 503):
        world.sandbox.faults.add("error", status=status, retry_after=90)
        with pytest.raises(Throttled) as caught:
            provider.calendars()
        assert caught.value.retry_at == now + timedelta(seconds=90)


class Chairs:
    """Seats among the threads of a test."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, int]] = set()
        self._chairs = threading.BoundedSemaphore(4)

    def __call__(self, key: str, most: int) -> Chair:
        self.asked.add((key, most))
        return Chair(self._chairs)


class Chair:
    def __init__(self, chairs: threading.BoundedSemaphore) -> None:
        self._chairs, self._mine = chairs, False

    def hold(self, patience: float) -> bool:
        self._mine = self._mine or self._chairs.acquire(timeout=patience)
        return self._mine

    def leave(self) -> None:
        if self._mine:
            self._chairs.release()
        self._mine = False


def test_G12_each_request_has_one_of_four_seats_at_the_mailbox(world):
    failed, chairs = [], Chairs()

    def work():
        try:
            with closing(build(world.kind, world.stored, replace(world.settings, seat=chairs))) as provider:
                provider.calendars()
                provider.calendars()
        except Exception as error:
            failed.append(error)

    world.sandbox.faults.add("delay", path="/me/calendars", seconds=0.05, times=24)
    workers = [threading.Thread(target=work) for _ in range(24)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert chairs.asked == {(f"{world.proxy.url} {world.stored.read()['subject']}", 4)}
    assert world.microsoft.throttle.highest <= 4


def test_G12_mailbox_without_a_free_seat_is_tried_later(world):
    chairs = Chairs()
    others = [chairs("", 4) for _ in range(4)]
    assert [chair.hold(0) for chair in others] == [True] * 4
    settings = replace(world.settings, seat=chairs)
    with closing(build(world.kind, world.stored, settings)) as provider, pytest.raises(Temporary) as error:
        provider.busy([world.calendar_id], Span(utc_now(), utc_now() + timedelta(hours=1)), 0.1)
    assert error.value.detail == "mailbox_busy"


@pytest.mark.parametrize("kind", ["error_after", "drop", "drop_after", "truncate"])
@pytest.mark.parametrize("conflict", [False, True])
def test_F02_whatever_happens_to_a_create_a_lookup_settles_it(world, kind, conflict):
    world.microsoft.acts.set(transaction_conflict=conflict)
    world.sandbox.faults.add(kind, method="POST", path="/events")
    with pytest.raises(Ambiguous):
        create(world)
    if world.provider.find(world.calendar_id, INTENT.op_key) is None:
        create(world)
    assert len(pull(world)[0]) == 1


def test_F02_a_409_on_a_create_says_nothing_unless_the_transaction_is_named(world):
    world.sandbox.faults.add(
        "error_after", method="POST", path="/events", status=409, reason="ErrorIrresolvableConflict"
    )
    with pytest.raises(Ambiguous):
        create(world)
    assert world.provider.find(world.calendar_id, INTENT.op_key).content == CONTENT


def test_F43_a_forbidden_write_is_said_to_be_forbidden(world):
    world.microsoft.acts.set_calendar(world.calendar_id, can_edit=False)
    with pytest.raises(Forbidden):
        create(world)


def test_remove_F19_after_losing_the_calendar_is_not_done(world):
    made = world.provider.put(world.second_id, INTENT, Guard()).event
    world.microsoft.acts.set_calendar(world.second_id, deleted=True)
    with pytest.raises(NotFound):
        world.provider.remove(world.second_id, guard_of(made))


# -- finding ------------------------------------------------------------------------------------------------------


def test_find_serves_without_the_search_by_property(world):
    made = create(world)
    # The list is of some time before and after now.
    provider = build(world.kind, world.stored, world.settings, lambda: START)
    world.sandbox.faults.add("error", method="GET", path="/events", status=400, reason="ErrorInvalidUrlQueryFilter")
    assert provider.find(world.calendar_id, INTENT.op_key).id == made.id
    world.proxy.requests.clear()
    assert provider.find(world.calendar_id, INTENT.op_key).content == made.content
    assert ["$filter" in line for line in world.proxy.requests] == [False, False]


def test_find_lists_too_until_the_search_has_found_something(world):
    assert world.provider.find(world.calendar_id, INTENT.op_key) is None
    assert ["/calendarView" in line for line in world.proxy.requests] == [False, True]
    create(world)
    assert world.provider.find(world.calendar_id, INTENT.op_key) is not None
    world.proxy.requests.clear()
    assert world.provider.find(world.calendar_id, "0" * 36) is None
    assert ["/calendarView" in line for line in world.proxy.requests] == [False]


# -- guards -------------------------------------------------------------------------------------------------------


def test_guard_is_proven_once_by_a_change_that_changes_nothing(world):
    made = create(world)
    forget(world, "guards")
    world.proxy.requests.clear()
    made = world.provider.put(world.calendar_id, changed(title="One"), guard_of(made)).event
    assert verbs(world) == ["PATCH", "PATCH"]
    world.proxy.requests.clear()
    world.provider.put(world.calendar_id, changed(title="Two"), guard_of(made))
    assert verbs(world) == ["PATCH"]


def test_guard_that_is_not_kept_is_replaced_by_reading_before_and_after(world):
    made = create(world)
    found.set("guards", mailbox(world), False)
    world.proxy.requests.clear()
    done = world.provider.put(world.calendar_id, changed(title="Mine"), guard_of(made)).event
    assert verbs(world) == ["GET", "PATCH", "GET"]
    assert (done.content.title, done.tag) == ("Mine", read(world, made.id).tag)
    with pytest.raises(Conflict):
        world.provider.put(world.calendar_id, changed(title="Stale"), guard_of(made))


# -- events -------------------------------------------------------------------------------------------------------


def test_F76_no_request_ever_carries_attendees(world):
    made = create(world)
    guest = {"emailAddress": {"address": "guest@example.org"}, "type": "required"}
    world.api("PATCH", f"events/{made.id}", {"attendees": [guest]})
    now = read(world, made.id)
    assert now.foreign_organizer is False
    world.provider.put(world.calendar_id, changed(title="Colour"), guard_of(now))
    kept = world.api("GET", f"events/{made.id}")["attendees"]
    assert [one["emailAddress"]["address"] for one in kept] == ["guest@example.org"]


def test_update_puts_back_an_event_that_was_made_all_day_and_recurring(world):
    made = create(world)
    day = datetime(2026, 12, 3, tzinfo=UTC)
    body = {**times(Span(day, day + DAY)), "isAllDay": True, "recurrence": weekly(day, 3)}
    world.api("PATCH", f"events/{made.id}", body)
    now = read(world, made.id)
    assert now.when == AllDay(date(2026, 12, 3), date(2026, 12, 4))
    assert bool(now.recurrence) is True
    assert (now.content.title, now.content.notes) == (CONTENT.title, CONTENT.notes)
    done = world.provider.put(world.calendar_id, INTENT, guard_of(now)).event
    assert (done.content, done.recurrence) == (CONTENT, ())


def test_F13_a_text_that_was_made_plain_keeps_both_parts(world):
    made = create(world)
    text = "Mine\r\n\r\n[Kalends]\r\nold\r\n[/Kalends]"
    world.api("PATCH", f"events/{made.id}", {"body": {"contentType": "text", "content": text}})
    now = read(world, made.id)
    assert now.content.notes == "old"
    done = world.provider.put(world.calendar_id, INTENT, guard_of(now)).event
    assert done.content.notes == CONTENT.notes
    assert "Mine" in world.api("GET", f"events/{made.id}")["body"]["content"]


def test_every_request_asks_for_immutable_ids(world):
    made = create(world)
    world.move(made.id, Span(START + DAY, START + DAY + HOUR))
    assert read(world, made.id).id == made.id
    assert world.provider.find(world.calendar_id, INTENT.op_key).id == made.id
    assert [item.id for item in pull(world)[0]] == [made.id]


@pytest.mark.parametrize(
    ("body", "busy", "declined"),
    [
        ({"showAs": "busy"}, BusyState.BUSY, False),
        ({"showAs": "free"}, BusyState.FREE, False),
        ({"showAs": "tentative"}, BusyState.TENTATIVE, False),
        ({"showAs": "oof"}, BusyState.OUT_OF_OFFICE, False),
        ({"showAs": "workingElsewhere"}, BusyState.ELSEWHERE, False),
        ({"showAs": "unknown"}, BusyState.BUSY, False),
    ],
)
def test_pull_F59_reads_the_busy_state(world, body, busy, declined):
    world.add(Span(START, START + HOUR), **body)
    (item,), _ = pull(world)
    assert (item.busy, item.declined) == (busy, declined)


def test_pull_F55_all_day_events_stay_days(world):
    span = Span(datetime(2026, 12, 24, tzinfo=UTC), datetime(2026, 12, 27, tzinfo=UTC))
    world.add(span, isAllDay=True)
    (item,), _ = pull(world)
    assert item.when == AllDay(date(2026, 12, 24), date(2026, 12, 27))
    (item,) = world.provider.busy([world.calendar_id], span, 60)[world.calendar_id]
    assert item.when == AllDay(date(2026, 12, 24), date(2026, 12, 27))


def test_pull_F54_windows_names_become_iana_names(world):
    start = {"dateTime": "2026-12-01T10:00:00", "timeZone": "Romance Standard Time"}
    end = {"dateTime": "2026-12-01T11:00:00", "timeZone": "Romance Standard Time"}
    world.api("POST", "events", {"subject": "x", "start": start, "end": end})
    (item,), _ = pull(world)
    assert (item.when.timezone, span_of(item)) == ("Europe/Paris", Span(START, START + HOUR))


def test_calendars_show_rights_and_primary(world):
    by_id = {info.id: info for info in world.provider.calendars()}
    assert [(info.primary, info.writable) for info in by_id.values()] == [(True, True), (False, True), (False, False)]
    info = by_id[world.calendar_id]
    assert (info.capabilities.push, info.capabilities.push_renews, info.capabilities.own_ids) == (True, True, False)
    assert (info.capabilities.guards, info.capabilities.delta) == (True, True)


# -- deltas -------------------------------------------------------------------------------------------------------


def test_pull_F57_gives_a_series_as_occurrences_and_a_master_that_does_not_block(world):
    master_id = world.add_series(START, 6, cancelled=2, moved=3, by=2 * HOUR)
    items, _ = pull(world)
    (master,) = [item for item in items if not item.series_id]
    assert (master.id, master.busy, bool(master.recurrence)) == (master_id, BusyState.FREE, True)
    starts = [START, START + WEEK, START + 3 * WEEK + 2 * HOUR, START + 4 * WEEK, START + 5 * WEEK]
    occurrences = [item for item in items if item.series_id]
    assert sorted(span_of(item).start for item in occurrences) == starts
    assert {(item.series_id, item.busy, item.recurrence) for item in occurrences} == {(master_id, BusyState.BUSY, ())}


def test_pull_F57_an_abridged_occurrence_has_what_its_series_has(world):
    world.add(Span(START, START + HOUR), showAs="oof", recurrence=weekly(START, 3))
    items, _ = pull(world)
    assert [item.busy for item in items if item.series_id] == [BusyState.OUT_OF_OFFICE] * 3


def test_pull_F25_a_cancelled_occurrence_is_seen_although_the_delta_does_not_say_it(world):
    master = world.add(Span(START, START + HOUR), recurrence=weekly(START, 52))
    items, cursor = pull(world)
    ids = world.instances(master, START, 53)
    assert len(ids) == 52
    world.api("DELETE", f"events/{ids[17]}")
    pages = list(world.provider.pull(world.calendar_id, cursor, WINDOW))
    (series,) = [series for page in pages for series in page.series]
    assert series.id == master
    assert {item.id for item in items if item.series_id} - series.members == {ids[17]}
    assert len(series.members) == 51


def test_pull_F24_an_event_that_left_the_window_is_only_a_hint(world):
    made = create(world)
    _, cursor = pull(world)
    far = Span(START + 1095 * DAY, START + 1095 * DAY + HOUR)
    world.move(made.id, far)
    assert pull(world, cursor)[0] == [Deleted(made.id)]
    assert span_of(read(world, made.id)) == far


def test_pull_F23_a_deletion_that_the_delta_keeps_quiet_is_absent_from_the_next_full_read(world):
    made = create(world)
    _, cursor = pull(world)
    world.microsoft.acts.set(hide_deletions=1)
    world.delete(made.id)
    assert pull(world, cursor)[0] == []
    assert pull(world)[0] == []
    assert read(world, made.id) is None


@pytest.mark.parametrize("settings", [{"empty_pages": 2}, {"page_cap": 2}, {"replay": True}])
def test_pull_reads_through_empty_short_and_repeated_pages(world, settings):
    first = [world.add(Span(START + n * HOUR, START + (n + 1) * HOUR)) for n in range(5)]
    world.microsoft.acts.set(**settings)
    items, cursor = pull(world)
    assert sorted(item.id for item in items) == sorted(first)
    more = [world.add(Span(START + n * HOUR, START + (n + 1) * HOUR)) for n in range(5, 9)]
    items, _ = pull(world, cursor)
    assert {item.id for item in items} == set(more)


def test_pull_F72_a_page_that_fails_ends_the_pull_without_a_cursor(world):
    for number in range(5):
        world.add(Span(START + number * HOUR, START + (number + 1) * HOUR))
    world.microsoft.acts.set(page_cap=2)
    pages = world.provider.pull(world.calendar_id, "", WINDOW)
    seen = [next(pages), next(pages)]
    world.sandbox.faults.add("error", path="/delta", status=503)
    with pytest.raises(Temporary):
        next(pages)
    assert [(page.last, page.next_cursor) for page in seen] == [(False, ""), (False, "")]


@pytest.mark.parametrize("code", ["syncStateNotFound", "resyncRequired"])
def test_pull_with_a_forgotten_cursor_is_expired_whatever_the_code(world, code):
    _, cursor = pull(world)
    world.microsoft.acts.set(expired_code=code)
    with pytest.raises(CursorExpired):
        list(world.provider.pull(world.calendar_id, world.stale(cursor), WINDOW))


def test_pull_with_a_window_that_moved_away_from_the_cursors_reads_everything(world):
    _, cursor = pull(world)
    near, far = WINDOW.start + 8 * DAY, WINDOW.start + 15 * DAY
    assert list(world.provider.pull(world.calendar_id, cursor, Span(near, near + 430 * DAY)))[-1].last is True
    with pytest.raises(CursorExpired) as caught:
        list(world.provider.pull(world.calendar_id, cursor, Span(far, far + 430 * DAY)))
    assert caught.value.detail == "window moved"


@pytest.mark.parametrize("cursor", ["nonsense", "{}", '{"link": "x", "start": "x", "end": "x"}'])
def test_pull_with_a_cursor_that_is_not_ours_is_expired(world, cursor):
    with pytest.raises(CursorExpired):
        list(world.provider.pull(world.calendar_id, cursor, WINDOW))


def test_pull_follows_no_link_to_another_server(world):
    _, cursor = pull(world)
    kept = json.loads(cursor)
    kept["link"] = kept["link"].replace(world.proxy.url, "https://graph.example")
    with pytest.raises(CursorExpired):
        list(world.provider.pull(world.calendar_id, json.dumps(kept), WINDOW))
    world.microsoft.api.base_url = "https://graph.example"
    world.microsoft.acts.set(page_cap=1)
    for number in range(2):
        world.add(Span(START + number * HOUR, START + (number + 1) * HOUR))
    pages = world.provider.pull(world.calendar_id, "", WINDOW)
    next(pages)
    with pytest.raises(Permanent) as caught:
        next(pages)
    assert caught.value.detail == "link_elsewhere"


# -- calendars other than the default one ---------------------------------------------------------------------------


def second(world, cursor=""):
    pages = list(world.provider.pull(world.second_id, cursor, WINDOW))
    return [item for page in pages for item in page.items], pages[-1]


def test_pull_of_a_second_calendar_trusts_a_delta_that_says_what_the_list_says(world):
    there = world.add(Span(START, START + HOUR), calendar_id=world.second_id)
    world.add(Span(START, START + HOUR))
    items, last = second(world)
    assert ([item.id for item in items], last.complete) == ([there], True)
    assert found.get("delta", f"{mailbox(world)} {world.second_id}") is True
    new = world.add(Span(START + DAY, START + DAY + HOUR), calendar_id=world.second_id)
    items, last = second(world, last.next_cursor)
    assert ([item.id for item in items], last.complete) == ([new], False)


def test_pull_of_a_second_calendar_without_a_delta_lists_the_window_each_time(world):
    world.microsoft.acts.set(delta_default_only=True)
    there = world.add(Span(START, START + HOUR), calendar_id=world.second_id)
    made = world.provider.put(world.second_id, INTENT, Guard()).event
    for _ in range(2):
        items, last = second(world)
        assert {(item.id, item.op_key) for item in items} == {(there, ""), (made.id, INTENT.op_key)}
        assert (last.last, last.complete, last.next_cursor) == (True, True, "")
    info = world.provider.calendar(world.second_id)
    assert info.capabilities.delta is False
    assert world.provider.calendar(world.calendar_id).capabilities.delta is True
    world.proxy.requests.clear()
    second(world)
    assert ["/delta" in line for line in world.proxy.requests] == [False, False]


# -- at the moment of booking -----------------------------------------------------------------------------------


def test_busy_expands_a_series_and_drops_what_was_taken_out(world):
    master = world.add_series(START, 6, cancelled=2, moved=3, by=2 * HOUR)
    items = world.provider.busy([world.calendar_id], Span(START, START + 4 * WEEK), 60)[world.calendar_id]
    assert sorted(span_of(item).start for item in items) == [START, START + WEEK, START + 3 * WEEK + 2 * HOUR]
    assert {item.series_id for item in items} == {master}


def test_busy_names_our_own_event_and_no_text(world):
    made = create(world)
    (item,) = world.provider.busy([world.calendar_id], Span(START, START + HOUR), 60)[world.calendar_id]
    assert (item.id, item.tag, item.op_key, item.content, item.raw) == (made.id, made.tag, INTENT.op_key, None, "")


def test_busy_gives_up_in_time(world):
    world.sandbox.faults.add("delay", path="/calendarView", seconds=0.3, times=5)
    with pytest.raises(Temporary):
        world.provider.busy([world.calendar_id, world.second_id], WINDOW, 0.2)
    world.sandbox.faults.clear()
    assert world.provider.calendar(world.calendar_id).primary is True


def test_no_error_text_carries_a_token_or_an_address(world):
    world.sandbox.faults.add("error", path="/me/calendars", status=403, reason="ErrorAccessDenied")
    with pytest.raises(Forbidden) as caught:
        world.provider.calendars()
    assert str(caught.value) == "403 ErrorAccessDenied"
    assert world.stored.read()["access_token"] not in repr(world.settings) + str(caught.value)


def test_F03_after_a_deletion_outside_no_old_event_comes_back(world):
    made = create(world)
    world.delete(made.id)
    assert world.provider.find(world.calendar_id, INTENT.op_key) is None
    again = create(world)
    assert again.id != made.id
    assert [item.id for item in events(pull(world)[0])] == [again.id]


# -- channels -----------------------------------------------------------------------------------------------------


@contextmanager
def receiver():
    """Our side of a subscription: echoes the validation token, takes whatever comes."""

    def handle(connection, request):
        path = request.split(b" ", 2)[1].decode()
        token = parse_qs(urlsplit(path).query).get("validationToken", [""])[0]
        bodies.append(request.partition(b"\r\n\r\n")[2])
        connection.sendall(answer(body=token.encode(), headers="Content-Type: text/plain\r\n"))

    bodies = []
    with serve(handle) as server:
        yield server, bodies


def request_of(server, **changed):
    wanted = {"id": "c1", "address": f"{server.url}/n", "lifecycle_address": f"{server.url}/l", "secret": "s3cret"}
    return ChannelRequest(**wanted, expires=changed.get("expires", utc_now() + DAY))


def test_channel_is_opened_renewed_and_closed(world):
    with receiver() as (server, bodies):
        granted = world.provider.open_channel(world.calendar_id, request_of(server))
        assert timedelta() < utc_now() + DAY - granted.expires < timedelta(minutes=1)
        renewed = world.provider.renew_channel("c1", granted.remote_id, utc_now() + 2 * DAY)
        assert (renewed.remote_id, renewed.expires > granted.expires) == (granted.remote_id, True)
        del bodies[:]
        world.add(Span(START, START + HOUR))
        until(lambda: bodies, "a notification")
        assert read_notifications(bodies[0]) == [
            Notification("", granted.remote_id, "s3cret", NotificationKind.CHANGED)
        ]
        world.provider.close_channel("c1", granted.remote_id)
        world.provider.close_channel("c1", granted.remote_id)
        with pytest.raises(NotFound):
            world.provider.renew_channel("c1", granted.remote_id, utc_now() + DAY)


def test_channel_for_longer_than_microsoft_takes_is_given_its_longest(world):
    with receiver() as (server, _):
        granted = world.provider.open_channel(world.calendar_id, request_of(server, expires=utc_now() + 30 * DAY))
    assert timedelta(minutes=10_000) < granted.expires - utc_now() < timedelta(minutes=10_080)


def test_channel_to_an_address_that_does_not_answer_is_refused(world):
    with serve(lambda connection, request: connection.sendall(answer("500 No"))) as server, pytest.raises(Permanent):
        world.provider.open_channel(world.calendar_id, request_of(server))


def test_channel_of_a_calendar_that_is_not_there_is_refused(world):
    with receiver() as (server, _), pytest.raises((NotFound, Permanent)):
        world.provider.open_channel(world.missing_id, request_of(server))
