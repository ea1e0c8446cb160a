"""Sending one mail of the outbox: claim and write it (one transaction), hand it over (none), settle (one).

The bytes are stored before they first go out, so that a try after a crash repeats them with the same Message-ID.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from kalends.core.sealing import CannotUnseal
from kalends.jobs import counters
from kalends.jobs.rows import backoff, claim, settle
from kalends.jobs.secrets import seal, unseal
from kalends.messages.mime import Envelope, Invitation, address, build_mail
from kalends.messages.models import OutgoingMessage
from kalends.messages.render import render
from kalends.messages.transport import Transport, TransportError, transport_for

LEASE = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(hours=48)
_BASE, _CAP = timedelta(seconds=30), timedelta(hours=1)
_CONTENT, _MAIL = "outbox.OutgoingMessage.content_sealed", "outbox.OutgoingMessage.mail_sealed"
_State = OutgoingMessage.State


def send_message(*, message_id: UUID, now: datetime, transport: Transport | None = None) -> bool:
    """Sends one mail if it is due and nobody else is sending it. True if it left. Never raises for a mail's own fault."""
    message = _claim(message_id, now)
    if message is None:
        return False
    try:
        mail = base64.b64decode(unseal(message.mail_sealed, row=message.pk, field=_MAIL))
        way_out = transport or transport_for(settings.KALENDS.email_url)
        way_out.send(name=str(message.pk), sender=sender_address(), recipient=message.recipient, mail=mail)
    except TransportError as error:
        _settle_failure(message, now=now, reason=error.reason, permanent=error.permanent)
        return False
    except CannotUnseal:
        _settle_failure(message, now=now, reason="The stored mail cannot be decrypted", permanent=True)
        return False
    counters.count("kalends_mails", outcome="sent")
    settle(message, state=_State.SENT, settled_at=now, last_error="", content_sealed="", mail_sealed="")
    return True


def send_due(*, now: datetime, limit: int = 200) -> int:
    """Sends what is due, oldest first; what a lost wake-up left lying is found here. Returns how many left."""
    ids = _due(now).order_by("due_at").values_list("pk", flat=True)[:limit]
    began = monotonic()
    # Each lease begins when its own mail's turn comes, however long the ones before it took.
    return sum(send_message(message_id=ident, now=now + timedelta(seconds=monotonic() - began)) for ident in list(ids))


def sender_address() -> str:
    """The address of KALENDS_EMAIL_FROM: sender of every mail and ORGANIZER of every invitation."""
    return address(settings.KALENDS.email_from)


def _due(now: datetime) -> QuerySet[OutgoingMessage]:
    # An older mail about the same thing goes first, so that nobody reads of a move before the appointment.
    older = OutgoingMessage.objects.filter(
        subject_kind=OuterRef("subject_kind"),
        subject_id=OuterRef("subject_id"),
        recipient=OuterRef("recipient"),
        state=_State.QUEUED,
        version__lt=OuterRef("version"),
    )
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return OutgoingMessage.objects.filter(free, ~Exists(older), state=_State.QUEUED, due_at__lte=now)


def _claim(message_id: UUID, now: datetime) -> OutgoingMessage | None:
    with transaction.atomic():
        if not claim(_due(now), pk=message_id, now=now, lease=LEASE):
            return None
        message = OutgoingMessage.objects.select_related("company").get(pk=message_id)
        message.attempts += 1
        # Put off before anything can go wrong: a mail that kills its worker must not be taken up at once again.
        message.due_at = now + backoff(message.attempts - 1, base=_BASE, cap=_CAP)
        try:
            _write(message, now)
        except Exception as error:
            # A mail that cannot be written must not stop the others; the reason is shown with it.
            message.state, message.settled_at, message.lease_until = _State.FAILED, now, None
            message.last_error = f"The mail could not be written: {type(error).__name__}: {error}"[:500]
        message.save()
    return message if message.state == _State.QUEUED else None


def _write(message: OutgoingMessage, now: datetime) -> None:
    if message.mail_sealed:
        return
    content = json.loads(unseal(message.content_sealed, row=message.pk, field=_CONTENT))
    rendered = render(
        message.kind, locale=message.locale, company_name=message.company.name, context=content["context"]
    )
    sender = sender_address()
    message.subject = rendered.subject[:255]
    message.message_id = f"<{message.pk}@{sender.rpartition('@')[2]}>"
    mail = build_mail(
        rendered,
        Envelope(sender, message.company.name, message.recipient, message.reply_to),
        message_id=message.message_id,
        at=now,
        invitation=_invitation(content),
    )
    message.mail_sealed = seal(base64.b64encode(mail).decode(), row=message.pk, field=_MAIL)


def _invitation(content: Mapping[str, Any]) -> Invitation | None:
    return Invitation(content["ics"], content["ics_method"]) if content["ics"] else None


def _settle_failure(message: OutgoingMessage, *, now: datetime, reason: str, permanent: bool) -> None:
    over = permanent or now - message.created_at > GIVE_UP_AFTER
    state = _State.FAILED if over else _State.QUEUED
    counters.count("kalends_mails", int(over), outcome="failed")
    settle(message, state=state, settled_at=now if over else None, last_error=reason[:500])
