"""Connections, what is mirrored from them, and what we want in them."""

from __future__ import annotations

from kalends.calendars.models.channels import Channel
from kalends.calendars.models.connections import CalendarConnection, LastErrorCode, Provider, RemoteCalendar
from kalends.calendars.models.events import BusySpan, RemoteEvent
from kalends.calendars.models.external import ExternalCalendar
from kalends.calendars.models.joining import Invitation, OAuthState
from kalends.calendars.models.links import Journal, Link, LinkStatus, StaffQuestion
from kalends.calendars.models.pacing import FeedHost, Seat

__all__ = [
    "BusySpan",
    "CalendarConnection",
    "Channel",
    "ExternalCalendar",
    "FeedHost",
    "Invitation",
    "Journal",
    "LastErrorCode",
    "Link",
    "LinkStatus",
    "OAuthState",
    "Provider",
    "RemoteCalendar",
    "RemoteEvent",
    "Seat",
    "StaffQuestion",
]
