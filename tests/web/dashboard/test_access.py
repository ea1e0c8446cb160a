"""Owner, viewer, stranger and nobody at each address of the dashboard."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from kalends.calendars.joining import make_invitation
from kalends.calendars.models import CalendarConnection, Link, StaffQuestion
from kalends.companies import services
from kalends.companies.models import ApiKey, AuditEntry, Closing, Feed, Service, Staff, StaffGroup, TimeOff
from kalends.core.clock import utc_now
from kalends.messages.models import Event, WebhookEndpoint
from kalends.messages.webhooks import create_webhook, send_test
from kalends.web.dashboard.urls import _pages
from tests.factories import NOW, make_external
from tests.web.people import House, next_monday

OF_COMPANY = [
    "home", "appointments", "new_appointment", "customers", "company", "closings", "api_keys", "groups", "new_group",
    "services", "new_service", "calendar_sync", "staff_list", "locations", "people", "attention",
    "why", "webhooks",
]  # fmt: skip
OF_ROW = [
    "appointment", "customer", "group", "service", "rotate_feed", "staff", "invite", "connect_staff", "connection",
    "disconnect", "location", "external_preview", "company_external_preview",
    "connection_plan", "webhook",
]  # fmt: skip
POST_ONLY = [
    "move_appointment", "cancel_appointment", "appointment_notes", "appointment_seen", "delete_closing",
    "revoke_api_key", "delete_group", "feed", "staff_hours", "staff_override", "staff_time_off", "delete_time_off",
    "staff_services", "external_calendar", "connection_act", "connection_calendars", "delete_location",
    "revoke_invitation", "change_role", "remove_member", "revoke_member_invitation",
    "external_act", "company_external_act",
    "undo_appointment", "try_event_again", "answer_question", "release_feed",
    "webhook_act", "webhook_again",
]  # fmt: skip
ELSEWHERE = {"held_messages", "switch_company", "home_slash", "connect_staff_caldav", "company_external_calendar"}


def test_every_address_of_the_dashboard_is_in_these_tests():
    names = {"home", *(pattern.name for pattern in _pages)}
    assert names == {*OF_COMPANY, *OF_ROW, *POST_ONLY, *ELSEWHERE}


@pytest.fixture
def rows(house: House) -> dict[str, str]:
    """Each address of something that belongs to the house."""
    appointment = house.book()
    now = utc_now()
    key, _token = services.create_api_key(company=house.company, name="k", may_write=False, actor="t", now=NOW)
    group = services.create_group(company=house.company, name="g", staff=[house.staff], actor="t", now=NOW)
    span = {"start": next_monday(), "end": next_monday(11), "actor": "t", "now": now}
    closing = services.add_closing(company=house.company, **span)
    off = services.add_time_off(staff=house.staff, **span)
    connection = house.connect()
    feed = Feed.objects.get(staff=house.staff)
    customer = appointment.attendees.get().customer
    location = services.create_location(company=house.company, name="l", timezone="UTC")
    invitation, _token = make_invitation(house.staff, email="e@example.org", by="t", expires_at=next_monday(), now=now)
    owner = house.company.memberships.get(role="owner")
    guest, _link = services.invite_member(by=owner, email="g@example.org", role="viewer", now=now)
    external, closed = make_external(house.company, house.staff), make_external(house.company, None)
    link = Link.objects.create(
        calendar=connection.calendars.get(receives=True), staff=house.staff, appointment_id=appointment.pk,
        status="refused",
    )  # fmt: skip
    question = StaffQuestion.objects.create(
        link=link, staff=house.staff, appointment_id=appointment.pk, token_digest="d", asked_at=now,
        deadline=next_monday(),
    )  # fmt: skip
    hook, _secret = create_webhook(
        company=house.company, url="https://shop.example/", events=[Event.CREATED], actor="t", now=NOW
    )
    arguments = {
        "webhook": [hook.pk],
        "webhook_act": [hook.pk],
        "webhook_again": [hook.pk, send_test(company=house.company, webhook_id=hook.pk, now=NOW).pk],
        "try_event_again": [link.pk],
        "answer_question": [question.pk],
        "release_feed": [external.pk],
        "external_preview": [house.staff.pk, external.pk],
        "external_act": [house.staff.pk, external.pk],
        "company_external_preview": [closed.pk],
        "company_external_act": [closed.pk],
        "change_role": [owner.pk],
        "remove_member": [owner.pk],
        "revoke_member_invitation": [guest.pk],
        "location": [location.pk],
        "delete_location": [location.pk],
        "revoke_invitation": [house.staff.pk, invitation.pk],
        "customer": [customer.pk],
        "revoke_api_key": [key.pk],
        "delete_closing": [closing.pk],
        "delete_time_off": [house.staff.pk, off.pk],
        "feed": [feed.pk],
        "rotate_feed": [feed.pk],
        "service": [house.service.pk],
    }
    for name in (*OF_ROW, *POST_ONLY):
        if name in arguments:
            continue
        if "appointment" in name:
            arguments[name] = [appointment.pk]
        elif "connection" in name or name == "disconnect":
            arguments[name] = [connection.pk]
        else:
            arguments[name] = [group.pk if "group" in name else house.staff.pk]
    return {name: reverse(f"dashboard:{name}", args=given) for name, given in arguments.items()}


@pytest.mark.parametrize("name", OF_COMPANY)
def test_page_of_the_company_is_for_its_members(house: House, name: str):
    url = reverse(f"dashboard:{name}")
    assert [client.get(url).status_code for client in (house.owner, house.viewer)] == [200, 200]
    refused = house.nobody.get(url)
    assert (refused.status_code, refused["Location"]) == (302, f"/login?next={url}")


@pytest.mark.parametrize("name", OF_ROW)
def test_page_of_a_row_is_not_there_for_a_stranger(house: House, rows: dict[str, str], name: str):
    clients = (house.owner, house.viewer, house.stranger, house.nobody)
    assert [client.get(rows[name]).status_code for client in clients] == [200, 200, 404, 302]


def counts() -> list[int]:
    models = (Staff, Service, StaffGroup, Closing, TimeOff, ApiKey, CalendarConnection, AuditEntry, WebhookEndpoint)
    return [model.objects.count() for model in models]


@pytest.mark.parametrize("name", [*OF_ROW, *POST_ONLY])
def test_post_to_a_row_is_refused_to_viewer_and_stranger(house: House, rows: dict[str, str], name: str):
    before = counts()
    clients = (house.viewer, house.stranger, house.nobody)
    answers = [client.post(rows[name], {"name": "x", "do": "pause"}).status_code for client in clients]
    assert answers == [403, 404, 302]
    assert counts() == before


@pytest.mark.parametrize(
    "name",
    ["company", "closings", "api_keys", "new_group", "new_service", "staff_list", "locations", "people", "webhooks"],
)
def test_post_to_a_page_of_the_company_is_refused_to_a_viewer(house: House, name: str):
    before = counts()
    assert house.viewer.post(reverse(f"dashboard:{name}"), {"name": "x"}).status_code == 403
    assert counts() == before


def test_viewer_sees_no_secret_address(house: House):
    feed = Feed.objects.get(staff=house.staff)
    row = house.viewer.get(reverse("dashboard:calendar_sync")).context["rows"][0]
    assert (row.feed, row.url, row.links) == (feed, "", {})
    assert b".ics" not in house.viewer.get(reverse("dashboard:calendar_sync")).content.replace(
        "••••••••.ics".encode(), b""
    )


def test_rows_that_do_not_exist_are_404(house: House):
    for name in ("staff", "service", "group", "connection", "appointment", "customer"):
        assert house.owner.get(reverse(f"dashboard:{name}", args=[uuid4()])).status_code == 404
    assert house.owner.get("/dashboard/settings/staff/nonsense").status_code == 404


def test_person_without_a_company_is_told_so(house: House):
    house.other.memberships.all().delete()
    answer = house.stranger.get("/dashboard")
    assert answer.status_code == 404
    assert answer.templates[0].name == "dashboard/no_company.html"


def test_switch_shows_the_other_company_and_refuses_a_foreign_one(house: House):
    user = house.other.memberships.get().user
    services.add_member(company=house.company, user=user, role="viewer", actor="t", now=NOW)
    switch = reverse("dashboard:switch_company")
    assert house.stranger.post(switch, {"company": str(house.company.pk)}).status_code == 302
    assert house.stranger.get("/dashboard").wsgi_request.company == house.company
    assert house.viewer.post(switch, {"company": str(house.other.pk)}).status_code == 404
    assert house.viewer.get("/dashboard").wsgi_request.company == house.company
