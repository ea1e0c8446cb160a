"""Prepared queries over lists of any length, with few SQL texts to keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kalends.jobs.prepared import Prepared

# What is longer costs the database more than Django's writing of the query, and so much text is not to be kept.
_LONGEST = 256


class Listed(Prepared):
    """A `Prepared` whose lists are filled up, with values that they have, to a power of two. For `__in` only."""

    def _run(self, values: Mapping[str, Any]) -> tuple[list[Any], int]:
        lists = {name: list(values[name]) for name, kind in self._kinds.items() if isinstance(kind, list)}
        if any(len(items) > _LONGEST for items in lists.values()):
            rows = list(self._build(**{**values, **lists})) if all(lists.values()) else []
            return rows, len(rows)
        return super()._run({**values, **{name: _filled(items) for name, items in lists.items()}})


def _filled(items: list[Any]) -> list[Any]:
    length = 1 << max(0, len(items) - 1).bit_length()
    return items + items[-1:] * (length - len(items))
