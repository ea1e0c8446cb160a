"""The providers by kind. `calendars` and `config` ask here and import nothing deeper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kalends.core.clock import utc_now
from kalends.providers.caldav.provider import CalDavProvider
from kalends.providers.google.provider import GoogleProvider
from kalends.providers.google.push import read_notification
from kalends.providers.icsfeed.cursor import problems
from kalends.providers.icsfeed.provider import IcsFeedProvider
from kalends.providers.microsoft.provider import Office365Provider, OutlookProvider
from kalends.providers.microsoft.push import read_notifications
from kalends.providers.settings import TENANTS, ProviderSettings
from kalends.sync.channels import Notification
from kalends.sync.port import Credentials, Provider

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


def _microsoft_notifications(headers: Mapping[str, str], body: bytes) -> list[Notification]:
    return read_notifications(body)


KINDS: Mapping[str, ProviderKind] = {
    "google": ProviderKind(
        "google",
        "Google Calendar",
        oauth=True,
        factory=GoogleProvider,
        hook="google",
        notifications=_google_notifications,
    ),
    "office365": ProviderKind(
        "office365",
        "Microsoft 365",
        oauth=True,
        factory=Office365Provider,
        hook="microsoft",
        notifications=_microsoft_notifications,
    ),
    "outlook": ProviderKind(
        "outlook",
        "Outlook.com",
        oauth=True,
        factory=OutlookProvider,
        hook="microsoft",
        notifications=_microsoft_notifications,
    ),
    "caldav": ProviderKind("caldav", "CalDAV", oauth=False, factory=CalDavProvider),
    "ics": ProviderKind("ics", "iCalendar", oauth=False, factory=IcsFeedProvider),
}


def build(kind: str, credentials: Credentials, settings: ProviderSettings, clock: Clock = utc_now) -> Provider:
    """The provider of one connection. Raises KeyError for a kind that there is not."""
    return KINDS[kind].factory(credentials, settings, clock)


def kinds_of_hook(hook: str) -> dict[str, ReadNotifications]:
    """The kinds whose notifications come to this hook, each with how they are read; {} for a hook there is not."""
    return {
        kind.kind: kind.notifications for kind in KINDS.values() if kind.hook == hook and kind.notifications is not None
    }


def set_aside(kind: str, cursor: str) -> dict[str, int]:
    """How many items of the last read cannot be read themselves, by reason, where a kind remembers it by its cursor."""
    return problems(cursor) if kind == "ics" else {}


def check_settings(kind: str, settings: ProviderSettings) -> list[str]:
    """What is missing or wrong for this kind, each as one sentence for the operator; [] if it can be used."""
    google, microsoft = settings.google, settings.microsoft
    if kind == "google":
        secrets = (
            ("KALENDS_GOOGLE_CLIENT_ID", google.client_id),
            ("KALENDS_GOOGLE_CLIENT_SECRET", google.client_secret),
        )
        addresses: tuple[tuple[str, str], ...] = (
            ("KALENDS_GOOGLE_ACCOUNTS_URL", google.accounts_url),
            ("KALENDS_GOOGLE_OAUTH_URL", google.oauth_url),
            ("KALENDS_GOOGLE_API_URL", google.api_url),
        )
        return [*_missing(secrets), *_insecure(addresses, settings)]
    if kind in TENANTS:
        secrets = (
            ("KALENDS_MICROSOFT_CLIENT_ID", microsoft.client_id),
            ("KALENDS_MICROSOFT_CLIENT_SECRET", microsoft.client_secret),
        )
        addresses = (
            ("KALENDS_MICROSOFT_LOGIN_URL", microsoft.login_url),
            ("KALENDS_MICROSOFT_GRAPH_URL", microsoft.graph_url),
        )
        return [*_missing(secrets), *_insecure(addresses, settings)]
    return []


def _missing(values: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name} is not set." for name, value in values if not value]


def _insecure(addresses: Iterable[tuple[str, str]], settings: ProviderSettings) -> list[str]:
    return [
        f"{name} must begin with https://, or its host must be in KALENDS_ALLOW_PRIVATE_HOSTS."
        for name, url in addresses
        if not url.startswith("https://") and not _named(url, settings.allow_hosts)
    ]


def _named(url: str, allow_hosts: tuple[str, ...]) -> bool:
    return url.removeprefix("http://").partition("/")[0].lower() in {host.lower() for host in allow_hosts}
