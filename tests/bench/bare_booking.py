"""The peer of a booking: a bare Django view that looks for an overlap and inserts a row. No rules, no mail, no calendar.
And that of any GET: one that reads a row.

Served as ours is: granian, two processes, four threads each, SQLite in WAL mode that waits for the disk, or PostgreSQL.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, models, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from granian import Granian
from granian.constants import Interfaces

_FOLDER = os.environ.get("BARE_FOLDER", "")
_POSTGRES = json.loads(os.environ.get("BARE_POSTGRES", "{}"))
_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": f"{_FOLDER}/bare.db",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    },
}

if not settings.configured:
    settings.configure(
        SECRET_KEY="bare",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        # It states the length of an answer, which the client reads by.
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        DATABASES={"default": {**(_POSTGRES or _SQLITE), "CONN_MAX_AGE": None}},
    )
    django.setup()


class Booking(models.Model):
    staff = models.CharField(max_length=40, db_index=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    name = models.CharField(max_length=120)
    email = models.CharField(max_length=254)

    class Meta:
        app_label = "bare"
        indexes = [models.Index(fields=["staff", "start"])]


def book(request: HttpRequest) -> HttpResponse:
    body = json.loads(request.body)
    start = datetime.fromisoformat(body["start"])
    end = start + timedelta(minutes=5)
    with transaction.atomic():
        if Booking.objects.filter(staff=body["staff"], start__lt=end, end__gt=start).exists():
            return JsonResponse({"code": "slot_taken"}, status=409)
        row = Booking.objects.create(staff=body["staff"], start=start, end=end, **body["customer"])
    return JsonResponse({"id": row.pk}, status=201)


def latest(request: HttpRequest) -> HttpResponse:
    """JSON of a row that one query of the ORM found."""
    row = Booking.objects.order_by("-pk").first()
    return JsonResponse({"id": row.pk, "staff": row.staff, "start": row.start, "end": row.end} if row else {})


urlpatterns = [path("book", book), path("latest", latest)]


def serve(port: int) -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Booking)
    connection.close()
    Granian(
        "tests.bench.bare_booking:application",
        port=port,
        interface=Interfaces.WSGI,
        workers=2,
        blocking_threads=4,
        backlog=1024,
        log_enabled=False,
    ).serve()


application = WSGIHandler()
