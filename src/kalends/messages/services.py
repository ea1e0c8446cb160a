"""The outbox's verbs: promise a mail inside the caller's transaction, send what is due, hold and release."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.companies.models import Company
from kalends.core.errors import NotFound
from kalends.core.ids import new_id
from kalends.jobs.locks import require_transaction
from kalends.jobs.prepared import insert
from kalends.jobs.queue import wake_on_commit
from kalends.jobs.secrets import seal
from kalends.messages import tasks
from kalends.messages.kinds import KINDS, checked_kind
from kalends.messages.mime import address
from kalends.messages.models import OutgoingMessage

_State = OutgoingMessage.State
_UNSENT = (_State.QUEUED, _State.FAILED, _State.HELD)
CONTENT_FIELD = "outbox.OutgoingMessage.content_sealed"


@dataclass(frozen=True, slots=True)
class Superseded:
    """Unsent mails that were taken back: how many, and what the recipient had been told before the first of them."""

    count: int
    told_before: dict[str, Any] | None


def enqueue(
    *, subject_kind: str, subject_id: UUID, version: int, kind: str, recipient: str, now: datetime, **mail: Any
) -> OutgoingMessage:
    """Promises one mail (see `draft`); it leaves after the caller's transaction has committed, and not at all if that
    rolls back. The same (subject, version, kind, recipient) asked for again is the mail that is there already.
    """
    require_transaction()
    same: dict[str, Any] = {"subject_kind": subject_kind, "subject_id": subject_id, "version": version, "kind": kind}
    message = draft(**same, recipient=recipient, now=now, **mail)
    if standing := _promised({**same, "recipient": message.recipient}, supersedes=KINDS[kind].supersedes, now=now):
        return standing
    insert(message)
    send_soon(message)
    return message


def draft(
    *,
    company: Company,
    subject_kind: str,
    subject_id: UUID,
    version: int,
    kind: str,
    recipient: str,
    locale: str,
    context: Mapping[str, Any],
    now: datetime,
    ics: bytes | None = None,
    ics_method: str | None = None,
    reply_to: str = "",
    told_before: Mapping[str, Any] | None = None,
) -> OutgoingMessage:
    """A mail that is not promised yet: nothing is stored. Raises InvalidInput for an unknown kind, a context that lacks
    something, or an address that is none.
    """
    checked_kind(kind, context)
    ident = new_id()
    content = {"context": dict(context), "ics": ics.decode() if ics else "", "ics_method": ics_method or ""}
    return OutgoingMessage(
        id=ident,
        company=company,
        subject_kind=subject_kind,
        subject_id=subject_id,
        version=version,
        kind=kind,
        recipient=address(recipient),
        locale=locale,
        reply_to=reply_to,
        content_sealed=seal(json.dumps(content), row=ident, field=CONTENT_FIELD),
        told_before=dict(told_before) if told_before is not None else None,
        due_at=now,
        created_at=now,
    )


def send_soon(message: OutgoingMessage) -> None:
    """Once the caller's transaction, which stores it, has committed."""
    wake_on_commit(tasks.send_message, message.pk)


def _promised(same: Mapping[str, Any], *, supersedes: bool, now: datetime) -> OutgoingMessage | None:
    """The very mail, if it was promised before; on the way older ones that have not left are taken back."""
    about = {name: same[name] for name in ("subject_kind", "subject_id", "recipient")}
    for row in OutgoingMessage.objects.filter(**about).order_by("created_at", "id"):
        if (row.version, row.kind) == (same["version"], same["kind"]):
            return row
        if supersedes and row.version < same["version"]:
            _take_back(row, now)
    return None


def supersede_unsent(
    *, subject_kind: str, subject_id: UUID, recipient: str, now: datetime, version: int | None = None
) -> Superseded:
    """Takes back what has not left yet (only what is older than `version`, if given).

    A mail that a worker holds just now is not touched: it may have left. So is one whose worker died, because nobody
    knows whether it left.
    """
    require_transaction()
    rows = OutgoingMessage.objects.filter(
        subject_kind=subject_kind,
        subject_id=subject_id,
        recipient=address(recipient),
        state__in=_UNSENT,
        lease_until__isnull=True,
    ).order_by("created_at", "id")
    if version is not None:
        rows = rows.filter(version__lt=version)
    taken = [row for row in rows if _take_back(row, now)]
    return Superseded(count=len(taken), told_before=taken[0].told_before if taken else None)


def _take_back(row: OutgoingMessage, now: datetime) -> bool:
    # Compare-and-set: a worker may have claimed it since it was read.
    still = OutgoingMessage.objects.filter(pk=row.pk, lease_until__isnull=True, state__in=_UNSENT)
    return still.update(state=_State.SUPERSEDED, settled_at=now, content_sealed="", mail_sealed="") == 1


def hold_unsent(*, now: datetime) -> int:
    """After a restore: what a backup still believed unsent waits for a person. Returns how many."""
    return OutgoingMessage.objects.filter(state=_State.QUEUED).update(state=_State.HELD, lease_until=None)


def release_messages(*, company: Company, message_ids: Sequence[UUID], now: datetime) -> int:
    """Held or failed mails are sent after all. Returns how many."""
    with transaction.atomic():
        rows = OutgoingMessage.objects.filter(
            company=company, pk__in=message_ids, state__in=(_State.HELD, _State.FAILED)
        )
        ids = list(rows.values_list("pk", flat=True))
        count = rows.update(state=_State.QUEUED, due_at=now, created_at=now, attempts=0, last_error="", settled_at=None)
        for ident in ids:
            wake_on_commit(tasks.send_message, ident)
    return count


def discard_message(*, company: Company, message_id: UUID, now: datetime) -> None:
    """A held or failed mail is given up."""
    rows = OutgoingMessage.objects.filter(company=company, pk=message_id, state__in=(_State.HELD, _State.FAILED))
    if not rows.update(state=_State.SUPERSEDED, settled_at=now, content_sealed="", mail_sealed=""):
        raise NotFound(_("There is no held or failed mail of that id"))
