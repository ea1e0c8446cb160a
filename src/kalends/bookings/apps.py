from __future__ import annotations

from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "kalends.bookings"

    def ready(self) -> None:
        from kalends.bookings import tasks  # noqa: PLC0415 - app ready
        from kalends.bookings.handler import BookingsHandler  # noqa: PLC0415 - app ready
        from kalends.calendars.handlers import register_handler  # noqa: PLC0415 - app ready
        from kalends.jobs.secrets import register_sealed  # noqa: PLC0415 - app ready

        register_handler(BookingsHandler())
        register_sealed("bookings.Attendee", "manage_sealed")
        tasks.register_sweeps()
