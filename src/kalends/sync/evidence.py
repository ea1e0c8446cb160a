"""What is known about one event just now. Only `Present` and `Gone` come from a direct read and can change anything."""

from __future__ import annotations

from dataclasses import dataclass

from kalends.sync.port import RemoteEvent


@dataclass(frozen=True, slots=True)
class Present:
    """Read directly, just now."""

    event: RemoteEvent


@dataclass(frozen=True, slots=True)
class Gone:
    """A direct read of the event said so, and in the same run its calendar was read and is there and writable."""

    how: str = "404"


@dataclass(frozen=True, slots=True)
class HintDeleted:
    """A delta, or a list with tombstones, said so. Causes a direct read; changes nothing by itself."""


@dataclass(frozen=True, slots=True)
class AbsentFromList:
    """A complete listing lacks it. Causes a direct read; changes nothing by itself."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows: an error, a time-out, a partial page. Changes nothing."""

    reason: str


Evidence = Present | Gone | HintDeleted | AbsentFromList | Unknown
