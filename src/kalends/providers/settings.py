"""What this installation tells the providers, as one frozen value; no environment is read here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from kalends.net.http import HttpClient, Policy, client
from kalends.net.oauth import OAuthConfig


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """The registration at Google and where Google is; addresses without a trailing slash."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""
    accounts_url: str = "https://accounts.google.com"
    oauth_url: str = "https://oauth2.googleapis.com"
    api_url: str = "https://www.googleapis.com"

    @property
    def configured(self) -> bool:
        return bool(self.client_id and self.client_secret)

    def oauth(self) -> OAuthConfig:
        return OAuthConfig(
            client_id=self.client_id,
            client_secret=self.client_secret,
            authorize_url=f"{self.accounts_url}/o/oauth2/v2/auth",
            token_url=f"{self.oauth_url}/token",
            revoke_url=f"{self.oauth_url}/revoke",
            redirect_uri=self.redirect_uri,
        )


# Who may sign in, as Microsoft's sign-in names them: one registration of ours serves both kinds of account.
TENANTS = {"office365": "organizations", "outlook": "consumers"}


@dataclass(frozen=True, slots=True)
class MicrosoftSettings:
    """The registration at Microsoft Entra and where Microsoft is; addresses without a trailing slash."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""
    login_url: str = "https://login.microsoftonline.com"
    graph_url: str = "https://graph.microsoft.com"

    def oauth(self, kind: str) -> OAuthConfig:
        """For "office365" or "outlook". Microsoft has no address that takes a grant back."""
        base = f"{self.login_url}/{TENANTS[kind]}/oauth2/v2.0"
        return OAuthConfig(
            client_id=self.client_id,
            client_secret=self.client_secret,
            authorize_url=f"{base}/authorize",
            token_url=f"{base}/token",
            revoke_url="",
            redirect_uri=self.redirect_uri,
        )


class Seat(Protocol):
    """One of the few requests that may run at once against something, in all processes of an installation."""

    def hold(self, patience: float) -> bool:
        """Has a seat for one more request; False if none came free within so many seconds."""

    def leave(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`allow_hosts`: "host:port" that may be reached although private, and by http.

    `seat(key, most)` gives one of at most so many seats at what `key` names; None: nothing is counted.
    """

    google: GoogleSettings = field(default_factory=GoogleSettings)
    allow_hosts: tuple[str, ...] = ()
    microsoft: MicrosoftSettings = field(default_factory=MicrosoftSettings)
    seat: Callable[[str, int], Seat] | None = None

    def http(self) -> HttpClient:
        """The process's HTTP client under these rules."""
        return client(Policy(allow_hosts=frozenset(host.lower() for host in self.allow_hosts)))
