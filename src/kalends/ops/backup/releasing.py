"""What a restore holds, shown to a person, who lets it go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from kalends.calendars.models import CalendarConnection
from kalends.calendars.selectors import unlinked_events
from kalends.calendars.services import unfreeze
from kalends.companies.models import Company
from kalends.core.errors import NotFound
from kalends.messages.models import OutgoingMessage, WebhookEndpoint
from kalends.messages.services import discard_message, release_messages
from kalends.messages.webhooks import change_webhook

_BY = "command line"


@dataclass(frozen=True, slots=True)
class HeldConnection:
    id: UUID
    provider: str
    state: str
    read_since: bool
    unlinked: int


def held_connections() -> Iterator[HeldConnection]:
    """`read_since`: every chosen calendar was read after the restore, so that the plan is whole."""
    for row in _held().prefetch_related("calendars"):
        chosen = [calendar for calendar in row.calendars.all() if calendar.chosen]
        since = row.restored_at
        read = all(item.fresh_as_of is not None and since is not None and item.fresh_as_of >= since for item in chosen)
        yield HeldConnection(row.pk, row.provider, row.state, read, len(unlinked_events(connection=row)))


def _held() -> QuerySet[CalendarConnection]:
    return CalendarConnection.objects.filter(restored_at__isnull=False).select_related("company").order_by("pk")


def held_messages() -> QuerySet[OutgoingMessage]:
    return OutgoingMessage.objects.filter(state=OutgoingMessage.State.HELD).order_by("created_at", "pk")


def held_webhooks() -> QuerySet[WebhookEndpoint]:
    held = WebhookEndpoint.objects.filter(paused_by=WebhookEndpoint.PausedBy.RESTORE)
    return held.select_related("company").order_by("pk")


def release_webhooks(*, now: datetime) -> int:
    """All that a restore holds; what waits leaves, each delivery under the id that it had."""
    rows = list(held_webhooks())
    for row in rows:
        change_webhook(company=row.company, webhook_id=row.pk, paused=False, actor=_BY, now=now)
    return len(rows)


def release_connections(*, ident: UUID | None, now: datetime) -> int:
    """One, or all that a restore holds. From then on they write and act. Raises NotFound."""
    rows = list(_held() if ident is None else _held().filter(pk=ident))
    if ident is not None and not rows:
        raise NotFound(f"No connection {ident} is held since a restore.")
    for row in rows:
        unfreeze(connection=row, by=_BY, now=now)
    return len(rows)


def send_held(*, now: datetime) -> int:
    """All mails that a restore holds leave after all."""
    return sum(
        release_messages(company=company, message_ids=ids, now=now) for company, ids in _held_by_company().items()
    )


def discard_held(*, now: datetime) -> int:
    """All mails that a restore holds are given up: they had left before, as far as the person knows."""
    done = 0
    for company, ids in _held_by_company().items():
        for ident in ids:
            discard_message(company=company, message_id=ident, now=now)
            done += 1
    return done


def _held_by_company() -> dict[Company, list[UUID]]:
    found: dict[Company, list[UUID]] = {}
    for message in held_messages().select_related("company"):
        found.setdefault(message.company, []).append(message.pk)
    return found
