"""Rows that belong to no room."""

from __future__ import annotations

from django.db import models


class ActCount(models.Model):
    """How often something was done in its window; `key` is a digest, so no address of anybody stands here."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)
