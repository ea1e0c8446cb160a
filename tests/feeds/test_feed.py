"""The subscription feed over HTTP: what it shows, to whom, and when its tag moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import time_machine

from kalends.bookings import services as bookings
from kalends.bookings.values import SYSTEM, CustomerInput
from kalends.companies import services
from kalends.companies.models import Feed
from kalends.companies.selectors import feed_url
from kalends.feeds import rendering
from kalends.feeds.kept import KeptTexts
from tests.factories import NOW, make_company, make_service, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic():
    company = make_company()
    staff = make_staff(company)
    service = make_service(company, "Consultation, first", staff=[staff])
    return company, staff, service


def book(company, service, staff, start: datetime, name: str = "Zoé Müller", notes: str = ""):
    return bookings.book_appointment(
        company=company,
        service=service,
        staff=staff,
        start=start,
        customer=CustomerInput(name=name, email="zoe@example.org"),
        timezone=company.timezone,
        source="api",
        notes=notes,
        now=NOW,
    ).appointment


START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def fetch(client, feed: Feed, etag: str = "", **period):
    headers = {"If-None-Match": etag} if etag else {}
    path = feed_url(feed).removeprefix("http://127.0.0.1:8000")
    return client.get(path, period, headers=headers)


def events(response) -> list[tuple[str, datetime, datetime]]:
    calendar = icalendar.Calendar.from_ical(response.content)
    return [
        (str(e["SUMMARY"]), e.decoded("DTSTART").astimezone(UTC), e.decoded("DTEND").astimezone(UTC))
        for e in calendar.walk("VEVENT")
    ]


@pytest.mark.parametrize(
    ("privacy", "summary", "described"),
    [
        ("busy", "Busy", False),
        ("title", "Consultation, first", False),
        ("full", "Consultation, first – Zoé Müller", True),
    ],
)
def test_feed_shows_what_its_privacy_allows(client, clinic, privacy: str, summary: str, described: bool):
    company, staff, service = clinic
    book(company, service, staff, START, notes="Bring the letter")
    services.change_feed(feed=staff.feed, privacy=privacy, actor="t", now=NOW)
    response = fetch(client, staff.feed)
    assert events(response) == [(summary, START, START + timedelta(minutes=30))]
    assert ("Bring the letter" in response.content.decode()) is described
    assert ("Müller" in response.content.decode()) is described


def test_feed_answers_304_until_something_is_included_or_removed_F66(client, clinic):
    company, staff, service = clinic
    appointment = book(company, service, staff, START)
    first = fetch(client, staff.feed)
    assert fetch(client, staff.feed, first["ETag"]).status_code == 304
    bookings.cancel_appointment(appointment_id=appointment.pk, company=company, by=SYSTEM, now=NOW)
    second = fetch(client, staff.feed, first["ETag"])
    assert (second.status_code, events(second)) == (200, [])
    book(company, service, staff, START + timedelta(hours=1))
    assert fetch(client, staff.feed, second["ETag"]).status_code == 200


def test_unchanged_feed_reads_no_appointment(client, clinic, django_assert_num_queries):
    company, staff, service = clinic
    book(company, service, staff, START)
    etag = fetch(client, staff.feed)["ETag"]
    with django_assert_num_queries(1):  # the feed, with the revision of its member
        assert fetch(client, staff.feed, etag).status_code == 304


def test_group_feed_moves_when_a_member_leaves(client, clinic):
    company, emma, service = clinic
    john = make_staff(company, "John Smith")
    group = services.create_group(company=company, name="Doctors", staff=[emma, john], actor="t", now=NOW)
    book(company, service, emma, START)
    first = fetch(client, group.feed)
    assert [summary for summary, _start, _end in events(first)] == ["Consultation, first (Emma Morris)"]
    services.change_group(group=group, staff=[john], actor="t", now=NOW)
    second = fetch(client, Feed.objects.get(pk=group.feed.pk), first["ETag"])
    assert (second.status_code, events(second)) == (200, [])


def test_window_is_on_event_time_and_may_be_chosen_F67(client, clinic):
    company, staff, service = clinic
    book(company, service, staff, START)
    assert len(events(fetch(client, staff.feed, startPeriod="0", endPeriod="1"))) == 1
    assert events(fetch(client, staff.feed, startPeriod="0", endPeriod="0")) == []


@pytest.mark.parametrize("value", ["-1", "two", "99999", "１"])
def test_period_that_is_no_number_of_days_is_refused(client, clinic, value: str):
    response = fetch(client, clinic[1].feed, startPeriod=value)
    assert response.status_code == 400
    assert response.content.decode() == "startPeriod is a number of days, 0 to 1830.\n"


def test_tag_moves_at_midnight_of_the_company(client, clinic):
    feed = clinic[1].feed
    etag = fetch(client, feed)["ETag"]
    with time_machine.travel(datetime(2026, 3, 2, 22, 59, tzinfo=UTC), tick=False):
        assert fetch(client, feed, etag).status_code == 304
    with time_machine.travel(datetime(2026, 3, 2, 23, 1, tzinfo=UTC), tick=False):  # 00:01 in Paris
        assert fetch(client, feed, etag).status_code == 200


def test_unknown_secret_is_not_found(client):
    assert client.get("/feeds/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.ics").status_code == 404


def test_company_feed_shows_no_other_companys_appointments(client, clinic):
    company, staff, service = clinic
    book(company, service, staff, START)
    other = make_company("other")
    stranger = make_staff(other)
    book(other, make_service(other, "Secret", staff=[stranger]), stranger, START)
    assert [summary for summary, _s, _e in events(fetch(client, company.feeds.get(kind="company")))] == [
        "Consultation, first (Emma Morris)"
    ]


def test_fetch_is_noted_with_the_programs_name(client, clinic):
    feed = clinic[1].feed
    client.get(feed_url(feed).removeprefix("http://127.0.0.1:8000"), headers={"User-Agent": "Thunderbird/140 (X11)"})
    feed.refresh_from_db()
    assert (feed.fetched_by, feed.fetched_at) == ("Thunderbird/140", NOW)


def test_feed_is_for_its_reader_only(client, clinic):
    response = fetch(client, clinic[1].feed)
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert "METHOD" not in response.content.decode()


def test_kept_texts_follow_every_name_and_every_change(client, clinic):
    company, staff, service = clinic
    feed = company.feeds.get(kind="company")
    services.change_feed(feed=feed, privacy="full", actor="t", now=NOW)
    first = book(company, service, staff, START)
    book(company, service, staff, START + timedelta(hours=1), "Ada")

    def summaries() -> list[str]:
        return [summary for summary, _start, _end in events(fetch(client, feed))]

    assert summaries() == [
        "Consultation, first (Emma Morris) – Zoé Müller",
        "Consultation, first (Emma Morris) – Ada",
    ]
    services.change_service(service=service, name="Talk", actor="t", now=NOW)
    assert summaries() == ["Talk (Emma Morris) – Zoé Müller", "Talk (Emma Morris) – Ada"]
    services.change_staff(staff=staff, name="Emma Ray", actor="t", now=NOW)
    assert summaries() == ["Talk (Emma Ray) – Zoé Müller", "Talk (Emma Ray) – Ada"]
    later = START + timedelta(hours=2)
    bookings.move_appointment(appointment_id=first.pk, company=company, start=later, by=SYSTEM, now=NOW)
    assert events(fetch(client, feed)) == [
        ("Talk (Emma Ray) – Ada", START + timedelta(hours=1), START + timedelta(minutes=90)),
        ("Talk (Emma Ray) – Zoé Müller", later, later + timedelta(minutes=30)),
    ]


def test_place_of_a_service_follows_in_texts_that_were_kept(client, clinic):
    company, staff, service = clinic
    place = services.create_location(company=company, name="Main Street 1", timezone=company.timezone)
    services.change_service(service=service, location=place, actor="t", now=NOW)
    services.change_feed(feed=staff.feed, privacy="title", actor="t", now=NOW)
    book(company, service, staff, START)
    assert "LOCATION:Main Street 1\r\n" in fetch(client, staff.feed).content.decode()
    services.change_location(location=place, name="Side Street 2")
    assert "LOCATION:Side Street 2\r\n" in fetch(client, staff.feed).content.decode()


def test_after_a_change_only_the_changed_appointment_is_read(client, clinic, django_assert_num_queries):
    company, staff, service = clinic
    booked = [book(company, service, staff, START + timedelta(minutes=30 * number)) for number in range(4)]
    rendering_of = rendering.members_of(staff.feed)
    today = NOW.date()
    with django_assert_num_queries(9):  # the list, its ends, the names (two) before and after, the rows (three)
        rendering.render(staff.feed, rendering_of, rendering.Period(), today)
    with django_assert_num_queries(4) as unchanged:
        before = rendering.render(staff.feed, rendering_of, rendering.Period(), today)
    assert not any("attendee" in query["sql"] for query in unchanged.captured_queries)
    bookings.set_notes(appointment_id=booked[2].pk, company=company, notes="Bring it", by=SYSTEM, now=NOW)
    after = rendering.render(staff.feed, rendering_of, rendering.Period(), today)
    assert (before.count(b"SEQUENCE:0\r\n"), after.count(b"SEQUENCE:0\r\n"), after.count(b"SEQUENCE:1\r\n")) == (
        4,
        3,
        1,
    )


def test_kept_texts_are_bounded_and_hold_for_their_names_only():
    kept, text = KeptTexts(3), (1, NOW, b"x")
    kept.put("a", "names", {1: text, 2: text})
    assert (kept.get("a", "names"), kept.get("a", "others"), kept.get("b", "names")) == ({1: text, 2: text}, {}, {})
    kept.put("b", "names", {1: text, 2: text})
    assert (kept.get("a", "names"), kept.get("b", "names")) == ({}, {1: text, 2: text})
    kept.put("c", "names", dict.fromkeys(range(4), text))
    assert kept.get("c", "names") == {}
