"""Notifications from outside. They are hints: what is believed of one is only that a calendar is to be read.

Believed is what carries the secret of a channel of ours. What is not, repeated, late or for a closed channel changes
nothing, and the sender is told nothing of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from kalends.calendars.due import AT_ONCE, make_due
from kalends.calendars.models import CalendarConnection, Channel, RemoteCalendar
from kalends.calendars.providers import kinds_of_hook, read_notifications
from kalends.core.errors import InvalidInput
from kalends.jobs.listed import Listed
from kalends.sync.channels import Notification, NotificationKind
from kalends.sync.connection import State
from kalends.sync.port import Malformed
from kalends.sync.push import ChannelState

# At most so many of one request are looked at; a provider sends far fewer, and a read finds every change.
MOST = 1000
_JUST_NOW = timedelta(seconds=30)
_READING = (State.ACTIVE, State.THROTTLED, State.FROZEN)
_SERVING = (ChannelState.OPENING, ChannelState.OPEN)
_NO_DIGEST = "0" * 64
_BY_ID = Listed(
    lambda ids, kinds: Channel.objects.filter(pk__in=ids, calendar__connection__provider__in=kinds).select_related(
        "calendar__connection"
    ),
    ids=[UUID],
    kinds=[str],
)
_BY_REMOTE_ID = Listed(
    lambda ids, kinds: Channel.objects.filter(
        remote_id__in=ids, calendar__connection__provider__in=kinds
    ).select_related("calendar__connection"),
    ids=[str],
    kinds=[str],
)
_LOCKED = Listed(
    lambda ids: (
        CalendarConnection.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk").values_list("pk")
    ),
    ids=[UUID],
)
_LOOKED_AT = Listed(
    lambda ids: (
        CalendarConnection.objects.filter(pk__in=ids, state__in=(*_READING, State.PAUSED))
        .order_by("pk")
        .values_list("pk")
    ),
    ids=[UUID],
)


@dataclass(slots=True)
class Heard:
    """What one channel said in one request; `remote_id` is what the provider calls it."""

    row: Channel
    remote_id: str
    kinds: set[NotificationKind] = field(default_factory=set)

    def serves(self, now: datetime) -> bool:
        return self.row.state in _SERVING and now < self.row.expires_at

    def is_news(self, now: datetime) -> bool:
        if not self.serves(now):
            # Opened, as it turns out, for a worker that never learned its name: now it can be closed (F46).
            return self.row.state == ChannelState.CLOSED and not self.row.remote_id and self.remote_id != ""
        heard = self.row.heard_at
        if self.kinds != {NotificationKind.CHANGED} or heard is None or heard < now - _JUST_NOW:
            return True
        calendar = self.row.calendar
        waits = calendar.next_poll_at is None and calendar.connection.due_at == AT_ONCE
        return not waits or self.row.awaiting_since is not None


def renew_channels_elsewhere(*, now: datetime) -> int:
    """After the installation got another address: calendars that are announced to the old one only are due at once,
    to be read, since nothing is heard of them any more, and to be given another channel. Returns how many.
    """
    living = Channel.objects.filter(state__in=_SERVING, expires_at__gt=now)
    here = living.filter(calendar=OuterRef("calendar"), base_url=settings.KALENDS.base_url)
    lost = living.filter(~Exists(here)).filter(
        Q(calendar__next_channel_at=None) | Q(calendar__next_channel_at__lte=now),
        calendar__connection__state__in=_READING,
    )
    found = dict(lost.values_list("calendar_id", "calendar__connection_id"))
    RemoteCalendar.objects.filter(pk__in=found).update(next_poll_at=None)
    for connection_id in sorted(set(found.values())):
        make_due(connection_id)
    return len(found)


def receive_push(*, hook: str, headers: Mapping[str, str], body: bytes, now: datetime) -> int:
    """One inbound request at /hooks/<hook>. Raises InvalidInput for what that provider would not send."""
    try:
        notifications = read_notifications(hook, headers, body)
    except Malformed as error:
        raise InvalidInput("This is no notification.", code="malformed") from error
    return receive_notifications(hook=hook, notifications=notifications, now=now)


def receive_notifications(*, hook: str, notifications: Sequence[Notification], now: datetime) -> int:
    """Marks due what believed notifications are about; returns how many channels were believed.

    Those of a calendar that waits to be read anyway cost no write, however often they come (F49).
    """
    heard = _believed(hook, notifications[:MOST])
    news = [one for one in heard if one.is_news(now)]
    if news:
        with transaction.atomic():
            _take(news, now)
    return len(heard)


# -- whom to believe ----------------------------------------------------------------------------------------------


def _believed(hook: str, notifications: Sequence[Notification]) -> list[Heard]:
    heard: dict[UUID, Heard] = {}
    by_id, by_remote = _channels(hook, notifications)
    for notification in notifications:
        row = by_id.get(notification.channel_id) if notification.channel_id else by_remote.get(notification.remote_id)
        digest = hashlib.sha256(notification.secret.encode("utf-8", "surrogatepass")).hexdigest()
        # In constant time, and compared also where there is no such channel.
        right = hmac.compare_digest(digest, row.secret_digest if row else _NO_DIGEST)
        if right and row is not None:
            heard.setdefault(row.pk, Heard(row, _sane(notification.remote_id))).kinds.add(notification.kind)
    return list(heard.values())


def _channels(hook: str, notifications: Iterable[Notification]) -> tuple[dict[str, Channel], dict[str, Channel]]:
    """By our id and by the provider's, of those providers whose notifications come to this hook: one query, as a rule."""
    ids, remote_ids = set(), set()
    for notification in notifications:
        if notification.channel_id:
            with suppress(ValueError):
                ids.add(UUID(notification.channel_id))
        elif _sane(notification.remote_id):
            remote_ids.add(notification.remote_id)
    kinds = list(kinds_of_hook(hook))
    found = _BY_ID.rows(ids=ids, kinds=kinds) + _BY_REMOTE_ID.rows(ids=remote_ids, kinds=kinds)
    return {str(row.pk): row for row in found}, {row.remote_id: row for row in found if row.remote_id}


def _sane(remote_id: str) -> str:
    """A provider's id, or "" for what can be none and no database should be asked for."""
    return remote_id if len(remote_id) <= 255 and remote_id.isascii() and remote_id.isprintable() else ""


# -- what follows -------------------------------------------------------------------------------------------------


def _take(news: Sequence[Heard], now: datetime) -> None:
    """Locks connections first, as a worker that applies a page does: either it sees what was heard, or this sees it."""
    ids = {one.row.calendar.connection_id for one in news}
    _LOCKED.rows(ids=ids)
    for one in news:
        _store(one, now)
    serving = [one.row.calendar_id for one in news if one.serves(now)]
    if serving:
        RemoteCalendar.objects.filter(pk__in=serving, connection__state__in=_READING).update(next_poll_at=None)
    # A paused connection reads nothing, but may have a channel to close.
    for (pk,) in _LOOKED_AT.rows(ids=ids):
        make_due(pk)


def _store(one: Heard, now: datetime) -> None:
    mine = Channel.objects.filter(pk=one.row.pk)
    if one.remote_id:
        mine.filter(remote_id="").update(remote_id=one.remote_id)
    if not one.serves(now):
        mine.filter(state=ChannelState.CLOSED).update(state=ChannelState.CLOSING)
        return
    if NotificationKind.REMOVED in one.kinds:
        # Gone at the provider: the next run reads, and opens another.
        mine.update(state=ChannelState.CLOSED, closed_at=now)
        return
    mine.filter(verified_at=None).update(verified_at=now)
    if NotificationKind.REAUTHORIZE in one.kinds:
        mine.update(renew_at=now, retry_at=None)
    if one.kinds & {NotificationKind.CHANGED, NotificationKind.MISSED}:
        mine.update(heard_at=now, awaiting_since=None)
    if NotificationKind.CHANGED in one.kinds:
        RemoteCalendar.objects.filter(pk=one.row.calendar_id, channel_failures__gt=0).update(channel_failures=0)
