"""The API's one object and its addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from kalends import __version__
from kalends.api.auth import CompanyKey
from kalends.api.errors import install
from kalends.api.v1 import appointments, catalogue, connections, customers, external, hours, settings, slots, webhooks

api = NinjaAPI(
    title="Kalends",
    version=__version__,
    description="Appointments and calendar sync of one company. Send its API key as `Authorization: Bearer KEY`.",
    auth=CompanyKey(),
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api-v1",
)
install(api)
for module in (appointments, slots, catalogue, hours, customers, settings, connections, external, webhooks):
    api.add_router("", module.routes)


def _with_refusals_as_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Ninja answers a method that an address does not have in plain words; a program expects an error's fields."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
        response = view(request, *args, **given)
        if isinstance(response, HttpResponseNotAllowed):
            allowed = response.headers["Allow"]
            body = {"code": "method_not_allowed", "message": f"This address takes {allowed}."}
            response = api.create_response(request, body, status=405)
            response.headers["Allow"] = allowed
        return response

    return answered


@csrf_exempt
def _nothing_here(request: HttpRequest) -> HttpResponse:
    body = {"code": "not_found", "message": "The API has no such address. /api/docs lists those it has."}
    return api.create_response(request, body, status=404)


_patterns, _app, _namespace = api.urls
for _pattern in _patterns:
    if isinstance(_pattern, URLPattern):
        _pattern.callback = _with_refusals_as_json(_pattern.callback)

urlpatterns = [path("", (_patterns, _app, _namespace)), re_path("", _nothing_here)]
