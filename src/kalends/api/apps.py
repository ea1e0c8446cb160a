from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "kalends.api"

    def ready(self) -> None:
        from kalends.jobs.secrets import register_sealed  # noqa: PLC0415 - app ready

        register_sealed("api.IdempotencyKey", "body")
