"""What bounds requests to others, across all processes of an installation."""

from __future__ import annotations

from django.db import models


class Seat(models.Model):
    """One of the few requests that may run at once against what `key` names; free once `until` has passed.

    `key` is a digest: what it names may be a person's mailbox. See `calendars.seats`.
    """

    key = models.CharField(max_length=64)
    number = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=16, blank=True)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="seat_once")]


class FeedHost(models.Model):
    """A host of External iCalendar URLs: how fast it is asked. See `kalends.sync.pace`."""

    host = models.CharField(max_length=255, primary_key=True)
    open_at = models.DateTimeField()
    tail = models.DateTimeField()
