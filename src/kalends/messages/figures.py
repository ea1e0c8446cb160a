"""How the outbox and the webhooks stand, in numbers: for /metrics. Of all companies together."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Min, QuerySet

from kalends.messages.models import OutgoingMessage, WebhookDelivery, WebhookEndpoint

_State = OutgoingMessage.State
WAITING = (_State.QUEUED, _State.FAILED, _State.HELD)


def messages_by_state() -> dict[str, int]:
    rows = OutgoingMessage.objects.filter(state__in=WAITING).order_by().values_list("state").annotate(n=Count("pk"))
    return {state.value: 0 for state in WAITING} | dict(rows)


def oldest_queued_seconds(now: datetime) -> float:
    """How long ago the oldest mail that has not left was promised; 0 if there is none."""
    oldest: datetime | None = OutgoingMessage.objects.filter(state=_State.QUEUED).aggregate(at=Min("created_at"))["at"]
    return (now - oldest).total_seconds() if oldest else 0.0


def webhooks_by_state() -> dict[str, int]:
    """Endpoints: active, failing, paused."""
    rows = WebhookEndpoint.objects.all()
    paused = rows.exclude(paused_by="").count()
    failing = rows.filter(paused_by="", failing_since__isnull=False).count()
    return {"active": rows.count() - paused - failing, "failing": failing, "paused": paused}


def waiting_deliveries() -> int:
    """At endpoints that are not paused."""
    return _waiting().count()


def oldest_untried_seconds(now: datetime) -> float:
    """How long the oldest delivery that nobody has tried waits for a worker: our delay, not a receiver's."""
    untried = _waiting().filter(attempts=0, endpoint__failing_since__isnull=True)
    oldest: datetime | None = untried.aggregate(at=Min("due_at"))["at"]
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _waiting() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING, endpoint__paused_by="")
