"""The outbox: one row per mail that was promised, written in the transaction that gives the reason for it."""

from __future__ import annotations

from django.db import models

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
