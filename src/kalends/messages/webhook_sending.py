"""Sending webhooks: claim an endpoint and what is due to it (one transaction), send it (none), settle (one).

One worker at a time sends to an endpoint, one delivery after the other, so that a receiver that is slow or dead takes
one worker's time and nobody else's; after a failure it is left in peace for a while, whatever waits.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from kalends.core.sealing import CannotUnseal
from kalends.jobs import counters
from kalends.jobs.addresses import allowed_hosts
from kalends.jobs.rows import backoff, claim, settle
from kalends.messages.models import WebhookDelivery, WebhookEndpoint
from kalends.messages.webhook_reads import webhook_secret, webhook_url
from kalends.net.errors import BadRedirect, NetError, NotSent, Refused, Timeout
from kalends.net.http import Policy, Response, client

LEASE = timedelta(minutes=1)
PAUSE_AFTER = timedelta(days=5)
KEPT = timedelta(days=30)
# How long one worker stays with one endpoint before others have their turn.
_TURN = timedelta(seconds=20)
_BASE, _CAP = timedelta(seconds=30), timedelta(hours=6)
_QUIET_BASE, _QUIET_CAP = timedelta(seconds=10), timedelta(minutes=15)
_SECONDS, _KEPT_BYTES = 10.0, 1024
_State = WebhookDelivery.State

PausedListener = Callable[[WebhookEndpoint, datetime, datetime], None]
_on_paused: list[PausedListener] = []


def on_webhook_paused(listener: PausedListener) -> None:
    """`listener(endpoint, failing_since, now)` runs inside the transaction that pauses an endpoint for its failures."""
    _on_paused.append(listener)


class Http(Protocol):
    def request(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Response: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try came to: the status and the beginning of the answer, or why there was none."""

    status: int | None = None
    answer: str = ""
    error: str = ""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The value of Kalends-Signature: a receiver that keeps the secret can tell that the body is ours, and how old."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), b"%d." % seconds + body, "sha256").hexdigest()
    return f"t={seconds},v1={digest}"


def send_webhooks(*, endpoint_id: UUID, now: datetime, http: Http | None = None) -> int:
    """Sends what is due to one endpoint, for `_TURN` at the most. Returns how many were taken. Never raises for a
    receiver's fault.
    """
    began, taken, at = monotonic(), 0, now
    # Asked once more after the lease was given back: a wake-up that came meanwhile found the endpoint held.
    while at - now < _TURN and _due(at).filter(endpoint=endpoint_id).exists():
        delivery = _claim(endpoint_id, at)
        if delivery is None:
            break
        outcome = _try(delivery, at, http or _client())
        at = now + timedelta(seconds=monotonic() - began)
        taken += _settle(delivery, outcome, at)
    return taken


def due_endpoints(*, now: datetime, limit: int) -> list[UUID]:
    """Those to which something is due: what a lost wake-up left lying, and what is to be tried again."""
    waiting = _due(now).filter(endpoint=OuterRef("pk"))
    rows = _ready(now).filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now)).filter(Exists(waiting))
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def forget_old(*, now: datetime) -> int:
    """Deliveries older than `KEPT` are deleted, also those that waited that long at a paused endpoint."""
    return WebhookDelivery.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _ready(now: datetime) -> QuerySet[WebhookEndpoint]:
    quiet_is_over = Q(quiet_until__isnull=True) | Q(quiet_until__lte=now)
    return WebhookEndpoint.objects.filter(quiet_is_over, paused_by="")


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(state=_State.PENDING, due_at__lte=now)


def _claim(endpoint_id: UUID, now: datetime) -> WebhookDelivery | None:
    with transaction.atomic():
        if not claim(_ready(now), pk=endpoint_id, now=now, lease=LEASE):
            return None
        rows = _due(now).filter(endpoint=endpoint_id).select_related("endpoint")
        delivery = rows.order_by("due_at", "pk").first()
        if delivery is None:
            WebhookEndpoint.objects.filter(pk=endpoint_id).update(lease_until=None)
            return None
        delivery.attempts += 1
        # Put off before anything can go wrong: one that kills its worker must not be taken up at once again.
        delivery.due_at = now + backoff(delivery.attempts - 1, base=_BASE, cap=_CAP)
        delivery.tried_at = now
        delivery.save(update_fields=["attempts", "due_at", "tried_at"])
    return delivery


def _try(delivery: WebhookDelivery, now: datetime, http: Http) -> Outcome:
    endpoint, body = delivery.endpoint, delivery.body.encode()
    try:
        headers = {
            "Content-Type": "application/json",
            "Kalends-Event": delivery.event,
            "Kalends-Delivery": str(delivery.pk),
            "Kalends-Signature": signature(webhook_secret(endpoint), body, now),
        }
        answer = http.request("POST", webhook_url(endpoint), headers=headers, body=body)
    except NetError as error:
        return Outcome(error=f"{_code_of(error)}: {error}"[:200])
    except CannotUnseal:
        return Outcome(error="sealed: the stored address or secret cannot be decrypted")
    # PostgreSQL takes no NUL as text.
    return Outcome(answer.status, answer.text[:_KEPT_BYTES].replace("\0", "\ufffd"))


def _code_of(error: NetError) -> str:
    """Begins WebhookDelivery.error; pages have words for each."""
    match error:
        case Refused():
            return "refused"
        case NotSent():
            return "unreachable"
        case BadRedirect():
            return "redirect"
        case Timeout():
            return "timeout"
        case _:
            return "broken"


def _client() -> Http:
    """Bounded in time and size, to public addresses only, following no redirect: see kalends.net."""
    return client(
        Policy(
            allow_hosts=allowed_hosts(),
            connect_timeout=5.0,
            read_timeout=_SECONDS,
            total_timeout=_SECONDS,
            max_bytes=_KEPT_BYTES,
            max_redirects=0,
            cut=True,
        )
    )


def _settle(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> bool:
    """Whether it was taken. A worker that was too slow has lost the endpoint, and another one has sent it again."""
    over = not outcome.taken and now >= delivery.give_up_at
    state = _State.DELIVERED if outcome.taken else _State.FAILED if over else _State.PENDING
    endpoint = delivery.endpoint
    changes = _recovered() if outcome.taken else _failing(endpoint, now)
    with transaction.atomic():
        if not settle(endpoint, **changes):
            return False
        if changes.get("paused_by"):
            for listener in _on_paused:
                listener(endpoint, changes["failing_since"], now)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(
            state=state, status=outcome.status, answer=outcome.answer, error=outcome.error
        )
    counters.count("kalends_webhook_deliveries", int(outcome.taken), outcome="delivered")
    counters.count("kalends_webhook_deliveries", int(over), outcome="failed")
    return outcome.taken


def _recovered() -> dict[str, Any]:
    return {"failures": 0, "failing_since": None, "quiet_until": None}


def _failing(endpoint: WebhookEndpoint, now: datetime) -> dict[str, Any]:
    since = endpoint.failing_since or now
    quiet = backoff(endpoint.failures, base=_QUIET_BASE, cap=_QUIET_CAP)
    changes: dict[str, Any] = {"failures": endpoint.failures + 1, "failing_since": since, "quiet_until": now + quiet}
    if now - since >= PAUSE_AFTER:
        changes["paused_by"] = WebhookEndpoint.PausedBy.FAILURES
    return changes
