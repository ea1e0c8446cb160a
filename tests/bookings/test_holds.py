from __future__ import annotations

from datetime import date, timedelta

import pytest

from kalends.bookings.models import Claim, Hold
from kalends.bookings.selectors import slots
from kalends.bookings.services import drop_old_holds, hold_slot, release_hold
from kalends.bookings.services.holds import HOLD_FOR
from kalends.bookings.values import SlotTaken
from kalends.core.errors import InvalidInput
from tests.bookings.support import at, make_salon, person
from tests.factories import NOW

pytestmark = pytest.mark.django_db
OVER = NOW + HOLD_FOR


def hold(salon, start=None, **changes):
    return hold_slot(
        **({"company": salon.company, "service": salon.service, "start": start or at(3, 10), "now": NOW} | changes)
    )


def starts(salon, now):
    answer = slots(
        company=salon.company,
        service=salon.service,
        from_date=date(2026, 3, 3),
        to_date=date(2026, 3, 3),
        tz="Europe/Paris",
        now=now,
    )
    return [slot.start for slot in answer.found]


def test_held_time_is_kept_for_its_visitor():
    salon = make_salon()
    held = hold(salon)
    assert at(3, 10) not in starts(salon, NOW)
    with pytest.raises(SlotTaken):
        salon.book(at(3, 10), person(2))
    assert salon.book(at(3, 10), hold_token=held.token).appointment.start == at(3, 10)
    assert Hold.objects.count() == 0
    assert Claim.objects.count() == 1


def test_hold_keeps_its_member_of_staff():
    salon = make_salon(members=3)
    salon.book(at(3, 9), staff=salon.staff[0])
    held = hold(salon, staff=salon.staff[0])
    assert list(salon.book(at(3, 10), hold_token=held.token).appointment.staff.all()) == [salon.staff[0]]


def test_Q9_hold_that_is_over_still_books_what_is_free():
    salon = make_salon()
    held = hold(salon)
    assert at(3, 10) in starts(salon, OVER)
    assert salon.book(at(3, 10), hold_token=held.token, now=OVER).appointment.start == at(3, 10)


def test_Q9_hold_that_is_over_and_taken_offers_three_others():
    salon = make_salon()
    held = hold(salon)
    salon.book(at(3, 10), person(2), now=OVER)
    with pytest.raises(SlotTaken) as refused:
        salon.book(at(3, 10), hold_token=held.token, now=OVER)
    assert [near.start for near in refused.value.alternatives] == [at(3, 9, 30), at(3, 10, 30), at(3, 9)]


def test_hold_opens_no_time_but_its_own():
    salon = make_salon()
    held = hold(salon)
    for token in (held.token, "no-such-hold"):
        with pytest.raises(SlotTaken):
            salon.book(at(3, 11, 7), hold_token=token)
    assert Claim.objects.get().hold is not None


def test_released_hold_frees_its_time():
    salon = make_salon()
    held = hold(salon)
    release_hold(company=salon.company, token=held.token)
    release_hold(company=salon.company, token="unknown")
    assert at(3, 10) in starts(salon, NOW)


def test_sweep_drops_only_what_is_over():
    salon = make_salon()
    hold(salon)
    hold(salon, at(3, 11), now=NOW + timedelta(minutes=1))
    assert drop_old_holds(now=OVER) == 2  # the hold and its claim
    assert Hold.objects.count() == 1


def test_shared_time_cannot_be_held():
    with pytest.raises(InvalidInput):
        hold(make_salon(capacity=2))
