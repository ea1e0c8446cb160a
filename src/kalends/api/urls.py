"""The API's one object and its addresses."""

from __future__ import annotations

from django.urls import path
from ninja import NinjaAPI

from kalends import __version__
from kalends.api.auth import CompanyKey
from kalends.api.errors import install
from kalends.api.v1 import appointments, catalogue, connections, customers, external, hours, settings, slots

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
for module in (appointments, slots, catalogue, hours, customers, settings, connections, external):
    api.add_router("", module.routes)

urlpatterns = [path("", api.urls)]
