"""The history of an appointment and the journal, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone, translation

from kalends.bookings.handler import BookingsHandler
from kalends.bookings.models import Appointment, HistoryEntry
from kalends.bookings.selectors import appointment_of, history_of
from kalends.calendars.handlers import OutsideMove
from kalends.calendars.models import Journal
from kalends.core.ids import new_id
from kalends.core.zones import zone
from kalends.messages.models import OutgoingMessage
from kalends.web.dashboard.story import journal_text, story_of
from tests.web.people import House

PARIS = zone("Europe/Paris")


def local(hour: int, minute: int = 0, day: int = 3) -> datetime:
    """November 2037, in Paris: UTC + 1. The third is a Tuesday."""
    return datetime(2037, 11, day, hour, minute, tzinfo=PARIS).astimezone(UTC)


@pytest.fixture
def moved(house: House) -> Appointment:
    """Moved in Google Calendar from 10:00 to 20:30 at 09:12, the customer told at 09:14."""
    appointment = house.book()
    length = appointment.end - appointment.start
    Appointment.objects.update(start=local(10), end=local(10) + length, time_set_at=local(8))
    OutgoingMessage.objects.update(state="sent", settled_at=local(8))
    move = OutsideMove(
        appointment.pk, house.staff.pk, local(20, 30), local(20, 30) + length, local(9, 10), new_id(), "google"
    )
    with transaction.atomic():
        BookingsHandler().move_set([move], rule="accept_and_flag", now=local(9, 12))
    OutgoingMessage.objects.filter(kind="appointment_moved").update(state="sent", settled_at=local(9, 14))
    return appointment_of(house.company, appointment.pk)


def story(appointment: Appointment, language: str = "en") -> list[tuple[str, bool, str]]:
    with timezone.override(PARIS), translation.override(language):
        lines = story_of(appointment, history_of(appointment), now=local(9, 20))
        return [(line.text, line.flagged, line.undo) for line in lines]


def test_outside_move_is_one_sentence_with_outcome_and_what_the_customer_heard(house: House, moved: Appointment):
    assert story(moved)[0][0] == (
        "Moved in Google Calendar by Emma Morris from Tue 3 Nov 10:00 to 20:30 at 09:12; accepted, flagged: outside "
        "working hours; customer told at 09:14"
    )
    assert story(moved)[0][1:] == (True, "move")


def test_sentence_in_french(house: House, moved: Appointment):
    assert story(moved, "fr")[0][0] == (
        f"Déplacé dans Google Calendar par {house.staff.name} du mar 3 nov 10:00 à 20:30, à 09:12\u00a0; "
        "accepté, signalé\u00a0: en dehors des horaires de travail\u00a0; client prévenu à 09:14"
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("queued", "the mail to the customer is about to leave"),
        ("held", "the mail to the customer is held since a restore"),
        ("failed", "the mail to the customer could not be delivered"),
        ("superseded", "the customer was not told: it was changed again, or given up, before the mail left"),
    ],
)
def test_what_became_of_the_mail_is_said(moved: Appointment, state: str, words: str):
    OutgoingMessage.objects.filter(kind="appointment_moved").update(state=state)
    assert story(moved)[0][0].rpartition("; ")[2] == words


def test_another_day_is_named_and_a_stretch_shows_both_ends(moved: Appointment):
    entry = HistoryEntry.objects.get(kind="moved_outside")
    for end, expected in (
        (local(10, 30, day=4), "from Tue 3 Nov 10:00 to Wed 4 Nov 10:00"),
        (local(12, day=4), "from Tue 3 Nov 10:00 – 10:30 to Wed 4 Nov 10:00 – 12:00"),
    ):
        times = {"old_start": local(10), "old_end": local(10, 30), "start": local(10, day=4), "end": end}
        entry.detail = {**{name: at.isoformat() for name, at in times.items()}, "source": "google"}
        entry.save()
        assert expected in story(moved)[0][0]


def test_line_that_cannot_be_read_is_shown_by_its_key(moved: Appointment):
    HistoryEntry.objects.filter(kind="moved_outside").update(kind="invented", detail={"start": 7})
    assert story(moved)[0][0] == "invented"


def test_only_the_move_that_it_stands_by_can_be_undone(house: House, moved: Appointment):
    moved.start += timedelta(hours=1)
    moved.end += timedelta(hours=1)
    assert {undo for _text, _flagged, undo in story(moved)} == {""}


def line(house: House, **values) -> str:
    row = Journal(connection=house.connect(), at=local(9), signal="run", **values)
    with timezone.override(PARIS), translation.override("en"):
        return journal_text(row)


HERE = {"start": local(10).isoformat(), "end": local(10, 30).isoformat()}
THERE = {"start": local(11, 30).isoformat(), "end": local(12).isoformat()}


def test_journal_says_from_when_to_when(house: House):
    given = {"before": THERE, "after": HERE, "evidence": "Present"}
    assert line(house, rule="moved", action="move_put_back_rule", **given) == (
        "Moved in Google Calendar from Tue 3 Nov 10:00 to 11:30; put back, by your company’s rule"
    )


def test_journal_tells_a_deletion_from_a_move_in_its_grace_time(house: House):
    move = line(house, rule="grace", action="hold", evidence="Present", before=THERE, after=HERE)
    assert move == "Moved in Google Calendar from Tue 3 Nov 10:00 to 11:30; waiting whether it stays so"
    Journal.objects.all().delete()
    house.company.calendar_connections.all().delete()
    assert line(house, rule="grace", action="hold", evidence="Gone", after=HERE) == (
        "Deleted in Google Calendar; waiting whether it stays so"
    )


def test_journal_says_that_a_write_was_refused_or_given_up_and_not_that_it_was_done(house: House):
    refused = Journal(connection=house.connect(), rule="ours_changed", action="refused")
    assert journal_text(refused) == "The calendar system refused what was to be written"
    diverged = Journal(connection=refused.connection, rule="texts_put_back", action="diverged")
    assert journal_text(diverged) == "Changed in the calendar again and again: not put back any more"


def test_journal_without_stored_times_says_the_rule(house: House):
    assert line(house, rule="moved", action="move_accepted", before={"start": None}) == (
        "The event was moved in the calendar, so the appointment was moved"
    )
