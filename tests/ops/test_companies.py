from __future__ import annotations

import pytest

from kalends.accounts.models import User
from kalends.companies.models import Company, Role
from kalends.core.errors import InvalidInput
from kalends.ops.companies import create_company_with_owner
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "tulip-garden-9"


def create(email="owner@example.org", **more):
    given = {"name": "Lakeside", "slug": "lakeside", "timezone": "Europe/Paris", "password": PASSWORD, "api_key": False}
    return create_company_with_owner(email=email, **(given | more))


def owners():
    return [(m.user.email, m.role) for company in Company.objects.all() for m in company.memberships.all()]


def test_create_makes_the_owner_too():
    made = create("Owner@Example.org", api_key=True)
    assert owners() == [("owner@example.org", Role.OWNER)]
    assert User.objects.get().check_password(PASSWORD)
    assert made.api_key != ""


@pytest.mark.parametrize("email", ["owner@example.org", "OWNER@Example.org"])
def test_create_gives_nothing_to_an_account_that_somebody_made(email):
    make_user("owner@example.org")
    with pytest.raises(InvalidInput) as error:
        create(email)
    assert (error.value.code, error.value.field) == ("owner_exists", "owner")
    assert owners() == []


def test_create_takes_a_known_account_and_leaves_its_password():
    user = make_user("owner@example.org")
    create(existing_owner=True)
    assert owners() == [("owner@example.org", Role.OWNER)]
    assert User.objects.get().password == user.password


def test_create_for_a_known_account_that_there_is_not_makes_nothing():
    with pytest.raises(InvalidInput):
        create(existing_owner=True)
    assert (User.objects.count(), Company.objects.count()) == (0, 0)
