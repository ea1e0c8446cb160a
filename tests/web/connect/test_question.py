from __future__ import annotations

from datetime import timedelta

import pytest

from kalends.bookings.models import Appointment
from kalends.calendars.models import Link, StaffQuestion
from kalends.core.clock import utc_now
from kalends.core.ids import new_token, token_digest
from tests.web.people import House


@pytest.fixture
def token(house: House) -> str:
    """An open question about a deleted event."""
    appointment = house.book()
    link = Link.objects.create(
        calendar=house.connect().calendars.get(receives=True), staff=house.staff, appointment_id=appointment.pk
    )
    token = new_token()
    StaffQuestion.objects.create(
        link=link,
        staff=house.staff,
        appointment_id=appointment.pk,
        token_digest=token_digest(token),
        asked_at=utc_now(),
        deadline=utc_now() + timedelta(hours=24),
    )
    return token


@pytest.mark.parametrize("path", ["/q/", "/connect/question/"])
def test_get_shows_and_changes_nothing(house: House, token: str, path: str):
    page = house.nobody.get(f"{path}{token}")
    assert page.status_code == 200
    assert page.context["question"].staff == house.staff
    assert (StaffQuestion.objects.get().answer, Appointment.objects.get().status) == ("", "confirmed")


@pytest.mark.parametrize("answer", ["cancel", "keep"])
def test_post_answers_once(house: House, token: str, answer: str):
    assert house.nobody.post(f"/q/{token}", {"answer": answer}).status_code == 200
    assert StaffQuestion.objects.get().answer == answer


def test_nonsense_answers_nothing(house: House, token: str):
    assert house.nobody.post(f"/q/{token}", {"answer": "explode"}).status_code == 404
    assert StaffQuestion.objects.get().answer == ""


def test_settled_and_unknown_questions_are_told_so(house: House, token: str):
    StaffQuestion.objects.update(closed_at=utc_now())
    for path in (f"/q/{token}", "/q/unknown"):
        for answer in (house.nobody.get(path), house.nobody.post(path, {"answer": "cancel"})):
            assert (answer.status_code, answer.templates[0].name) == (404, "connect/question_over.html")
    assert StaffQuestion.objects.get().answer == ""


def test_open_question_stands_on_the_home_page(house: House, token: str):
    questions = house.owner.get("/dashboard").context["questions"]
    assert [item.appointment for item in questions] == [Appointment.objects.get()]
    assert house.stranger.get("/dashboard").context["questions"] == []


@pytest.mark.parametrize("answer", ["cancel", "keep"])
def test_link_of_one_answer_has_one_button_and_only_its_post_acts(house: House, token: str, answer: str):
    path = f"/connect/question/{token}/{answer}"
    page = house.nobody.get(path)
    assert (page.status_code, page.content.decode().count("<form")) == (200, 1 + frame_forms(house))
    house.nobody.head(path)
    assert StaffQuestion.objects.get().answer == ""
    assert house.nobody.post(path).status_code == 200
    assert StaffQuestion.objects.get().answer == answer


def frame_forms(house: House) -> int:
    """The forms of the page's frame: language and theme."""
    return house.nobody.get("/q/unknown").content.decode().count("<form")


@pytest.mark.parametrize("answer", ["", "/cancel", "/keep"])
def test_answer_after_the_deadline_is_told_that_it_is_over(house: House, token: str, answer: str):
    StaffQuestion.objects.update(deadline=utc_now())
    for page in (house.nobody.get, house.nobody.post):
        assert page(f"/connect/question/{token}{answer}").status_code == 404
    assert StaffQuestion.objects.get().answer == ""
