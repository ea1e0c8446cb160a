"""Mails that Django and allauth send at once (password, address confirmation) leave by KALENDS_EMAIL_URL too.

They do not pass the outbox: they belong to a person, not to a company, and are asked for again if they do not come.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from kalends.core.ids import new_id
from kalends.messages.transport import TransportError, transport_for


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many left. Raises SMTPException, as Django's own back end does."""
        transport = transport_for(settings.KALENDS.email_url)
        sent = 0
        for message in email_messages:
            sender = parseaddr(message.from_email)[1]
            content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
            for recipient in message.recipients():
                try:
                    transport.send(name=str(new_id()), sender=sender, recipient=parseaddr(recipient)[1], mail=content)
                except TransportError as error:
                    if not self.fail_silently:
                        raise smtplib.SMTPException(error.reason) from error
                else:
                    sent += 1
        return sent
