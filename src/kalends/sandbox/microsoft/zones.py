"""Time zones as Graph takes and gives them: Windows names and IANA names; and its way to write a local time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from kalends.core.zones import iana_to_windows, is_zone, windows_to_iana
from kalends.sandbox.microsoft import errors

_DATE_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.\d{1,7})?(Z|[+-]\d\d:\d\d)?)?$")


def zone_of(name: str) -> ZoneInfo:
    """The zone of a Windows or IANA name. Raises GraphError 400 for another."""
    iana = name if is_zone(name) else windows_to_iana(name.removeprefix("tzone://Microsoft/"))
    if not iana:
        raise errors.unknown_zone(name)
    return ZoneInfo(iana)


def windows_name(zone: ZoneInfo) -> str:
    """As Exchange keeps the author's zone."""
    return iana_to_windows(zone.key) or "tzone://Microsoft/Custom"


def read_local(text: object) -> datetime:
    """The dateTime of a dateTimeTimeZone: naive, or aware where it carries an offset. Raises GraphError 400."""
    match = _DATE_TIME.match(text) if isinstance(text, str) else None
    if not match:
        raise errors.invalid(f"The value '{text}' is not a valid DateTime.", "ErrorInvalidDateTime")
    day, clock, offset = match.groups()
    try:
        return datetime.fromisoformat(f"{day}T{clock or '00:00'}{offset or ''}")
    except ValueError as error:
        raise errors.invalid(f"The value '{text}' is not a valid DateTime.", "ErrorInvalidDateTime") from error


def read_instant(text: str) -> datetime:
    """A query parameter such as startDateTime: with offset, or in UTC without one. Raises GraphError 400."""
    moment = read_local(text.replace(" ", "+"))
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def write_local(moment: datetime) -> str:
    """Seven digits of a second, no offset."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "0"


def write_instant(moment: datetime) -> str:
    """A DateTimeOffset in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"
