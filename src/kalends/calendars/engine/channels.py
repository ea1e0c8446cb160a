"""Channels under the connection's lease: what `sync.push` says they need is asked of the provider, one by one.

A channel is stored before it is asked for and closed only after its successor was verified (F46, F48). Whatever fails
here waits and is tried again; reading goes on. Only a dead grant, or being told to wait, is the whole connection's.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from kalends.calendars.engine.context import Run, poll_interval
from kalends.calendars.engine.lease import check_fence
from kalends.calendars.models import CalendarConnection, Channel, RemoteCalendar
from kalends.calendars.providers import hook_of
from kalends.core.ids import new_token, token_digest
from kalends.jobs.prepared import Given, Prepared, PreparedUpdate, insert
from kalends.jobs.rows import backoff
from kalends.sync import push
from kalends.sync.channels import ChannelGrant, ChannelRequest
from kalends.sync.port import (
    AuthRevoked,
    Forbidden,
    NotFound,
    PageItem,
    Permanent,
    ProviderError,
    RemoteEvent,
    Throttled,
)
from kalends.sync.push import ChannelState

_ROUNDS = 3
_FIRST_RETRY = timedelta(minutes=1)
_LONGEST_RETRY = timedelta(hours=6)
_REFUSED = timedelta(days=1)  # this calendar, or this installation, is given no channel as things stand
_REMEMBERED = timedelta(days=30)
_ENDS_THE_RUN = (AuthRevoked, Throttled)
_LIVING = ~Q(state=ChannelState.CLOSED)
_LIVING_OF = Prepared(
    lambda connection: Channel.objects.filter(_LIVING, calendar__connection=connection).order_by("pk"), connection=UUID
)
_LIVING_IN = Prepared(lambda calendar: Channel.objects.filter(_LIVING, calendar=calendar).order_by("pk"), calendar=UUID)
_OPEN_OF = Prepared(lambda calendar: Channel.objects.filter(calendar=calendar, state=ChannelState.OPEN), calendar=UUID)


def wants_channel(calendar: RemoteCalendar, provider: str) -> bool:
    """Whether changes of this calendar are to be announced to us: it is read, and both sides can."""
    able = settings.KALENDS.push and bool(calendar.capabilities.get("push")) and hook_of(provider) != ""
    return able and calendar.chosen


def has_leftovers(connection: CalendarConnection) -> bool:
    """Channels that stand although nothing is read: a pause closes them."""
    return bool(_LIVING_OF.rows(connection=connection.pk))


def tend(run: Run, *, wanted: bool = True) -> None:
    """Opens, renews and closes what is due. `wanted=False`: closes all. Raises AuthRevoked and Throttled only."""
    rows = _by_calendar(run.connection)
    for calendar in sorted(run.calendars(), key=lambda calendar: calendar.pk):
        wants = wanted and wants_channel(calendar, run.connection.provider)
        if wants or calendar.pk in rows:
            _tend_calendar(run, calendar, rows[calendar.pk], wants)


def _by_calendar(connection: CalendarConnection) -> defaultdict[UUID, list[Channel]]:
    found: defaultdict[UUID, list[Channel]] = defaultdict(list)
    for row in _LIVING_OF.rows(connection=connection.pk):
        found[row.calendar_id].append(row)
    return found


def _tend_calendar(run: Run, calendar: RemoteCalendar, rows: list[Channel], wanted: bool) -> None:
    for _ in range(_ROUNDS):
        actions = push.upkeep(
            [row.facts() for row in rows],
            wanted=wanted,
            renews=_renews(calendar),
            retry_at=calendar.next_channel_at,
            now=run.now,
        )
        by_id = {row.pk: row for row in rows}
        for action in actions:
            _do(run, calendar, action, by_id)
        if not actions:
            return
        calendar.refresh_from_db(fields=["next_channel_at", "channel_failures"])
        rows = _LIVING_IN.rows(calendar=calendar.pk)


def _do(run: Run, calendar: RemoteCalendar, action: push.Action, rows: dict[UUID, Channel]) -> None:
    match action:
        case push.Open():
            _open(run, calendar, on_trial=action.on_trial)
        case push.Renew():
            _renew(run, rows[action.id])
        case push.Close():
            if action.failed:
                _wait(run, calendar, None)
            _close(run, rows[action.id])
        case push.Forget():
            _store(run, rows[action.id], state=ChannelState.CLOSED, closed_at=run.now)


def _renews(calendar: RemoteCalendar) -> bool:
    return bool(calendar.capabilities.get("push_renews"))


def next_tending(
    connection: CalendarConnection, calendars: Iterable[RemoteCalendar], now: datetime, *, wanted: bool = True
) -> datetime | None:
    """When the channels of a connection, with these calendars, are looked at again; `wanted` as in `tend`."""
    rows = _by_calendar(connection)
    times = []
    for calendar in calendars:
        wants = wanted and wants_channel(calendar, connection.provider)
        if wants or calendar.pk in rows:
            at = push.next_upkeep(
                [row.facts() for row in rows[calendar.pk]],
                wanted=wants,
                renews=_renews(calendar),
                retry_at=calendar.next_channel_at,
                now=now,
            )
            times += [at] if at is not None else []
    return min(times, default=None)


# -- the provider's part ------------------------------------------------------------------------------------------


def _open(run: Run, calendar: RemoteCalendar, *, on_trial: bool) -> None:
    row, request = _asked(run, calendar, on_trial)
    run.at("channel stored, not opened")
    try:
        grant = run.provider.open_channel(calendar.remote_id, request)
    except ProviderError as error:
        # Should it stand there all the same, its first notification names it, and it is closed.
        _store(run, row, state=ChannelState.CLOSED, closed_at=run.now)
        _wait(run, calendar, error)
        if isinstance(error, _ENDS_THE_RUN):
            raise
        return
    run.at("channel opened, not stored")
    _granted(run, calendar, row, grant)


def _asked(run: Run, calendar: RemoteCalendar, on_trial: bool) -> tuple[Channel, ChannelRequest]:
    secret, expires = new_token(), run.now + push.LIFE
    base_url = settings.KALENDS.base_url
    row = Channel(calendar=calendar, secret_digest=token_digest(secret), opened_at=run.now, expires_at=expires)
    row.base_url = base_url
    row.renew_at, row.on_trial = expires, on_trial
    with transaction.atomic():
        check_fence(run)
        Channel.objects.filter(calendar=calendar, closed_at__lt=run.now - _REMEMBERED).delete()
        if on_trial:
            # Another one is not opened at once if this one stays silent as well.
            _put_off(calendar, run.now + _pause(calendar))
        insert(row)
    address = f"{base_url}/hooks/{hook_of(run.connection.provider)}"
    return row, ChannelRequest(str(row.pk), address, address, secret, expires)


_NAMED = PreparedUpdate(
    lambda pk, **_: Channel.objects.filter(pk=pk), {"remote_id": Given("remote_id", str)}, pk=UUID, remote_id=str
)
_OPENED = PreparedUpdate(
    lambda pk, **_: Channel.objects.filter(pk=pk, state=ChannelState.OPENING),
    {
        "state": ChannelState.OPEN,
        "expires_at": Given("expires_at", datetime),
        "renew_at": Given("renew_at", datetime),
    },
    pk=UUID,
    expires_at=datetime,
    renew_at=datetime,
)


def _granted(run: Run, calendar: RemoteCalendar, row: Channel, grant: ChannelGrant) -> None:
    """What the provider calls it is kept even by a worker that lost its lease: whoever closes it needs that."""
    _NAMED.run(pk=row.pk, remote_id=grant.remote_id)
    with transaction.atomic():
        check_fence(run)
        renew_at = push.renewal_at(run.now, grant.expires, random.random())  # noqa: S311 - spreads load
        _OPENED.run(pk=row.pk, expires_at=grant.expires, renew_at=renew_at)
        if grant.verified:
            opened = Channel.objects.filter(pk=row.pk, verified_at=None)
            opened.update(verified_at=run.now)
            # What changed between the last read and the opening was announced by nobody.
            RemoteCalendar.objects.filter(pk=calendar.pk).update(next_poll_at=None)
    run.at("channel stored")


def _renew(run: Run, row: Channel) -> None:
    try:
        grant = run.provider.renew_channel(str(row.pk), row.remote_id, run.now + push.LIFE)
    except NotFound:
        _store(run, row, state=ChannelState.CLOSED, closed_at=run.now)
        RemoteCalendar.objects.filter(pk=row.calendar_id).update(next_poll_at=None)
    except ProviderError as error:
        _try_later(run, row, error)
    else:
        renew_at = push.renewal_at(run.now, grant.expires, random.random())  # noqa: S311 - spreads load
        _store(run, row, expires_at=grant.expires, renew_at=renew_at, failures=0, retry_at=None)


def _close(run: Run, row: Channel) -> None:
    if not row.remote_id:
        # Not known whether the provider has it. Heard from once more, it gets its name and is closed then.
        _store(run, row, state=ChannelState.CLOSED, closed_at=run.now)
        return
    _store(run, row, state=ChannelState.CLOSING)
    run.at("channel closing")
    try:
        run.provider.close_channel(str(row.pk), row.remote_id)
    except (Permanent, NotFound, Forbidden):
        pass  # it will never be closed by us: it runs out, and what it still says is not listened to
    except ProviderError as error:
        _try_later(run, row, error)
        return
    _store(run, row, state=ChannelState.CLOSED, closed_at=run.now)


def _store(run: Run, row: Channel, **values: object) -> None:
    with transaction.atomic():
        check_fence(run)
        Channel.objects.filter(pk=row.pk).update(**values)


def _try_later(run: Run, row: Channel, error: ProviderError) -> None:
    retry_at = run.now + backoff(row.failures, base=_FIRST_RETRY, cap=_LONGEST_RETRY)
    if isinstance(error, Throttled) and error.retry_at is not None:
        retry_at = max(retry_at, error.retry_at)
    _store(run, row, failures=row.failures + 1, retry_at=retry_at)
    if isinstance(error, _ENDS_THE_RUN):
        raise error


def _wait(run: Run, calendar: RemoteCalendar, error: ProviderError | None) -> None:
    """Opening failed, or what was opened was never heard of: a pause before the next."""
    pause = _REFUSED if isinstance(error, Permanent | Forbidden | NotFound) else _pause(calendar)
    until = run.now + pause
    if isinstance(error, Throttled) and error.retry_at is not None:
        until = max(until, error.retry_at)
    with transaction.atomic():
        check_fence(run)
        _put_off(calendar, until)


def _pause(calendar: RemoteCalendar) -> timedelta:
    return backoff(calendar.channel_failures, base=_FIRST_RETRY, cap=_LONGEST_RETRY)


def _put_off(calendar: RemoteCalendar, until: datetime) -> None:
    RemoteCalendar.objects.filter(pk=calendar.pk).update(
        next_channel_at=until, channel_failures=F("channel_failures") + 1
    )


# -- what reading and writing tell of them ------------------------------------------------------------------------


def _open_rows(calendar: RemoteCalendar) -> list[Channel]:
    return _OPEN_OF.rows(calendar=calendar.pk)


def note_changes(run: Run, calendar: RemoteCalendar, items: Sequence[PageItem]) -> None:
    """A read found changes: a channel that announced none of them is not trusted any more. Inside a transaction."""
    before = calendar.fresh_as_of
    if not items or before is None:
        return
    changed_at = min(_changed_at(item, before, run.now) for item in items)
    for row in _open_rows(calendar):
        since = push.unannounced_since(row.facts(), changed_at=changed_at, read_before=before)
        if since is not None and since != row.awaiting_since:
            Channel.objects.filter(pk=row.pk).update(awaiting_since=since)


def _changed_at(item: PageItem, before: datetime, now: datetime) -> datetime:
    """The earliest it can have been; what does not say when may have been made right after the read before."""
    updated = item.updated if isinstance(item, RemoteEvent) else None
    return before if updated is None else min(max(updated, before), now)


def next_poll_at(run: Run, calendar: RemoteCalendar) -> datetime:
    """When a calendar that was just read is read again. Inside the transaction that holds the connection.

    What was heard since the run began may be of a change that this read did not show.
    """
    rows = _open_rows(calendar)
    moments = [at for row in rows for at in (row.heard_at, row.verified_at) if at is not None]
    if any(at > run.now for at in moments):
        return run.now
    return push.next_poll([row.facts() for row in rows], poll_interval(), run.now)


_EXPECTED = PreparedUpdate(
    lambda calendar, now: Channel.objects.filter(
        Q(heard_at=None) | Q(heard_at__lt=now), calendar_id=calendar, state=ChannelState.OPEN, awaiting_since=None
    ).exclude(verified_at=None),
    {"awaiting_since": Given("now", datetime)},
    calendar=UUID,
    now=datetime,
)


def expect(run: Run, calendar_ids: Iterable[UUID]) -> None:
    """We wrote to these calendars: what the provider announces of it shows that their channels live."""
    for calendar_id in calendar_ids:
        with transaction.atomic():
            check_fence(run)
            if _EXPECTED.run(calendar=calendar_id, now=run.now):
                deadline = run.now + push.PATIENCE
                calendar = RemoteCalendar.objects.filter(pk=calendar_id, next_poll_at__gt=deadline)
                calendar.update(next_poll_at=deadline)
