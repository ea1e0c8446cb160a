"""Dates and times for people: in the reader's language and zone, with the zone always named."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import formats, translation

from kalends.core.span import Span


def format_when(span: Span, tz: str, locale: str) -> str:
    """As in "Thursday 4 June 2026, 09:00 – 09:30 (Europe/Paris, UTC+2)"; both dates if midnight lies between.

    `tz` is an IANA zone, `locale` a language tag ("fr", "en-GB"); a language that Django does not know reads as English.
    """
    zone = ZoneInfo(tz)
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    with translation.override(known_language(locale)):
        first = f"{_date(start)}, {_time(start)}"
        last = _time(end) if start.date() == end.date() else f"{_date(end)}, {_time(end)}"
    return f"{first} – {last} ({zone_label(start, tz)})"


def format_start(start: datetime, tz: str, locale: str) -> str:
    """The beginning alone, short enough for a subject line: no weekday, no end, the zone named."""
    local = start.astimezone(ZoneInfo(tz))
    with translation.override(known_language(locale)):
        return f"{formats.date_format(local, 'DATE_FORMAT')}, {_time(local)} ({tz})"


def zone_label(local: datetime, tz: str) -> str:
    """The zone with the offset that holds then, so that the hour that comes twice in autumn can be told apart."""
    if tz in ("UTC", "Etc/UTC"):
        return "UTC"
    return f"{tz}, {_offset(local.utcoffset() or timedelta())}"


def known_language(locale: str) -> str:
    """The nearest language that Django can format dates in; "en" if there is none."""
    try:
        return translation.get_supported_language_variant(locale.replace("_", "-").lower() or "en")
    except LookupError:
        return "en"


def _date(local: datetime) -> str:
    return f"{formats.date_format(local, 'l')} {formats.date_format(local, 'DATE_FORMAT')}"


def _time(local: datetime) -> str:
    return formats.date_format(local, "TIME_FORMAT")


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}:{rest:02}" if rest else f"UTC{sign}{hours}"
