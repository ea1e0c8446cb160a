"""What the dashboard and the checks read of the outbox. No bodies: they are gone once a mail is out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, QuerySet

from kalends.companies.models import Company
from kalends.messages.models import OutgoingMessage


def messages_of_company(*, company: Company, state: str = "") -> QuerySet[OutgoingMessage]:
    """Newest first; pages cut it."""
    rows = OutgoingMessage.objects.filter(company=company).order_by("-created_at", "-id")
    rows = rows.defer("content_sealed", "mail_sealed")
    return rows.filter(state=state) if state else rows


def messages_of_subjects(*, company: Company, subject_kind: str, subject_ids: Sequence[UUID]) -> list[OutgoingMessage]:
    """The mails about some things (the attendees of an appointment), oldest first."""
    rows = OutgoingMessage.objects.filter(company=company, subject_kind=subject_kind, subject_id__in=subject_ids)
    return list(rows.defer("content_sealed", "mail_sealed").order_by("created_at", "id"))


def message_counts(*, company: Company | None = None) -> dict[str, int]:
    """How many mails are in each state."""
    rows = OutgoingMessage.objects.all() if company is None else OutgoingMessage.objects.filter(company=company)
    counted = {row["state"]: row["total"] for row in rows.values("state").annotate(total=Count("id")).order_by()}
    return {state.value: counted.get(state.value, 0) for state in OutgoingMessage.State}
