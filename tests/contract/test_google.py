"""What only Google does: grants, reasons, pages, tombstones, all-day and foreign events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest

from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.providers.google.connect import CALENDAR_SCOPES, exchange
from kalends.providers.registry import build
from kalends.sync.port import (
    Account,
    AllDay,
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    BusyState,
    Conflict,
    CursorExpired,
    Forbidden,
    Guard,
    NotFound,
    Permanent,
    Temporary,
    Throttled,
)
from tests.contract.google_world import EMMA, JUAN
from tests.contract.test_contract import CONTENT, HOUR, INTENT, START, WINDOW, changed, create, events, guard_of, pull
from tests.contract.worlds import Stored, span_of

pytestmark = pytest.mark.contract


@pytest.fixture
def world(google_world):
    return google_world


# -- the grant ----------------------------------------------------------------------------------------------------


def test_connect_stores_a_grant_and_who_it_is(world):
    stored = world.stored.read()
    assert set(stored) == {"access_token", "expires_at", "refresh_token", "subject", "email"}
    assert world.provider.identify() == Account(stored["subject"], EMMA)
    assert stored["subject"] == world.sandbox.store.accounts[EMMA].sub


def test_connect_F10_again_is_the_same_subject(world):
    again = build("google", Stored(world.connect()), world.settings)
    other = build("google", Stored(world.connect(JUAN)), world.settings)
    assert again.identify().subject == world.provider.identify().subject
    assert other.identify().subject != world.provider.identify().subject


@pytest.mark.parametrize("without", CALENDAR_SCOPES)
def test_connect_refuses_a_grant_that_lacks_a_permission(world, without):
    with pytest.raises(Forbidden) as caught:
        world.connect(without=without)
    assert caught.value.detail == "permission_left_out"


def test_connect_refuses_a_code_that_is_not_valid(world):
    with pytest.raises(AuthRevoked):
        exchange(world.settings, code="4/none", verifier="x" * 43, now=utc_now())


def test_connect_with_a_wrong_client_secret_is_the_operators_fault(world):
    google = replace(world.settings.google, client_secret="wrong")
    with pytest.raises(Permanent) as caught:
        exchange(replace(world.settings, google=google), code="4/none", verifier="x" * 43, now=utc_now())
    assert caught.value.detail == "invalid_client"


def test_an_expired_token_is_refreshed_and_stored(world):
    before = world.stored.read()
    world.sandbox.faults.expire_access_tokens(EMMA)
    assert world.provider.calendar(EMMA).primary is True
    after = world.stored.read()
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] == before["refresh_token"]
    assert [line.split()[1].partition("?")[0] for line in world.proxy.requests] == [
        f"/calendar/v3/users/me/calendarList/{EMMA.replace('@', '%40')}",
        "/token",
        f"/calendar/v3/users/me/calendarList/{EMMA.replace('@', '%40')}",
    ]


def test_a_token_that_is_due_is_refreshed_before_it_is_used(world):
    late = datetime.now(UTC) + timedelta(minutes=59, seconds=30)
    provider = build("google", world.stored, world.settings, lambda: late)
    provider.calendar(EMMA)
    assert [line.split()[0] for line in world.proxy.requests] == ["POST", "GET"]


def test_F37_a_refresh_that_another_worker_won_uses_the_winners_token(world):
    """The stored credentials change between the refresh and the write of its result."""

    class Raced(Stored):
        def replace(self, old, new):
            world.sandbox.faults.expire_access_tokens(EMMA)
            self.secret = {**new, **world.connect()}
            return False

    credentials = Raced({**world.stored.read(), "access_token": ""})
    provider = build("google", credentials, world.settings)
    assert provider.calendar(EMMA).primary is True
    assert credentials.read()["access_token"] != ""


def test_F37_invalid_grant_reads_again_before_the_verdict(world):
    """Another worker reconnected meanwhile: the old refresh token is dead, the account is not."""

    class Reconnected(Stored):
        reads = 0

        def read(self):
            self.reads += 1
            if self.reads > 1:
                self.secret = fresh
            return super().read()

    fresh = world.connect()
    credentials = Reconnected({**fresh, "access_token": "old", "expires_at": "2020-01-01T00:00:00+00:00"})
    credentials.secret = {**credentials.secret, "refresh_token": "1//dead"}
    provider = build("google", credentials, world.settings)
    assert provider.calendar(EMMA).primary is True


def test_F37_eight_workers_at_once_all_go_on(world):
    failed = []

    def work():
        try:
            build("google", world.stored, world.settings).calendar(EMMA)
        except Exception as error:
            failed.append(error)

    world.sandbox.faults.expire_access_tokens(EMMA)
    workers = [Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []


def test_F51_a_revoked_grant_is_a_typed_verdict(world):
    with pytest.raises(AuthRevoked) as caught:
        world.locked_out().calendars()
    assert caught.value.detail == "invalid_grant"


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [(500, "internal", Temporary), (503, "backendError", Temporary), (429, "slow_down", Throttled)],
)
def test_F80_a_failing_token_endpoint_is_no_verdict(world, status, reason, error):
    world.sandbox.faults.expire_access_tokens(EMMA)
    world.sandbox.faults.add("error", path="/token", status=status, reason=reason)
    with pytest.raises(error):
        world.provider.calendars()
    assert world.provider.calendar(EMMA).primary is True


def test_F80_a_401_that_a_new_token_does_not_mend_may_be_passing(world):
    world.sandbox.faults.add("error", path="/calendarList", status=401, reason="authError", times=2)
    with pytest.raises(AuthTransient):
        world.provider.calendars()


def test_revoke_gives_the_grant_back_and_again_counts_as_done(world):
    world.provider.revoke()
    world.provider.revoke()
    world.sandbox.faults.expire_access_tokens(EMMA)
    with pytest.raises(AuthRevoked):
        world.provider.calendars()


# -- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (403, "rateLimitExceeded", Throttled),
        (403, "userRateLimitExceeded", Throttled),
        (403, "quotaExceeded", Throttled),
        (429, "rateLimitExceeded", Throttled),
        (403, "forbidden", Forbidden),
        (403, "insufficientPermissions", Forbidden),
        (403, "accessNotConfigured", Permanent),
        (400, "invalid", Permanent),
        (404, "notFound", NotFound),
        (410, "deleted", NotFound),
        (500, "backendError", Temporary),
        (503, "backendError", Temporary),
    ],
)
def test_F19_a_read_fails_by_its_reason(world, status, reason, error):
    world.sandbox.faults.add("error", path="/calendarList", status=status, reason=reason)
    with pytest.raises(error) as caught:
        world.provider.calendars()
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "authError"), (403, "forbidden"), (429, "rateLimitExceeded"), (500, "x")]
)
def test_F19_no_failing_read_of_an_event_says_that_it_is_gone(world, status, reason):
    made = create(world)
    world.sandbox.faults.add("error", method="GET", path="/events/", status=status, reason=reason, times=2)
    with pytest.raises((AuthTransient, Forbidden, Throttled, Temporary)):
        world.provider.get(EMMA, [made.id])


def test_throttled_keeps_retry_after(world):
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    stored = Stored({**world.stored.read(), "expires_at": "2030-01-01T00:00:00+00:00"})
    provider = build("google", stored, world.settings, lambda: now)
    world.sandbox.faults.add("error", status=403, reason="rateLimitExceeded", retry_after=90)
    with pytest.raises(Throttled) as caught:
        provider.calendars()
    assert caught.value.retry_at == now + timedelta(seconds=90)


@pytest.mark.parametrize("kind", ["error_after", "drop", "drop_after", "truncate"])
def test_F02_whatever_happens_to_a_create_a_lookup_settles_it(world, kind):
    world.sandbox.faults.add(kind, method="POST", path="/events")
    with pytest.raises(Ambiguous):
        create(world)
    if world.provider.find(EMMA, INTENT.op_key) is None:
        create(world)
    items, _ = pull(world)
    assert [item.id for item in items] == [INTENT.op_key]


def test_F43_a_forbidden_write_is_said_to_be_forbidden(world):
    world.sandbox.faults.set_role(EMMA, EMMA, "reader")
    with pytest.raises(Forbidden):
        create(world)


def test_remove_F19_after_losing_the_calendar_is_not_done(world):
    made = create(world)
    world.sandbox.faults.set_role(EMMA, EMMA, "none")
    with pytest.raises((NotFound, Forbidden)):
        world.provider.remove(EMMA, guard_of(made))
    assert world.sandbox.store.event(EMMA, made.id).cancelled is False


# -- events -------------------------------------------------------------------------------------------------------


def test_F76_no_request_ever_carries_attendees_or_asks_for_mail(world):
    made = create(world)
    world.api("PATCH", made.id, {"attendees": [{"email": "guest@example.org"}]})
    now = world.provider.get(EMMA, [made.id])[made.id]
    world.provider.put(EMMA, changed(title="Colour"), guard_of(now))
    assert [guest["email"] for guest in world.api("GET", made.id)["attendees"]] == ["guest@example.org"]
    now = world.provider.get(EMMA, [made.id])[made.id]
    assert now.foreign_organizer is False
    world.provider.remove(EMMA, guard_of(now))
    writes = [line for line in world.proxy.requests if not line.startswith("GET")]
    assert [line.split()[0] for line in writes] == ["POST", "PATCH", "DELETE"]
    assert all(line.endswith("?sendUpdates=none") for line in writes)


def test_create_F03_of_a_deleted_id_is_a_conflict_and_shows_cancelled(world):
    made = create(world)
    world.delete(made.id)
    with pytest.raises(Conflict):
        create(world)
    found = world.provider.find(EMMA, INTENT.op_key)
    assert (found.cancelled, found.op_key, found.content, found.raw) == (True, INTENT.op_key, None, "")


def test_update_puts_back_an_event_that_was_made_all_day_and_recurring(world):
    made = create(world)
    day = {"date": "2026-12-03", "dateTime": None, "timeZone": None}
    end = {"date": "2026-12-04", "dateTime": None, "timeZone": None}
    world.api("PATCH", made.id, {"start": day, "end": end, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    now = world.provider.get(EMMA, [made.id])[made.id]
    assert now.when == AllDay(date(2026, 12, 3), date(2026, 12, 4))
    assert now.recurrence == ("RRULE:FREQ=DAILY;COUNT=3",)
    assert (now.content.title, now.content.notes) == (CONTENT.title, CONTENT.notes)
    done = world.provider.put(EMMA, INTENT, guard_of(now)).event
    assert (done.content, done.recurrence) == (CONTENT, ())


def test_update_F38_reads_nothing_when_it_has_the_event(world):
    made = create(world)
    world.proxy.requests.clear()
    world.provider.put(EMMA, changed(title="Colour"), guard_of(made))
    assert [line.split()[0] for line in world.proxy.requests] == ["PATCH"]


def test_pull_F72_a_page_that_fails_ends_the_pull_without_a_cursor(world):
    for number in range(7):
        world.add(Span(START + number * HOUR, START + (number + 1) * HOUR))
    world.sandbox.faults.page_cap = 2
    pages = world.provider.pull(EMMA, "", WINDOW)
    seen = [next(pages), next(pages)]
    world.sandbox.faults.add("error", path="/events", status=503)
    with pytest.raises(Temporary):
        next(pages)
    assert [(page.last, page.next_cursor) for page in seen] == [(False, ""), (False, "")]
    items, cursor = pull(world)
    assert (len(items), bool(cursor)) == (7, True)


def test_pull_pages_through_a_delta(world):
    _, cursor = pull(world)
    ids = [world.add(Span(START + n * HOUR, START + (n + 1) * HOUR)) for n in range(5)]
    world.sandbox.faults.page_cap = 2
    items, _ = pull(world, cursor)
    assert sorted(item.id for item in items) == sorted(ids)


@pytest.mark.parametrize("cursor", ["nonsense", "CPDAlvWDx70CEPDAlvWDx70CGAU="])
def test_pull_with_a_cursor_that_google_never_gave_is_expired(world, cursor):
    with pytest.raises(CursorExpired):
        list(world.provider.pull(EMMA, cursor, WINDOW))


@pytest.mark.parametrize(
    ("body", "busy", "declined"),
    [
        ({}, BusyState.BUSY, False),
        ({"transparency": "transparent"}, BusyState.FREE, False),
        ({"status": "tentative"}, BusyState.TENTATIVE, False),
        ({"eventType": "outOfOffice", "outOfOfficeProperties": {}}, BusyState.OUT_OF_OFFICE, False),
        ({"attendees": [{"email": EMMA, "responseStatus": "declined"}]}, BusyState.BUSY, True),
        ({"attendees": [{"email": EMMA, "responseStatus": "tentative"}]}, BusyState.TENTATIVE, False),
        ({"attendees": [{"email": EMMA, "responseStatus": "needsAction"}]}, BusyState.BUSY, False),
        ({"attendees": [{"email": JUAN, "responseStatus": "declined"}]}, BusyState.BUSY, False),
    ],
)
def test_pull_F59_reads_the_busy_state(world, body, busy, declined):
    times = {"start": {"dateTime": "2026-12-01T09:00:00Z"}, "end": {"dateTime": "2026-12-01T10:00:00Z"}}
    world.api("POST", body={**times, **body})
    (item,), _ = pull(world)
    assert (item.busy, item.declined) == (busy, declined)


def test_pull_F55_all_day_events_stay_days(world):
    world.api("POST", body={"start": {"date": "2026-12-24"}, "end": {"date": "2026-12-27"}})
    (item,), _ = pull(world)
    assert item.when == AllDay(date(2026, 12, 24), date(2026, 12, 27))


def test_pull_F58_a_series_keeps_its_authors_zone(world):
    body = {
        "start": {"dateTime": "2026-10-20T10:00:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2026-10-20T11:00:00", "timeZone": "America/New_York"},
        "recurrence": ["RRULE:FREQ=WEEKLY"],
    }
    world.api("POST", body=body)
    (item,), _ = pull(world)
    assert item.when.timezone == "America/New_York"
    assert span_of(item).start == datetime(2026, 10, 20, 14, tzinfo=UTC)


def test_busy_expands_a_series_and_drops_what_was_taken_out(world):
    master = world.add_series(START, 6, cancelled=2, moved=3, by=2 * HOUR)
    week = timedelta(weeks=1)
    found = world.provider.busy([EMMA], Span(START, START + 4 * week), 60)[EMMA]
    assert sorted(span_of(event).start for event in found) == [START, START + week, START + 3 * week + 2 * HOUR]
    assert {event.series_id for event in found} == {master}


def test_busy_gives_up_in_time(world):
    world.sandbox.faults.add("delay", path="/events", seconds=0.3, times=5)
    with pytest.raises(Temporary):
        world.provider.busy([EMMA, world.readonly_id], WINDOW, 0.2)
    world.sandbox.faults.clear()
    assert world.provider.calendar(EMMA).primary is True


def test_calendars_show_role_zone_and_primary(world):
    by_id = {info.id: info for info in world.provider.calendars()}
    assert (by_id[EMMA].primary, by_id[EMMA].writable, by_id[EMMA].timezone) == (True, True, "Europe/Paris")
    team = by_id[world.readonly_id]
    assert (team.name, team.primary, team.writable, team.timezone) == ("Team", False, False, "Europe/Madrid")
    assert by_id[EMMA].capabilities.push is True


def test_F09_the_same_event_in_two_calendars_has_the_same_id(world):
    made = create(world)
    other = next(info.id for info in world.provider.calendars() if info.name == "Personal")
    moved = world.provider.put(other, INTENT, Guard()).event
    assert (moved.id, events(pull(world)[0])[0].id) == (made.id, made.id)


def test_no_error_text_carries_a_token_or_an_address(world):
    world.sandbox.faults.add("error", path="/calendarList", status=403, reason="forbidden")
    with pytest.raises(Forbidden) as caught:
        world.provider.calendars()
    assert str(caught.value) == "403 forbidden"
    assert world.stored.read()["access_token"] not in repr(world.settings) + str(caught.value)
