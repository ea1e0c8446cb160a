from __future__ import annotations

from django.urls import path

from kalends.feeds import views

urlpatterns = [path("<str:secret>.ics", views.feed, name="feed")]
