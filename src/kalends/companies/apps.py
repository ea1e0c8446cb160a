from __future__ import annotations

from django.apps import AppConfig


class CompaniesConfig(AppConfig):
    name = "kalends.companies"

    def ready(self) -> None:
        from kalends.jobs.secrets import register_sealed  # noqa: PLC0415 - app ready

        register_sealed("companies.Feed", "secret_sealed")
