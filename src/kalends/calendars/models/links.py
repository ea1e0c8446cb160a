"""What we want in a calendar for one appointment, what we know of it, and what was done about it."""

from __future__ import annotations

from typing import Any

from django.db import models

from kalends.calendars.models.connections import CalendarConnection, RemoteCalendar
from kalends.core.ids import new_id


class LinkStatus(models.TextChoices):
    OK = "ok"
    PENDING = "pending"  # something is to be read or written
    ASKED = "asked"  # the staff member was asked what a deletion means
    REFUSED = "refused"  # the provider refuses for good; tried again every 6 h
    DIVERGED = "diverged"  # put back too often: somebody or something keeps changing it
    ORPHANED = "orphaned"  # left in a calendar that was disconnected, or beyond our reach
    CLOSING = "closing"  # to be removed from the calendar
    CLOSED = "closed"


class Link(models.Model):
    """One appointment in one remote calendar.

    wanted   what should stand there (None: nothing), written by `bookings` through `calendars.services`
    base     what both sides last agreed on, in our words
    echo     our event as the provider gave it back (a `sync.link.Shape`)
    sent     content of a write whose answer is not known
    pending  outside evidence that waits for its grace time; verdict: an outside value that was judged "put back"

    The five are JSON made by `calendars.links`; `wanted_start/end` and `pending_start/end` repeat what is searched for.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    calendar = models.ForeignKey(RemoteCalendar, on_delete=models.CASCADE, related_name="links")
    staff = models.ForeignKey("companies.Staff", on_delete=models.CASCADE, related_name="+")
    appointment_id = models.UUIDField()
    generation = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=12, choices=LinkStatus, default=LinkStatus.PENDING)

    wanted = models.JSONField(null=True, blank=True)
    wanted_start = models.DateTimeField(null=True, blank=True)
    wanted_end = models.DateTimeField(null=True, blank=True)
    wanted_version = models.PositiveIntegerField(default=0)
    time_set_at = models.DateTimeField(null=True, blank=True)

    remote_id = models.CharField(max_length=1024, blank=True)
    tag = models.CharField(max_length=255, blank=True)
    base = models.JSONField(null=True, blank=True)
    echo = models.JSONField(null=True, blank=True)
    sent = models.JSONField(null=True, blank=True)

    pending = models.JSONField(null=True, blank=True)
    pending_start = models.DateTimeField(null=True, blank=True)
    pending_end = models.DateTimeField(null=True, blank=True)
    act_after = models.DateTimeField(null=True, blank=True)
    verdict = models.JSONField(null=True, blank=True)

    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    put_backs = models.PositiveSmallIntegerField(default=0)
    put_back_since = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=16, blank=True)
    last_error_detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appointment_id", "calendar"], name="link_once_a_calendar"),
            models.UniqueConstraint(
                fields=["calendar", "remote_id"], condition=~models.Q(remote_id=""), name="link_once_an_event"
            ),
        ]
        indexes = [
            models.Index(fields=["calendar", "due_at"]),
            # The constraint holds only where there is an id, and no database sees that a look-up has one.
            models.Index(fields=["calendar", "remote_id"]),
            models.Index(fields=["staff", "pending_start"]),
            models.Index(fields=["calendar", "wanted_start"]),
            models.Index(
                fields=["status"],
                condition=models.Q(status__in=[LinkStatus.ASKED, LinkStatus.REFUSED, LinkStatus.DIVERGED]),
                name="link_in_trouble",
            ),
        ]


class Journal(models.Model):
    """Append-only: which signal and evidence met which rule, and what was done. Shown to people (G15)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(CalendarConnection, on_delete=models.CASCADE, related_name="journal")
    calendar = models.ForeignKey(RemoteCalendar, null=True, on_delete=models.SET_NULL, related_name="+")
    link_id = models.UUIDField(null=True)
    appointment_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    signal = models.CharField(max_length=40)
    evidence = models.CharField(max_length=60, blank=True)
    rule = models.CharField(max_length=60)
    action = models.CharField(max_length=40)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["connection", "-at"]),
            models.Index(fields=["appointment_id", "-at"]),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("the journal is append-only")
        super().save(*args, **kwargs)


class StaffQuestion(models.Model):
    """An event was deleted outside and the company asks its staff member; unanswered, the appointment stands."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="questions")
    staff = models.ForeignKey("companies.Staff", on_delete=models.CASCADE, related_name="+")
    appointment_id = models.UUIDField()
    token_digest = models.CharField(max_length=64, unique=True)
    asked_at = models.DateTimeField()
    deadline = models.DateTimeField()
    answer = models.CharField(max_length=8, blank=True, choices=[("cancel", "cancel"), ("keep", "keep")])
    answered_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)  # acted upon, or overtaken

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["link"], condition=models.Q(closed_at__isnull=True), name="question_one_open_a_link"
            )
        ]
