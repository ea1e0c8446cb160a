from __future__ import annotations

from django.urls import path

from kalends.api.push import views

urlpatterns = [
    path("google", views.google, name="hook_google"),
    path("microsoft", views.microsoft, name="hook_microsoft"),
]
