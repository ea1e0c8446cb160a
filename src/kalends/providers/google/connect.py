"""How a staff member connects a Google account: the consent page and the code that comes back from it."""

from __future__ import annotations

from datetime import datetime

from kalends.net import oauth
from kalends.providers.grants import granted, unavailable
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import AuthRevoked, Forbidden, Permanent

# The least that serves: events of the calendars, the list of calendars to choose from, and who the account is.
# `calendar.events` does not let us create, share or delete calendars.
CALENDAR_SCOPES = (
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
)
SCOPES = ("openid", "email", *CALENDAR_SCOPES)
# Without "consent" Google gives no refresh token to somebody who agreed before.
_OFFLINE = {"access_type": "offline", "prompt": "consent", "include_granted_scopes": "false"}


def authorize_url(settings: ProviderSettings, *, state: str, verifier: str, login_hint: str = "") -> str:
    """Where to send the staff member; `login_hint` is the address of the account if it is known."""
    extra = {**_OFFLINE, **({"login_hint": login_hint} if login_hint else {})}
    return oauth.authorize_url(settings.google.oauth(), scopes=SCOPES, state=state, verifier=verifier, extra=extra)


def exchange(settings: ProviderSettings, *, code: str, verifier: str, now: datetime) -> dict[str, str]:
    """The credentials to store for a code: tokens, when the access token ends, "subject" and "email" of the account.

    Raises AuthRevoked for a code that is not valid (any more), Forbidden if the person left out a permission on the
    consent page, and Throttled, Temporary or Permanent.
    """
    try:
        grant = oauth.exchange(settings.http(), settings.google.oauth(), code=code, verifier=verifier)
    except oauth.OAuthDenied as error:
        raise (AuthRevoked if error.code == "invalid_grant" else Permanent)(error.code) from error
    except oauth.OAuthUnavailable as error:
        raise unavailable(error, now) from error
    if not grant.scopes.issuperset(CALENDAR_SCOPES):
        raise Forbidden("permission_left_out")
    if not grant.refresh_token:
        raise Permanent("no_refresh_token")
    claims = grant.claims()
    if not claims.get("sub"):
        raise Permanent("no_identity")
    return {**granted(grant, now), "subject": str(claims["sub"]), "email": str(claims.get("email", ""))}
