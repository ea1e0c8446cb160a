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
    *, name: str, slug: str, timezone: str, email: str, password: str, api_key: bool
) -> MadeCompany:
    """Raises InvalidInput and makes nothing; an owner who exists already keeps their password."""
    owner = User.objects.filter(email=email.lower()).first() or _create_owner(email, password)
    company = services.create_company(name=name, slug=slug, timezone=timezone, owner=owner)
    token = ""
    if api_key:
        _row, token = services.create_api_key(
            company=company, name="command line", may_write=True, actor="command line", now=utc_now()
        )
    return MadeCompany(company=company, url=f"{settings.KALENDS.base_url}/{company.slug}", api_key=token)


def _create_owner(email: str, password: str) -> User:
    try:
        validate_email(email)
        validate_password(password)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), field="owner") from error
    return User.objects.create_user(email, password)
