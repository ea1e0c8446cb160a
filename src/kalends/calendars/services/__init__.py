"""Everything that changes the state of calendars; the doors that other rooms knock on."""

from __future__ import annotations

from kalends.calendars.services.live import CheckResult, live_check
from kalends.calendars.services.wanted import want_event, want_no_event

__all__ = ["CheckResult", "live_check", "want_event", "want_no_event"]
