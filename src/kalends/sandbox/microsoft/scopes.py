"""The delegated permissions that can be asked for, and what each allows."""

from __future__ import annotations

GRAPH = "https://graph.microsoft.com/"
IDENTITY = ("openid", "profile", "email", "offline_access")
KNOWN = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Maintain access to data you have given it access to",
    "User.Read": "Sign you in and read your profile",
    "Calendars.Read": "Read your calendars",
    "Calendars.ReadBasic": "Read basic details of your calendars",
    "Calendars.ReadWrite": "Have full access to your calendars",
    "Calendars.Read.Shared": "Read calendars you can access",
    "Calendars.ReadWrite.Shared": "Read and write to your and shared calendars",
    "MailboxSettings.Read": "Read your mailbox settings",
}
_WRITE = {"Calendars.ReadWrite", "Calendars.ReadWrite.Shared"}
_READ = _WRITE | {"Calendars.Read", "Calendars.Read.Shared"}


def short(text: str) -> list[str]:
    """Scopes of a request without Graph's address before them."""
    return list(dict.fromkeys(scope.removeprefix(GRAPH) for scope in text.split()))


def unknown(text: str) -> str:
    """The first scope that there is not, or ""."""
    return next((scope for scope in short(text) if scope not in KNOWN), "")


def allowed(kind: str) -> set[str]:
    """The scopes of which one is needed: `kind` is "read", "write", "user" or "settings"."""
    return {
        "read": _READ,
        "write": _WRITE,
        "user": {"User.Read"},
        "settings": {"MailboxSettings.Read"},
    }[kind]
