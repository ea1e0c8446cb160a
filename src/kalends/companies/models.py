"""A company and what it is made of. Every row belongs to one company; every query names it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from kalends.core.ids import new_id


class OutsideMoveRule(models.TextChoices):
    ACCEPT = "accept", _("Accept it")
    ACCEPT_AND_FLAG = "accept_and_flag", _("Accept it and show it to us")
    PUT_BACK = "put_back", _("Put the event back")


class OutsideDeleteRule(models.TextChoices):
    CANCEL = "cancel", _("Cancel the appointment")
    ASK = "ask", _("Ask the staff member")
    PUT_BACK = "put_back", _("Put the event back")


class Company(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    timezone = models.CharField(max_length=64)
    locale = models.CharField(max_length=8, default="en")
    email = models.EmailField(max_length=254, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=240, blank=True)
    description = models.TextField(max_length=2000, blank=True)
    google_enabled = models.BooleanField(default=False)
    outlook_enabled = models.BooleanField(default=False)
    office365_enabled = models.BooleanField(default=False)
    caldav_enabled = models.BooleanField(default=False)
    bidirectional = models.BooleanField(default=False)
    on_outside_move = models.CharField(max_length=16, choices=OutsideMoveRule, default=OutsideMoveRule.ACCEPT_AND_FLAG)
    on_outside_delete = models.CharField(max_length=16, choices=OutsideDeleteRule, default=OutsideDeleteRule.ASK)
    # A mirror older than this is not trusted: its staff member is not offered (sync-engine G9).
    stale_after_hours = models.PositiveSmallIntegerField(
        default=6, validators=[MinValueValidator(1), MaxValueValidator(168)]
    )
    stale_after_hours_ics = models.PositiveSmallIntegerField(
        default=24, validators=[MinValueValidator(1), MaxValueValidator(336)]
    )
    # Kept by the webhooks themselves: without one, a booking asks for none.
    has_webhooks = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    VIEWER = "viewer", _("Read only")


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.MANAGER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["company", "user"], name="membership_once")]

    @property
    def may_write(self) -> bool:
        return self.role in (Role.OWNER, Role.MANAGER)


class MemberInvitation(models.Model):
    """To sign in for the company. The link is mailed and kept as a hash only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="member_invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16, choices=Role, default=Role.MANAGER)
    token_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=160, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def works(self, now: datetime) -> bool:
        return self.used_at is None and self.revoked_at is None and now < self.expires_at


class Location(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="locations")
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=240, blank=True)
    timezone = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.name


class Staff(models.Model):
    """`schedule_revision` rises in the transaction of every write that changes this member's slots or feed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="staff")
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    locale = models.CharField(max_length=8, default="en")
    timezone = models.CharField(max_length=64)
    color = models.CharField(max_length=7, default="#2563eb")
    active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    schedule_revision = models.PositiveBigIntegerField(default=1)
    # Choice of the staff member: whether an all-day event in a connected calendar makes the day busy.
    all_day_blocks = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "staff"

    def __str__(self) -> str:
        return self.name


class StaffGroup(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=120)
    staff = models.ManyToManyField(Staff, related_name="groups", blank=True)
    # Raised when members come or go: a removed member's revision no longer counts towards the group's feed.
    revision = models.PositiveBigIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Grid(models.TextChoices):
    FIXED = "fixed", _("Counted from opening time")
    CLOCK = "clock", _("On clean clock times")
    FIT = "fit", _("As many as fit")


class Service(models.Model):
    """Durations in minutes, the horizon in days."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="services")
    location = models.ForeignKey(Location, null=True, blank=True, on_delete=models.SET_NULL, related_name="services")
    name = models.CharField(max_length=120)
    description = models.TextField(max_length=2000, blank=True)
    duration = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(1440)])
    interval = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    grid = models.CharField(max_length=8, choices=Grid, default=Grid.FIXED)
    buffer_before = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(1440)])
    buffer_after = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(1440)])
    notice = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(525_600)])
    horizon = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1), MaxValueValidator(730)])
    capacity = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(500)])
    color = models.CharField(max_length=7, default="#2563eb")
    active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    staff = models.ManyToManyField(Staff, related_name="services", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class WorkingHours(models.Model):
    """One range of a weekday in the staff member's zone. Minutes from local midnight; 1440 is the day's end."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="working_hours")
    weekday = models.PositiveSmallIntegerField(validators=[MaxValueValidator(6)])  # 0 is Monday
    start_minute = models.PositiveSmallIntegerField(validators=[MaxValueValidator(1439)])
    end_minute = models.PositiveSmallIntegerField(validators=[MaxValueValidator(1440)])

    class Meta:
        ordering = ["weekday", "start_minute"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end_minute__gt=models.F("start_minute")), name="working_hours_forward"
            )
        ]


class HoursOverride(models.Model):
    """Replaces the weekly hours of one local day; `ranges` is [[start_minute, end_minute], ...], empty: closed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="overrides")
    date = models.DateField()
    ranges = models.JSONField(default=list)

    class Meta:
        ordering = ["date"]
        constraints = [models.UniqueConstraint(fields=["staff", "date"], name="override_once_a_day")]


class TimeOff(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="time_off")
    start = models.DateTimeField()
    end = models.DateTimeField()
    label = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["start"]
        indexes = [models.Index(fields=["staff", "end"])]
        constraints = [models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="time_off_forward")]


class Closing(models.Model):
    """The whole company is closed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="closings")
    start = models.DateTimeField()
    end = models.DateTimeField()
    label = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["start"]
        indexes = [models.Index(fields=["company", "end"])]
        constraints = [models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="closing_forward")]


class FeedKind(models.TextChoices):
    STAFF = "staff", _("Staff member")
    GROUP = "group", _("Group of staff")
    COMPANY = "company", _("Company")


class FeedPrivacy(models.TextChoices):
    BUSY = "busy", _("Busy times only")
    TITLE = "title", _("Service names")
    FULL = "full", _("Everything, with the customer's name")


class Feed(models.Model):
    """A secret address that calendar programs read. The secret is sealed (shown again on the page) and hashed (looked up)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="feeds")
    kind = models.CharField(max_length=8, choices=FeedKind)
    staff = models.OneToOneField(Staff, null=True, blank=True, on_delete=models.CASCADE, related_name="feed")
    group = models.OneToOneField(StaffGroup, null=True, blank=True, on_delete=models.CASCADE, related_name="feed")
    secret_sealed = models.TextField()
    secret_digest = models.CharField(max_length=64, unique=True)
    privacy = models.CharField(max_length=8, choices=FeedPrivacy, default=FeedPrivacy.TITLE)
    revision = models.PositiveBigIntegerField(default=1)
    fetched_at = models.DateTimeField(null=True, blank=True)
    fetched_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company"], condition=models.Q(kind="company"), name="feed_once_a_company"),
            models.CheckConstraint(
                condition=(
                    models.Q(kind="staff", staff__isnull=False, group__isnull=True)
                    | models.Q(kind="group", staff__isnull=True, group__isnull=False)
                    | models.Q(kind="company", staff__isnull=True, group__isnull=True)
                ),
                name="feed_of_its_kind",
            ),
        ]


class ApiKey(models.Model):
    """Shown once; only the hash is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    may_write = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class AuditEntry(models.Model):
    """Who changed which setting. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="audit")
    at = models.DateTimeField()
    actor = models.CharField(max_length=160)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["company", "-at"])]
