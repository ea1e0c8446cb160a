"""External iCalendar URLs: addresses of calendars that are read only. A staff member's, or the company's closings."""

from __future__ import annotations

from django.db import models

from kalends.calendars.models.connections import CalendarConnection
from kalends.core.ids import new_id


class ExternalCalendar(models.Model):
    """The address is a secret (whoever has it reads the calendar): sealed, with a digest for uniqueness.

    `connection` is of the kind "ics" and has one calendar: lease, pauses, freshness, journal and mirror are those of
    any other calendar. Deleting it deletes what was read. `turn_at`: it waits for its turn at the host (`calendars.pace`).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="external_calendars")
    staff = models.ForeignKey(
        "companies.Staff", null=True, blank=True, on_delete=models.CASCADE, related_name="external_calendars"
    )
    connection = models.OneToOneField(CalendarConnection, on_delete=models.CASCADE, related_name="external")
    url_sealed = models.TextField()
    url_digest = models.CharField(max_length=64)
    host = models.CharField(max_length=255)
    turn_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["staff", "url_digest"], name="external_once_a_staff"),
            models.UniqueConstraint(
                fields=["company", "url_digest"],
                condition=models.Q(staff__isnull=True),
                name="external_once_a_company",
            ),
        ]
