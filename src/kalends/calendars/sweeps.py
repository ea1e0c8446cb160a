"""What must happen even if every wake-up was lost, and what follows a company's switches. Reads the clock."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from kalends.calendars import services
from kalends.companies.models import Company
from kalends.companies.services import on_provider_switches_changed
from kalends.core.clock import utc_now
from kalends.jobs import sweeps
from kalends.jobs.rows import database_now

_REMIND_EVERY_SECONDS = 300.0
_CHANNELS_EVERY_SECONDS = 60.0
_PROMPT_EVERY_SECONDS = 1.0


def register_all() -> None:
    """Called once, when Django has started."""
    sweeps.register("calendars: due connections", _sweep_seconds, _wake_due)
    sweeps.register("calendars: just due", lambda: _PROMPT_EVERY_SECONDS, _wake_just_due)
    sweeps.register("calendars: channels", lambda: _CHANNELS_EVERY_SECONDS, _renew_channels)
    sweeps.register("calendars: reminders", lambda: _REMIND_EVERY_SECONDS, _remind)
    on_provider_switches_changed(_follow_switches)


def _sweep_seconds() -> float:
    """Polls are due by the rows' times; a sweep slower than the poll interval would lengthen it."""
    return min(settings.KALENDS.sweep_seconds, settings.KALENDS.poll_seconds)


def _wake_due() -> None:
    services.wake_due_connections(now=database_now())


def _wake_just_due() -> None:
    """What came due since the last look is looked at within a second or two: a grace time that has ended, a poll."""
    now = database_now()
    services.wake_due_connections(now=now, since=now - timedelta(seconds=2 * _PROMPT_EVERY_SECONDS))


def _renew_channels() -> None:
    services.renew_channels_elsewhere(now=database_now())


def _remind() -> None:
    services.remind_of_connections(now=utc_now())
    services.tell_of_stale_calendars(now=utc_now())


def _follow_switches(company: Company, switched: set[str]) -> None:
    for switch in sorted(switched):
        provider = switch.removesuffix("_enabled")
        enabled = bool(getattr(company, switch))
        services.set_provider_switch(company=company, provider=provider, enabled=enabled, now=utc_now())
