from __future__ import annotations

from uuid import UUID

import pytest

from kalends.companies.models import Staff
from kalends.core.ids import new_id
from kalends.jobs import listed
from kalends.jobs.listed import Listed
from tests.factories import make_company, make_staff

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("longest", [256, 4])
def test_listed_finds_what_its_queryset_finds_whatever_the_length(monkeypatch, longest):
    """Also where a list is longer than what is kept."""
    monkeypatch.setattr(listed, "_LONGEST", longest)
    company = make_company()
    staff = [make_staff(company, f"Member {number}") for number in range(5)]
    by_id = Listed(
        lambda company, ids: Staff.objects.filter(company=company, pk__in=ids).order_by("pk"), company=UUID, ids=[UUID]
    )
    for length in range(6):
        wanted = [member.pk for member in staff[:length]]
        assert by_id.rows(company=company.pk, ids=wanted) == staff[:length]
        assert by_id.rows(company=new_id(), ids=wanted) == []


def test_listed_keeps_few_texts():
    by_id = Listed(lambda ids: Staff.objects.filter(pk__in=ids), ids=[UUID])
    for length in range(300):
        by_id.rows(ids=[new_id() for _ in range(length)])
    assert len(by_id._kept) == 9
