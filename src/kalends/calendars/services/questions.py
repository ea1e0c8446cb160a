"""A staff member's answer to what a deletion outside means."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from kalends.calendars.links import look_at
from kalends.calendars.models import StaffQuestion
from kalends.calendars.questions import open_question, settled
from kalends.core.errors import InvalidInput
from kalends.sync.link import Answer


def answer_question(*, token: str, answer: str, now: datetime) -> StaffQuestion:
    """`cancel` cancels the appointment, `keep` puts the event back. The engine acts on it at once.

    Raises NotFound for a question that is unknown, or was settled.
    """
    question = open_question(token)
    if answer not in (Answer.CANCEL, Answer.KEEP):
        raise InvalidInput("The answer is cancel or keep.", field="answer")
    with transaction.atomic():
        open_ones = StaffQuestion.objects.filter(pk=question.pk, closed_at__isnull=True)
        if not open_ones.update(answer=answer, answered_at=now):
            raise settled()
        look_at(question.link, question.link.status)
    return question
