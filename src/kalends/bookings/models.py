"""The promise: who has which time. Instants in UTC; `timezone` is the zone the appointment was made in."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kalends.core.ids import new_id
from kalends.core.span import Span


class Status(models.TextChoices):
    CONFIRMED = "confirmed", _("Confirmed")
    CANCELLED = "cancelled", _("Cancelled")


class ActorKind(models.TextChoices):
    """Who did something, as the history tells it."""

    CUSTOMER = "customer", _("Customer")
    MANAGER = "manager", _("Manager")
    API = "api", _("API")
    OUTSIDE = "outside", _("Outside calendar")
    SYSTEM = "system", _("Kalends")


class Flag(models.TextChoices):
    """Why a manager should look at an appointment."""

    NONE = "", _("None")
    OUTSIDE_HOURS = "outside_hours", _("Outside working hours")
    BUSY = "busy", _("Onto busy time")


class Customer(models.Model):
    """One person of one company, known by e-mail address (in small letters)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="customers")
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254)
    phone = models.CharField(max_length=40, blank=True)
    locale = models.CharField(max_length=16, default="en")
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["company", "email"], name="customer_once_a_company")]

    def __str__(self) -> str:
        return self.name


class Appointment(models.Model):
    """`version` rises with each change of it; `time_set_at` is when a human last chose its time."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="appointments")
    service = models.ForeignKey("companies.Service", on_delete=models.PROTECT, related_name="appointments")
    status = models.CharField(max_length=12, choices=Status, default=Status.CONFIRMED)
    version = models.PositiveIntegerField(default=1)
    start = models.DateTimeField()
    end = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    time_set_at = models.DateTimeField()
    time_set_by = models.CharField(max_length=12, choices=ActorKind)
    notes = models.TextField(max_length=4000, blank=True)
    source = models.CharField(max_length=12)
    flag = models.CharField(max_length=16, choices=Flag, default=Flag.NONE, blank=True)
    cancel_reason = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    staff = models.ManyToManyField("companies.Staff", through="AppointmentStaff", related_name="appointments")

    class Meta:
        ordering = ["start", "id"]
        indexes = [
            models.Index(fields=["company", "start"], name="appointment_by_time"),
            models.Index(fields=["company"], condition=~Q(flag=""), name="appointment_flagged"),
        ]
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("start")), name="appointment_forward")]

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    @property
    def stands(self) -> bool:
        return self.status == Status.CONFIRMED


class AppointmentStaff(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="assigned")
    staff = models.ForeignKey("companies.Staff", on_delete=models.PROTECT, related_name="assigned")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["appointment", "staff"], name="appointment_staff_once")]
        # Ids rise with time: who was given an appointment last is one step in this index.
        indexes = [models.Index(fields=["staff", "-id"], name="appointment_staff_latest")]


class Attendee(models.Model):
    """A customer's place in an appointment, with what was given when booking.

    The UID is for life. `sequence` rises by one with each message that tells of a change. `told` is what the customer
    was last told: {"version", "start", "end", "status"}, or null if nothing yet.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="attendees")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="attendances")
    status = models.CharField(max_length=12, choices=Status, default=Status.CONFIRMED)
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254)
    phone = models.CharField(max_length=40, blank=True)
    locale = models.CharField(max_length=16, default="en")
    timezone = models.CharField(max_length=64)
    uid = models.CharField(max_length=255, unique=True)
    sequence = models.PositiveIntegerField(default=0)
    manage_sealed = models.TextField()
    manage_digest = models.CharField(max_length=64, unique=True)
    told = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["id"]


class Hold(models.Model):
    """A time kept for a visitor while the form is filled in. Only its digest is kept of the token."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="holds")
    service = models.ForeignKey("companies.Service", on_delete=models.CASCADE, related_name="holds")
    token_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)


class Claim(models.Model):
    """A staff member's time, taken by an appointment or a hold.

    The database refuses two blocking claims of one staff member that overlap (migration 0002). Buffers are not in
    here: the larger of two neighbours' buffers counts, which a constraint cannot say; they are checked under the lock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    staff = models.ForeignKey("companies.Staff", on_delete=models.CASCADE, related_name="claims")
    appointment = models.ForeignKey(Appointment, null=True, blank=True, on_delete=models.CASCADE, related_name="claims")
    hold = models.ForeignKey(Hold, null=True, blank=True, on_delete=models.CASCADE, related_name="claims")
    service = models.ForeignKey("companies.Service", on_delete=models.PROTECT, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    # Minutes, as the service had them when the time was taken.
    buffer_before = models.PositiveIntegerField(default=0)
    buffer_after = models.PositiveIntegerField(default=0)
    # Places taken in it, where the service has several.
    seats = models.PositiveIntegerField(default=1)
    blocks = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["staff", "start", "end"], name="claim_by_staff_time")]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="claim_forward"),
            models.CheckConstraint(
                condition=(
                    Q(appointment__isnull=False, hold__isnull=True, expires_at__isnull=True)
                    | Q(appointment__isnull=True, hold__isnull=False, expires_at__isnull=False)
                ),
                name="claim_of_one_thing",
            ),
        ]


class HistoryEntry(models.Model):
    """What happened to an appointment. Append-only; `kind` is a key of bookings.history.TEXTS."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="history")
    at = models.DateTimeField()
    kind = models.CharField(max_length=48)
    by_kind = models.CharField(max_length=12, choices=ActorKind)
    by_label = models.CharField(max_length=160, blank=True)
    version = models.PositiveIntegerField()
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["appointment", "at"], name="history_by_appointment")]
