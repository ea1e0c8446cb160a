"""The product's addresses. Names outside people rely on: see the interface they were promised in docs/architecture.md."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("kalends.ops.urls")),
    path("api/v1/", include("kalends.api.urls")),
    path("api/docs", include("kalends.api.docs_urls")),
    path("hooks/", include("kalends.api.push.urls")),
    path("feeds/", include("kalends.feeds.urls")),
    path("", include("kalends.accounts.urls")),
    path("dashboard", include("kalends.web.dashboard.urls")),
    path("", include("kalends.web.connect.urls")),
    # Last: /{company} takes every first segment that nothing above has.
    path("", include("kalends.web.booking.urls")),
]
