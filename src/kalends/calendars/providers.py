"""Where providers are made: the only door between connections and calendar systems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from kalends.calendars.credentials import StoredCredentials
from kalends.calendars.models import CalendarConnection
from kalends.providers import registry
from kalends.providers.settings import GoogleSettings, ProviderSettings
from kalends.sync.port import Provider

Factory = Callable[[CalendarConnection], Provider]


def provider_settings() -> ProviderSettings:
    """What this installation tells its providers."""
    config = settings.KALENDS
    return ProviderSettings(
        google=GoogleSettings(
            client_id=config.google_client_id,
            client_secret=config.google_client_secret,
            redirect_uri=f"{config.base_url}/oauth/google/callback",
            accounts_url=config.google_accounts_url,
            oauth_url=config.google_oauth_url,
            api_url=config.google_api_url,
        ),
        allow_hosts=tuple(config.allow_private_hosts),
    )


def configuration_problems(provider: str) -> list[str]:
    """What is missing before staff can connect this kind of calendar; [] if it can be used."""
    if provider not in registry.KINDS:
        return ["This kind of calendar is not available yet."]
    return registry.check_settings(provider, provider_settings())


def _from_registry(connection: CalendarConnection) -> Provider:
    return registry.build(connection.provider, StoredCredentials(connection.pk), provider_settings())


_factories: list[Factory] = [_from_registry]


def provider_for(connection: CalendarConnection) -> Provider:
    """A provider for one connection; the caller closes it. Not inside a transaction: it may replace credentials."""
    return _factories[-1](connection)


@contextmanager
def provider_factory(factory: Factory) -> Iterator[None]:
    """Takes another factory for a while: tests run the engine against calendars in memory."""
    _factories.append(factory)
    try:
        yield
    finally:
        _factories.remove(factory)
