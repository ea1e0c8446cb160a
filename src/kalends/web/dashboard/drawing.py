"""The small picture of a service: time before, the appointment, time after, to scale."""

from __future__ import annotations

from dataclasses import dataclass

_WIDTH = 320.0


@dataclass(frozen=True, slots=True)
class Part:
    kind: str
    x: float
    width: float
    minutes: int

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)

    @property
    def wide(self) -> bool:
        """Whether its minutes can be written into it."""
        return self.width >= 26


def buffer_drawing(before: int, duration: int, after: int) -> list[Part]:
    """The parts that are not empty, in picture units of a width of 320. All arguments in minutes."""
    total = before + duration + after or 1
    parts, x = [], 0.0
    for kind, minutes in (("before", before), ("service", duration), ("after", after)):
        width = round(_WIDTH * minutes / total, 1)
        if minutes:
            parts.append(Part(kind, round(x, 1), width, minutes))
        x += width
    return parts
