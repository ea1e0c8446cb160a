"""G14: the log of days of bookings, outside edits and faults names nobody."""

from __future__ import annotations

import io
import json
import logging
import random
from dataclasses import replace

from django.db import transaction

from kalends.accounts.models import User
from kalends.bookings.models import Appointment, Attendee, Customer
from kalends.bookings.selectors.appointments import manage_url
from kalends.calendars import services
from kalends.calendars.models import CalendarConnection, RemoteCalendar
from kalends.companies.models import Company, Feed, Service, Staff
from kalends.config.logs import HideSecrets, Lines
from kalends.jobs.secrets import unseal
from kalends.messages.models import OutgoingMessage, WebhookEndpoint
from kalends.messages.sending import send_message
from kalends.messages.webhook_reads import webhook_secret, webhook_url
from kalends.sync.memory_server import Fault
from tests.calendars.world import at
from tests.simulation.history import History, Step
from tests.simulation.setting import made
from tests.simulation.simulate import steps_of

# Words that a person, a place or a secret brought into the rows.
_TEXTS = (
    (Company, ("name", "slug", "email", "phone")),
    (Staff, ("name", "email")),
    (Service, ("name",)),
    (User, ("email", "name", "password")),
    (Customer, ("name", "email", "phone")),
    (Attendee, ("name", "email", "phone", "uid", "manage_sealed", "manage_digest")),
    (Appointment, ("notes",)),
    (CalendarConnection, ("label", "subject", "credentials")),
    (RemoteCalendar, ("name", "cursor")),
    (OutgoingMessage, ("recipient", "subject", "message_id", "content_sealed")),
)


def secrets_of_the_rows() -> set[str]:
    found = {str(row[field]) for model, fields in _TEXTS for row in model.objects.values(*fields) for field in fields}
    for row in CalendarConnection.objects.exclude(credentials=""):
        opened = unseal(row.credentials, row=row.pk, field="calendars.CalendarConnection.credentials")
        found |= {str(value) for value in json.loads(opened).values()}
    found |= {manage_url(row).rpartition("/")[2] for row in Attendee.objects.all()}
    for feed in Feed.objects.all():
        found.add(unseal(feed.secret_sealed, row=feed.pk, field="companies.Feed.secret_sealed"))
    for row in WebhookEndpoint.objects.all():
        found |= {webhook_url(row), webhook_secret(row)}
    # Shorter than four letters is found in any text.
    return {text for text in found if len(text) >= 4}


def _play(history: History, steps: list[Step]) -> None:
    """With a mail that is sent again and a run that fails at the end."""
    world = history.world
    world.book(at(4, 12))
    history.play(steps)
    history.quiet()
    for message in OutgoingMessage.objects.all()[:3]:
        OutgoingMessage.objects.filter(pk=message.pk).update(state="queued", due_at=world.now)
        send_message(message_id=message.pk, now=world.now)
    world.server.fail("pull", Fault.TEMPORARY)
    services.sync_now(connection=world.connection(), everything=True, now=world.now)
    world.run()


def test_G14_log_of_simulated_days_names_nobody(db, caplog):
    """At level DEBUG, so more than is ever written; with a crash whose text quotes a customer."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(Lines())
    handler.addFilter(HideSecrets())
    root = logging.getLogger()
    root.addHandler(handler)
    caplog.set_level(logging.DEBUG)
    words: set[str] = set()
    try:
        for seed in range(900, 906):
            untouched = transaction.savepoint()
            setting, steps = steps_of(seed)
            with made(replace(setting, webhook=seed), random.Random(seed)) as watch:
                _play(History(watch.world, random.Random(seed), watch), steps)
            words |= secrets_of_the_rows()
            try:
                raise LookupError(f"no row for {Customer.objects.first()}, {Customer.objects.first().email}")
            except LookupError:
                logging.getLogger("kalends.somewhere").exception("a run failed")
            transaction.savepoint_rollback(untouched)
    finally:
        root.removeHandler(handler)
    log = written.getvalue()
    lines = [json.loads(line) for line in log.splitlines()]
    runs = [line for line in lines if line["logger"] == "kalends.calendars.engine.run"]
    assert len(runs) > 50
    assert all(line.keys() >= {"connection", "run"} for line in runs)
    assert len(words) > 50
    assert sorted(word for word in words if word in log) == []
