"""How soon each calendar shows what changes in it: told at once, or asked every few minutes. For pages, API, doctor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings

from kalends.calendars.engine.channels import wants_channel
from kalends.calendars.models import Channel, RemoteCalendar
from kalends.sync import push
from kalends.sync.connection import State
from kalends.sync.push import ChannelState

ENDING = timedelta(hours=24)


class Why(StrEnum):
    """Why a calendar is asked and does not tell; NONE: it tells."""

    NONE = ""
    OFF = "off"  # this installation takes no notifications: no public https address
    CANNOT = "cannot"  # this kind of calendar sends none
    OPENING = "opening"  # asked for; not proven yet
    SILENT = "silent"  # a change was not announced in time
    REFUSED = "refused"  # the provider gave no channel just now


@dataclass(frozen=True, slots=True)
class Announced:
    """`every_seconds`: how often it is read besides being told, or instead."""

    at_once: bool
    every_seconds: int
    why: Why


def announced(calendars: Iterable[RemoteCalendar], *, now: datetime) -> dict[UUID, Announced]:
    """For each calendar; rows need their connection."""
    found = list(calendars)
    rows = Channel.objects.filter(calendar__in=found).exclude(state=ChannelState.CLOSED)
    channels: dict[UUID, list[push.Channel]] = {calendar.pk: [] for calendar in found}
    for row in rows:
        channels[row.calendar_id].append(row.facts())
    return {calendar.pk: _announced(calendar, channels[calendar.pk], now) for calendar in found}


def slowest(facts: Iterable[Announced]) -> Announced | None:
    """What may be said of all of them together; None of none."""
    return max(facts, key=lambda fact: (not fact.at_once, fact.why != Why.CANNOT), default=None)


def updates_of(connection_id: UUID, *, now: datetime) -> Announced | None:
    """Of the calendars of a connection that are read, the slowest; None if none is."""
    rows = RemoteCalendar.objects.filter(connection=connection_id).select_related("connection")
    return slowest(announced([row for row in rows if row.chosen], now=now).values())


def _announced(calendar: RemoteCalendar, channels: list[push.Channel], now: datetime) -> Announced:
    poll = settings.KALENDS.poll_seconds
    if any(push.proven(channel, now) for channel in channels):
        return Announced(at_once=True, every_seconds=max(poll, int(push.HEARTBEAT.total_seconds())), why=Why.NONE)
    return Announced(at_once=False, every_seconds=poll, why=_why(calendar, channels, now))


def _why(calendar: RemoteCalendar, channels: list[push.Channel], now: datetime) -> Why:
    if not calendar.capabilities.get("push"):
        return Why.CANNOT
    if not wants_channel(calendar, calendar.connection.provider):
        return Why.OFF
    if any(push.silent(channel, now) or channel.on_trial for channel in channels):
        return Why.SILENT
    return Why.OPENING if channels or not calendar.channel_failures else Why.REFUSED


@dataclass(frozen=True, slots=True)
class Overview:
    """Calendars that could tell: how many there are, how many do, how many end within a day, how many are refused."""

    able: int
    telling: int
    ending: int
    refused: int


def overview(*, now: datetime) -> Overview:
    reading = (State.ACTIVE, State.THROTTLED, State.FROZEN)
    rows = RemoteCalendar.objects.filter(connection__state__in=reading).select_related("connection")
    able = [row for row in rows if wants_channel(row, row.connection.provider)]
    facts = announced(able, now=now).values()
    living = Channel.objects.filter(calendar__in=able, state=ChannelState.OPEN, expires_at__gt=now)
    lasting = set(living.filter(expires_at__gt=now + ENDING).values_list("calendar", flat=True))
    ending = set(living.values_list("calendar", flat=True)) - lasting
    return Overview(
        able=len(able),
        telling=sum(fact.at_once for fact in facts),
        ending=len(ending),
        refused=sum(fact.why == Why.REFUSED for fact in facts),
    )
