from __future__ import annotations

from uuid import UUID

from django.conf import settings

from kalends.jobs.precedence import precedence
from kalends.jobs.queue import task, waiting
from kalends.jobs.rows import database_now
from kalends.jobs.sweeps import register
from kalends.messages import sending, webhook_sending

_MOST_AT_ONCE = 100


@task
def send_message(message_id: str) -> None:
    precedence.give_way()
    sending.send_message(message_id=UUID(message_id), now=database_now())


def send_due_messages() -> None:
    sending.send_due(now=database_now())


@task
def send_webhooks(endpoint_id: str) -> None:
    webhook_sending.send_webhooks(endpoint_id=UUID(endpoint_id), now=database_now())


def wake_due_webhooks() -> None:
    """Sent by tasks, not here: receivers may be slow. None while as many wait: every turn would add the same again."""
    if waiting() < _MOST_AT_ONCE:
        for endpoint_id in webhook_sending.due_endpoints(now=database_now(), limit=_MOST_AT_ONCE):
            send_webhooks(str(endpoint_id))


def forget_old_webhooks() -> None:
    webhook_sending.forget_old(now=database_now())


def _seconds() -> float:
    return min(15, settings.KALENDS.sweep_seconds)


def register_sweeps() -> None:
    register("messages.send_due", _seconds, send_due_messages)
    register("messages.webhooks", _seconds, wake_due_webhooks)
    register("messages.old_webhooks", lambda: 3600.0, forget_old_webhooks)
