"""The database itself refuses two blocking claims of one staff member at once, whatever the code above does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.bookings.claims import refused_if_taken
from kalends.bookings.models import Claim
from kalends.bookings.values import SlotTaken
from tests.bookings.support import at, make_salon

pytestmark = pytest.mark.django_db


def claim_like(claim: Claim, start, end, **changes) -> Claim:
    values = {"staff_id": claim.staff_id, "appointment_id": claim.appointment_id, "service_id": claim.service_id}
    return Claim(**(values | {"start": start, "end": end} | changes))


def existing_claim() -> Claim:
    salon = make_salon(members=2)
    salon.book(at(3, 10), staff=salon.staff[0])
    return Claim.objects.get()


@pytest.mark.parametrize(
    ("begins", "ends"), [((9, 45), (10, 15)), ((10, 10), (10, 20)), ((10, 15), (11, 0)), ((9, 0), (12, 0))]
)
def test_overlapping_claim_is_refused(begins, ends):
    claim = existing_claim()
    with pytest.raises(SlotTaken), refused_if_taken():
        claim_like(claim, at(3, *begins), at(3, *ends)).save()
    assert Claim.objects.count() == 1


def test_touching_claims_other_staff_and_claims_that_do_not_block_are_fine():
    claim = existing_claim()
    claim_like(claim, at(3, 9), at(3, 10)).save()
    claim_like(claim, at(3, 10, 30), at(3, 11)).save()
    claim_like(claim, at(3, 10), at(3, 11), blocks=False).save()
    other = claim.staff.company.staff.exclude(pk=claim.staff_id).get()
    claim_like(claim, at(3, 10), at(3, 11), staff_id=other.pk).save()
    assert Claim.objects.count() == 5


def test_claim_cannot_be_moved_or_switched_onto_another():
    claim = existing_claim()
    later = claim_like(claim, at(3, 11), at(3, 12))
    later.save()
    silent = claim_like(claim, at(3, 10), at(3, 11), blocks=False)
    silent.save()
    for change in ({"start": at(3, 10, 29)}, {"start": at(3, 10), "end": at(3, 10, 5)}):
        with pytest.raises(SlotTaken), refused_if_taken():
            Claim.objects.filter(pk=later.pk).update(**change)
    with pytest.raises(SlotTaken), refused_if_taken():
        Claim.objects.filter(pk=silent.pk).update(blocks=True)


def test_other_broken_rules_are_not_taken_for_a_taken_slot():
    claim = existing_claim()
    with pytest.raises(IntegrityError), refused_if_taken():
        claim_like(claim, at(3, 12), at(3, 11)).save()


lengths = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def test_guard_accepts_exactly_what_does_not_overlap():
    claim = existing_claim()

    @settings(deadline=None, max_examples=60)
    @given(st.lists(lengths, max_size=12))
    def law(wanted):
        Claim.objects.all().delete()
        kept: list[tuple[int, int]] = []
        for start, end in wanted:
            row = claim_like(claim, at(4, 9) + timedelta(minutes=start), at(4, 9) + timedelta(minutes=end))
            if all(end <= other[0] or other[1] <= start for other in kept):
                row.save()
                kept.append((start, end))
            else:
                with pytest.raises(IntegrityError), transaction.atomic():
                    row.save()
        assert Claim.objects.count() == len(kept)

    law()


def test_guard_survives_all_migrations():
    """A later migration that rebuilds the table on SQLite would drop the triggers with it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'bookings_claim'")
            expected = {("claim_overlap_insert",), ("claim_overlap_update",)}
        else:
            cursor.execute("SELECT conname FROM pg_constraint WHERE conname = 'claim_overlap'")
            expected = {("claim_overlap",)}
        assert set(cursor.fetchall()) == expected
