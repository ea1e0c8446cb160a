"""The list of what needs a person, its number in the navigation, and each way out."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from kalends.bookings.handler import BookingsHandler
from kalends.bookings.models import Appointment
from kalends.calendars.handlers import OutsideMove
from kalends.calendars.models import CalendarConnection, Link, RemoteCalendar, StaffQuestion
from kalends.calendars.providers import provider_factory
from kalends.core.clock import utc_now
from kalends.core.ids import new_id
from kalends.messages.models import OutgoingMessage
from kalends.sync.memory import MemoryProvider
from kalends.sync.memory_server import MemoryServer
from kalends.web.dashboard.attention import MOST, attention_of, number_of
from tests.factories import make_external
from tests.messages.support import promise
from tests.web.people import House, next_monday

URL = "/dashboard/attention"


def troubled_link(house: House, status: str = "refused", appointment: Appointment | None = None) -> Link:
    calendar = RemoteCalendar.objects.filter(receives=True, staff=house.staff).first()
    calendar = calendar or house.connect().calendars.get(receives=True)
    RemoteCalendar.objects.update(fresh_as_of=utc_now())
    ident = appointment.pk if appointment else uuid4()
    values = {"staff": house.staff, "status": status, "last_error": "forbidden"}
    return Link.objects.update_or_create(values, calendar=calendar, appointment_id=ident)[0]


def question_about(house: House, appointment: Appointment) -> StaffQuestion:
    return StaffQuestion.objects.create(
        link=troubled_link(house, "asked", appointment),
        staff=house.staff,
        appointment_id=appointment.pk,
        token_digest=uuid4().hex,
        asked_at=utc_now(),
        deadline=utc_now() + timedelta(hours=24),
    )


def flagged_move(house: House) -> Appointment:
    """Moved in the calendar from 10:00 UTC to 21:00 of the same day, and accepted."""
    appointment = house.book()
    start = next_monday(21)
    length = appointment.end - appointment.start
    move = OutsideMove(appointment.pk, house.staff.pk, start, start + length, utc_now(), new_id(), "google")
    with transaction.atomic():
        BookingsHandler().move_set([move], rule="accept_and_flag", now=utc_now())
    appointment.refresh_from_db()
    assert appointment.flag == "outside_hours"
    return appointment


def held_mail(house: House) -> OutgoingMessage:
    mail = promise(house.company)
    OutgoingMessage.objects.filter(pk=mail.pk).update(state="held")
    return mail


@pytest.fixture
def everything(house: House) -> House:
    """One of each kind, and two held mails, which count as one."""
    connection = house.connect("account-2", receives=False)
    CalendarConnection.objects.filter(pk=connection.pk).update(state="frozen", frozen_at=utc_now())
    RemoteCalendar.objects.update(fresh_as_of=utc_now())
    flagged_move(house)
    appointment = house.book(next_monday(12))
    question_about(house, appointment)
    troubled_link(house, "refused")
    feed = make_external(house.company, house.staff)
    CalendarConnection.objects.filter(pk=feed.connection_id).update(last_error="temporary", failures=3)
    held_mail(house)
    held_mail(house)
    return house


def test_number_in_the_navigation_is_that_of_the_list(everything: House):
    page = everything.owner.get(URL)
    found = page.context["found"]
    parts = (found.connections, found.feeds, found.links, found.questions, found.flagged)
    assert [len(part) for part in parts] == [1, 1, 1, 1, 1]
    assert (found.held, len(found.mails)) == (2, 2)
    assert '<span class="badge badge--bad">6</span>' in page.content.decode()
    assert number_of(everything.other, utc_now()) == 0


def test_stranger_sees_nothing_of_it_and_a_viewer_no_buttons(everything: House):
    assert everything.stranger.get(URL).context["found"].is_empty
    page = everything.viewer.get(URL)
    assert not page.context["found"].is_empty
    assert page.content.decode().count("<form") == everything.viewer.get("/dashboard/why").content.decode().count(
        "<form"
    ), "the page's own forms: none but the frame's, and the list of mails without a button"


def test_list_costs_the_same_queries_however_long_it_is(everything: House):
    def cost() -> int:
        with CaptureQueriesContext(
            database,
        ) as queries:
            attention_of(everything.company, utc_now())
        return len(queries)

    before = cost()
    RemoteCalendar.objects.update(fresh_as_of=utc_now())
    for hour in (8, 9, 14, 15):
        troubled_link(everything, "diverged", everything.book(next_monday(hour)))
        held_mail(everything)
    for number in range(3):
        row = everything.connect(f"more-{number}", receives=False)
        CalendarConnection.objects.filter(pk=row.pk).update(state="needs_attention")
    assert cost() == before
    with CaptureQueriesContext(database) as counting:
        assert number_of(everything.company, utc_now()) == 6 + 4 + 3
    assert len(counting) == 1


def test_restored_connection_has_other_words_and_is_released(house: House):
    connection = house.connect()
    held = CalendarConnection.objects.filter(pk=connection.pk)
    held.update(state="frozen", frozen_at=utc_now(), restored_at=utc_now(), last_error="restored")
    page = house.owner.get(URL).content.decode()
    assert "Held since a restore" in page
    assert "The deletions were meant" not in page
    answer = house.owner.post(f"/dashboard/connections/{connection.pk}/act", {"do": "unfreeze", "next": "attention"})
    assert (answer.status_code, answer["Location"]) == (302, URL)
    connection.refresh_from_db()
    assert (connection.state, connection.restored_at) == ("active", None)


def test_feed_held_since_a_restore_is_released(house: House):
    feed = make_external(house.company, None)
    rows = CalendarConnection.objects.filter(pk=feed.connection_id)
    rows.update(state="frozen", frozen_at=utc_now(), restored_at=utc_now())
    assert house.owner.get(URL).context["found"].feeds == [feed]
    house.owner.post(f"{URL}/feeds/{feed.pk}/release")
    assert (rows.get().state, rows.get().restored_at) == ("active", None)
    assert house.owner.get(URL).context["found"].is_empty


def test_feed_that_fails_is_read_again_from_the_list(everything: House):
    [feed] = everything.owner.get(URL).context["found"].feeds
    rows = CalendarConnection.objects.filter(pk=feed.connection_id)
    rows.update(due_at=None)
    act = f"/dashboard/settings/staff/{everything.staff.pk}/external-calendars/{feed.pk}/act"
    assert f'action="{act}"' in everything.owner.get(URL).content.decode()
    assert everything.owner.post(act, {"do": "read", "next": "attention"}).url == URL
    assert rows.get().due_at is not None


def test_calendar_that_cannot_be_read_for_long_is_listed_and_looked_at_again(house: House):
    connection, now = house.connect(), utc_now()
    company = house.company
    chosen = connection.calendars.filter(receives=True)
    connection.calendars.update(fresh_as_of=now)
    chosen.update(fresh_as_of=now - timedelta(hours=company.stale_after_hours, minutes=-1))
    assert (number_of(company, now), attention_of(company, now).is_empty) == (0, True)
    chosen.update(fresh_as_of=now - timedelta(hours=company.stale_after_hours, minutes=1))
    [item] = attention_of(company, now).connections
    assert (str(item.words.name), number_of(company, now)) == ("Not readable", 1)
    assert '<button class="button button--small" name="do" value="sync">' in house.owner.get(URL).content.decode()
    CalendarConnection.objects.update(state="paused")
    assert attention_of(company, now).is_empty


def test_revoked_connection_is_reconnected_by_its_link(house: House):
    connection = house.connect()
    CalendarConnection.objects.filter(pk=connection.pk).update(
        state="needs_attention", needs_attention_since=utc_now(), last_error="auth_revoked"
    )
    assert f'href="/dashboard/settings/staff/{house.staff.pk}/connect"' in house.owner.get(URL).content.decode()


def test_flagged_move_may_stay_or_goes_back(house: House):
    appointment = flagged_move(house)
    (item,) = house.owner.get(URL).context["found"].flagged
    assert item.undo
    undo = f"/dashboard/appointments/{appointment.pk}/undo"
    assert house.owner.get(undo).status_code == 405
    for version in ("1", "", "x", "9" * 40):
        house.owner.post(undo, {"do": "move", "version": version, "next": "attention"})
    appointment.refresh_from_db()
    assert (appointment.start, appointment.version) == (next_monday(21), 2)
    answer = house.owner.post(undo, {"do": "move", "version": "2", "next": "attention"})
    assert answer["Location"] == URL
    appointment.refresh_from_db()
    assert (appointment.start, appointment.flag) == (next_monday(10), "")


def test_flag_is_cleared_from_the_list(house: House):
    appointment = flagged_move(house)
    answer = house.owner.post(f"/dashboard/appointments/{appointment.pk}/seen", {"next": "attention"})
    assert answer["Location"] == URL
    assert house.owner.get(URL).context["found"].is_empty


@pytest.mark.parametrize("meant", ["keep", "cancel"])
def test_question_is_answered_from_the_list(house: House, meant: str):
    question = question_about(house, house.book())
    url = f"{URL}/questions/{question.pk}"
    assert house.owner.get(url).status_code == 405
    house.owner.post(url, {"answer": "explode"})
    question.refresh_from_db()
    assert question.answer == ""
    house.owner.post(url, {"answer": meant})
    question.refresh_from_db()
    assert question.answer == meant
    assert house.owner.get(URL).context["found"].questions == []


def test_refused_event_is_tried_again(house: House):
    link = troubled_link(house, "diverged", house.book())
    house.owner.post(f"{URL}/events/{link.pk}/again")
    link.refresh_from_db()
    assert link.status == "pending"
    assert house.owner.post(f"{URL}/events/{link.pk}/again").status_code == 404


def states(*mails: OutgoingMessage) -> list[str]:
    by_id = OutgoingMessage.objects.in_bulk([mail.pk for mail in mails])
    return [by_id[mail.pk].state for mail in mails]


def test_held_mails_are_sent_or_given_up(house: House):
    first, second, third = held_mail(house), held_mail(house), held_mail(house)
    url = f"{URL}/messages"
    for client in (house.viewer, house.stranger, house.nobody):
        client.post(url, {"do": "send", "message": str(first.pk)})
        client.post(url, {"do": "discard", "all": "1"})
    house.owner.post(url, {"do": "send"})
    house.owner.post(url, {"do": "send", "message": "x"})
    assert states(first, second, third) == ["held"] * 3
    house.owner.post(url, {"do": "send", "message": [str(first.pk)]})
    assert states(first, second, third)[1:] == ["held"] * 2
    assert states(first) in (["queued"], ["sent"])
    house.owner.post(url, {"do": "discard", "all": "1"})
    assert states(second, third) == ["superseded"] * 2
    assert house.owner.post(url, {"do": "burn"}).status_code == 404


def test_more_than_fit_are_counted(house: House):
    OutgoingMessage.objects.bulk_create(
        OutgoingMessage(
            company=house.company, subject_kind="x", subject_id=uuid4(), version=1, kind="appointment_moved",
            recipient="a@example.org", locale="en", state="held", due_at=utc_now(), created_at=utc_now(),
        )
        for _ in range(MOST + 5)
    )  # fmt: skip
    found = house.owner.get(URL).context["found"]
    assert (len(found.mails), found.held) == (MOST, MOST + 5)


def test_plan_of_a_held_connection_is_shown_and_changes_nothing(house: House):
    appointment = house.book()
    connection = house.connect()
    calendar = connection.calendars.get(receives=True)
    Link.objects.create(
        calendar=calendar, staff=house.staff, appointment_id=appointment.pk, due_at=utc_now(),
        wanted={
            "start": appointment.start.isoformat(), "end": appointment.end.isoformat(), "timezone": "Europe/Paris",
            "title": "t", "location": "", "notes": "",
        },
        time_set_at=utc_now(), wanted_version=1,
    )  # fmt: skip
    CalendarConnection.objects.filter(pk=connection.pk).update(state="frozen", frozen_at=utc_now())
    server = MemoryServer(clock=utc_now)
    server.add_calendar("Work", primary=True)
    with provider_factory(lambda _row: MemoryProvider(server)):
        page = house.owner.get(f"/dashboard/connections/{connection.pk}/plan")
        assert [(line.rule, line.appointment) for line in page.context["planned"]] == [("create", appointment)]
        assert not page.context["failed"]
        server.revoked = True
        Link.objects.update(attempts=1)  # perhaps it was made: it is looked up before anything is planned
        unread = house.owner.get(f"/dashboard/connections/{connection.pk}/plan").context
        assert (unread["planned"], unread["failed"]) == ([], True)
    assert Link.objects.get().remote_id == ""


def test_page_reads_french(everything: House):
    page = everything.owner.get(URL, headers={"accept-language": "fr"}).content.decode()
    assert "Mails held" not in page
    assert "E-mails retenus depuis une restauration" in page
