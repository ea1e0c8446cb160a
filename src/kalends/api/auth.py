"""Bearer keys of a company; write scope for everything that is not a read."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from kalends.companies.models import ApiKey, Company
from kalends.companies.selectors import api_key_by_token
from kalends.core.clock import utc_now
from kalends.core.errors import NotAllowed

_READS = ("GET", "HEAD", "OPTIONS")


class CompanyRequest(HttpRequest):
    """A request after authentication: the key that it carried and the key's company."""

    auth: ApiKey
    company: Company


class CompanyKey(HttpBearer):
    openapi_description = "An API key of the company, made under Dashboard > Settings > API."

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        key = api_key_by_token(token, utc_now())
        if key is not None and not key.may_write and request.method not in _READS:
            raise NotAllowed("This API key may only read.", code="read_only_key")
        if key is not None:
            cast(CompanyRequest, request).company = key.company
        return key


def actor_of(request: CompanyRequest) -> str:
    """Who acts, for the audit log."""
    return f"api key {request.auth.name}"
