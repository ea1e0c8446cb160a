"""Which events of a calendar are ours. The link table is the identity; our marker in an event is a hint only (F01)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from kalends.calendars.models import Link, LinkStatus, RemoteCalendar
from kalends.jobs.listed import Listed

_OVER = (LinkStatus.CLOSED, LinkStatus.ORPHANED)


_BY_ID = Listed(
    lambda calendar, ids: (
        Link.objects.filter(calendar=calendar, remote_id__in=ids)
        .exclude(status__in=_OVER)
        .only("remote_id", "generation")
    ),
    calendar=UUID,
    ids=[str],
)
_BY_MARKER = Listed(
    lambda calendar, named: (
        Link.objects.filter(calendar=calendar, pk__in=named, remote_id="")
        .exclude(status__in=_OVER)
        .only("remote_id", "generation")
    ),
    calendar=UUID,
    named=[UUID],
)


def parse_op_key(op_key: str) -> tuple[UUID, int] | None:
    """The link and the generation that a marker names (`sync.port.Intent.op_key`); None if it is not one of ours."""
    if len(op_key) < 36:
        return None
    try:
        return UUID(hex=op_key[:32]), int(op_key[32:], 16)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Ours:
    """`ids` are remote ids of links that stand; `expected` are markers of creates whose answer has not come."""

    ids: frozenset[str]
    expected: frozenset[str]

    @classmethod
    def among(cls, calendar: RemoteCalendar, events: Collection[tuple[str, str]]) -> Ours:
        """Of these events of a calendar, each (remote id, marker): what it costs depends on their number alone."""
        named = [found[0] for _, op_key in events if (found := parse_op_key(op_key))]
        standing = _BY_ID.rows(calendar=calendar.pk, ids=[remote_id for remote_id, _ in events])
        standing += _BY_MARKER.rows(calendar=calendar.pk, named=named)
        return cls(
            frozenset(link.remote_id for link in standing if link.remote_id),
            frozenset(op_key_of(link) for link in standing if not link.remote_id),
        )

    def has(self, remote_id: str, op_key: str) -> bool:
        return remote_id in self.ids or (bool(op_key) and op_key in self.expected)


def op_key_of(link: Link) -> str:
    return f"{link.pk.hex}{link.generation:04x}"
