"""Answers that are kept so that a repeated POST gets the same one."""

from __future__ import annotations

from django.db import models

from kalends.core.ids import new_id


class IdempotencyKey(models.Model):
    """One (company, key). `finished` is set with the answer to repeat, in the effect's own transaction where there is one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    lease_until = models.DateTimeField(null=True, blank=True)
    finished = models.BooleanField(default=False)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["company", "key"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"])]
