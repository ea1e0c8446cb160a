"""The mirror: times of foreign events, and the busy spans derived from them. No text, no people (G14)."""

from __future__ import annotations

from django.db import models

from kalends.calendars.models.connections import RemoteCalendar
from kalends.core.ids import new_id


class RemoteEvent(models.Model):
    """A single event, a series master, or an exception of a series, as the provider has it.

    Timed events have `start` and `end`, all-day ones `start_date` and `end_date` (exclusive); a cancelled exception has
    neither. `op_key` is our marker as the event carries it: a hint, never an identity (a copy carries it too).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    calendar = models.ForeignKey(RemoteCalendar, on_delete=models.CASCADE, related_name="events")
    remote_id = models.CharField(max_length=1024)
    tag = models.CharField(max_length=255, blank=True)
    seen_generation = models.PositiveIntegerField(default=0)
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    busy = models.CharField(max_length=16)
    declined = models.BooleanField(default=False)
    cancelled = models.BooleanField(default=False)
    recurrence = models.JSONField(default=list)
    series_id = models.CharField(max_length=1024, blank=True)
    original_start = models.DateTimeField(null=True, blank=True)
    original_date = models.DateField(null=True, blank=True)
    op_key = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "remote_id"], name="event_once_a_calendar")]
        indexes = [
            models.Index(fields=["calendar", "series_id"]),
            models.Index(fields=["calendar", "op_key"]),
            models.Index(fields=["calendar", "seen_generation"]),
        ]


class BusySpan(models.Model):
    """Derived from remote events by `kalends.sync.busy`; `staff` is null for a company's closings."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")
    staff = models.ForeignKey("companies.Staff", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    calendar = models.ForeignKey(RemoteCalendar, on_delete=models.CASCADE, related_name="busy_spans")
    event = models.ForeignKey(RemoteEvent, on_delete=models.CASCADE, related_name="busy_spans")
    start = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["staff", "start", "end"]),
            models.Index(
                fields=["company", "start", "end"],
                condition=models.Q(staff__isnull=True),
                name="busy_of_company",
            ),
        ]
