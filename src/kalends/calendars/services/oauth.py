"""Connecting an account: by a consent page (OAuth code with PKCE), or by address, user name and password (CalDAV)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from kalends.calendars.models import CalendarConnection, Invitation, OAuthState, Provider
from kalends.calendars.providers import configuration_problems, provider_settings
from kalends.calendars.services.joining import refresh_calendars, store_grant
from kalends.companies.models import Company, Staff
from kalends.core.errors import InvalidInput, NotAllowed, NotFound, Unavailable
from kalends.core.ids import new_id, new_token, token_digest
from kalends.jobs.addresses import checked_address
from kalends.jobs.secrets import seal, unseal
from kalends.providers.caldav import connect as caldav
from kalends.providers.caldav.failures import OtherServer
from kalends.providers.google import connect as google
from kalends.providers.microsoft import connect as microsoft
from kalends.sync.port import AuthRevoked, AuthTransient, Forbidden, Permanent, ProviderError
from kalends.sync.port import NotFound as NothingThere

LASTS = timedelta(minutes=15)
_VERIFIER = "calendars.OAuthState.verifier"


@dataclass(frozen=True, slots=True)
class Flow:
    """`exchange` turns a code into the secret to store, with "subject" and "email" of the account in it.

    `denial` says why a consent page sent somebody back without a code, as a code of `_DENIALS`.
    """

    authorize_url: Callable[..., str]
    exchange: Callable[..., dict[str, str]]
    denial: Callable[[str, str], str] = lambda error, description: "consent_denied"


_flows: dict[str, Flow] = {
    Provider.GOOGLE: Flow(google.authorize_url, google.exchange),
    **{
        kind: Flow(flow.authorize_url, flow.exchange, microsoft.denial)
        for kind, flow in ((Provider.OFFICE365, microsoft.OFFICE365), (Provider.OUTLOOK, microsoft.OUTLOOK))
    },
}
# One address of ours takes the returns of both kinds of Microsoft account: the stored state says which it was.
_RETURNS: Mapping[str, tuple[str, ...]] = {"microsoft": (Provider.OFFICE365, Provider.OUTLOOK)}
_DENIALS: Mapping[str, str] = {
    "consent_denied": "The calendar was not shared, so nothing was connected.",
    microsoft.ADMIN: "Your organisation lets only an administrator allow this. Your administrator must allow it first.",
    microsoft.POLICY: "Your organisation's sign-in rules stopped this. Begin again, or ask your administrator.",
}
_discover: list[Callable[..., dict[str, str]]] = [caldav.discover]


@contextmanager
def other_doors(flow: Flow, discover: Callable[..., dict[str, str]]) -> Iterator[None]:
    """Takes other doors to accounts for a while: tests connect calendars in memory."""
    before = _flows[Provider.GOOGLE]
    _flows[Provider.GOOGLE] = flow
    _discover.append(discover)
    try:
        yield
    finally:
        _flows[Provider.GOOGLE] = before
        _discover.pop()


def check_offered(company: Company, provider: str) -> None:
    """Raises NotAllowed if the company has not switched the provider on."""
    if not getattr(company, f"{provider}_enabled", False):
        raise NotAllowed("Syncing with this kind of calendar is switched off for the company.", code="provider_off")


# -- consent page -------------------------------------------------------------------------------------------------


def start_oauth(
    *, staff: Staff, provider: str, session_binding: str, invitation: Invitation | None = None, now: datetime
) -> str:
    """The address of the consent page. `session_binding` is a secret of the browser's session: only it may return."""
    check_offered(staff.company, provider)
    if provider not in _flows or configuration_problems(provider):
        raise Unavailable("This kind of calendar is not configured on this installation.", code="not_configured")
    state, verifier, ident = new_token(), secrets.token_urlsafe(64), new_id()
    OAuthState.objects.create(
        id=ident,
        state_digest=token_digest(state),
        session_digest=token_digest(session_binding),
        provider=provider,
        company_id=staff.company_id,
        staff=staff,
        invitation=invitation,
        verifier=seal(verifier, row=ident, field=_VERIFIER),
        created_at=now,
        expires_at=now + LASTS,
    )
    return _flows[provider].authorize_url(provider_settings(), state=state, verifier=verifier)


def finish_oauth(
    *,
    provider: str,
    state: str,
    code: str,
    error: str,
    session_binding: str,
    now: datetime,
    description: str = "",
) -> CalendarConnection:
    """What came back from the consent page. Single use; raises NotFound, NotAllowed or Unavailable with what to do.

    `provider` is the one that the return address names: "microsoft" serves two kinds. `description` goes with `error`.
    """
    trip = _redeem(provider, state, session_binding, now)
    flow = _flows[trip.provider]
    if error or not code:
        raise _denied(flow.denial(error, description))
    check_offered(trip.company, trip.provider)
    try:
        secret = flow.exchange(
            provider_settings(), code=code, verifier=unseal(trip.verifier, row=trip.pk, field=_VERIFIER), now=now
        )
    except ProviderError as failure:
        raise _exchange_error(failure) from failure
    connection = store_grant(
        staff=trip.staff,
        provider=trip.provider,
        subject=secret["subject"],
        label=secret["email"],
        secret=secret,
        invitation=trip.invitation,
        now=now,
    )
    refresh_calendars(connection=connection)
    return connection


def _redeem(provider: str, state: str, session_binding: str, now: datetime) -> OAuthState:
    rows = OAuthState.objects.filter(
        state_digest=token_digest(state),
        session_digest=token_digest(session_binding),
        provider__in=_RETURNS.get(provider, (provider,)),
        used_at__isnull=True,
        expires_at__gt=now,
    )
    trip = rows.select_related("company", "staff__company", "invitation").first()
    if trip is None or not rows.filter(pk=trip.pk).update(used_at=now):
        raise NotFound("This sign-in has run out. Begin again from the invitation.", code="oauth_state_invalid")
    invitation = trip.invitation
    if invitation is not None and (invitation.revoked_at or invitation.used_at):
        raise NotFound("This invitation is not valid any more. Ask for a new one.", code="invitation_invalid")
    return trip


def _denied(code: str) -> NotAllowed:
    return NotAllowed(_DENIALS[code], code=code)


def _exchange_error(failure: ProviderError) -> Exception:
    if isinstance(failure, Permanent) and failure.detail in _DENIALS:
        return _denied(failure.detail)
    if isinstance(failure, Forbidden):
        return NotAllowed("A permission was left out. Connect again and allow all of them.", code="permission_missing")
    if isinstance(failure, AuthRevoked | Permanent):
        return NotAllowed("The calendar system did not accept the sign-in. Begin again.", code="consent_denied")
    return Unavailable("The calendar system could not be reached. Try again.", code="provider_unreachable")


# -- address, user name and password ------------------------------------------------------------------------------


def connect_caldav(
    *, staff: Staff, url: str, username: str, password: str, invitation: Invitation | None = None, now: datetime
) -> CalendarConnection:
    """Looks for the account's calendars and stores the connection. Raises InvalidInput for what the person can mend."""
    check_offered(staff.company, Provider.CALDAV)
    if not url.strip() or not username.strip():
        raise InvalidInput("An address and a user name are needed.", field="url" if not url.strip() else "username")
    secret = _discovered(_server(url), username, password)
    connection = store_grant(
        staff=staff,
        provider=Provider.CALDAV,
        subject=_caldav_subject(secret),
        label=username,
        secret=secret,
        invitation=invitation,
        now=now,
    )
    refresh_calendars(connection=connection)
    return connection


def _server(text: str) -> str:
    """The address that a person means, who may give their e-mail address: the server is asked for under its domain."""
    text = text.strip()
    return checked_address(text if "://" in text else f"https://{text.rpartition('@')[2]}")


def _discovered(url: str, username: str, password: str) -> dict[str, str]:
    try:
        return _discover[-1](provider_settings(), address=url, username=username, password=password)
    except (AuthTransient, AuthRevoked) as failure:
        message = "The user name or the password is not accepted. Some servers want an app password."
        raise InvalidInput(message, code="credentials_refused", field="password") from failure
    except (NothingThere, Forbidden, Permanent) as failure:
        raise _not_found(failure) from failure
    except ProviderError as failure:
        raise Unavailable("The server could not be reached. Try again.", code="provider_unreachable") from failure


class CalendarsElsewhere(InvalidInput):
    """The server leads to another site; its `address` may be entered instead."""

    def __init__(self, address: str) -> None:
        message = f"This server sends you on to another one. If you trust it, enter its address instead: {address}"
        super().__init__(message, code="other_server", field="url")
        self.address = address


def _not_found(failure: ProviderError) -> InvalidInput:
    """What the person can do about it, where the server or our own policy says."""
    if isinstance(failure, OtherServer):
        return CalendarsElsewhere(failure.address)
    if failure.detail == "address_refused":
        message = "This address lies in a private network, which this installation does not reach."
        return InvalidInput(message, code="address_refused", field="url")
    if failure.detail == "no_basic_authentication":
        message = "This server does not accept a user name and password in the usual way (Basic authentication)."
        return InvalidInput(message, code="no_basic_authentication", field="url")
    return InvalidInput("No calendars were found at this address.", code="no_calendars", field="url")


def _caldav_subject(secret: Mapping[str, str]) -> str:
    """Stable for an account: its principal, or its home and user name where the server names no principal."""
    return (secret.get("principal") or f"{secret['url']}#{secret['username']}")[:255]
