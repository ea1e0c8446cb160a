"""Webhooks: addresses of the company's own programs that are told what happens, and the log of what they were told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Query, Schema, Status

from kalends.api.auth import CompanyRequest, actor_of
from kalends.api.idempotency import answer
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.routing import answers, router
from kalends.api.v1.schemas import Strict
from kalends.core.clock import utc_now
from kalends.core.errors import NotAllowed
from kalends.messages import webhook_reads as reads
from kalends.messages import webhooks
from kalends.messages.models import Event, WebhookDelivery, WebhookEndpoint

routes = router("webhooks")


class WebhookIn(Strict):
    url: str = Field(max_length=2000, description="https")
    events: list[Event] = Field(min_length=1)


class WebhookPatch(Strict):
    url: str | None = Field(None, max_length=2000)
    events: list[Event] | None = Field(None, min_length=1)
    paused: bool | None = None


class WebhookOut(Schema):
    """`failing`: the last try failed; it is tried again. `paused_by`: person, failures (five days long) or restore."""

    id: UUID
    url: str
    events: list[Event]
    state: Literal["active", "failing", "paused"]
    paused_by: Literal["", "person", "failures", "restore"]
    failing_since: datetime | None
    created_at: datetime


class NewWebhookOut(WebhookOut):
    """`secret` is given this once; whoever may write finds it on the webhook's page, too."""

    secret: str


class WebhookPage(Schema):
    items: list[WebhookOut]
    next: str | None


class DeliveryOut(Schema):
    """`status` and the beginning of the `answer` are those of the last try, or `error` says why there was none."""

    id: UUID
    event: str
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    created_at: datetime
    tried_at: datetime | None
    next_try_at: datetime | None
    status: int | None
    answer: str
    error: str


class DeliveryPage(Schema):
    items: list[DeliveryOut]
    next: str | None


def _webhook(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "url": reads.webhook_url(row),
        "events": row.events,
        "state": reads.webhook_state(row),
        "paused_by": row.paused_by,
        "failing_since": row.failing_since.isoformat() if row.failing_since else None,
        "created_at": row.created_at.isoformat(),
    }


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "event": row.event,
        "state": row.state,
        "attempts": row.attempts,
        "created_at": row.created_at.isoformat(),
        "tried_at": row.tried_at.isoformat() if row.tried_at else None,
        "next_try_at": row.due_at.isoformat() if row.state == WebhookDelivery.State.PENDING else None,
        "status": row.status,
        "answer": row.answer,
        "error": row.error,
    }


def _trusted(request: CompanyRequest) -> None:
    """An address may be a secret, and an answer hold one: as on the pages, they are for who may write."""
    if not request.auth.may_write:
        raise NotAllowed("This API key may only read.", code="read_only_key")


@routes.get("/webhooks", response=answers(ok=WebhookPage), summary="List webhooks")
def list_webhooks(request: CompanyRequest, page: Query[PageQuery]) -> Any:
    """For keys that may write: an address may be a secret."""
    _trusted(request)
    return page_of(reads.webhooks_of(request.company), page, _webhook)


@routes.post("/webhooks", response=answers(created=NewWebhookOut), summary="Add a webhook")
def create_webhook(request: CompanyRequest, payload: WebhookIn) -> Any:
    """Each delivery carries `Kalends-Signature: t=<unix time>,v1=<HMAC-SHA256 of "t.body" with the secret, hexadecimal>`,
    `Kalends-Event` and `Kalends-Delivery`, the id by which a repeated one is known. Any status from 200 to 299 within
    10 seconds takes it; else it is tried again for three days. The order is not promised: compare `version`.
    """

    def work(_key: object) -> tuple[int, Any]:
        row, secret = webhooks.create_webhook(
            company=request.company, actor=actor_of(request), now=utc_now(), **payload.dict()
        )
        return 201, {**_webhook(row), "secret": secret}

    return answer(request, work)


@routes.get("/webhooks/{webhook_id}", response=answers(ok=WebhookOut), summary="One webhook")
def get_webhook(request: CompanyRequest, webhook_id: str) -> Any:
    _trusted(request)
    return _webhook(reads.webhook_of(request.company, webhook_id))


@routes.patch("/webhooks/{webhook_id}", response=answers(ok=WebhookOut), summary="Change, pause or resume a webhook")
def change_webhook(request: CompanyRequest, webhook_id: str, payload: WebhookPatch) -> Any:
    """While it is paused, what happens waits (for 30 days), and leaves when it is resumed."""
    changes = payload.dict(exclude_unset=True)
    row = webhooks.change_webhook(
        company=request.company, webhook_id=webhook_id, actor=actor_of(request), now=utc_now(), **changes
    )
    return _webhook(row)


@routes.delete("/webhooks/{webhook_id}", response=answers(none=None), summary="Remove a webhook")
def delete_webhook(request: CompanyRequest, webhook_id: str) -> Any:
    webhooks.delete_webhook(company=request.company, webhook_id=webhook_id, actor=actor_of(request), now=utc_now())
    return Status(204, None)


@routes.get("/webhooks/{webhook_id}/deliveries", response=answers(ok=DeliveryPage), summary="What it was told")
def list_deliveries(request: CompanyRequest, webhook_id: str, page: Query[PageQuery]) -> Any:
    """Newest first, of the last 30 days."""
    _trusted(request)
    rows = reads.deliveries_of(reads.webhook_of(request.company, webhook_id))
    return page_of(rows, page, _delivery, newest_first=True)


@routes.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    response=answers(ok=DeliveryOut),
    summary="Send a delivery again",
)
def resend_delivery(request: CompanyRequest, webhook_id: str, delivery_id: str) -> Any:
    """The same body under the same id, signed anew."""

    def work(_key: object) -> tuple[int, Any]:
        row = webhooks.resend_delivery(
            company=request.company, webhook_id=webhook_id, delivery_id=delivery_id, now=utc_now()
        )
        return 200, _delivery(row)

    return answer(request, work)


@routes.post("/webhooks/{webhook_id}/test", response=answers(created=DeliveryOut), summary="Send a ping")
def send_test(request: CompanyRequest, webhook_id: str) -> Any:
    def work(_key: object) -> tuple[int, Any]:
        return 201, _delivery(webhooks.send_test(company=request.company, webhook_id=webhook_id, now=utc_now()))

    return answer(request, work)
