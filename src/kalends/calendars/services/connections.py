"""What people do with a connection once it stands. Each takes the connection of the caller's own company."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from kalends.calendars.disconnecting import finish_disconnect
from kalends.calendars.due import make_due
from kalends.calendars.engine import journal
from kalends.calendars.engine.channels import has_leftovers
from kalends.calendars.handlers import handler
from kalends.calendars.life import change_life
from kalends.calendars.links import look_at
from kalends.calendars.models import (
    CalendarConnection,
    Channel,
    Invitation,
    LastErrorCode,
    Link,
    LinkStatus,
    Provider,
    RemoteCalendar,
    RemoteEvent,
)
from kalends.calendars.providers import provider_for
from kalends.companies.models import Company, Staff
from kalends.companies.services import raise_schedule_revision, record_audit
from kalends.core.errors import Conflict, InvalidInput
from kalends.jobs.prepared import PreparedUpdate
from kalends.jobs.saved import save
from kalends.sync.connection import Life, PausedBy, State
from kalends.sync.link import Mode, PendingKind
from kalends.sync.port import ProviderError
from kalends.sync.push import ChannelState

Events = Literal["keep", "remove"]


def pause(*, connection: CalendarConnection, by: str = "", now: datetime) -> None:
    """No reads, no writes; the last mirror goes on blocking."""
    _pause(connection, now, PausedBy.PERSON)
    _audit(connection, by, "calendar_paused", now)


def resume(*, connection: CalendarConnection, by: str = "", now: datetime) -> None:
    """Raises Conflict while the company has the provider switched off: its switch is the one to turn."""
    if connection.paused_by == PausedBy.SWITCH:
        raise Conflict("Syncing with this kind of calendar is switched off for the company.", code="provider_off")
    with transaction.atomic():
        change_life(connection, lambda life: life.resumed(PausedBy.PERSON))
        _read_soon(connection)
        _audit(connection, by, "calendar_resumed", now)


def _audit(connection: CalendarConnection, by: str, action: str, now: datetime) -> None:
    """`by` names the person or key that asked; what the engine does by itself stands in the journal."""
    if by:
        record_audit(company=connection.company, actor=by, action=action, target=str(connection.pk), now=now)


def set_provider_switch(*, company: Company, provider: str, enabled: bool, now: datetime) -> int:
    """Pauses or resumes the company's connections of one provider; deletes nothing. Returns how many it concerned."""
    rows = list(CalendarConnection.objects.filter(company=company, provider=provider).exclude(state=State.DISCONNECTED))
    for row in rows:
        if not enabled:
            _pause(row, now, PausedBy.SWITCH)
        elif row.paused_by == PausedBy.SWITCH:
            with transaction.atomic():
                change_life(row, lambda life: life.resumed(PausedBy.SWITCH))
                _read_soon(row)
    return len(rows)


def _pause(connection: CalendarConnection, now: datetime, by: PausedBy) -> None:
    with transaction.atomic():
        change_life(connection, lambda life: life.paused(now, by))
        _stop_worker(connection)
        if has_leftovers(connection):
            make_due(connection.pk)


def _stop_worker(connection: CalendarConnection) -> None:
    """A worker that is at it can commit nothing any more."""
    CalendarConnection.objects.filter(pk=connection.pk).update(
        fence=F("fence") + 1, lease_until=None, lease_holder="", due_at=None
    )


def set_mode(*, connection: CalendarConnection, mode: str, by: str = "", now: datetime) -> None:
    """`one_way` or `two_way`; what is pending is then decided by the new mode."""
    if mode not in (Mode.ONE_WAY, Mode.TWO_WAY):
        raise InvalidInput("The mode is one_way or two_way.", field="mode")
    with transaction.atomic():
        before, connection.mode = connection.mode, mode
        connection.save(update_fields=["mode"])
        if before != mode:
            journal.write(connection, now=now, rule="set_by_person", action=f"mode_{mode}", signal="person")
            _audit(connection, by, f"calendar_mode_{mode}", now)
            make_due(connection.pk)


def sync_now(*, connection: CalendarConnection, everything: bool = False, now: datetime) -> None:
    """Reads at once; `everything` forgets the cursors and reads all of it (F35).

    A connection that lacks something other than its grant is tried again.
    """
    with transaction.atomic():
        lost_grant = connection.last_error == LastErrorCode.AUTH_REVOKED
        if connection.state == State.NEEDS_ATTENTION and not lost_grant:
            change_life(connection, Life.mended)
        if everything:
            RemoteCalendar.objects.filter(connection=connection).update(cursor="")
        _read_soon(connection)


_READ_SOON = PreparedUpdate(
    lambda connection: RemoteCalendar.objects.filter(connection=connection),
    {"next_poll_at": None, "next_check_at": None},
    connection=UUID,
)


def _read_soon(connection: CalendarConnection) -> None:
    """As soon as may be: a wait that we were told outlasts what people ask for (G12)."""
    _READ_SOON.run(connection=connection.pk)
    connection.failures = 0
    save(connection, ["failures"])
    make_due(connection.pk)


def unfreeze(*, connection: CalendarConnection, restore: bool = False, by: str = "", now: datetime) -> None:
    """A person has seen what a frozen connection is about to do. With `restore` the deleted events are put back.

    Without, the company's rule for outside deletions applies to each.
    """
    with transaction.atomic():
        change_life(connection, lambda life: life.released(now))
        if restore:
            _restore_deleted(connection)
        connection.last_error = connection.last_error_detail = ""
        connection.restored_at = None
        connection.save(update_fields=["last_error", "last_error_detail", "restored_at"])
        action = "release_and_restore" if restore else "release"
        journal.write(connection, now=now, rule="released_by_person", action=action, signal="person")
        _audit(connection, by, f"calendar_{action}", now)
        _read_soon(connection)


def _restore_deleted(connection: CalendarConnection) -> None:
    pending = Link.objects.filter(calendar__connection=connection, pending__kind=PendingKind.DELETED.value)
    for link in pending.select_related("calendar").order_by("pk"):
        link.verdict = {"shape": None}
        look_at(link, LinkStatus.PENDING)


# -- the end ------------------------------------------------------------------------------------------------------


def disconnect(*, connection: CalendarConnection, events: Events, by: str = "", now: datetime) -> None:
    """Ends a connection; our events in its calendars stay or are removed (in the background, resumable).

    The grant itself is given back only if no other connection uses the same account.
    """
    if events not in ("keep", "remove"):
        raise InvalidInput("Say whether our events are to be kept or removed.", field="events")
    removable = events == "remove" and connection.state != State.DISCONNECTED and connection.credentials != ""
    if not removable:
        _close_channels(connection)
        _give_back(connection)
    with transaction.atomic():
        if connection.staff_id is not None:
            handler().lock_staff([connection.staff_id])
        _stop_worker(connection)
        journal.write(connection, now=now, rule="disconnected_by_person", action=f"{events}_events", signal="person")
        _audit(connection, by, "calendar_disconnected", now)
        if removable:
            _begin_purge(connection, now)
        else:
            finish_disconnect(connection, now=now)


def _begin_purge(connection: CalendarConnection, now: datetime) -> None:
    change_life(connection, lambda life: life.disconnected(now))
    RemoteEvent.objects.filter(calendar__connection=connection).delete()
    RemoteCalendar.objects.filter(connection=connection).update(receives=False, blocks=False)
    connection.purge = True
    connection.save(update_fields=["purge"])
    if connection.staff_id is not None:
        raise_schedule_revision([connection.staff_id])
    make_due(connection.pk)


def _close_channels(connection: CalendarConnection) -> None:
    """As long as there are credentials. One that cannot be closed runs out within a week, and is not listened to."""
    living = Channel.objects.filter(calendar__connection=connection).exclude(remote_id="")
    rows = list(living.exclude(state=ChannelState.CLOSED))
    if not rows or not connection.credentials:
        return
    provider = provider_for(connection)
    try:
        for row in rows:
            provider.close_channel(str(row.pk), row.remote_id)
    except ProviderError:
        pass  # the others would fare no better
    finally:
        provider.close()


def _give_back(connection: CalendarConnection) -> None:
    if not connection.credentials or is_shared(connection):
        return
    provider = provider_for(connection)
    try:
        provider.revoke()
    except ProviderError:
        pass  # the grant may be dead already; the credentials are deleted in any case
    finally:
        provider.close()


def is_shared(connection: CalendarConnection) -> bool:
    """Whether another connection lives on the same grant: Google takes all of a user's grants back at once."""
    same = CalendarConnection.objects.filter(provider=connection.provider, subject=connection.subject)
    return same.exclude(pk=connection.pk).exclude(state=State.DISCONNECTED).exists()


def revoke_calendar_sync(*, staff: Staff, providers: Collection[str] | None = None, by: str = "", now: datetime) -> int:
    """Disconnects a staff member's accounts (of these providers, or all) and keeps the events; returns how many.

    Without a choice of providers open invitations end too: nobody is to connect by one that was forgotten.
    """
    unknown = set(providers or []) - set(Provider.values)
    if unknown:
        raise InvalidInput(f"There is no provider named {min(unknown)}.", field="providers")
    rows = CalendarConnection.objects.filter(staff=staff).exclude(state=State.DISCONNECTED)
    rows = rows.exclude(provider=Provider.ICS)  # an address is no account: it is removed where it was entered
    if providers:
        rows = rows.filter(provider__in=providers)
    else:
        Invitation.objects.filter(staff=staff, used_at=None, revoked_at=None).update(revoked_at=now)
    found = list(rows)
    for row in found:
        disconnect(connection=row, events="keep", by=by, now=now)
    return len(found)
