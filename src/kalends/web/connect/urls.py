"""Sign-up, staff invitations, returns from consent pages, questions to staff members, the guide."""

from __future__ import annotations

from django.urls import path

from kalends.web.connect import views
from kalends.web.dashboard.views.people import join
from kalends.web.dashboard.views.signup import signup

urlpatterns = [
    path("signup", signup, name="signup"),
    path("join/<str:token>", join, name="join"),
    path("connect/go", views.go, name="connect_go"),
    path("connect/calendars/<uuid:connection_id>", views.calendars, name="connect_calendars"),
    path("connect/progress/<uuid:connection_id>", views.progress, name="connect_progress"),
    path("connect/question/<str:token>", views.question, name="question"),
    path("connect/question/<str:token>/cancel", views.question, {"answer": "cancel"}, name="question_cancel"),
    path("connect/question/<str:token>/keep", views.question, {"answer": "keep"}, name="question_keep"),
    path("q/<str:token>", views.question),
    path("connect/<str:token>", views.start, name="connect"),
    path("connect/<str:token>/caldav", views.caldav, name="connect_caldav"),
    path("oauth/google/callback", views.oauth_callback, {"provider": "google"}, name="oauth_google"),
    path("oauth/microsoft/callback", views.oauth_callback, {"provider": "microsoft"}, name="oauth_microsoft"),
    path("guide/calendar-sync", views.guide, name="guide_calendar_sync"),
    path("guide/icloud", views.guide, {"page": "icloud"}, name="guide_icloud"),
    path("guide/fastmail", views.guide, {"page": "fastmail"}, name="guide_fastmail"),
    path("guide/nextcloud", views.guide, {"page": "nextcloud"}, name="guide_nextcloud"),
]
