from __future__ import annotations

from django.urls import path

from kalends.api import docs

urlpatterns = [path("", docs.page, name="api-docs")]
