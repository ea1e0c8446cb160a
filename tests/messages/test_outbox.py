from __future__ import annotations

import base64
import email
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError

from kalends.core.errors import InvalidInput, NotFound
from kalends.jobs.secrets import keyring
from kalends.messages.models import OutgoingMessage
from kalends.messages.selectors import message_counts, messages_of_company, messages_of_subjects
from kalends.messages.sending import GIVE_UP_AFTER, LEASE, send_due, send_message
from kalends.messages.services import (
    Superseded,
    discard_message,
    enqueue,
    hold_unsent,
    release_messages,
    supersede_unsent,
)
from kalends.messages.transport import TransportError
from tests.factories import NOW, make_company
from tests.messages.support import CONTEXT, ICS, promise

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Stands for a process that ends between two steps."""


@dataclass
class Post:
    """A transport that remembers, refuses or dies as told."""

    mails: list[bytes] = field(default_factory=list)
    failure: TransportError | None = None
    dies: bool = False

    def send(self, *, name: str, sender: str, recipient: str, mail: bytes) -> None:
        if self.failure:
            raise self.failure
        self.mails.append(mail)
        if self.dies:
            raise Killed

    def check(self) -> str:
        return "here"


@pytest.fixture
def company():
    return make_company()


def state(message: OutgoingMessage) -> str:
    message.refresh_from_db()
    return message.state


@pytest.mark.django_db(transaction=True)
def test_promise_goes_with_its_transaction():
    company = make_company()
    arguments = {"subject_id": uuid4(), "version": 1, "kind": "appointment_confirmed", "locale": "en", "now": NOW}
    arguments |= {"company": company, "subject_kind": "attendee", "recipient": "a@example.org", "context": CONTEXT}
    with pytest.raises(TransactionManagementError):
        enqueue(**arguments)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError(enqueue(**arguments).pk)
    assert OutgoingMessage.objects.count() == 0


def test_same_change_is_promised_once(company):
    subject = uuid4()
    assert promise(company, subject_id=subject).pk == promise(company, subject_id=subject).pk
    assert OutgoingMessage.objects.count() == 1


def test_address_that_is_none_is_refused_at_once(company):
    with pytest.raises(InvalidInput):
        promise(company, recipient="nobody")


def test_mail_leaves_once_and_leaves_nothing_secret_behind(company):
    post = Post()
    message = promise(company, ics=ICS, ics_method="REQUEST", reply_to="hello@lakeside.example")
    assert CONTEXT["manage_url"] not in message.content_sealed
    assert send_message(message_id=message.pk, now=NOW, transport=post) is True
    assert send_message(message_id=message.pk, now=NOW, transport=post) is False
    assert state(message) == "sent"
    assert (message.content_sealed, message.mail_sealed, message.settled_at) == ("", "", NOW)
    (mail,) = map(email.message_from_bytes, post.mails)
    assert mail["Message-ID"] == message.message_id == f"<{message.pk}@localhost>"
    assert mail["To"] == "ada@example.org"
    assert message.subject == "Confirmed: Cut & colour, 3 March 2026, 10:00 (Europe/Paris)"


def test_passing_failure_backs_off_and_repeats_the_same_bytes(company):
    post = Post(failure=TransportError("away", permanent=False))
    message = promise(company, ics=ICS, ics_method="REQUEST")
    assert send_message(message_id=message.pk, now=NOW, transport=post) is False
    assert (state(message), message.attempts, message.last_error) == ("queued", 1, "away")
    assert NOW < message.due_at < NOW + timedelta(minutes=1)
    assert send_message(message_id=message.pk, now=NOW, transport=post) is False
    assert (state(message), message.attempts) == ("queued", 1)
    stored = message.mail_sealed
    post.failure = None
    assert send_message(message_id=message.pk, now=message.due_at, transport=post) is True
    plain = keyring().unseal(stored, place=f"{message.pk}|outbox.OutgoingMessage.mail_sealed")
    assert [mail[:40] for mail in post.mails] == [base64.b64decode(plain)[:40]]


def test_refusal_of_this_mail_is_final_and_shown(company):
    message = promise(company)
    post = Post(failure=TransportError("The mail server refuses this recipient (550)", permanent=True))
    send_message(message_id=message.pk, now=NOW, transport=post)
    assert (state(message), message.last_error) == ("failed", "The mail server refuses this recipient (550)")


def test_mail_is_given_up_after_two_days(company):
    message = promise(company)
    post = Post(failure=TransportError("away", permanent=False))
    moment = NOW
    while state(message) == "queued":
        send_message(message_id=message.pk, now=moment, transport=post)
        message.refresh_from_db()
        moment = max(moment, message.due_at)
    assert message.state == "failed"
    assert moment - NOW >= GIVE_UP_AFTER
    assert message.attempts < 70


def test_G5_worker_killed_after_the_server_took_it_repeats_the_stored_bytes(company):
    post = Post(dies=True)
    message = promise(company, ics=ICS, ics_method="REQUEST")
    with pytest.raises(Killed):
        send_message(message_id=message.pk, now=NOW, transport=post)
    assert send_message(message_id=message.pk, now=NOW + LEASE / 2, transport=post) is False
    post.dies = False
    later = NOW + LEASE + timedelta(seconds=60)
    assert send_message(message_id=message.pk, now=later, transport=post) is True
    assert post.mails[0] == post.mails[1]


def test_worker_that_lost_its_lease_settles_nothing(company):
    message = promise(company)

    class Slow(Post):
        def send(self, **arguments) -> None:
            OutgoingMessage.objects.update(lease_until=NOW + timedelta(hours=1))

    send_message(message_id=message.pk, now=NOW, transport=Slow())
    assert state(message) == "queued"


def test_older_mail_about_the_same_thing_goes_first(company):
    subject, post = uuid4(), Post(dies=True)
    first = promise(company, subject_id=subject)
    with pytest.raises(Killed):
        send_message(message_id=first.pk, now=NOW, transport=post)
    second = promise(company, subject_id=subject, version=2, kind="appointment_moved")
    other = promise(company, recipient="bob@example.org")
    post.dies = False
    assert send_message(message_id=second.pk, now=NOW, transport=post) is False
    assert send_message(message_id=other.pk, now=NOW, transport=post) is True
    later = NOW + LEASE + timedelta(seconds=60)
    assert send_message(message_id=first.pk, now=later, transport=post) is True
    assert send_message(message_id=second.pk, now=later, transport=post) is True


def test_newer_mail_takes_back_what_has_not_left(company):
    subject = uuid4()
    first = promise(company, subject_id=subject)
    promise(company, subject_id=subject, version=2, kind="appointment_moved")
    assert (state(first), first.content_sealed) == ("superseded", "")
    assert message_counts(company=company) == {"queued": 1, "sent": 0, "superseded": 1, "failed": 0, "held": 0}


def test_taking_back_says_what_was_told_before(company):
    subject = uuid4()
    told = {"version": 1}
    promise(company, subject_id=subject, told_before=told)
    promise(company, subject_id=subject, recipient="bob@example.org")
    with transaction.atomic():
        back = supersede_unsent(subject_kind="attendee", subject_id=subject, recipient="ada@example.org", now=NOW)
        again = supersede_unsent(subject_kind="attendee", subject_id=subject, recipient="ada@example.org", now=NOW)
    assert (back, again) == (Superseded(1, told), Superseded(0, None))


def test_mail_in_a_workers_hands_is_not_taken_back(company):
    subject = uuid4()
    message = promise(company, subject_id=subject)
    with pytest.raises(Killed):
        send_message(message_id=message.pk, now=NOW, transport=Post(dies=True))
    promise(company, subject_id=subject, version=2, kind="appointment_moved")
    assert state(message) == "queued"


def test_mail_that_cannot_be_written_fails_alone(company, settings, tmp_path):
    good, bad = promise(company), promise(company, recipient="bob@example.org")
    OutgoingMessage.objects.filter(pk=bad.pk).update(content_sealed=good.content_sealed)
    settings.KALENDS = replace(settings.KALENDS, email_url=f"file://{tmp_path}")
    assert send_due(now=NOW) == 1
    assert (state(good), state(bad)) == ("sent", "failed")
    assert bad.last_error.startswith("The mail could not be written: CannotUnseal")
    assert [path.stem for path in tmp_path.iterdir()] == [str(good.pk)]


def test_held_mail_waits_for_a_person(company):
    first, second = promise(company), promise(company, recipient="bob@example.org")
    assert hold_unsent(now=NOW) == 2
    assert send_due(now=NOW + timedelta(days=1)) == 0
    assert release_messages(company=make_company("hillside"), message_ids=[first.pk], now=NOW) == 0
    assert release_messages(company=company, message_ids=[first.pk], now=NOW) == 1
    discard_message(company=company, message_id=second.pk, now=NOW)
    assert (state(first), state(second)) == ("queued", "superseded")
    with pytest.raises(NotFound):
        discard_message(company=company, message_id=second.pk, now=NOW)


def test_stranger_sees_no_mail(company):
    message = promise(company)
    stranger = make_company("hillside")
    assert list(messages_of_company(company=stranger)) == []
    arguments = {"subject_kind": "attendee", "subject_ids": [message.subject_id]}
    assert messages_of_subjects(company=stranger, **arguments) == []
    assert messages_of_subjects(company=company, **arguments) == [message]
    assert list(messages_of_company(company=company, state="failed")) == []
