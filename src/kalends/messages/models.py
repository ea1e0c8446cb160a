"""The outbox: a row per mail or webhook delivery that was promised, written in the transaction that gives the reason."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kalends.core.ids import new_id


class OutgoingMessage(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        SUPERSEDED = "superseded"
        FAILED = "failed"
        HELD = "held"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")
    # What the mail is about is known by kind and id only: rooms above keep their tables to themselves.
    subject_kind = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=48)
    recipient = models.EmailField()
    locale = models.CharField(max_length=16)
    reply_to = models.CharField(max_length=320, default="", blank=True)

    # Context and invitation as JSON, then the mail's bytes: sealed, because both hold a customer's secret link, and
    # emptied once the mail is out.
    content_sealed = models.TextField(default="", blank=True)
    mail_sealed = models.TextField(default="", blank=True)
    # What the recipient had last been told before this mail; given back to the caller if the mail is superseded.
    told_before = models.JSONField(null=True, blank=True)

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    subject = models.CharField(max_length=255, default="", blank=True)
    message_id = models.CharField(max_length=255, default="", blank=True)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "version", "kind", "recipient"],
                name="outbox_one_message_a_change",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="queued"), name="outbox_due"),
            models.Index(fields=["company", "created_at"], name="outbox_by_company"),
            models.Index(fields=["state"], condition=models.Q(state__in=["failed", "held"]), name="outbox_stuck"),
        ]


class Event(models.TextChoices):
    """What a program of the company may be told of."""

    CREATED = "appointment.created", _("An appointment was booked")
    MOVED = "appointment.moved", _("An appointment was moved or given to somebody else")
    CHANGED = "appointment.changed", _("Who comes to a shared appointment changed, or its notes")
    CANCELLED = "appointment.cancelled", _("An appointment was cancelled")
    NEEDS_ATTENTION = "connection.needs_attention", _("A connected calendar needs attention")


class WebhookEndpoint(models.Model):
    """An address that is told. Its lease lets one worker at a time send to it, so that a slow one holds up one worker."""

    class PausedBy(models.TextChoices):
        NOBODY = ""
        PERSON = "person"
        FAILURES = "failures"
        RESTORE = "restore"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")
    # Often a secret itself: who has it can post there.
    url_sealed = models.TextField()
    host = models.CharField(max_length=255)
    secret_sealed = models.TextField()
    events = models.JSONField()
    paused_by = models.CharField(max_length=12, choices=PausedBy, default=PausedBy.NOBODY, blank=True)
    # Since it last took something: how often it failed, since when, and until when it is left in peace.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class WebhookDelivery(models.Model):
    """One change told to one endpoint. The id is what the receiver knows a repeated one by."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+", db_index=False)
    # Not held by the database: a booking that is at work while its endpoint is deleted must not fail for it.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False, db_constraint=False
    )
    event = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    version = models.PositiveBigIntegerField()
    # The bytes of every try, as they were when the change was made.
    body = models.TextField()
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    created_at = models.DateTimeField()
    # Of the last try: when, the status and the beginning of the answer, or why there was none ("code: detail").
    tried_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.TextField(default="", blank=True)
    error = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event", "subject_id", "version"], name="webhook_one_delivery_a_change"
            )
        ]
        indexes = [
            models.Index(fields=["endpoint", "due_at"], condition=models.Q(state="pending"), name="webhook_due"),
            models.Index(fields=["endpoint", "id"], name="webhook_log"),
            models.Index(fields=["created_at"], name="webhook_age"),
        ]
