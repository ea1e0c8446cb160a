"""What allauth asks the product."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """Addresses are kept in lower case: two spellings of one address are one person."""

    def clean_email(self, email: str) -> str:
        return super().clean_email(email).lower()

    def save_user(self, request: Any, user: Any, form: Any, commit: bool = True) -> Any:
        user.locale = getattr(request, "LANGUAGE_CODE", "en")[:2]
        return super().save_user(request, user, form, commit)
