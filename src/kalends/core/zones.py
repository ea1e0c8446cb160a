"""Time zones: which names we accept, and which zone a foreign TZID means.

Names and rules are those of the installed `tzdata` package, never of the machine: the hosts of one installation must
agree, and a machine's own tables are often years old. Links such as "posix/..." and "right/..." (leap seconds) and
placeholders are no zones here.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from kalends.core.embedded_zones import matching_zone
from kalends.core.errors import InvalidInput
from kalends.core.windows_zones import WINDOWS_ZONES

zoneinfo.reset_tzpath(to=())
ZoneInfo.clear_cache()  # of zones that another module loaded from the machine's tables before

_NOT_FOR_PEOPLE = {"Factory"}
# Names that Windows used and CLDR dropped, and names that Exchange, Graph and Outlook write for no zone of Windows.
_OTHER_NAMES = {
    "coordinated universal time": "UTC",
    "kamchatka standard time": "Asia/Kamchatka",
    "mexico standard time": "America/Mexico_City",
    "mexico standard time 2": "America/Chihuahua",
    "mid-atlantic standard time": "Etc/GMT+2",
    "tzone://microsoft/utc": "UTC",
    "z": "UTC",
}


class UnknownZone(InvalidInput):
    """A time zone name that is not IANA's."""

    code = "unknown_zone"

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown time zone: {name[:64]!r}", field="timezone")


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(names) - _NOT_FOR_PEOPLE


@lru_cache(maxsize=1)
def _known_by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in _known()}


@lru_cache(maxsize=1)
def _windows_by_iana() -> dict[str, str]:
    return {name: windows for windows, names in WINDOWS_ZONES.items() for name in names.split()}


@lru_cache(maxsize=1)
def _windows_by_lower_case() -> dict[str, str]:
    return {windows.lower(): names.split()[0] for windows, names in WINDOWS_ZONES.items()} | _OTHER_NAMES


def is_zone(name: str) -> bool:
    """Whether `name` is exactly an IANA zone name (old spellings included)."""
    return name in _known()


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises UnknownZone for anything else, paths included."""
    if not is_zone(name):
        raise UnknownZone(name)
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Names to choose from, sorted, "UTC" first: one per country and clock (tzdata's zone.tab), no old spellings."""
    text = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return ("UTC", *sorted({row[2] for row in rows}))


def windows_to_iana(name: str) -> str | None:
    """CLDR's default zone for a Windows name ("Romance Standard Time"), in any case; None if there is no such name."""
    return _windows_by_lower_case().get(name.strip().lower())


def iana_to_windows(name: str) -> str | None:
    """The Windows name of an IANA zone, for calendars that know no other; None for the few zones without one."""
    return _windows_by_iana().get(name)


def resolve_tzid(tzid: str, vtimezone: str | None = None) -> ZoneInfo | None:
    """The zone that a TZID of foreign calendar text means, or None: the caller then refuses or flags the event.

    In this order: an IANA name in any case; one behind a prefix ("/freeassociation.sourceforge.net/Europe/Paris",
    "/citadel.org/20210210_1/Europe/Paris"); a Windows name; an IANA name stated inside `vtimezone` (the text of the
    VTIMEZONE component of that TZID); the zone whose present rules are those of `vtimezone`.
    """
    name = _named(tzid) or (_embedded(vtimezone) if vtimezone else None)
    return ZoneInfo(name) if name else None


def _named(tzid: str) -> str | None:
    text = tzid.strip().strip('"')
    return _iana_suffix(text) or windows_to_iana(text)


def _iana_suffix(text: str) -> str | None:
    """The longest tail of slash-separated parts that is a zone; a tail of one part only where it is the whole."""
    parts = [part for part in text.replace("\\", "/").split("/") if part]
    for first in range(len(parts)):
        tail = "/".join(parts[first:])
        name = _known_by_lower_case().get(tail.lower())
        if name and ("/" in name or first == 0 or name == "UTC"):
            return name
    return None


_STATED = re.compile(r"^(?:X-LIC-LOCATION|TZID-ALIAS-OF|X-WR-TIMEZONE)[^:\r\n]*:(.*)$", re.IGNORECASE | re.MULTILINE)


@lru_cache(maxsize=512)
def _embedded(vtimezone: str) -> str | None:
    for stated in _STATED.findall(vtimezone):
        name = _named(stated)
        if name:
            return name
    return matching_zone(vtimezone, _candidates())


@lru_cache(maxsize=1)
def _candidates() -> tuple[str, ...]:
    """Zones to try by their rules, the most usual first: CLDR's defaults, all fixed offsets, then the others."""
    usual = [names.split()[0] for names in WINDOWS_ZONES.values()]
    fixed = sorted(name for name in _known() if name.startswith("Etc/GMT") and name[7:8] in "+-" and len(name) > 8)
    return tuple(dict.fromkeys(["UTC", *fixed, *usual, *zone_names()]))
