"""External iCalendar URLs: addresses of calendars that are read and block. The address is a secret, stored sealed."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kalends.calendars.due import make_due
from kalends.calendars.external import FIELD, GivenAddress, floating_zone
from kalends.calendars.feed_words import wrong_words
from kalends.calendars.handlers import handler
from kalends.calendars.mirror import staff_of
from kalends.calendars.models import CalendarConnection, ExternalCalendar, Provider, RemoteCalendar
from kalends.calendars.pace import note_asked
from kalends.calendars.providers import provider_settings
from kalends.calendars.services.connections import sync_now
from kalends.companies.models import Company, Staff
from kalends.companies.services import raise_schedule_revision, record_audit
from kalends.core.errors import Conflict, InvalidInput, NotFound
from kalends.core.ids import new_id, token_digest
from kalends.core.span import Span
from kalends.jobs.addresses import checked_address
from kalends.jobs.secrets import seal
from kalends.providers import registry
from kalends.sync.connection import State
from kalends.sync.link import Mode
from kalends.sync.port import Provider as Feed
from kalends.sync.port import ProviderError

MOST = 10
_TIMEOUT_SECONDS = 20.0
_CODES = {"address_refused": "private_address"}
_VERDICTS = frozenset(("empty", "login_page", "web_page", "compressed", "truncated", "not_calendar"))


def add_external_calendar(
    *, company: Company, staff: Staff | None, url: str, by: str = "", now: datetime
) -> ExternalCalendar:
    """Reads the address once and stores it if a calendar is there. Raises InvalidInput with what is wrong."""
    address = _checked(url)
    _look(company, staff, address, now)
    if ExternalCalendar.objects.filter(company=company, staff=staff).count() >= MOST:
        raise InvalidInput(_("There are %(most)d calendars already.") % {"most": MOST}, field="url")
    try:
        with transaction.atomic():
            row = store_external_calendar(company, staff, address, now)
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
        _look(company, staff, address, now)
    try:
        with transaction.atomic():
            old = ExternalCalendar.objects.filter(company=company, staff=staff)
            digest = token_digest(address)
            for row in old.exclude(url_digest=digest).select_related("connection"):
                _remove(row)
            kept = old.filter(url_digest=digest).first()
            _audit(company, by, "external_calendars_replaced", _host(address), now)
            return kept or (store_external_calendar(company, staff, address, now) if address else None)
    except IntegrityError as error:
        raise Conflict("Somebody has just set the same address.") from error


def delete_external_calendar(
    *, company: Company, staff: Staff | None, calendar_id: UUID, by: str = "", now: datetime
) -> None:
    """What was read of it goes, too. Raises NotFound for one that is not theirs."""
    with transaction.atomic():
        row = external_calendar(company=company, staff=staff, calendar_id=calendar_id)
        _audit(company, by, "external_calendar_deleted", row.host, now)
        _remove(row)


def read_external_calendar(*, company: Company, staff: Staff | None, calendar_id: UUID, now: datetime) -> None:
    """Reads it again at once. Raises NotFound for one that is not theirs."""
    row = external_calendar(company=company, staff=staff, calendar_id=calendar_id)
    sync_now(connection=row.connection, now=now)


def external_calendar(*, company: Company, staff: Staff | None, calendar_id: UUID) -> ExternalCalendar:
    """Raises NotFound for one that is not theirs."""
    rows = ExternalCalendar.objects.filter(company=company, staff=staff, pk=calendar_id)
    row = rows.select_related("connection__company", "staff").first()
    if row is None:
        raise NotFound(_("There is no such calendar."))
    return row


def store_external_calendar(company: Company, staff: Staff | None, address: str, now: datetime) -> ExternalCalendar:
    """Without a look at it; inside the caller's transaction. The address, and behind it a connection that nobody has to set up: it is read at once and blocks."""
    ident, host = new_id(), _host(address)
    connection = CalendarConnection.objects.create(
        company=company,
        staff=staff,
        provider=Provider.ICS,
        subject=token_digest(address),
        label=host,
        mode=Mode.ONE_WAY,
        state=State.ACTIVE,
        chosen_at=now,
    )
    _store_calendar(connection, host)
    row = ExternalCalendar.objects.create(
        id=ident,
        company=company,
        staff=staff,
        connection=connection,
        url_sealed=seal(address, row=ident, field=FIELD),
        url_digest=token_digest(address),
        host=host,
        created_at=now,
    )
    make_due(connection.pk)
    return row


def _store_calendar(connection: CalendarConnection, host: str) -> None:
    """`name` is the host's until the first read tells the calendar's own."""
    (info,) = _feed(connection.company, connection.staff, "").calendars()
    capabilities = {name: getattr(info.capabilities, name) for name in info.capabilities.__dataclass_fields__}
    RemoteCalendar.objects.create(
        connection=connection,
        staff=connection.staff,
        remote_id=info.id,
        name=host,
        blocks=True,
        capabilities=capabilities,
    )


def _remove(row: ExternalCalendar) -> None:
    """The connection goes, and with it the address and all that was read; a worker that is at it commits nothing."""
    calendar = row.connection.calendars.select_related("connection").get()
    whose = staff_of(calendar)
    handler().lock_staff(whose)
    row.connection.delete()
    raise_schedule_revision(whose)


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "")[:255]


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
    return checked_address(text)


# -- a first look -------------------------------------------------------------------------------------------------


def _feed(company: Company, staff: Staff | None, address: str) -> Feed:
    given = GivenAddress(address, floating_zone(company, staff))
    return registry.build(Provider.ICS, given, provider_settings())


def _look(company: Company, staff: Staff | None, address: str, now: datetime) -> None:
    """Reads the address as the engine will. Raises InvalidInput with what is wrong."""
    note_asked(_host(address), now)
    feed = _feed(company, staff, address)
    try:
        (calendar,) = feed.calendars()
        feed.busy([calendar.id], Span(now, now + timedelta(days=1)), _TIMEOUT_SECONDS)
    except ProviderError as error:
        code = error.detail if error.detail in _VERDICTS else _CODES.get(error.detail, "not_readable")
        raise InvalidInput(wrong_words(error.detail), code=code, field="url") from error
    finally:
        feed.close()
