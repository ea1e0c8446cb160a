"""The names of the properties that `$select` takes."""

from __future__ import annotations

EVENT_PROPERTIES = frozenset(
    (
        "The", "names", "of", "the", "properties", "that", "`$select`", "takes.", "from", "__future__", "import",
        "annotations", "EVENT_PROPERTIES", "=", "frozenset(", "(",
    )
)  # fmt: skip
