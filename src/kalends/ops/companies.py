"""A company made from the command line."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from kalends.accounts.models import User
from kalends.companies import services
from kalends.companies.models import Company
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class MadeCompany:
    company: Company
    url: str
    api_key: str


@transaction.atomic
def create_company_with_owner(
    *, name: str, slug: str, timezone: str, email: str, password: str, api_key: bool, existing_owner: bool = False
) -> MadeCompany:
    """Raises InvalidInput and makes nothing.

    Sign-up proves no address, so an account that stands already may be anybody's: it becomes the owner only with
    `existing_owner`, and keeps its password.
    """
    owner = _existing_owner(email) if existing_owner else _create_owner(email, password)
    company = services.create_company(name=name, slug=slug, timezone=timezone, owner=owner)
    token = ""
    if api_key:
        _row, token = services.create_api_key(
            company=company, name="command line", may_write=True, actor="command line", now=utc_now()
        )
    return MadeCompany(company=company, url=f"{settings.KALENDS.base_url}/{company.slug}", api_key=token)


def _existing_owner(email: str) -> User:
    owner = User.objects.filter(email__iexact=email).first()
    if owner is None:
        raise InvalidInput(f"There is no account with the address {email}.", field="owner")
    return owner


def _create_owner(email: str, password: str) -> User:
    if User.objects.filter(email__iexact=email).exists():
        message = (
            f"There is an account with the address {email} already, made by whoever signed up with it. "
            "If you know that it is the owner's, add --existing-owner."
        )
        raise InvalidInput(message, code="owner_exists", field="owner")
    try:
        validate_email(email)
        validate_password(password)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), field="owner") from error
    return User.objects.create_user(email, password)
