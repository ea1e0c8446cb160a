"""From a grant to a connection: its row, its calendars, and which of them are used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from kalends.calendars.credentials import seal_credentials
from kalends.calendars.due import make_due
from kalends.calendars.handlers import handler
from kalends.calendars.life import change_life, set_life
from kalends.calendars.links import close_link
from kalends.calendars.models import CalendarConnection, Invitation, Link, LinkStatus, RemoteCalendar, RemoteEvent
from kalends.calendars.providers import provider_for
from kalends.calendars.services.connections import disconnect
from kalends.calendars.services.wanted import want_event
from kalends.companies.models import Staff
from kalends.companies.services import raise_schedule_revision
from kalends.core.errors import Conflict, InvalidInput, Unavailable
from kalends.core.ids import new_id
from kalends.jobs.prepared import Prepared, PreparedUpdate
from kalends.jobs.saved import save
from kalends.sync.connection import Life
from kalends.sync.link import Mode
from kalends.sync.port import CalendarInfo, ProviderError

_RESET = {
    "cursor": "",
    "fresh_as_of": None,
    "next_poll_at": None,
    "next_full_at": None,
    "suspected_drop": 0,
    "next_channel_at": None,
    "channel_failures": 0,
}
_ACCOUNT = Prepared(
    lambda staff, provider, subject: (
        CalendarConnection.objects.select_for_update(of=("self",))
        .select_related("company", "staff")
        .filter(staff=staff, provider=provider, subject=subject)
    ),
    staff=UUID,
    provider=str,
    subject=str,
)
_TAKEN_AWAY = PreparedUpdate(
    lambda pk: CalendarConnection.objects.filter(pk=pk),
    {"fence": F("fence") + 1, "lease_until": None, "lease_holder": ""},
    pk=UUID,
)
_UNUSED = Prepared(
    lambda connection: RemoteCalendar.objects.filter(
        connection=connection, receives=False, blocks=False, links__isnull=True
    ).values_list("pk", "remote_id"),
    connection=UUID,
)
_OF = Prepared(lambda connection: RemoteCalendar.objects.filter(connection=connection), connection=UUID)
_LOCKED = Prepared(
    lambda connection: RemoteCalendar.objects.select_for_update(of=("self",)).filter(connection=connection),
    connection=UUID,
)
_RECEIVING = Prepared(lambda staff: RemoteCalendar.objects.filter(staff_id=staff, receives=True), staff=UUID)
_LEFT = Prepared(
    lambda connection, now: (
        Link.objects.filter(calendar__connection=connection, status=LinkStatus.ORPHANED, wanted_end__gt=now)
        .exclude(remote_id="")
        .select_related("calendar")
        .order_by("pk")
    ),
    connection=UUID,
    now=datetime,
)


def store_grant(
    *,
    staff: Staff,
    provider: str,
    subject: str,
    label: str,
    secret: Mapping[str, str],
    invitation: Invitation | None,
    now: datetime,
) -> CalendarConnection:
    """The connection of this account: a new one in the company's present mode, or the old one taken up again (F10)."""
    with transaction.atomic():
        row = _ACCOUNT.first(staff=staff.pk, provider=provider, subject=subject) or _new(staff, provider, subject)
        row.label, row.invitation = label[:255], invitation
        row.credentials = seal_credentials(row.pk, secret)
        row.failures, row.last_error, row.last_error_detail, row.purge = 0, "", "", False
        set_life(row, _life(row).reconnected())
        row.save()
        _take_from_workers(row)
        make_due(row.pk)
    return row


def _life(row: CalendarConnection) -> Life:
    return Life(
        chosen_at=row.chosen_at,
        paused_at=None,
        frozen_at=row.frozen_at,
        released_at=row.released_at,
    )


def _new(staff: Staff, provider: str, subject: str) -> CalendarConnection:
    mode = Mode.TWO_WAY if staff.company.bidirectional else Mode.ONE_WAY
    return CalendarConnection(
        id=new_id(), company=staff.company, staff=staff, provider=provider, subject=subject, mode=mode
    )


def _take_from_workers(row: CalendarConnection) -> None:
    """A worker that is at it with the old grant can commit nothing any more."""
    _TAKEN_AWAY.run(pk=row.pk)


def refresh_calendars(*, connection: CalendarConnection) -> list[RemoteCalendar]:
    """Asks the account for its calendars and stores them. Raises Unavailable if it cannot be asked."""
    provider = provider_for(connection)
    try:
        infos = provider.calendars()
    except ProviderError as error:
        raise Unavailable(
            _("The calendars could not be listed just now. Try again."), code="calendars_unknown"
        ) from error
    finally:
        provider.close()
    with transaction.atomic():
        for info in infos:
            _store_calendar(connection, info)
        there = {info.id for info in infos}
        unused = [pk for pk, remote_id in _UNUSED.rows(connection=connection.pk) if remote_id not in there]
        if unused:
            RemoteCalendar.objects.filter(pk__in=unused).delete()
    calendars: list[RemoteCalendar] = _OF.rows(connection=connection.pk)
    return calendars


def _store_calendar(connection: CalendarConnection, info: CalendarInfo) -> None:
    capabilities = {name: getattr(info.capabilities, name) for name in info.capabilities.__dataclass_fields__}
    RemoteCalendar.objects.update_or_create(
        connection=connection,
        remote_id=info.id,
        defaults={
            "staff_id": connection.staff_id,
            "name": info.name[:255],
            "timezone": info.timezone,
            "writable": info.writable,
            "primary": info.primary,
            "capabilities": capabilities,
        },
    )


# -- which calendars are used -------------------------------------------------------------------------------------


def choose_calendars(
    *, connection: CalendarConnection, receives: UUID | None, blocks: Collection[UUID], now: datetime
) -> CalendarConnection:
    """One calendar receives appointments (or none), any number make busy. At most one receives per staff member.

    Appointments to come are written into a calendar that begins to receive, and removed from one that ceases to.
    The first connection that comes this far uses up its invitation; others that were begun by it end. Raises
    InvalidInput for a calendar that is not the connection's, or not writable, Conflict if it is one of those others.
    """
    with transaction.atomic():
        if connection.staff_id is not None:
            handler().lock_staff([connection.staff_id])
        calendars = _LOCKED.rows(connection=connection.pk)
        _check_choice(calendars, receives, blocks)
        left_over = _use_up_invitation(connection, now)
        _stop_receiving(connection, receives, now)
        for calendar in calendars:
            _set_use(calendar, receives=calendar.pk == receives, blocks=calendar.pk in blocks)
        change_life(connection, lambda life: life.chosen(now))
        _take_up_links(connection, receives, now)
        if connection.staff_id is not None:
            raise_schedule_revision([connection.staff_id])
        make_due(connection.pk)
    for other in left_over:
        disconnect(connection=other, events="keep", now=now)
    return connection


def _use_up_invitation(connection: CalendarConnection, now: datetime) -> list[CalendarConnection]:
    """The other connections that were begun by the same invitation and cannot be completed any more."""
    if connection.invitation_id is None:
        return []
    unused = Invitation.objects.filter(pk=connection.invitation_id, used_at__isnull=True)
    if unused.update(used_at=now, connection=connection):
        begun = CalendarConnection.objects.filter(invitation_id=connection.invitation_id, chosen_at__isnull=True)
        begun = begun.filter(disconnected_at__isnull=True).exclude(pk=connection.pk)
        return list(begun.select_related("company", "staff"))
    if connection.chosen_at is None:
        raise Conflict("Another calendar was connected by this invitation. Ask for a new one.", code="invitation_used")
    return []


def _check_choice(calendars: list[RemoteCalendar], receives: UUID | None, blocks: Collection[UUID]) -> None:
    by_id = {calendar.pk: calendar for calendar in calendars}
    if receives is not None and (receives not in by_id or not by_id[receives].writable):
        raise InvalidInput(_("Appointments cannot be written into this calendar."), field="receives")
    if not set(blocks) <= by_id.keys():
        raise InvalidInput(_("This calendar does not belong to the connection."), field="blocks")
    if receives is None and not blocks:
        raise InvalidInput(_("Choose at least one calendar."), field="blocks")


def _stop_receiving(connection: CalendarConnection, receives: UUID | None, now: datetime) -> None:
    """Whatever else receives for this staff member: in this connection always, elsewhere if this one takes over."""
    if connection.staff_id is None:
        return
    for calendar in _RECEIVING.rows(staff=connection.staff_id):
        if calendar.pk == receives or (receives is None and calendar.connection_id != connection.pk):
            continue
        RemoteCalendar.objects.filter(pk=calendar.pk).update(receives=False)
        for link in _standing(calendar, now):
            close_link(link)


def _standing(calendar: RemoteCalendar, now: datetime) -> list[Link]:
    over = (LinkStatus.CLOSED, LinkStatus.CLOSING, LinkStatus.ORPHANED)
    links = Link.objects.filter(calendar=calendar, wanted_end__gt=now).exclude(status__in=over)
    return list(links.select_related("calendar").order_by("pk"))


def _set_use(calendar: RemoteCalendar, *, receives: bool, blocks: bool) -> None:
    """A calendar that is read from now on, or whose busy time begins or ceases to count, is read anew."""
    was_chosen = calendar.chosen
    reads_anew = blocks != calendar.blocks or not was_chosen
    calendar.receives, calendar.blocks = receives, blocks
    if reads_anew or not calendar.chosen:
        RemoteEvent.objects.filter(calendar=calendar).delete()
        for column, value in _RESET.items():
            setattr(calendar, column, value)
    save(calendar)


def _take_up_links(connection: CalendarConnection, receives: UUID | None, now: datetime) -> None:
    """Appointments to come get their links; what an earlier time left behind is kept where wanted, else removed."""
    if connection.staff_id is None:
        return
    if receives is not None:
        for wanted in handler().wanted_for_staff(connection.staff_id, now):
            want_event(
                appointment_id=wanted.appointment_id,
                staff_id=connection.staff_id,
                content=wanted.content,
                time_set_at=wanted.time_set_at,
                version=wanted.version,
            )
    for link in _LEFT.rows(connection=connection.pk, now=now):
        close_link(link)
