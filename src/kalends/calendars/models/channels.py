"""Channels by which a provider tells that a calendar changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from kalends.core.ids import new_id
from kalends.sync import push
from kalends.sync.push import ChannelState


class Channel(models.Model):
    """One channel of one calendar; its id is what the provider knows it by. See `kalends.sync.push`.

    Stored before the provider is asked, so that nothing is opened there that is not known here (F46). Of its secret
    only the digest is kept: it is compared, never shown. `base_url` is where it was told to send.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    calendar = models.ForeignKey("calendars.RemoteCalendar", on_delete=models.CASCADE, related_name="channels")
    secret_digest = models.CharField(max_length=64)
    remote_id = models.CharField(max_length=255, blank=True)
    base_url = models.CharField(max_length=255, blank=True, db_default="")
    state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in ChannelState], default=ChannelState.OPENING
    )
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    renew_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    awaiting_since = models.DateTimeField(null=True, blank=True)
    on_trial = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["calendar", "state"]), models.Index(fields=["remote_id"])]

    def __str__(self) -> str:
        return f"{self.state} {self.id}"

    def facts(self) -> push.Channel:
        return push.Channel(
            id=self.pk,
            state=ChannelState(self.state),
            opened_at=self.opened_at,
            expires_at=self.expires_at,
            renew_at=self.renew_at,
            verified_at=self.verified_at,
            heard_at=self.heard_at,
            awaiting_since=self.awaiting_since,
            on_trial=self.on_trial,
            retry_at=self.retry_at,
            elsewhere=self.base_url != settings.KALENDS.base_url,
        )


def is_proven(now: datetime | Any, patient_since: datetime | Any, base_url: str | Any) -> Q:
    """`push.proven` as a condition on channels; `patient_since` is `now` less `push.PATIENCE`, `base_url` ours."""
    announced = Q(awaiting_since__isnull=True) | Q(awaiting_since__gt=patient_since)
    tried = Q(on_trial=False) | Q(heard_at__isnull=False)
    living = Q(state=ChannelState.OPEN, verified_at__isnull=False, expires_at__gt=now, base_url=base_url)
    return announced & tried & living
