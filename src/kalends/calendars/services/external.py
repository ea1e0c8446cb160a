"""External iCalendar URLs: addresses of calendars to be read. The address is a secret and is stored sealed."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kalends.calendars.external import FIELD
from kalends.calendars.models import ExternalCalendar
from kalends.companies.models import Company, Staff
from kalends.companies.services import record_audit
from kalends.core.errors import Conflict, InvalidInput, NotFound
from kalends.core.ids import new_id, token_digest
from kalends.ics.verdict import Verdict, looks_like_calendar
from kalends.jobs.secrets import seal
from kalends.net.addresses import refusal
from kalends.net.errors import NetError, Refused
from kalends.net.http import Policy, client

MOST = 10
_MAX_BYTES = 10 * 1024 * 1024
_TIMEOUT_SECONDS = 15.0
_WRONG = {
    Verdict.EMPTY: gettext_lazy("The address answered with nothing at all."),
    Verdict.LOGIN_PAGE: gettext_lazy(
        "The address leads to a sign-in page. A calendar's secret or public iCal address is needed."
    ),
    Verdict.WEB_PAGE: gettext_lazy("The address leads to a web page, not to a calendar."),
    Verdict.COMPRESSED: gettext_lazy("The address leads to a compressed file, not to a calendar."),
    Verdict.TRUNCATED: gettext_lazy("The calendar at this address breaks off in the middle."),
    Verdict.NOT_CALENDAR: gettext_lazy("There is no iCalendar at this address."),
}


def add_external_calendar(
    *, company: Company, staff: Staff | None, url: str, by: str = "", now: datetime
) -> ExternalCalendar:
    """Reads the address once and stores it if a calendar is there. Raises InvalidInput with what is wrong."""
    address = _checked(url)
    _fetch(address)
    if ExternalCalendar.objects.filter(company=company, staff=staff).count() >= MOST:
        raise InvalidInput(_("There are %(most)d calendars already.") % {"most": MOST}, field="url")
    try:
        with transaction.atomic():
            row = _store(company, staff, address, now)
            _audit(company, by, "external_calendar_added", row.host, now)
            return row
    except IntegrityError as error:
        raise InvalidInput(_("This calendar is there already."), code="already_there", field="url") from error


def replace_external_calendars(
    *, company: Company, staff: Staff | None, url: str, by: str = "", now: datetime
) -> ExternalCalendar | None:
    """Only the calendar at this address stays; an empty address removes all. Nothing changes if the address cannot be used."""
    address = _checked(url) if url.strip() else ""
    if address:
        _fetch(address)
    try:
        with transaction.atomic():
            old = ExternalCalendar.objects.filter(company=company, staff=staff)
            digest = token_digest(address)
            old.exclude(url_digest=digest).delete()
            kept = old.filter(url_digest=digest).first()
            _audit(company, by, "external_calendars_replaced", urlsplit(address).hostname or "", now)
            return kept or (_store(company, staff, address, now) if address else None)
    except IntegrityError as error:
        raise Conflict("Somebody has just set the same address.") from error


def delete_external_calendar(
    *, company: Company, staff: Staff | None, calendar_id: UUID, by: str = "", now: datetime
) -> None:
    """Raises NotFound for one that is not theirs."""
    with transaction.atomic():
        row = ExternalCalendar.objects.filter(company=company, staff=staff, pk=calendar_id).first()
        if row is None:
            raise NotFound(_("There is no such calendar."))
        _audit(company, by, "external_calendar_deleted", row.host, now)
        row.delete()


def _store(company: Company, staff: Staff | None, address: str, now: datetime) -> ExternalCalendar:
    ident = new_id()
    return ExternalCalendar.objects.create(
        id=ident,
        company=company,
        staff=staff,
        url_sealed=seal(address, row=ident, field=FIELD),
        url_digest=token_digest(address),
        host=(urlsplit(address).hostname or "")[:255],
        created_at=now,
        checked_at=now,
    )


def _audit(company: Company, by: str, action: str, host: str, now: datetime) -> None:
    """The host only: the rest of the address is a secret."""
    if by:
        record_audit(company=company, actor=by, action=action, target=host, now=now)


# -- what an address must be --------------------------------------------------------------------------------------


def _checked(url: str) -> str:
    """Https (webcal is read as https); http only for hosts that the operator has named. No address of this network."""
    text = url.strip()
    for scheme in ("webcals://", "webcal://"):
        text = f"https://{text[len(scheme) :]}" if text.lower().startswith(scheme) else text
    text = text if "://" in text else f"https://{text}"
    parts = _split(text)
    named = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    allowed = named in {host.lower() for host in settings.KALENDS.allow_private_hosts}
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed):
        raise InvalidInput(_("The address must begin with https://."), field="url")
    if parts.username or parts.password:
        raise InvalidInput(_("The address must not hold a user name or a password."), field="url")
    if not allowed and _is_private_literal(parts.hostname or ""):
        raise InvalidInput(_("The address is one of this server's own network."), code="private_address", field="url")
    return text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError as error:
        raise InvalidInput(_("This is not an address."), field="url") from error
    if not parts.hostname or len(text) > 2000:
        raise InvalidInput(_("This is not an address."), field="url")
    return parts


def _is_private_literal(host: str) -> bool:
    """Names are judged when connecting, by the address they lead to; here only what is plainly none of the internet's."""
    reason = refusal(host)
    return host == "localhost" or host.endswith(".localhost") or reason not in ("", "not an IP address")


def _body_of(address: str) -> bytes:
    policy = Policy(allow_hosts=frozenset(host.lower() for host in settings.KALENDS.allow_private_hosts))
    response = client(policy).request("GET", address, timeout=_TIMEOUT_SECONDS, max_bytes=_MAX_BYTES)
    if response.status != 200:
        raise InvalidInput(
            _("The address answered with status %(status)d.") % {"status": response.status},
            code="not_readable",
            field="url",
        )
    return response.body


def _fetch(address: str) -> None:
    try:
        body = _body_of(address)
    except Refused as error:
        raise InvalidInput(
            _("The address leads into this server's own network."), code="private_address", field="url"
        ) from error
    except NetError as error:
        raise InvalidInput(_("The address could not be read just now."), code="not_readable", field="url") from error
    verdict = looks_like_calendar(body)
    if verdict is not Verdict.CALENDAR:
        raise InvalidInput(str(_WRONG[verdict]), code=verdict.value, field="url")
