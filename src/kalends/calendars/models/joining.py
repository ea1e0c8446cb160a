"""How a staff member's calendar comes to be connected: invitations and the way through a consent page."""

from __future__ import annotations

from django.db import models

from kalends.calendars.models.connections import CalendarConnection, Provider
from kalends.core.ids import new_id


class Invitation(models.Model):
    """Shown once, kept as a hash. Opening it changes nothing; only a completed connection uses it up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")
    staff = models.ForeignKey("companies.Staff", on_delete=models.CASCADE, related_name="calendar_invitations")
    email = models.EmailField(max_length=254)
    token_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=160, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    connection = models.ForeignKey(
        CalendarConnection, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )


class OAuthState(models.Model):
    """One trip to a consent page: single use, short lived, bound to the browser session that began it.

    `verifier` (PKCE) is sealed. `state` and the session binding are kept as digests only.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    state_digest = models.CharField(max_length=64, unique=True)
    session_digest = models.CharField(max_length=64)
    provider = models.CharField(max_length=16, choices=Provider)
    company = models.ForeignKey("companies.Company", on_delete=models.CASCADE, related_name="+")
    staff = models.ForeignKey("companies.Staff", on_delete=models.CASCADE, related_name="+")
    invitation = models.ForeignKey(Invitation, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    verifier = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
