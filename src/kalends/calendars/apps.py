from __future__ import annotations

from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    name = "kalends.calendars"

    def ready(self) -> None:
        # A worker knows the tasks of modules that were imported: one that it does not know is thrown away.
        from kalends.calendars import sweeps, tasks  # noqa: F401, PLC0415 - app ready
        from kalends.jobs.secrets import register_sealed  # noqa: PLC0415 - app ready

        sweeps.register_all()
        register_sealed("calendars.CalendarConnection", "credentials")
        register_sealed("calendars.OAuthState", "verifier")
        register_sealed("calendars.ExternalCalendar", "url_sealed")
