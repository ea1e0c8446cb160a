"""How a staff member connects a Microsoft account: the consent page, what comes back from it, and why it may refuse."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NoReturn

from kalends.net import oauth
from kalends.providers.grants import granted, unavailable
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import AuthRevoked, Forbidden, Permanent

# The least that serves: the calendars of the account, a refresh token, and who the account is (by the id token, so
# that User.Read is not needed).
CALENDARS = "Calendars.ReadWrite"
SCOPES = ("openid", "email", "profile", "offline_access", CALENDARS)
ADMIN = "admin_consent_needed"
POLICY = "policy"
DENIED = "consent_denied"
# Microsoft's AADSTS numbers (learn.microsoft.com/entra/identity-platform/reference-error-codes).
_ADMIN = frozenset({65001, 65005, 90093, 90094, 90095, 90097, 90099, 900941, 650052, 650056, 50105, 700016, 7000112})
_POLICY = frozenset(
    {50005, 50072, 50074, 50076, 50079, 50097, 50158, 53000, 53001, 53002, 53003, 53004, 530032, 530034}
)
_NUMBER = re.compile(r"AADSTS(\d{5,7})")


def denial(error: str, description: str) -> str:
    """Why the consent page sent nobody back with a code: ADMIN, POLICY (conditional access) or DENIED."""
    return _reason(error, [int(number) for number in _NUMBER.findall(description[:2000])])


def _reason(error: str, numbers: list[int]) -> str:
    if error == "consent_required" or _ADMIN.intersection(numbers):
        return ADMIN
    if error == "interaction_required" or _POLICY.intersection(numbers):
        return POLICY
    return DENIED


class Flow:
    """The consent flow of one kind, "office365" or "outlook"."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def authorize_url(self, settings: ProviderSettings, *, state: str, verifier: str, login_hint: str = "") -> str:
        """Where to send the staff member; `login_hint` is the address of the account if it is known."""
        extra = {"response_mode": "query", "prompt": "select_account"}
        if login_hint:
            extra["login_hint"] = login_hint
        config = settings.microsoft.oauth(self._kind)
        return oauth.authorize_url(config, scopes=SCOPES, state=state, verifier=verifier, extra=extra)

    def exchange(self, settings: ProviderSettings, *, code: str, verifier: str, now: datetime) -> dict[str, str]:
        """The credentials to store for a code: tokens, when the access token ends, "subject" and "email".

        Raises AuthRevoked for a code that is not valid (any more), Forbidden("permission_left_out"), Permanent with
        ADMIN or POLICY as its detail where the organisation stands in the way, and Throttled, Temporary or Permanent.
        """
        config = settings.microsoft.oauth(self._kind)
        try:
            grant = oauth.exchange(settings.http(), config, code=code, verifier=verifier)
        except oauth.OAuthDenied as error:
            _refused(error)
        except oauth.OAuthUnavailable as error:
            raise unavailable(error, now) from error
        if CALENDARS.lower() not in {scope.rpartition("/")[2].lower() for scope in grant.scopes}:
            raise Forbidden("permission_left_out")
        if not grant.refresh_token:
            raise Permanent("no_refresh_token")
        return {**granted(grant, now), **_identity(grant)}


def _refused(error: oauth.OAuthDenied) -> NoReturn:
    reason = _reason(error.code, list(error.numbers))
    if reason != DENIED:
        raise Permanent(reason) from error
    raise (AuthRevoked if error.code == "invalid_grant" else Permanent)(error.code) from error


def _identity(grant: oauth.TokenGrant) -> dict[str, str]:
    """Tenant and object id name an account for ever; an address may be given to somebody else."""
    claims = grant.claims()
    tenant, person = claims.get("tid"), claims.get("oid")
    if not tenant or not person:
        raise Permanent("no_identity")
    label = claims.get("email") or claims.get("preferred_username") or ""
    return {"subject": f"{tenant}.{person}", "email": str(label)}


OFFICE365, OUTLOOK = Flow("office365"), Flow("outlook")
