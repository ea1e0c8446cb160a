"""What allauth asks the product."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Addresses are kept in lower case: two spellings of one address are one person."""

    def clean_email(self, email: str) -> str:
        return super().clean_email(email).lower()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is down is told to the person, not shown as a broken page."""
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.warning("an account mail could not be sent: %s", type(error).__name__)
            if self.request is not None:
                messages.error(
                    self.request, _("The mail could not be sent just now. Please try again in a few minutes.")
                )

    def save_user(self, request: Any, user: Any, form: Any, commit: bool = True) -> Any:
        user.locale = getattr(request, "LANGUAGE_CODE", "en")[:2]
        return super().save_user(request, user, form, commit)
