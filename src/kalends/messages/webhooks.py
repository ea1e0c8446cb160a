"""Webhooks: a company's own programs are told what happened.

What is to be told is written down in the transaction of the change; endpoints are made, changed, paused, tried out and
deleted here, and a delivery is sent again. `webhook_sending` sends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.companies.models import Company
from kalends.companies.services import record_audit
from kalends.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from kalends.core.ids import new_id, new_token
from kalends.jobs.addresses import checked_address
from kalends.jobs.limits import count_act
from kalends.jobs.locks import lock_rows, require_transaction
from kalends.jobs.queue import wake_on_commit
from kalends.jobs.secrets import seal
from kalends.messages import tasks
from kalends.messages.models import Event, WebhookDelivery, WebhookEndpoint
from kalends.messages.webhook_reads import SECRET_FIELD, URL_FIELD, id_of, webhook_of

KEEP_TRYING = timedelta(days=3)
MOST = 10
_BY_HAND, _WINDOW = 60, timedelta(minutes=10)
_PausedBy = WebhookEndpoint.PausedBy
_State = WebhookDelivery.State


def announce(
    *,
    company: Company,
    event: str,
    subject_id: UUID,
    version: int,
    data: Callable[[], Mapping[str, Any]],
    now: datetime,
) -> None:
    """One delivery for each endpoint that chose the event; the same change announced again is the one that is there.

    Costs no query where the company has no endpoint; `data` is called only if somebody is to be told.
    """
    require_transaction()
    if not company.has_webhooks:
        return
    endpoints = [row for row in WebhookEndpoint.objects.filter(company=company) if event in row.events]
    if not endpoints:
        return
    told = data()
    rows = [
        _delivery_of(endpoint, event=event, subject_id=subject_id, version=version, data=told, now=now)
        for endpoint in endpoints
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    for endpoint in endpoints:
        wake_on_commit(tasks.send_webhooks, endpoint.pk)


def _delivery_of(
    endpoint: WebhookEndpoint,
    *,
    event: str,
    subject_id: UUID,
    version: int,
    data: Mapping[str, Any],
    now: datetime,
) -> WebhookDelivery:
    """Not stored yet."""
    ident = new_id()
    body = {
        "id": str(ident),
        "type": event,
        "created_at": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "company": str(endpoint.company_id),
        "data": data,
    }
    return WebhookDelivery(
        id=ident,
        company_id=endpoint.company_id,
        endpoint=endpoint,
        event=event,
        subject_id=subject_id,
        version=version,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        due_at=now,
        give_up_at=now + KEEP_TRYING,
        created_at=now,
    )


# -- endpoints --------------------------------------------------------------------------------------------------------


def create_webhook(
    *, company: Company, url: str, events: Iterable[str], actor: str, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """The row and the secret that its deliveries are signed with. Raises InvalidInput (url, events)."""
    address, chosen = checked_address(url.strip()), _chosen(events)
    ident, secret = new_id(), f"whsec_{new_token()}"
    row = WebhookEndpoint(
        id=ident,
        company=company,
        secret_sealed=seal(secret, row=ident, field=SECRET_FIELD),
        events=chosen,
        created_at=now,
        **_address(ident, address),
    )
    with transaction.atomic():
        _lock(company)
        if WebhookEndpoint.objects.filter(company=company).count() >= MOST:
            raise InvalidInput(_("There are %(most)d webhooks already.") % {"most": MOST}, field="url")
        row.save(force_insert=True)
        _note_whether_there_are_any(company)
        _audit(row, "webhook.created", actor, now)
    return row, secret


@transaction.atomic
def change_webhook(
    *,
    company: Company,
    webhook_id: UUID | str,
    actor: str,
    now: datetime,
    url: str | None = None,
    events: Iterable[str] | None = None,
    paused: bool | None = None,
) -> WebhookEndpoint:
    """While it is paused, what happens is written down and waits. Raises InvalidInput (url, events), NotFound."""
    row = webhook_of(company, webhook_id)
    changes: dict[str, Any] = {}
    if url is not None:
        changes |= _address(row.pk, checked_address(url.strip()))
    if events is not None:
        changes["events"] = _chosen(events)
    if paused is not None and paused != bool(row.paused_by):
        changes["paused_by"] = _PausedBy.PERSON if paused else _PausedBy.NOBODY
    if changes:
        # Somebody has looked after it: what counts against it begins anew, and it is tried at once.
        changes |= {"failures": 0, "failing_since": None, "quiet_until": None}
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=changes)
        if changes.get("paused_by") == _PausedBy.NOBODY:
            row.deliveries.filter(state=_State.PENDING).update(due_at=now, give_up_at=now + KEEP_TRYING)
        _audit(row, "webhook.changed", actor, now)
        wake_on_commit(tasks.send_webhooks, row.pk)
    return row


@transaction.atomic
def delete_webhook(*, company: Company, webhook_id: UUID | str, actor: str, now: datetime) -> None:
    """With its deliveries, also those that wait. Raises NotFound."""
    _lock(company)
    row = webhook_of(company, webhook_id)
    _audit(row, "webhook.deleted", actor, now)
    row.delete()
    _note_whether_there_are_any(company)


@transaction.atomic
def send_test(*, company: Company, webhook_id: UUID | str, now: datetime) -> WebhookDelivery:
    """A `ping`, signed and logged as any other. Raises NotFound, Conflict (paused), Unavailable (too many by hand)."""
    row = _sendable(company, webhook_id, now)
    data = {"webhook": str(row.pk)}
    delivery = _delivery_of(row, event="ping", subject_id=new_id(), version=1, data=data, now=now)
    delivery.save(force_insert=True)
    return delivery


@transaction.atomic
def resend_delivery(
    *, company: Company, webhook_id: UUID | str, delivery_id: UUID | str, now: datetime
) -> WebhookDelivery:
    """The same bytes under the same id, now. Raises NotFound, Conflict (paused), Unavailable (too many by hand)."""
    row = _sendable(company, webhook_id, now)
    rows = WebhookDelivery.objects.filter(company=company, endpoint=row, pk=id_of(delivery_id))
    if not rows.update(state=_State.PENDING, due_at=now, give_up_at=now + KEEP_TRYING, attempts=0):
        raise NotFound(_("There is no such delivery."))
    return rows.get()


def hold_webhooks(*, now: datetime) -> int:
    """After a restore nobody is told anything until a person says so. Returns how many endpoints wait."""
    rows = WebhookEndpoint.objects.exclude(paused_by=_PausedBy.PERSON)
    return rows.update(paused_by=_PausedBy.RESTORE, lease_until=None)


# -- steps ------------------------------------------------------------------------------------------------------------


def _sendable(company: Company, webhook_id: UUID | str, now: datetime) -> WebhookEndpoint:
    """The endpoint, tried at once whatever went wrong before."""
    row = webhook_of(company, webhook_id)
    if row.paused_by:
        raise Conflict(_("This webhook is paused. Resume it first."), code="paused")
    if count_act(f"webhooks by hand:{company.pk}", window=_WINDOW, now=now) > _BY_HAND:
        raise Unavailable(_("Too many were sent by hand just now. Wait ten minutes."), code="too_many")
    WebhookEndpoint.objects.filter(pk=row.pk).update(quiet_until=None)
    wake_on_commit(tasks.send_webhooks, row.pk)
    return row


def _address(ident: UUID, url: str) -> dict[str, str]:
    return {"url_sealed": seal(url, row=ident, field=URL_FIELD), "host": (urlsplit(url).hostname or "")[:255]}


def _chosen(events: Iterable[str]) -> list[str]:
    wanted = set(events)
    if unknown := wanted - set(Event.values):
        raise InvalidInput(_("There is no such event: %(name)s") % {"name": min(unknown)[:40]}, field="events")
    if not wanted:
        raise InvalidInput(_("Choose at least one event."), field="events")
    return [event for event in Event.values if event in wanted]


def _lock(company: Company) -> None:
    """So that of two who make and delete at once, the second one counts what the first one left."""
    lock_rows(Company.objects.all(), [company.pk])


def _note_whether_there_are_any(company: Company) -> None:
    company.has_webhooks = WebhookEndpoint.objects.filter(company=company).exists()
    Company.objects.filter(pk=company.pk).update(has_webhooks=company.has_webhooks)


def _audit(row: WebhookEndpoint, action: str, actor: str, now: datetime) -> None:
    """The host only: the rest of the address may be a secret."""
    record_audit(company=row.company, actor=actor, action=action, target=row.host[:120], now=now)
