from __future__ import annotations

from datetime import timedelta

import pytest

from kalends.bookings.history import TEXTS, entry_text
from kalends.bookings.models import Appointment, Attendee, HistoryEntry
from kalends.bookings.selectors import history_of
from kalends.bookings.services import cancel_appointment, clear_flag, move_appointment, set_notes
from kalends.bookings.values import SlotTaken
from kalends.companies.models import Staff
from kalends.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import send_due
from tests.bookings.support import CUSTOMER, MANAGER, at, claims_of, mails, make_salon, person
from tests.factories import NOW, make_company

pytestmark = pytest.mark.django_db


def customer_mails() -> list[tuple[str, str, int]]:
    rows = OutgoingMessage.objects.filter(subject_kind="attendee").order_by("created_at", "id")
    return [(row.kind, row.state, row.version) for row in rows]


def test_moving_frees_the_old_time_and_takes_the_new_one():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    send_due(now=NOW)
    moved = move_appointment(
        appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 14), by=CUSTOMER, now=NOW
    )
    assert (moved.start, moved.end, moved.version) == (at(3, 14), at(3, 14, 30), 2)
    assert claims_of(salon.staff[0]) == [(at(3, 14), at(3, 14, 30))]
    assert Attendee.objects.get().sequence == 1
    assert Attendee.objects.get().uid == booked.attendee.uid
    assert customer_mails() == [("appointment_confirmed", "sent", 1), ("appointment_moved", "queued", 2)]
    assert HistoryEntry.objects.last().detail == {
        "old_start": at(3, 10).isoformat(),
        "old_end": at(3, 10, 30).isoformat(),
        "start": at(3, 14).isoformat(),
        "end": at(3, 14, 30).isoformat(),
    }


def test_moving_by_less_than_its_length_is_not_in_its_own_way():
    salon = make_salon(interval=10, buffer_after=20)
    booked = salon.book(at(3, 10))
    moved = move_appointment(
        appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 10, 10), by=CUSTOMER, now=NOW
    )
    assert claims_of(salon.staff[0]) == [(at(3, 10, 10), at(3, 10, 40))]
    assert moved.time_set_at == NOW


def test_moving_onto_a_taken_time_changes_nothing_and_offers_others():
    salon = make_salon()
    salon.book(at(3, 10))
    second = salon.book(at(3, 11), person(2))
    with pytest.raises(SlotTaken) as refused:
        move_appointment(
            appointment_id=second.appointment.pk, company=salon.company, start=at(3, 10), by=CUSTOMER, now=NOW
        )
    assert [near.start for near in refused.value.alternatives] == [at(3, 9, 30), at(3, 10, 30), at(3, 9)]
    second.appointment.refresh_from_db()
    assert (second.appointment.start, second.appointment.version) == (at(3, 11), 1)


def test_moving_to_where_it_is_changes_nothing():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    same = move_appointment(
        appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 10), by=MANAGER, now=NOW
    )
    assert (same.version, HistoryEntry.objects.count()) == (1, 1)


def test_F78_change_that_nets_out_sends_none():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    send_due(now=NOW)
    for start in (at(3, 14), at(3, 10)):
        move_appointment(appointment_id=booked.appointment.pk, company=salon.company, start=start, by=MANAGER, now=NOW)
    assert customer_mails() == [("appointment_confirmed", "sent", 1), ("appointment_moved", "superseded", 2)]
    assert Attendee.objects.get().told["version"] == 1


def test_move_before_the_first_mail_left_is_told_as_one_confirmation():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    move_appointment(appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 14), by=MANAGER, now=NOW)
    assert customer_mails() == [("appointment_confirmed", "superseded", 1), ("appointment_confirmed", "queued", 2)]
    assert [mail.kind for mail in mails() if mail.subject_kind == "appointment"] == ["staff_appointment_new"]


def test_cancelled_before_anybody_was_told_tells_nobody():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    cancel_appointment(appointment_id=booked.appointment.pk, company=salon.company, by=CUSTOMER, now=NOW)
    assert mails() == []


def test_cancelling_frees_the_time_and_tells_once():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    send_due(now=NOW)
    for _ in range(2):
        cancel_appointment(
            appointment_id=booked.appointment.pk, company=salon.company, by=CUSTOMER, reason="Ill", now=NOW
        )
    appointment = Appointment.objects.get()
    assert (appointment.status, appointment.version, appointment.cancel_reason) == ("cancelled", 2, "Ill")
    assert claims_of(salon.staff[0]) == []
    assert customer_mails() == [("appointment_confirmed", "sent", 1), ("appointment_cancelled", "queued", 2)]
    assert salon.book(at(3, 10), person(2)).appointment.start == at(3, 10)
    with pytest.raises(Conflict) as refused:
        move_appointment(appointment_id=appointment.pk, company=salon.company, start=at(3, 11), by=MANAGER, now=NOW)
    assert refused.value.code == "cancelled"


def test_stale_version_is_refused():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    ident = booked.appointment.pk
    move_appointment(
        appointment_id=ident, company=salon.company, start=at(3, 11), by=MANAGER, expected_version=1, now=NOW
    )
    for change in (
        lambda: move_appointment(
            appointment_id=ident, company=salon.company, start=at(3, 12), by=MANAGER, expected_version=1, now=NOW
        ),
        lambda: cancel_appointment(
            appointment_id=ident, company=salon.company, by=MANAGER, expected_version=1, now=NOW
        ),
        lambda: set_notes(
            appointment_id=ident, company=salon.company, notes="x", by=MANAGER, expected_version=1, now=NOW
        ),
    ):
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.code == "version_changed"
    assert Appointment.objects.get().version == 2


def test_customer_cannot_change_what_has_begun_but_a_manager_can():
    salon = make_salon()
    ident = salon.book(at(3, 10)).appointment.pk
    later = at(3, 10, 10)
    with pytest.raises(NotAllowed):
        cancel_appointment(appointment_id=ident, company=salon.company, by=CUSTOMER, now=later)
    with pytest.raises(NotAllowed):
        move_appointment(appointment_id=ident, company=salon.company, start=at(4, 10), by=CUSTOMER, now=later)
    assert cancel_appointment(appointment_id=ident, company=salon.company, by=MANAGER, now=later).stands is False


def test_giving_it_to_another_member_tells_all_three():
    salon = make_salon(members=2)
    emma, noah = salon.staff
    ident = salon.book(at(3, 10), staff=emma).appointment.pk
    send_due(now=NOW)
    move_appointment(appointment_id=ident, company=salon.company, staff=noah, by=MANAGER, now=NOW)
    assert (claims_of(emma), claims_of(noah)) == ([], [(at(3, 10), at(3, 10, 30))])
    assert {(mail.kind, mail.recipient) for mail in mails() if mail.state == "queued"} == {
        ("appointment_moved", "ada@example.org"),
        ("staff_appointment_cancelled", emma.email),
        ("staff_appointment_new", noah.email),
    }
    assert HistoryEntry.objects.last().kind == "staff_changed"
    assert Staff.objects.get(pk=emma.pk).schedule_revision == Staff.objects.get(pk=noah.pk).schedule_revision + 1


def test_team_appointment_moves_as_a_whole_and_cannot_be_given_to_one():
    salon = make_salon(members=2)
    ident = salon.book(at(3, 10), team=salon.staff).appointment.pk
    move_appointment(appointment_id=ident, company=salon.company, start=at(3, 12), by=MANAGER, now=NOW)
    assert [claims_of(member) for member in salon.staff] == [[(at(3, 12), at(3, 12, 30))]] * 2
    with pytest.raises(InvalidInput):
        move_appointment(appointment_id=ident, company=salon.company, staff=salon.staff[0], by=MANAGER, now=NOW)


def test_one_of_a_shared_time_leaves_and_the_last_one_ends_it():
    salon = make_salon(capacity=3)
    first, second = (salon.book(at(3, 10), person(number)) for number in (1, 2))
    ident = first.appointment.pk
    send_due(now=NOW)
    cancel_appointment(appointment_id=ident, company=salon.company, by=CUSTOMER, attendee_id=first.attendee.pk, now=NOW)
    appointment = Appointment.objects.get()
    assert (appointment.status, appointment.claims.get().seats) == ("confirmed", 1)
    assert [mail.recipient for mail in mails("appointment_cancelled")] == ["customer1@example.org"]
    salon.book(at(3, 10), person(3))
    with pytest.raises(NotAllowed):
        move_appointment(appointment_id=ident, company=salon.company, start=at(3, 11), by=CUSTOMER, now=NOW)
    for attendee in appointment.attendees.filter(status="confirmed"):
        cancel_appointment(appointment_id=ident, company=salon.company, by=CUSTOMER, attendee_id=attendee.pk, now=NOW)
    assert Appointment.objects.get().status == "cancelled"
    assert second.attendee.pk in set(appointment.attendees.values_list("pk", flat=True))


def test_notes_change_the_version_and_mail_nobody():
    salon = make_salon()
    ident = salon.book(at(3, 10)).appointment.pk
    send_due(now=NOW)
    set_notes(appointment_id=ident, company=salon.company, notes="Bring the file", by=MANAGER, now=NOW)
    assert Appointment.objects.get().version == 2
    assert [mail for mail in mails() if mail.state == "queued"] == []
    with pytest.raises(InvalidInput):
        set_notes(appointment_id=ident, company=salon.company, notes="x" * 4001, by=MANAGER, now=NOW)


def test_flag_is_cleared_without_a_new_version():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    Appointment.objects.update(flag="busy")
    cleared = clear_flag(appointment_id=booked.appointment.pk, company=salon.company, by=MANAGER, now=NOW)
    assert (cleared.flag, cleared.version) == ("", 1)


def test_stranger_changes_nothing():
    salon = make_salon()
    ident = salon.book(at(3, 10)).appointment.pk
    stranger = make_company("hillside")
    for change in (
        lambda: move_appointment(appointment_id=ident, company=stranger, start=at(3, 11), by=MANAGER, now=NOW),
        lambda: cancel_appointment(appointment_id=ident, company=stranger, by=MANAGER, now=NOW),
        lambda: set_notes(appointment_id=ident, company=stranger, notes="x", by=MANAGER, now=NOW),
    ):
        with pytest.raises(NotFound):
            change()
    assert Appointment.objects.get().version == 1


def test_history_reads_as_sentences():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    move_appointment(appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 11), by=MANAGER, now=NOW)
    cancel_appointment(
        appointment_id=booked.appointment.pk, company=salon.company, by=MANAGER, now=NOW + timedelta(hours=1)
    )
    assert [entry_text(entry) for entry in history_of(booked.appointment)] == [
        "Booked by Ada Lovelace",
        "Moved by Olivia Owner",
        "Cancelled by Olivia Owner",
    ]


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_each_history_key_has_all_it_needs(kind: str):
    entry = HistoryEntry(kind=kind, by_kind="outside", by_label="Emma", version=1, detail={"source": "google"})
    assert "%(" not in entry_text(entry)
