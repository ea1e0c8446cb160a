"""The public addresses. `/{company}` takes every first segment that nothing above has."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from kalends.web.booking.views import book, manage, start

urlpatterns: list[URLPattern] = [
    path("", start.landing, name="landing"),
    path("embed.js", start.embed_script, name="embed_script"),
    path("language", set_language, name="set_language"),
    path("a/<str:token>", manage.manage, name="manage"),
    path("a/<str:token>/ics", manage.calendar_download, name="calendar_download"),
    path("a/<str:token>/reschedule", manage.reschedule, name="reschedule"),
    path("a/<str:token>/cancel", manage.cancel, name="cancel"),
    path("<slug:slug>", start.company_start, name="company_start"),
    path("<slug:slug>/", RedirectView.as_view(pattern_name="company_start", query_string=True)),
    path("<slug:slug>/s/<str:service>", start.service_start, name="service_start"),
    path("<slug:slug>/staff/<str:staff>", start.staff_start, name="staff_start"),
    path("<slug:slug>/group/<str:group>", start.group_start, name="group_start"),
    path("<slug:slug>/book", book.book, name="book"),
    path("<slug:slug>/book/details", book.book_details, name="book_details"),
    path("<slug:slug>/book/done/<str:reference>", book.book_done, name="book_done"),
]
