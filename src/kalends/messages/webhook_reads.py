"""What pages and the API read of webhooks."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from kalends.companies.models import Company
from kalends.core.errors import NotFound
from kalends.jobs.secrets import unseal
from kalends.messages.models import WebhookDelivery, WebhookEndpoint

URL_FIELD, SECRET_FIELD = "outbox.WebhookEndpoint.url_sealed", "outbox.WebhookEndpoint.secret_sealed"
_FAILING_LONG = timedelta(days=1)


def webhooks_of(company: Company) -> QuerySet[WebhookEndpoint]:
    """Oldest first."""
    return WebhookEndpoint.objects.filter(company=company).order_by("pk")


def webhook_of(company: Company, webhook_id: UUID | str) -> WebhookEndpoint:
    """Raises NotFound for one that is not theirs."""
    row = webhooks_of(company).filter(pk=id_of(webhook_id)).first()
    if row is None:
        raise NotFound(_("There is no such webhook."))
    row.company = company
    return row


def troubled_webhooks(company: Company, now: datetime) -> QuerySet[WebhookEndpoint]:
    """Those that a person should look at: paused by no person, or failing for a day."""
    paused = Q(paused_by__in=(WebhookEndpoint.PausedBy.FAILURES, WebhookEndpoint.PausedBy.RESTORE))
    failing = Q(paused_by="", failing_since__lte=now - _FAILING_LONG)
    return webhooks_of(company).filter(paused | failing)


def webhook_url(row: WebhookEndpoint) -> str:
    return unseal(row.url_sealed, row=row.pk, field=URL_FIELD)


def webhook_secret(row: WebhookEndpoint) -> str:
    return unseal(row.secret_sealed, row=row.pk, field=SECRET_FIELD)


def webhook_state(row: WebhookEndpoint) -> str:
    """active, failing (it is tried again, ever more rarely) or paused."""
    if row.paused_by:
        return "paused"
    return "failing" if row.failing_since else "active"


def deliveries_of(row: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """Newest first; pages cut it."""
    return WebhookDelivery.objects.filter(company=row.company_id, endpoint=row).order_by("-pk")


def waiting_by_endpoint(company: Company) -> dict[UUID, int]:
    """How many deliveries wait at each endpoint that has any."""
    rows = WebhookDelivery.objects.filter(endpoint__company=company, state=WebhookDelivery.State.PENDING)
    return dict(rows.order_by().values_list("endpoint").annotate(waiting=Count("pk")))


def id_of(text: UUID | str) -> UUID:
    """The id that the text spells; for one that spells none, the id of nothing."""
    try:
        return text if isinstance(text, UUID) else UUID(text)
    except ValueError:
        return UUID(int=0)
