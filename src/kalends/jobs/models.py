"""Rows that belong to no room."""

from __future__ import annotations

from django.db import models


class ActCount(models.Model):
    """How often something was done in its window; `key` is a digest, so no address of anybody stands here."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)


class Counter(models.Model):
    """A count of all processes together, since the database was made. `labels` are `name=value` pairs, comma separated."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64)
    labels = models.CharField(max_length=160, blank=True)
    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels"], name="counter_once")]


class SweepRun(models.Model):
    """When a sweep last ended well, on whichever host."""

    name = models.CharField(max_length=64, primary_key=True)
    ended_at = models.DateTimeField()
