"""English as it is read around the world: the day first, the 24-hour clock, weeks from Monday."""

from __future__ import annotations
