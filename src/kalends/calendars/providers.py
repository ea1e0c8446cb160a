"""Where providers are made: the only door between connections and calendar systems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from kalends.calendars.credentials import StoredCredentials
from kalends.calendars.models import CalendarConnection
from kalends.sync.port import Provider

Factory = Callable[[CalendarConnection], Provider]


def _from_registry(connection: CalendarConnection) -> Provider:
    from kalends.providers import registry  # noqa: PLC0415

    return registry.build(connection.provider, StoredCredentials(connection.pk), settings.KALENDS)


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
        _factories.pop()
