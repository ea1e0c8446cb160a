"""How the outbox stands, in numbers: for /metrics. Of all companies together."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Min

from kalends.messages.models import OutgoingMessage

_State = OutgoingMessage.State
WAITING = (_State.QUEUED, _State.FAILED, _State.HELD)


def messages_by_state() -> dict[str, int]:
    rows = OutgoingMessage.objects.filter(state__in=WAITING).order_by().values_list("state").annotate(n=Count("pk"))
    return {state.value: 0 for state in WAITING} | dict(rows)


def oldest_queued_seconds(now: datetime) -> float:
    """How long ago the oldest mail that has not left was promised; 0 if there is none."""
    oldest: datetime | None = OutgoingMessage.objects.filter(state=_State.QUEUED).aggregate(at=Min("created_at"))["at"]
    return (now - oldest).total_seconds() if oldest else 0.0
