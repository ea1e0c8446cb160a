from __future__ import annotations

from uuid import UUID

from django.conf import settings

from kalends.jobs.queue import task
from kalends.jobs.rows import database_now
from kalends.jobs.sweeps import register
from kalends.messages import sending


@task
def send_message(message_id: str) -> None:
    sending.send_message(message_id=UUID(message_id), now=database_now())


def send_due_messages() -> None:
    sending.send_due(now=database_now())


def register_sweeps() -> None:
    register("messages.send_due", lambda: min(15, settings.KALENDS.sweep_seconds), send_due_messages)
