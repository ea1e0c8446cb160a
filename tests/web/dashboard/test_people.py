"""Who may sign in for the company."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from kalends.accounts.models import User
from kalends.companies import services
from kalends.companies.models import MemberInvitation, Membership
from kalends.core.clock import utc_now
from kalends.core.errors import Conflict, NotAllowed
from kalends.messages.models import OutgoingMessage
from tests.factories import NOW, make_user
from tests.web.people import House

PAGE = "/dashboard/settings/people"


def owner_of(house: House) -> Membership:
    return house.company.memberships.get(role="owner")


def invite(house: House, email: str = "new@lakeside.example", role: str = "manager") -> str:
    """The path of the link."""
    _row, link = services.invite_member(by=owner_of(house), email=email, role=role, now=utc_now())
    return link[link.index("/join/") :]


def test_owner_invites_by_mail_and_takes_it_back(house: House):
    answer = house.owner.post(PAGE, {"email": "New@Lakeside.example", "role": "viewer"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    row, mail = MemberInvitation.objects.get(), OutgoingMessage.objects.get(kind="member_invitation")
    assert (row.email, row.role, mail.recipient) == ("new@lakeside.example", "viewer", "new@lakeside.example")
    assert "Invited, not yet joined" in house.owner.get(PAGE).content.decode()
    house.owner.post(reverse("dashboard:revoke_member_invitation", args=[row.pk]))
    assert "Invited, not yet joined" not in house.owner.get(PAGE).content.decode()


def test_only_an_owner_invites(house: House):
    services.change_member_role(
        membership=house.company.memberships.get(role="viewer"), role="manager", by=owner_of(house), now=NOW
    )
    answer = house.viewer.post(PAGE, {"email": "x@example.org", "role": "owner"})
    assert answer.status_code == 422
    assert "Only an owner decides who belongs to the company." in answer.content.decode()
    assert MemberInvitation.objects.count() == 0


def test_new_person_joins_with_a_confirmed_address_and_the_link_works_once(house: House):
    path, visitor = invite(house), Client()
    assert "Make an account for new@lakeside.example." in visitor.get(path).content.decode()
    assert visitor.post(path, {"name": "New", "password": "12345678"}).status_code == 422
    answer = visitor.post(path, {"name": "New", "password": "a quiet lake 7"})
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    user = User.objects.get(email="new@lakeside.example")
    assert [(row.company, row.role) for row in user.memberships.all()] == [(house.company, "manager")]
    assert EmailAddress.objects.get(user=user).verified
    assert visitor.get("/dashboard").wsgi_request.company == house.company
    assert Client().get(path).status_code == 404


def test_known_person_signs_in_first_and_no_other_account_may_join(house: House):
    known = make_user("known@example.org")
    path = invite(house, known.email)
    assert f"/login?next={path}" in Client().get(path).content.decode()
    assert Client().post(path, {"name": "Thief", "password": "a quiet lake 7"}).status_code == 200
    house.stranger.post(path)
    assert not Membership.objects.filter(company=house.company).exclude(role__in=("owner", "viewer")).exists()
    visitor = Client()
    visitor.force_login(known)
    assert visitor.post(path).status_code == 302
    assert known.memberships.get().company == house.company


def test_newer_invitation_ends_the_older_one(house: House):
    first, second = invite(house), invite(house, role="viewer")
    assert [Client().get(path).status_code for path in (first, second)] == [404, 200]


def test_role_is_changed_and_the_last_owner_stays(house: House):
    viewer = house.company.memberships.get(role="viewer")
    assert house.owner.post(reverse("dashboard:change_role", args=[viewer.pk]), {"role": "manager"}).status_code == 302
    viewer.refresh_from_db()
    assert viewer.role == "manager"
    owner = owner_of(house)
    for act in (
        lambda: services.change_member_role(membership=owner, role="viewer", by=owner, now=NOW),
        lambda: services.remove_member(membership=owner, by=owner, now=NOW),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "last_owner"
    page = house.owner.post(reverse("dashboard:remove_member", args=[owner.pk]), follow=True).content.decode()
    assert "The last owner cannot go. Make somebody else an owner first." in page


def test_member_leaves_and_is_removed(house: House):
    viewer = house.company.memberships.get(role="viewer")
    with pytest.raises(NotAllowed):
        services.remove_member(membership=owner_of(house), by=viewer, now=NOW)
    assert house.viewer.post(reverse("dashboard:remove_member", args=[viewer.pk])).status_code == 302
    assert house.viewer.get("/dashboard").status_code == 404
    other = services.add_member(company=house.company, user=viewer.user, role="manager", actor="t", now=NOW)
    assert house.owner.post(reverse("dashboard:remove_member", args=[other.pk])).status_code == 302
    assert house.company.memberships.count() == 1


def test_names_with_markup_are_shown_as_text(house: House):
    viewer = house.company.memberships.get(role="viewer").user
    User.objects.filter(pk=viewer.pk).update(name="<script>x</script>")
    assert re.search("<script>x", house.owner.get(PAGE).content.decode()) is None


def test_signed_in_person_finds_the_second_factor(house: House):
    assert '<a href="/account/2fa/">' in house.owner.get("/dashboard").content.decode()
