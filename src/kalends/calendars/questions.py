"""Questions to a staff member about an event that was deleted outside."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from kalends.calendars.handlers import AppointmentSummary, handler
from kalends.calendars.models import CalendarConnection, Link, StaffQuestion
from kalends.core.errors import NotFound
from kalends.core.ids import new_token, token_digest
from kalends.messages.services import enqueue


def ask_staff(link: Link, connection: CalendarConnection, *, deadline: datetime, now: datetime) -> StaffQuestion:
    """Stores the question and promises its mail. Each answer is a link to a page with one button: only a POST answers."""
    token = new_token()
    question = StaffQuestion.objects.create(
        link=link,
        staff_id=link.staff_id,
        appointment_id=link.appointment_id,
        token_digest=token_digest(token),
        asked_at=now,
        deadline=deadline,
    )
    summary = handler().summary(link.appointment_id)
    if link.staff.email and summary is not None:
        _mail(question, link, connection, summary, token)
    return question


def _mail(
    question: StaffQuestion, link: Link, connection: CalendarConnection, summary: AppointmentSummary, token: str
) -> None:
    page = f"{settings.KALENDS.base_url}/connect/question/{token}"
    enqueue(
        company=connection.company,
        subject_kind="question",
        subject_id=question.pk,
        version=1,
        kind="staff_question",
        recipient=link.staff.email,
        locale=link.staff.locale,
        context={
            "staff_name": link.staff.name,
            "title": summary.title,
            "start": summary.start.isoformat(),
            "end": summary.end.isoformat(),
            "timezone": link.staff.timezone,
            "question": "deleted_outside",
            "answer_url": page,
            "cancel_url": f"{page}/cancel",
            "keep_url": f"{page}/keep",
            "deadline": question.deadline.isoformat(),
        },
        now=question.asked_at,
    )


def open_question(token: str, now: datetime) -> StaffQuestion:
    """Raises NotFound for a question that is unknown, was settled, or whose time to answer is over."""
    rows = StaffQuestion.objects.select_related("link__calendar", "staff__company")
    question = rows.filter(token_digest=token_digest(token), closed_at__isnull=True, deadline__gt=now).first()
    if question is None:
        raise settled()
    return question


def settled() -> NotFound:
    return NotFound("This question was settled already.", code="question_settled")
