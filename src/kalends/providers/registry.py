"""The providers by kind. `calendars` and `config` ask here and import nothing deeper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kalends.core.clock import utc_now
from kalends.providers.caldav.provider import CalDavProvider
from kalends.providers.google.provider import GoogleProvider
from kalends.providers.google.push import read_notification
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import Credentials, Notification, Provider

Clock = Callable[[], datetime]
# Headers and body of one inbound request -> what it says. Raises Malformed for what the provider would not send.
ReadNotifications = Callable[[Mapping[str, str], bytes], list[Notification]]


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """`label` is the provider's own name, shown to people; `oauth` tells whether it is connected by a consent page.

    `hook`: its notifications come to /hooks/<hook>, which kinds of one vendor share; "" where it sends none.
    """

    kind: str
    label: str
    oauth: bool
    factory: Callable[[Credentials, ProviderSettings, Clock], Provider]
    hook: str = ""
    notifications: ReadNotifications | None = None


def _google_notifications(headers: Mapping[str, str], body: bytes) -> list[Notification]:
    return [read_notification(headers)]


KINDS: Mapping[str, ProviderKind] = {
    "google": ProviderKind(
        "google",
        "Google Calendar",
        oauth=True,
        factory=GoogleProvider,
        hook="google",
        notifications=_google_notifications,
    ),
    "caldav": ProviderKind("caldav", "CalDAV", oauth=False, factory=CalDavProvider),
}


def build(kind: str, credentials: Credentials, settings: ProviderSettings, clock: Clock = utc_now) -> Provider:
    """The provider of one connection. Raises KeyError for a kind that there is not."""
    return KINDS[kind].factory(credentials, settings, clock)


def kinds_of_hook(hook: str) -> dict[str, ReadNotifications]:
    """The kinds whose notifications come to this hook, each with how they are read; {} for a hook there is not."""
    return {
        kind.kind: kind.notifications for kind in KINDS.values() if kind.hook == hook and kind.notifications is not None
    }


def check_settings(kind: str, settings: ProviderSettings) -> list[str]:
    """What is missing or wrong for this kind, each as one sentence for the operator; [] if it can be used."""
    if kind != "google":
        return []
    google, problems = settings.google, []
    if not google.client_id:
        problems.append("KALENDS_GOOGLE_CLIENT_ID is not set.")
    if not google.client_secret:
        problems.append("KALENDS_GOOGLE_CLIENT_SECRET is not set.")
    for name, url in (
        ("KALENDS_GOOGLE_ACCOUNTS_URL", google.accounts_url),
        ("KALENDS_GOOGLE_OAUTH_URL", google.oauth_url),
        ("KALENDS_GOOGLE_API_URL", google.api_url),
    ):
        if not url.startswith("https://") and not _named(url, settings.allow_hosts):
            problems.append(f"{name} must begin with https://, or its host must be in KALENDS_ALLOW_PRIVATE_HOSTS.")
    return problems


def _named(url: str, allow_hosts: tuple[str, ...]) -> bool:
    return url.removeprefix("http://").partition("/")[0].lower() in {host.lower() for host in allow_hosts}
