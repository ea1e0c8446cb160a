from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kalends.bookings.diary import _Kept, members_for
from kalends.bookings.selectors import alternatives, explain, month_overview, slots
from kalends.bookings.services import cancel_appointment, move_appointment
from kalends.companies import services as companies
from kalends.companies.models import Service
from kalends.companies.values import DayOverride, Hours, MinuteRange, WeeklyRange
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.span import Span
from tests.bookings.support import MANAGER, at, make_salon, person
from tests.factories import NOW, make_company, make_staff

pytestmark = pytest.mark.django_db
MARCH_3 = date(2026, 3, 3)


def ask(salon, first=MARCH_3, last=None, **changes):
    arguments = {"company": salon.company, "service": salon.service, "tz": "Europe/Paris", "now": NOW}
    return slots(from_date=first, to_date=last or first, **(arguments | changes))


def starts(answer) -> list:
    return [slot.start for slot in answer.found]


def queries(call) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_number_of_queries_does_not_depend_on_the_number_of_staff():
    salon = make_salon()
    alone = queries(lambda: ask(salon))
    salon.service.staff.add(*[make_staff(salon.company, f"Member {number}") for number in range(5)])
    month = {"company": salon.company, "service": salon.service, "first": MARCH_3, "tz": "UTC", "now": NOW}
    assert (alone, queries(lambda: ask(salon)), queries(lambda: month_overview(**month))) == (4, 4, 4)


def test_visitors_zone_only_groups_the_answer():
    salon = make_salon()
    everywhere = {
        tz: starts(ask(salon, date(2026, 3, 1), date(2026, 3, 12), tz=tz))
        for tz in ("Europe/Paris", "Pacific/Kiritimati", "America/Los_Angeles")
    }
    inside = {tz: {start for start in found if at(4, 0) <= start < at(10, 0)} for tz, found in everywhere.items()}
    assert inside["Europe/Paris"] == inside["Pacific/Kiritimati"] == inside["America/Los_Angeles"]
    late_there = ask(salon, date(2026, 3, 4), tz="Pacific/Auckland").days()
    assert next(slot.start for slot in late_there[date(2026, 3, 4)]) == at(3, 12)


def test_time_off_closings_and_overrides_are_not_offered():
    salon = make_salon()
    emma = salon.staff[0]
    companies.add_time_off(staff=emma, start=at(3, 9), end=at(3, 12), actor="test", now=NOW)
    companies.add_closing(company=salon.company, start=at(3, 14), end=at(3, 17), actor="test", now=NOW)
    assert starts(ask(salon)) == [at(3, 12) + timedelta(minutes=30 * number) for number in range(4)]
    weekly = [WeeklyRange(weekday=day, start=540, end=1020) for day in range(5)]
    override = DayOverride(date(2026, 3, 4), (MinuteRange(600, 660),))
    companies.set_hours(staff=emma, hours=Hours("Europe/Paris", weekly, (override,)), actor="test", now=NOW)
    assert starts(ask(salon, date(2026, 3, 4))) == [at(4, 10), at(4, 10, 30)]


def test_kept_entries_follow_every_change(transactional_db):
    """Outside a transaction what was read is kept by revision: each change must be seen by the next question."""
    salon = make_salon()
    assert at(3, 10) in starts(ask(salon))
    assert queries(lambda: ask(salon)) == 2
    booked = salon.book(at(3, 10))
    assert at(3, 10) not in starts(ask(salon))
    move_appointment(appointment_id=booked.appointment.pk, company=salon.company, start=at(3, 11), by=MANAGER, now=NOW)
    assert [at(3, 10) in starts(ask(salon)), at(3, 11) in starts(ask(salon))] == [True, False]
    cancel_appointment(appointment_id=booked.appointment.pk, company=salon.company, by=MANAGER, now=NOW)
    assert at(3, 11) in starts(ask(salon))
    companies.add_time_off(staff=salon.staff[0], start=at(3, 9), end=at(3, 17), actor="test", now=NOW)
    assert starts(ask(salon)) == []


def test_kept_entries_follow_what_others_change(transactional_db, race):
    """Each answer is read while others book, and what was booked before it was asked for is never offered in it."""
    salon = make_salon()
    done: list = []

    def book(number: int) -> None:
        salon.book(at(3, 9 + number), person(number))
        done.append(at(3, 9 + number))

    def look() -> list:
        overlooked = []
        for _ in range(40):
            before = set(done)
            overlooked += before & set(starts(ask(salon)))
        return overlooked

    answers = race(look, look, *[partial(book, number) for number in range(8)])
    assert answers == [[], [], *[None] * 8]
    assert len(done) == 8
    assert not set(done) & set(starts(ask(salon)))


def test_kept_entries_are_found_at_their_revision_only_and_the_oldest_go(transactional_db):
    salon = make_salon()
    salon.service.staff.add(*[make_staff(salon.company, f"Member {number}") for number in range(3)])
    first, *others = members_for(service=salon.service)
    kept, span = _Kept(3), Span(at(2, 0), at(9, 0))
    kept.load([first], span)
    assert list(kept.find([first], span)) == [first.id]
    assert kept.find([replace(first, revision=first.revision + 1)], span) == {}
    assert kept.find([first], Span(at(2, 0), at(16, 0))) == {}
    kept.load(others, span)
    assert set(kept.find([first, *others], span)) == {other.id for other in others}


def test_appointment_being_moved_is_not_in_its_own_way():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    assert at(3, 10) not in starts(ask(salon))
    assert at(3, 10) in starts(ask(salon, reschedule_of=booked.appointment.pk))


def test_month_overview_counts_the_free_starts_of_each_date():
    salon = make_salon(horizon=730)
    salon.book(at(3, 10))
    counts = month_overview(
        company=salon.company, service=salon.service, first=date(2026, 3, 15), tz="Europe/Paris", now=NOW
    )
    assert counts[MARCH_3] == 15
    assert counts[date(2026, 3, 31)] == 16
    assert date(2026, 3, 7) not in counts


def test_alternatives_are_the_nearest_first():
    salon = make_salon()
    near = alternatives(company=salon.company, service=salon.service, wanted=at(3, 12), now=NOW)
    assert [item.start for item in near] == [at(3, 11, 30), at(3, 12, 30), at(3, 11)]


def test_explain_names_what_is_in_the_way():
    salon = make_salon()
    booked = salon.book(at(3, 10))
    taken = explain(company=salon.company, service=salon.service, staff=salon.staff[0], at=at(3, 10), now=NOW)
    assert taken.offered is False
    busy = next(rule for rule in taken.explanation.rules if rule.rule == "busy")
    assert [(item.kind, item.id) for item in busy.blockers] == [("appointment", str(booked.appointment.pk))]
    free = explain(company=salon.company, service=salon.service, staff=salon.staff[0], at=at(3, 11), now=NOW)
    assert free.offered is True


def test_questions_that_cannot_be_answered_are_refused():
    salon = make_salon()
    with pytest.raises(InvalidInput) as refused:
        ask(salon, date(2026, 3, 3), date(2028, 3, 3))
    assert refused.value.field == "to"
    with pytest.raises(InvalidInput):
        ask(salon, tz="Mars/Olympus")
    with pytest.raises(NotFound):
        ask(salon, company=make_company("hillside"))
    Service.objects.update(active=False)
    salon.service.refresh_from_db()
    with pytest.raises(NotFound):
        ask(salon)


def test_inactive_staff_are_not_offered():
    salon = make_salon(members=2)
    companies.change_staff(staff=salon.staff[0], active=False, actor="test", now=NOW)
    assert {slot.staff for slot in ask(salon).found} == {(str(salon.staff[1].pk),)}
    salon.book(at(3, 10), person(1))
    assert at(3, 10) not in starts(ask(salon))
