"""An account of a calendar system, and the calendars in it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kalends.core.ids import new_id
from kalends.sync.connection import State
from kalends.sync.link import Mode


class Provider(models.TextChoices):
    GOOGLE = "google", "Google Calendar"
    OFFICE365 = "office365", "Microsoft 365"
    OUTLOOK = "outlook", "Outlook.com"
    CALDAV = "caldav", "CalDAV"
    ICS = "ics", "iCalendar"


class LastErrorCode(models.TextChoices):
    """Why the last run fell short; the detail beside it holds no title, address or token."""

    NONE = "", ""
    AUTH_REVOKED = "auth_revoked", _("The access was withdrawn")
    AUTH_TRANSIENT = "auth_transient", _("The calendar system did not accept the access just now")
    CALENDAR_GONE = "calendar_gone", _("The calendar is not there any more")
    RIGHTS_LOST = "rights_lost", _("The calendar may not be written to any more")
    FORBIDDEN = "forbidden", _("The calendar system refused")
    THROTTLED = "throttled", _("The calendar system asked us to slow down")
    TEMPORARY = "temporary", _("The calendar system could not be reached")
    PERMANENT = "permanent", _("The calendar system refused for good")
    DELETIONS = "deletions", _("Unusually many events were deleted at once")
    RESTORED = "restored", _("Restored from a backup: nothing is written until a person releases it")


class CalendarConnection(models.Model):
    """Credentials, the flags its state is derived from, and the lease under which one worker at a time looks at it.

    `state` is written only through `calendars.life`, from the pure state machine in `kalends.sync.connection`.
    A disconnected row is kept, without credentials: a reconnect of the same subject takes it and its links up again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="calendar_connections")
    staff = models.ForeignKey(
        "companies.Staff", null=True, blank=True, on_delete=models.CASCADE, related_name="calendar_connections"
    )
    provider = models.CharField(max_length=16, choices=Provider)
    subject = models.CharField(max_length=255)
    label = models.CharField(max_length=255, blank=True)
    # By which invitation it was begun; the first connection that is completed uses the invitation up.
    invitation = models.ForeignKey(
        "calendars.Invitation", null=True, blank=True, on_delete=models.SET_NULL, related_name="begun"
    )
    credentials = models.TextField(blank=True)
    mode = models.CharField(max_length=8, choices=[(m.value, m.value) for m in Mode])
    created_at = models.DateTimeField(auto_now_add=True)

    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in State], default=State.CONNECTING)
    chosen_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=16, blank=True)  # "person" or "switch" (the provider was switched off)
    frozen_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)  # deletions before it do not count towards a freeze
    restored_at = models.DateTimeField(null=True, blank=True)  # came out of a backup, and nobody has released it yet
    throttled_until = models.DateTimeField(null=True, blank=True)
    needs_attention_since = models.DateTimeField(null=True, blank=True)
    reminders_sent = models.PositiveSmallIntegerField(default=0)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    purge = models.BooleanField(default=False)  # disconnecting: our events are being removed first

    due_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    auth_strikes = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=16, choices=LastErrorCode, blank=True)
    last_error_detail = models.CharField(max_length=200, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["staff", "provider", "subject"], name="connection_once_an_account"),
            models.UniqueConstraint(
                fields=["company", "provider", "subject"],
                condition=models.Q(staff__isnull=True),
                name="connection_once_a_company",
            ),
        ]
        indexes = [models.Index(fields=["due_at"]), models.Index(fields=["staff"])]

    def __str__(self) -> str:
        return f"{self.provider} {self.id}"

    @property
    def is_two_way(self) -> bool:
        return self.mode == Mode.TWO_WAY


class RemoteCalendar(models.Model):
    """One calendar of a connection: what it is used for, and how far it has been read.

    cursor        where the next pull begins; "" means a full read
    generation    raised by each full read; events that the finished read did not meet carry an older one
    fresh_as_of   the instant whose state the mirror shows at least
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(CalendarConnection, on_delete=models.CASCADE, related_name="calendars")
    staff = models.ForeignKey(
        "companies.Staff", null=True, blank=True, on_delete=models.CASCADE, related_name="remote_calendars"
    )
    remote_id = models.CharField(max_length=1024)
    name = models.CharField(max_length=255, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    writable = models.BooleanField(default=False)
    primary = models.BooleanField(default=False)
    receives = models.BooleanField(default=False)
    blocks = models.BooleanField(default=False)
    capabilities = models.JSONField(default=dict)

    cursor = models.TextField(blank=True)
    generation = models.PositiveIntegerField(default=0)
    reading_full = models.BooleanField(default=False)
    fresh_as_of = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    next_full_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    derived_with = models.CharField(max_length=80, blank=True)  # zone and all-day choice behind the busy spans
    suspected_drop = models.PositiveIntegerField(default=0)  # a full read lacked this many; a second one decides
    quarantined = models.PositiveIntegerField(default=0)
    next_channel_at = models.DateTimeField(null=True, blank=True)  # opening one failed: not before then again
    channel_failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-primary", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="calendar_once_a_connection"),
            models.UniqueConstraint(fields=["staff"], condition=models.Q(receives=True), name="calendar_one_receives"),
        ]

    @property
    def chosen(self) -> bool:
        return self.receives or self.blocks
