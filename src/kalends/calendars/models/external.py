"""External iCalendar URLs: addresses of calendars that are read only. A staff member's, or the company's closings."""

from __future__ import annotations

from django.db import models

from kalends.core.ids import new_id


class ExternalCalendar(models.Model):
    """The address is a secret (whoever has it reads the calendar): sealed, with a digest for uniqueness."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="external_calendars")
    staff = models.ForeignKey(
        "companies.Staff", null=True, blank=True, on_delete=models.CASCADE, related_name="external_calendars"
    )
    url_sealed = models.TextField()
    url_digest = models.CharField(max_length=64)
    host = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)

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
