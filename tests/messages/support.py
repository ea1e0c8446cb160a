"""Contexts that every kind of mail can be written from, and a way to put one into the outbox."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from kalends.companies.models import Company
from kalends.messages.models import OutgoingMessage
from kalends.messages.services import enqueue
from tests.factories import NOW

CONTEXT = {
    "service": "Cut & colour",
    "start": "2026-03-03T09:00:00+00:00",
    "end": "2026-03-03T09:30:00+00:00",
    "old_start": "2026-03-02T09:00:00+00:00",
    "old_end": "2026-03-02T09:30:00+00:00",
    "tried_start": "2026-03-04T09:00:00+00:00",
    "tried_end": "2026-03-04T09:30:00+00:00",
    "timezone": "Europe/Paris",
    "staff_names": "Emma Morris",
    "staff_name": "Emma Morris",
    "customer_name": "Ada <Lovelace>",
    "customer_email": "ada@example.org",
    "customer_phone": "",
    "location": "1 Quai du Lac",
    "notes": "",
    "manage_url": "https://kalends.example/a/secret",
    "dashboard_url": "https://kalends.example/dashboard/appointments/1",
    "reason": "",
    "title": "Cut & colour – Ada",
    "provider": "Google Calendar",
    "account": "emma@example.org",
    "what": "revoked",
    "mend_url": "https://kalends.example/connect/mend",
    "invited_by": "owner@example.org",
    "role": "manager",
    "host": "shop.example",
    "day": 0,
    "question": "deleted_outside",
    "answer_url": "https://kalends.example/q/1",
    "deadline": "2026-03-05T09:00:00+00:00",
    "subject": "Sync your appointments",
    "html": "<p>Please connect, {staff}: {link}</p>",
    "link": "https://kalends.example/connect/token",
    "expires": "2026-03-09T09:00:00+00:00",
}

ICS = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@kalends\r\n"
    b"DTSTAMP:20260302T080000Z\r\nDTSTART:20260303T090000Z\r\nDTEND:20260303T093000Z\r\nSUMMARY:D\xc3\xa9tente\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)


def promise(
    company: Company,
    *,
    subject_id: UUID | None = None,
    version: int = 1,
    kind: str = "appointment_confirmed",
    recipient: str = "ada@example.org",
    now: datetime = NOW,
    **more,
) -> OutgoingMessage:
    with transaction.atomic():
        return enqueue(
            company=company,
            subject_kind="attendee",
            subject_id=subject_id or uuid4(),
            version=version,
            kind=kind,
            recipient=recipient,
            locale="en",
            context=CONTEXT,
            now=now,
            **more,
        )
