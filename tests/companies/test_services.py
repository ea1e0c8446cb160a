from __future__ import annotations

from datetime import date, timedelta

import pytest

from kalends.companies import selectors, services
from kalends.companies.models import ApiKey, AuditEntry, Feed, FeedKind, WorkingHours
from kalends.companies.values import DayOverride, Hours, MinuteRange, WeeklyRange
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.ids import token_digest
from tests.factories import NOW, make_company, make_service, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("slug", ["Upper", "two--hyphens", "", "x" * 61, "dashboard", "api", "a", "über"])
def test_company_slug_that_cannot_serve_is_refused(slug: str):
    with pytest.raises(InvalidInput) as refused:
        services.create_company(name="X", slug=slug, timezone="UTC", owner=make_user())
    assert refused.value.field == "slug"


def test_company_with_an_unknown_zone_is_refused():
    with pytest.raises(InvalidInput) as refused:
        services.create_company(name="X", slug="x", timezone="Mars/Olympus", owner=make_user())
    assert refused.value.field == "timezone"


def test_new_company_has_every_switch_off_and_a_feed():
    company = make_company()
    assert [getattr(company, name) for name in services.PROVIDER_SWITCHES] == [False] * 4
    assert company.bidirectional is False
    assert (company.on_outside_move, company.on_outside_delete) == ("accept_and_flag", "ask")
    assert list(Feed.objects.filter(company=company).values_list("kind", flat=True)) == [FeedKind.COMPANY]


def test_proposed_slug_avoids_taken_and_reserved_ones():
    make_company("lakeside")
    assert services.propose_slug("Lakeside") == "lakeside-2"
    assert services.propose_slug("Dashboard") == "dashboard-company"


def test_overlong_name_is_refused_and_names_the_field():
    company = make_company()
    with pytest.raises(InvalidInput) as refused:
        make_staff(company, "x" * 121)
    assert refused.value.field == "name"
    assert company.staff.count() == 0


@pytest.mark.parametrize(
    "ranges",
    [
        [(540, 660), (600, 720)],
        [(540, 720), (600, 660)],
        [(840, 780)],
        [(540, 540)],
        [(-5, 60)],
        [(1000, 1441)],
    ],
)
def test_hours_that_cannot_be_meant_are_refused_and_change_nothing(ranges: list[tuple[int, int]]):
    staff = make_staff(make_company())
    before = list(WorkingHours.objects.values_list("weekday", "start_minute", "end_minute"))
    with pytest.raises(InvalidInput):
        services.set_hours(
            staff=staff, hours=Hours("UTC", [WeeklyRange(0, a, b) for a, b in ranges]), actor="t", now=NOW
        )
    assert list(WorkingHours.objects.values_list("weekday", "start_minute", "end_minute")) == before


def test_name_is_one_line_and_keeps_what_joins_its_letters():
    company = make_company()
    assert make_staff(company, "  Ann\r\n\tMarie\u2028Lee ", email="").name == "Ann Marie Lee"
    joined = "علی\u200cرضا 👩\u200d⚕️"
    assert make_staff(company, joined, email="").name == joined
    with pytest.raises(InvalidInput) as refused:
        make_staff(company, "Bell\x07", email="")
    assert (refused.value.field, company.staff.count()) == ("name", 2)


def test_hours_may_touch_and_come_unsorted():
    staff = make_staff(make_company())
    weekly = [WeeklyRange(0, 600, 660), WeeklyRange(0, 540, 600)]
    override = DayOverride(date(2026, 3, 3), [MinuteRange(0, 1440)])
    services.set_hours(staff=staff, hours=Hours("Asia/Tokyo", weekly, [override]), actor="t", now=NOW)
    staff.refresh_from_db()
    assert staff.timezone == "Asia/Tokyo"
    assert list(staff.working_hours.values_list("start_minute", "end_minute")) == [(540, 600), (600, 660)]
    assert list(staff.overrides.values_list("date", "ranges")) == [(date(2026, 3, 3), [[0, 1440]])]


def test_whatever_changes_slots_raises_the_schedule_revision():
    company = make_company()
    staff = make_staff(company)
    service = make_service(company, staff=[staff])
    seen = [staff.schedule_revision]

    def step() -> None:
        staff.refresh_from_db()
        assert staff.schedule_revision > seen[-1]
        seen.append(staff.schedule_revision)

    services.set_hours(staff=staff, hours=Hours("UTC", []), actor="t", now=NOW)
    step()
    off = services.add_time_off(staff=staff, start=NOW, end=NOW + timedelta(hours=1), actor="t", now=NOW)
    step()
    services.delete_time_off(time_off=off, actor="t", now=NOW)
    step()
    services.change_service(service=service, duration=45, actor="t", now=NOW)
    step()
    closing = services.add_closing(company=company, start=NOW, end=NOW + timedelta(days=1), actor="t", now=NOW)
    step()
    services.delete_closing(closing=closing, actor="t", now=NOW)
    step()
    services.change_staff(staff=staff, active=False, actor="t", now=NOW)
    step()


def test_group_takes_members_of_its_own_company_only():
    ours, theirs = make_company("ours"), make_company("theirs")
    emma, stranger = make_staff(ours), make_staff(theirs, "Stranger")
    group = services.create_group(company=ours, name="Doctors", staff=[emma, stranger], actor="t", now=NOW)
    assert list(group.staff.all()) == [emma]


def test_selectors_do_not_find_another_companys_rows():
    ours, theirs = make_company("ours"), make_company("theirs")
    stranger = make_staff(theirs)
    service = make_service(theirs)
    with pytest.raises(NotFound):
        selectors.staff_member(ours, stranger.pk)
    with pytest.raises(NotFound):
        selectors.service_of(ours, str(service.pk))
    with pytest.raises(NotFound):
        selectors.service_of(ours, "not-an-id")


def test_service_and_giver_are_found_together_only_where_one_gives_the_other():
    ours, theirs = make_company("ours"), make_company("theirs")
    emma, noah, stranger = make_staff(ours), make_staff(ours, "Noah Berg"), make_staff(theirs)
    cut, closed = make_service(ours, staff=[emma]), make_service(ours, "Closed", staff=[emma])
    foreign = make_service(theirs, staff=[stranger])
    services.change_service(service=closed, active=False, actor="t", now=NOW)
    service, staff = selectors.service_and_giver(ours, str(cut.pk), str(emma.pk))
    assert (service, service.company, staff, staff.company) == (cut, ours, emma, ours)
    pairs = [(cut, noah), (closed, emma), (foreign, stranger), (cut, stranger), (foreign, emma)]
    assert [selectors.service_and_giver(ours, one.pk, other.pk) for one, other in pairs] == [None] * 5
    assert selectors.service_and_giver(ours, "not-an-id", emma.pk) is None
    services.change_staff(staff=emma, active=False, actor="t", now=NOW)
    assert selectors.service_and_giver(ours, cut.pk, emma.pk) is None


def test_feed_secret_is_shown_again_but_not_stored_in_the_clear():
    feed = make_staff(make_company()).feed
    url = selectors.feed_url(feed)
    secret = url.removeprefix("http://127.0.0.1:8000/feeds/").removesuffix(".ics")
    stored = Feed.objects.filter(pk=feed.pk).values().get()
    assert len(secret) == 43
    assert stored["secret_digest"] == token_digest(secret)
    assert secret not in str(stored)
    assert selectors.feed_by_secret(secret) == feed


def test_rotated_feed_answers_at_its_new_address_only():
    feed = make_staff(make_company()).feed
    old = selectors.feed_url(feed).rsplit("/", 1)[1].removesuffix(".ics")
    services.rotate_feed(feed=feed, actor="t", now=NOW)
    new = selectors.feed_url(feed).rsplit("/", 1)[1].removesuffix(".ics")
    with pytest.raises(NotFound):
        selectors.feed_by_secret(old)
    assert selectors.feed_by_secret(new).pk == feed.pk


def test_api_key_is_stored_as_a_hash_and_stops_when_revoked():
    company = make_company()
    key, token = services.create_api_key(company=company, name="CRM", may_write=True, actor="t", now=NOW)
    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert token not in str(stored)
    assert selectors.api_key_by_token(token, NOW).pk == key.pk
    services.revoke_api_key(key=key, actor="t", now=NOW)
    assert selectors.api_key_by_token(token, NOW) is None


def test_switch_listener_runs_in_the_same_transaction():
    company = make_company()
    heard: list[tuple[str, set[str]]] = []

    def listener(changed_company, names: set[str]) -> None:
        heard.append((changed_company.slug, names))
        raise InvalidInput("no")

    from kalends.companies.services import companies as module

    services.on_provider_switches_changed(listener)
    try:
        with pytest.raises(InvalidInput):
            services.change_calendar_sync(company=company, google_enabled=True, actor="t", now=NOW)
    finally:
        module._on_switches_changed.remove(listener)
    company.refresh_from_db()
    assert heard == [("lakeside", {"google_enabled"})]
    assert company.google_enabled is False


def test_changed_setting_leaves_an_audit_entry_with_before_and_after():
    company = make_company()
    services.change_calendar_sync(company=company, bidirectional=True, actor="owner@x", now=NOW)
    entry = AuditEntry.objects.get(company=company, action="calendar_sync.changed")
    assert (entry.actor, entry.detail) == ("owner@x", {"bidirectional": [False, True]})
