"""Channels of one calendar: when what they announce is relied on, how often is read besides, and what they need.

A channel is *proven* while it is verified, has not run out, and no change that we know of went unannounced. Behind a
proven channel the calendar is read every half hour; without one every poll interval (G9). Notifications are hints: a
read finds each change whether or not anybody announced it, and what it finds unannounced ends the trust.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

HEARTBEAT = timedelta(minutes=30)
# What a provider says of its slowest notification (Microsoft: three minutes). Later than that it is taken for lost.
PATIENCE = timedelta(minutes=3)
# A read may have been overtaken by the notification of what it had not shown yet.
SLACK = timedelta(minutes=1)
# Asked for: less than the shortest limit, seven days at Microsoft.
LIFE = timedelta(days=6, hours=12)
VERIFY_WITHIN = timedelta(minutes=10)
_RENEW_AT = 0.8
_JITTER = 0.05


class ChannelState(StrEnum):
    OPENING = "opening"  # stored; whether the provider has it is not known yet
    OPEN = "open"
    CLOSING = "closing"  # to be closed at the provider
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Channel:
    """heard_at        the last notification of a change
    awaiting_since  a change that we know of, by then, with nothing heard since; None: none
    on_trial        it was opened because another fell silent: only a notification of a change proves it
    retry_at        closing or renewing it failed; not before then again
    elsewhere       it was told an address that is not ours any more
    """

    id: UUID
    state: ChannelState
    opened_at: datetime
    expires_at: datetime
    renew_at: datetime
    verified_at: datetime | None = None
    heard_at: datetime | None = None
    awaiting_since: datetime | None = None
    on_trial: bool = False
    retry_at: datetime | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """`on_trial`: the one before fell silent."""

    on_trial: bool = False


@dataclass(frozen=True, slots=True)
class Renew:
    id: UUID


@dataclass(frozen=True, slots=True)
class Close:
    """`failed`: it was never verified, which counts against opening the next one at once."""

    id: UUID
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Forget:
    """It has run out: there is nothing to close at the provider."""

    id: UUID


Action = Open | Renew | Close | Forget


# -- trust ----------------------------------------------------------------------------------------------------------


def silent(channel: Channel, now: datetime) -> bool:
    """A change that is known of was not announced in time."""
    return channel.awaiting_since is not None and now >= channel.awaiting_since + PATIENCE


def proven(channel: Channel, now: datetime) -> bool:
    if channel.state != ChannelState.OPEN or channel.verified_at is None or now >= channel.expires_at:
        return False
    if channel.elsewhere:
        return False
    return not silent(channel, now) and (channel.heard_at is not None or not channel.on_trial)


def next_poll(channels: Iterable[Channel], poll: timedelta, now: datetime) -> datetime:
    """When a calendar that was read at `now` is read again: never sooner than `poll`, nor later than trust lasts."""
    trusted = max((_trusted_until(channel) for channel in channels if proven(channel, now)), default=now)
    return max(now + poll, min(now + HEARTBEAT, trusted))


def _trusted_until(channel: Channel) -> datetime:
    if channel.awaiting_since is None:
        return channel.expires_at
    return min(channel.expires_at, channel.awaiting_since + PATIENCE)


def unannounced_since(channel: Channel, *, changed_at: datetime, read_before: datetime) -> datetime | None:
    """Since when a change that a read has just found goes unannounced; None if it was announced, or says nothing.

    `changed_at` is the earliest instant the change can have been made at; a channel that was not verified by the
    read before may be younger than the change. A run reads first, then writes, and opens channels last: one that was
    opened by the run of the read before has not seen what that run wrote.
    """
    if channel.verified_at is None or channel.verified_at > read_before or channel.opened_at >= read_before:
        return None
    if channel.heard_at is not None and channel.heard_at >= changed_at - SLACK:
        return None
    return min(changed_at, channel.awaiting_since or changed_at)


# -- upkeep ---------------------------------------------------------------------------------------------------------


def renewal_at(opened: datetime, expires: datetime, roll: float) -> datetime:
    """At 80 % of its life, give or take 5 %; `roll` is a number from 0 to 1."""
    return opened + (expires - opened) * (_RENEW_AT + _JITTER * (2 * roll - 1))


def upkeep(
    channels: Collection[Channel], *, wanted: bool, renews: bool, retry_at: datetime | None, now: datetime
) -> list[Action]:
    """What the channels of a calendar need now, opening first: the old one is closed after the new one is verified.

    `renews`: the provider gives channels more time. `retry_at`: opening failed; not before then again.
    """
    living = [c for c in channels if c.state == ChannelState.OPEN and now < c.expires_at]
    ended = [c for c in channels if c.state not in (ChannelState.OPEN, ChannelState.CLOSED) or now >= c.expires_at]
    actions = [_end(channel, now) for channel in ended if channel.state != ChannelState.CLOSED and _may(channel, now)]
    if not wanted:
        return actions + [Close(channel.id) for channel in living if _may(channel, now)]
    unheard = [channel for channel in living if _never_verified(channel, now)]
    living = [channel for channel in living if channel not in unheard]
    actions += [Close(channel.id, failed=True) for channel in unheard if _may(channel, now)]
    return _succession(living, renews=renews, may_open=_is_past(retry_at, now) and not unheard, now=now) + actions


def _succession(living: list[Channel], *, renews: bool, may_open: bool, now: datetime) -> list[Action]:
    here = [channel for channel in living if not channel.elsewhere]
    serving = [channel for channel in here if not silent(channel, now) and now < channel.renew_at]
    verified = [channel for channel in serving if channel.verified_at is not None]
    if verified:
        best = max(verified, key=lambda channel: (channel.opened_at, channel.id))
        older = [c for c in living if c is not best and (c.opened_at, c.id) < (best.opened_at, best.id)]
        return [Close(channel.id) for channel in older if _may(channel, now)]
    if serving:
        return []  # the newest is waiting for its first notification
    renewable = [c for c in here if renews and c.verified_at is not None and not silent(c, now)]
    if renewable:
        newest = max(renewable, key=lambda channel: (channel.opened_at, channel.id))
        return [Renew(newest.id)] if _may(newest, now) else []
    return [Open(on_trial=any(silent(channel, now) for channel in here))] if may_open else []


def _end(channel: Channel, now: datetime) -> Action:
    return Forget(channel.id) if now >= channel.expires_at else Close(channel.id)


def _never_verified(channel: Channel, now: datetime) -> bool:
    return channel.verified_at is None and now >= channel.opened_at + VERIFY_WITHIN


def _may(channel: Channel, now: datetime) -> bool:
    return _is_past(channel.retry_at, now)


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is None or now >= at


def next_upkeep(
    channels: Collection[Channel], *, wanted: bool, renews: bool, retry_at: datetime | None, now: datetime
) -> datetime | None:
    """The earliest instant after `now` at which `upkeep` may find something to do; None: not by itself.

    What is to be done now and was not (a failure, a step that leads to the next) is due at once.
    """
    if upkeep(channels, wanted=wanted, renews=renews, retry_at=retry_at, now=now):
        return now
    times = [retry_at] if wanted else []
    for channel in channels:
        if channel.state != ChannelState.CLOSED:
            times += [channel.expires_at, channel.renew_at, channel.retry_at]
            times += [channel.opened_at + VERIFY_WITHIN] if channel.verified_at is None else []
            times += [channel.awaiting_since + PATIENCE] if channel.awaiting_since is not None else []
    return min((at for at in times if at is not None and at > now), default=None)
