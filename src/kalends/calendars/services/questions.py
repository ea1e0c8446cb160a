"""The answer to what a deletion outside means: the staff member's by the link in their mail, or a manager's."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from kalends.calendars.links import lock_link, look_at
from kalends.calendars.models import StaffQuestion
from kalends.calendars.questions import open_question, settled
from kalends.companies.models import Company
from kalends.companies.services import record_audit
from kalends.core.errors import InvalidInput
from kalends.sync.link import Answer


def answer_question(*, token: str, answer: str, now: datetime) -> StaffQuestion:
    """`cancel` cancels the appointment, `keep` puts the event back. The engine acts on it at once.

    Raises NotFound for a question that is unknown, was settled, or whose time is over: then the appointment stands.
    """
    question = open_question(token, now)
    with transaction.atomic():
        _store(question, answer, now)
    return question


def answer_for_staff(*, company: Company, question_id: UUID, answer: str, by: str, now: datetime) -> StaffQuestion:
    """A manager answers in the staff member's place; `by` is named in the audit log. Raises as `answer_question`."""
    rows = StaffQuestion.objects.select_related("link__calendar").filter(staff__company=company, closed_at=None)
    question = rows.filter(pk=question_id, deadline__gt=now).first()
    if question is None:
        raise settled()
    with transaction.atomic():
        _store(question, answer, now)
        record_audit(company=company, actor=by, action=f"question_{answer}", target=str(question.pk), now=now)
    return question


def _store(question: StaffQuestion, answer: str, now: datetime) -> None:
    if answer not in (Answer.CANCEL, Answer.KEEP):
        raise InvalidInput("The answer is cancel or keep.", field="answer")
    link = lock_link(question.link_id)
    open_ones = StaffQuestion.objects.filter(pk=question.pk, closed_at__isnull=True)
    if not open_ones.update(answer=answer, answered_at=now):
        raise settled()
    look_at(link, link.status)
