from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_httpserver import HTTPServer

from kalends.calendars.models import CalendarConnection, Channel, Journal
from kalends.calendars.services import add_external_calendar, run_connection
from kalends.companies import services
from kalends.companies.models import Feed
from kalends.companies.selectors import feed_url
from kalends.core.clock import utc_now
from kalends.ics.subscribe import subscribe_links
from tests.web.people import House, next_monday

PAGE = "/dashboard/settings/calendar-sync"
SEED = [
    "VIEW APPOINTMENTS IN OUTLOOK, GOOGLE CALENDAR, LOTUS NOTES AND MORE",
    "Using the following URLs, you can add calendars to your calendar software of choice.",
    "Instructions from Microsoft.",
    "Click on the Google icon to the right of the relevant calendar below.",
    "Click on the Microsoft icon to the right of the relevant calendar below.",
    "Click on the Apple iCal icon to the right of the relevant calendar below.",
    "Staff Members", "Groups of staff", "Company",
    "BIDIRECTIONAL SYNCHRONIZATION",
    ("By enabling this option, you allow future staffs who will sync their calendars to be able to make changes "
    "directly in their calendar to change the date of an appointment and notify the customer in the event."),
    "Activate bidirectional synchronization",
    "GOOGLE CALENDAR",
    ("This allows your staff members to sync their Google Calendar with appointments made from the Online Scheduling "
    "platform. Once this is enabled, click on the Staff link on the left, and on each Staff member&#x27;s settings "
    "page, you can invite them to sync their calendar."),
    "Enable Google Calendar Syncing",
    "WINDOWS LIVE CALENDAR",
    ("This allows your staff members to sync their Windows Live Calendar with appointments made from the Online "
    "Scheduling platform. Once this is enabled, click on the Staff link on the left, and on each Staff member&#x27;s "
    "settings page, you can invite them to sync their calendar."),
    "Enable Outlook Calendar Syncing", "Enable Office365 Calendar Syncing", "Enable CalDAV Syncing", "Save",
    ("How to synchronize with an external calendar such as Google Agenda or Microsoft Office 365 or Exchange Online or "
    "Outlook.com?"),
]  # fmt: skip


def switches(**given: str) -> dict[str, str]:
    return {"on_outside_move": "accept_and_flag", "on_outside_delete": "ask", **given}


def test_page_says_the_seeds_words(house: House):
    text = house.owner.get(PAGE).content.decode().replace("'", "&#x27;")
    assert [words for words in SEED if words not in text] == []


def test_everything_is_off_for_a_new_company(house: House):
    initial = house.owner.get(PAGE).context["form"].initial
    assert initial == {
        "google_enabled": False, "outlook_enabled": False, "office365_enabled": False, "caldav_enabled": False,
        "bidirectional": False, "on_outside_move": "accept_and_flag", "on_outside_delete": "ask",
        "stale_after_hours": 6, "stale_after_hours_ics": 24,
    }  # fmt: skip


def test_how_long_a_calendar_is_trusted_is_set_and_bounded(house: House):
    assert house.owner.post(PAGE, switches(stale_after_hours="12", stale_after_hours_ics="")).status_code == 302
    house.company.refresh_from_db()
    assert (house.company.stale_after_hours, house.company.stale_after_hours_ics) == (12, 24)
    assert house.owner.post(PAGE, switches(stale_after_hours="0")).status_code == 422


def test_one_save_keeps_every_choice(house: House):
    given = switches(google_enabled="on", office365_enabled="on", bidirectional="on", on_outside_delete="put_back")
    answer = house.owner.post(PAGE, given)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    house.company.refresh_from_db()
    kept = (house.company.google_enabled, house.company.office365_enabled, house.company.outlook_enabled)
    assert kept == (True, True, False)
    assert (house.company.bidirectional, house.company.on_outside_delete) == (True, "put_back")


@pytest.mark.parametrize("given", [{"on_outside_move": "explode"}, {"on_outside_delete": ""}])
def test_unknown_rule_changes_nothing(house: House, given: dict[str, str]):
    answer = house.owner.post(PAGE, switches(google_enabled="on", **given))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, list(given))
    house.company.refresh_from_db()
    assert house.company.google_enabled is False


def test_switching_off_with_live_connections_asks_first_then_pauses_and_deletes_nothing(house: House):
    services.change_calendar_sync(company=house.company, actor="t", now=utc_now(), google_enabled=True)
    row = house.connect()
    asked = house.owner.post(PAGE, switches(bidirectional="on"))
    assert (asked.status_code, asked.templates[0].name) == (200, "dashboard/sync/confirm_off.html")
    assert (asked.context["names"], asked.context["live"]) == (["Google Calendar"], 1)
    house.company.refresh_from_db()
    assert house.company.google_enabled is True
    hidden: dict[str, Any] = {"confirmed": "1", **switches(bidirectional="True", google_enabled="False")}
    assert house.owner.post(PAGE, hidden).status_code == 302
    house.company.refresh_from_db()
    row.refresh_from_db()
    assert (house.company.google_enabled, house.company.bidirectional) == (False, True)
    assert (row.state, row.paused_by, row.calendars.count()) == ("paused", "switch", 2)


def test_switching_off_without_connections_does_not_ask(house: House):
    services.change_calendar_sync(company=house.company, actor="t", now=utc_now(), caldav_enabled=True)
    assert house.owner.post(PAGE, switches()).status_code == 302


@pytest.mark.parametrize(("tab", "kinds"), [("staff", ["staff"]), ("group", ["group"]), ("company", ["company"])])
def test_tabs_show_one_row_a_feed(house: House, tab: str, kinds: list[str]):
    services.create_group(company=house.company, name="Stylists", staff=[], actor="t", now=utc_now())
    rows = house.owner.get(f"{PAGE}?tab={tab}").context["rows"]
    assert [row.feed.kind for row in rows] == kinds
    url = feed_url(rows[0].feed)
    assert (rows[0].url, rows[0].links) == (url, subscribe_links(url, rows[0].name))


def test_unknown_tab_shows_staff(house: House):
    assert house.owner.get(f"{PAGE}?tab=<script>").context["tab"] == "staff"


def test_rotation_asks_then_gives_a_new_address(house: House):
    feed = Feed.objects.get(staff=house.staff)
    old = feed_url(feed)
    url = reverse("dashboard:rotate_feed", args=[feed.pk])
    assert house.owner.get(url).status_code == 200
    feed.refresh_from_db()
    assert feed_url(feed) == old
    assert house.owner.post(url).status_code == 302
    feed.refresh_from_db()
    assert feed_url(feed) != old


def test_privacy_is_saved_and_nonsense_is_not(house: House):
    feed = Feed.objects.get(staff=house.staff)
    url = reverse("dashboard:feed", args=[feed.pk])
    house.owner.post(url, {"privacy": "busy"})
    house.owner.post(url, {"privacy": "everything"})
    feed.refresh_from_db()
    assert feed.privacy == "busy"


def test_google_says_how_to_configure_it_where_it_is_not(house: House, settings):
    page = house.owner.get(PAGE)
    assert page.context["google_configured"] is False
    assert b"KALENDS_GOOGLE_CLIENT_ID" in page.content
    assert f"{settings.KALENDS.base_url}/oauth/google/callback".encode() in page.content


def test_guide_is_there_in_two_languages(house: House):
    assert house.nobody.get("/guide/calendar-sync").templates[0].name == "connect/guide_en.html"
    french = house.nobody.get("/guide/calendar-sync", headers={"accept-language": "fr"})
    assert french.templates[0].name == "connect/guide_fr.html"


@pytest.mark.parametrize("page", ["icloud", "fastmail", "nextcloud"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_guide_has_a_set_up_page_that_the_others_lead_to(house: House, page: str, language: str):
    asked = {"accept-language": language}
    answer = house.nobody.get(f"/guide/{page}", headers=asked)
    assert (answer.status_code, answer.templates[0].name) == (200, f"connect/guide_{page}_{language}.html")
    index = house.nobody.get("/guide/calendar-sync", headers=asked).content.decode()
    assert f'href="/guide/{page}"' in index
    assert 'href="/guide/calendar-sync"' in answer.content.decode()


# -- one connection ---------------------------------------------------------------------------------------------------


def act(house: House, row: CalendarConnection, **data: str) -> str:
    answer = house.owner.post(reverse("dashboard:connection_act", args=[row.pk]), data)
    assert answer.status_code == 302
    row.refresh_from_db()
    return row.state


def test_connection_is_paused_and_goes_on(house: House):
    row = house.connect()
    assert act(house, row, do="pause") == "paused"
    assert act(house, row, do="resume") == "active"


def test_journal_of_a_connection_names_each_appointment(house: House):
    appointment, row = house.book(), house.connect()
    for ident in (appointment.pk, uuid4()):
        Journal.objects.create(connection=row, rule="create", action="create", appointment_id=ident, at=utc_now())
    page = house.owner.get(reverse("dashboard:connection", args=[row.pk])).content.decode()
    named = f"{appointment.service.name}, {appointment.attendees.get().name}"
    assert f'<a href="/dashboard/appointments/{appointment.pk}">{named}</a>' in page
    assert ">the appointment</a>" in page


def test_direction_is_changed_and_nonsense_is_not(house: House):
    row = house.connect()
    act(house, row, do="mode", mode="one_way")
    assert row.mode == "one_way"
    act(house, row, do="mode", mode="sideways")
    assert row.mode == "one_way"


def test_unknown_action_is_404(house: House):
    row = house.connect()
    url = reverse("dashboard:connection_act", args=[row.pk])
    assert house.owner.post(url, {"do": "explode"}).status_code == 404


def test_calendars_are_chosen_and_foreign_ids_refused(house: House):
    row = house.connect()
    work, family = row.calendars.order_by("remote_id")
    url = reverse("dashboard:connection_calendars", args=[row.pk])
    house.owner.post(url, {"receives": str(family.pk), "blocks": [str(work.pk)]})
    rows = row.calendars.order_by("remote_id").values_list("receives", "blocks")
    assert list(rows) == [(False, True), (True, False)]
    for bad in ({"receives": str(house.staff.pk)}, {"blocks": [str(house.staff.pk)]}, {"receives": "x"}):
        house.owner.post(url, bad)
    assert list(row.calendars.order_by("remote_id").values_list("receives", "blocks")) == list(rows)


def test_disconnecting_asks_whether_events_stay(house: House):
    row = house.connect()
    url = reverse("dashboard:disconnect", args=[row.pk])
    assert house.owner.get(url).status_code == 200
    row.refresh_from_db()
    assert row.disconnected_at is None
    assert house.owner.post(url, {"events": "keep"}).status_code == 302
    row.refresh_from_db()
    assert row.state == "disconnected"
    assert house.owner.get(reverse("dashboard:connection", args=[row.pk])).status_code == 404


# -- External iCalendar URL ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ftp://x.example/a.ics", "127.0.0.1/a.ics", "https://[::1", "not a host/\x00", "x" * 3000]
)
def test_unusable_external_address_is_shown_at_its_field(house: House, url: str):
    answer = house.owner.post(reverse("dashboard:external_calendar", args=[house.staff.pk]), {"url": url})
    assert (answer.status_code, list(answer.context["external_form"].errors)) == (422, ["url"])
    assert house.staff.external_calendars.count() == 0


@pytest.fixture
def published(httpserver: HTTPServer, settings) -> str:
    """A calendar at an address that may be reached although it is private."""
    settings.KALENDS = replace(django_settings.KALENDS, allow_private_hosts=(f"127.0.0.1:{httpserver.port}",))
    text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nEND:VCALENDAR\r\n"
    httpserver.expect_request("/a.ics").respond_with_data(text, content_type="text/calendar")
    return f"http://127.0.0.1:{httpserver.port}/a.ics"


def test_external_addresses_are_kept_and_shown_to_writers(house: House, published: str):
    url = reverse("dashboard:external_calendar", args=[house.staff.pk])
    page = reverse("dashboard:staff", args=[house.staff.pk])
    for name in ("?one", "?two"):
        assert house.owner.post(url, {"url": f"{published}{name}"}).status_code == 302
    shown = [[row.address for row in client.get(page).context["external"]] for client in (house.owner, house.viewer)]
    assert shown == [[f"{published}?one", f"{published}?two"], ["", ""]]
    row = house.staff.external_calendars.first()
    act = reverse("dashboard:external_act", args=[house.staff.pk, row.pk])
    assert house.viewer.post(act, {"do": "remove"}).status_code == 403
    assert house.owner.post(act, {"do": "remove"}).status_code == 302
    assert house.staff.external_calendars.count() == 1


def test_empty_external_address_is_refused_and_removes_nothing(house: House, published: str):
    add_external_calendar(company=house.company, staff=house.staff, url=published, now=utc_now())
    answer = house.owner.post(reverse("dashboard:external_calendar", args=[house.staff.pk]), {"url": ""})
    assert (answer.status_code, list(answer.context["external_form"].errors)) == (422, ["url"])
    assert house.staff.external_calendars.count() == 1


def read_feed(company, staff, httpserver: HTTPServer, published: str, *events: str):
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Private\r\n{''.join(events)}END:VCALENDAR\r\n"
    httpserver.clear()
    httpserver.expect_request("/a.ics").respond_with_data(text, content_type="text/calendar")
    row = add_external_calendar(company=company, staff=staff, url=published, now=utc_now())
    run_connection(row.connection_id, now=utc_now())
    return row


def test_staff_page_says_what_was_read_and_the_preview_what_it_blocks(house: House, published: str, httpserver):
    monday = next_monday()
    events = [
        (
            f"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Doctor\r\nDTSTART;TZID=Europe/Paris:{monday:%Y%m%d}T100000\r\n"
            f"DTEND;TZID=Europe/Paris:{monday:%Y%m%d}T113000\r\nEND:VEVENT\r\n"
        ),
        "BEGIN:VEVENT\r\nUID:2\r\nDTSTART:soon\r\nEND:VEVENT\r\n",
    ]
    row = read_feed(house.company, house.staff, httpserver, published, *events)
    page = house.owner.get(reverse("dashboard:staff", args=[house.staff.pk])).content.decode()
    assert "Private" in page
    assert "1 event cannot be read; the others block" in page
    assert "A time in it cannot be read." in page
    preview = house.viewer.get(reverse("dashboard:external_preview", args=[house.staff.pk, row.pk]))
    assert [times for _day, times in preview.context["days"]] == [[("10:00", "11:30")]]
    assert "Doctor" not in preview.content.decode() + page


def test_closings_page_takes_addresses_of_the_company(house: House, published: str, httpserver):
    monday = next_monday()
    event = f"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:{monday:%Y%m%d}\r\nEND:VEVENT\r\n"
    row = read_feed(house.company, None, httpserver, published, event)
    page = house.owner.get(reverse("dashboard:closings"))
    assert [item.facts.name for item in page.context["external"]] == ["Private"]
    preview = house.owner.get(reverse("dashboard:company_external_preview", args=[row.pk]))
    assert [times for _day, times in preview.context["days"]] == [[("00:00", "24:00")]]
    answer = house.owner.post(reverse("dashboard:company_external_calendar"), {"url": published})
    assert (answer.status_code, list(answer.context["external_form"].errors)) == (422, ["url"])
    act = reverse("dashboard:company_external_act", args=[row.pk])
    assert house.owner.post(act, {"do": "read"}).status_code == 302
    assert house.owner.post(act, {"do": "remove"}).status_code == 302
    assert house.company.external_calendars.count() == 0


def test_failed_reading_is_said_in_words(house: House, published: str, httpserver):
    row = read_feed(house.company, house.staff, httpserver, published)
    httpserver.clear()
    httpserver.expect_request("/a.ics").respond_with_data("<html>Sign in<input type=password>")
    run_connection(row.connection_id, now=utc_now() + timedelta(hours=1))
    page = house.owner.get(reverse("dashboard:staff", args=[house.staff.pk])).content.decode()
    assert "The address leads to a sign-in page." in page
    assert "What was read before goes on blocking until it is too old to be trusted." in page


# -- queries --------------------------------------------------------------------------------------------------------------


def count_queries(house: House, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert house.owner.get(url).status_code == 200
    return len(queries)


def add_rows(house: House, label: str) -> None:
    common = {"company": house.company, "actor": "t", "now": utc_now()}
    staff = services.create_staff(name=f"Member {label}", **common)
    services.create_service(name=f"Service {label}", duration=30, staff=[staff], **common)
    services.create_group(name=f"Group {label}", staff=[house.staff, staff], **common)
    row = house.connect(f"account-{label}", provider="caldav", receives=False)
    CalendarConnection.objects.filter(pk=row.pk).update(state="needs_attention")


def test_queries_of_a_page_do_not_grow_with_its_rows(house: House):
    house.book()
    add_rows(house, "a")
    urls = ["/dashboard", "/dashboard/appointments", "/dashboard/customers", PAGE, "/dashboard/settings/staff",
            "/dashboard/settings/services", "/dashboard/settings/groups",
            reverse("dashboard:staff", args=[house.staff.pk])]  # fmt: skip
    before = {url: count_queries(house, url) for url in urls}
    CalendarConnection.objects.all().delete()  # a calendar that needs attention makes its staff member unavailable
    for number in range(3):
        house.book(next_monday(12) + timedelta(hours=number), name=f"Customer {number}")
    for label in "bcd":
        add_rows(house, label)
    assert {url: count_queries(house, url) for url in urls} == before
    assert max(before.values()) <= 26


def test_F63_page_says_how_soon_a_subscription_shows_a_change_and_offers_to_connect(house: House):
    text = house.owner.get(PAGE).content.decode()
    for words in (
        "A subscription is read when the calendar program likes, not when something changes. We cannot make it faster.",
        '<th scope="row">Google Calendar</th><td>8 to 24 hours, sometimes longer</td>',
        '<th scope="row">Outlook.com, Microsoft 365</th><td>3 hours</td>',
        "Who needs changes at once connects the calendar itself: switch it on below, then invite the staff member.",
    ):
        assert text.count(words) == 1


def test_F63_no_two_feeds_have_an_address_in_common(house: House):
    feeds = Feed.objects.filter(company=house.company)
    addresses = [feed_url(feed) for feed in feeds]
    assert len(set(addresses)) == len(addresses) == feeds.count() > 1


def facts_of(house: House, row: CalendarConnection) -> str:
    page = house.owner.get(reverse("dashboard:connection", args=[row.pk])).content.decode()
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_G9_page_says_that_changes_are_told_or_how_old_the_state_is(house: House, settings):
    settings.KALENDS = replace(settings.KALENDS, push=True)
    row, now = house.connect(), utc_now()
    row.calendars.update(fresh_as_of=now - timedelta(minutes=28), capabilities={"push": True})
    assert "Told of at once" not in facts_of(house, row)
    assert "State as of" in facts_of(house, row)
    for calendar in row.calendars.all():
        Channel.objects.create(
            calendar=calendar,
            state="open",
            opened_at=now,
            verified_at=now,
            expires_at=now + timedelta(days=6),
            renew_at=now + timedelta(days=5),
            base_url=settings.KALENDS.base_url,
        )
    words = facts_of(house, row).replace("\xa0", " ")
    assert "Changes made there Told of at once; last read 28 minutes ago" in words
    assert "State as of" not in facts_of(house, row)
    CalendarConnection.objects.update(state="paused")
    assert "Told of at once" not in facts_of(house, row)


def test_G12_sync_now_of_an_account_that_has_to_wait_says_so(house: House):
    row = house.connect()
    until = utc_now() + timedelta(minutes=5)
    CalendarConnection.objects.filter(pk=row.pk).update(state="throttled", throttled_until=until)
    act = f"/dashboard/connections/{row.pk}/act"
    page = house.owner.post(act, {"do": "sync"}, follow=True)
    said = [str(message) for message in page.context["messages"]]
    assert said == ["The calendar system asked us to wait. Sync goes on by itself; nothing is lost."]
    row.refresh_from_db()
    assert (row.state, row.throttled_until) == ("throttled", until)
