"""Where providers are made: the only door between connections and calendar systems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings

from kalends.calendars.credentials import StoredCredentials
from kalends.calendars.external import FeedAddress
from kalends.calendars.models import CalendarConnection
from kalends.calendars.models import Provider as Kind
from kalends.calendars.seats import RowSeat
from kalends.providers import registry
from kalends.providers.settings import GoogleSettings, MicrosoftSettings, ProviderSettings
from kalends.sync.channels import Notification
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
        microsoft=MicrosoftSettings(
            client_id=config.microsoft_client_id,
            client_secret=config.microsoft_client_secret,
            redirect_uri=f"{config.base_url}/oauth/microsoft/callback",
            login_url=config.microsoft_login_url,
            graph_url=config.microsoft_graph_url,
        ),
        seat=RowSeat,
    )


def hook_of(provider: str) -> str:
    """Where this kind's notifications come to, under /hooks/; "" if it sends none."""
    kind = registry.KINDS.get(provider)
    return kind.hook if kind else ""


def kinds_of_hook(hook: str) -> list[str]:
    """The kinds of calendar whose notifications come to /hooks/<hook>."""
    return sorted(registry.kinds_of_hook(hook))


def read_notifications(hook: str, headers: Mapping[str, str], body: bytes) -> list[Notification]:
    """What one request at a hook says. Raises Malformed."""
    readers = registry.kinds_of_hook(hook)
    return next(iter(readers.values()))(headers, body) if readers else []


def configuration_problems(provider: str) -> list[str]:
    """What is missing before staff can connect this kind of calendar; [] if it can be used."""
    if provider not in registry.KINDS:
        return ["This kind of calendar is not available yet."]
    return registry.check_settings(provider, provider_settings())


def _from_registry(connection: CalendarConnection) -> Provider:
    stored = FeedAddress(connection.pk) if connection.provider == Kind.ICS else StoredCredentials(connection.pk)
    return registry.build(connection.provider, stored, provider_settings())


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
