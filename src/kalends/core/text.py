"""Texts that people typed, before they are kept."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """`text` with white space of every kind, line ends too, as single spaces: names stand in subjects and headings.

    Joiners stay: names in Persian and signs put together of several need them.
    """
    return " ".join(text.split())


def has_control(text: str) -> bool:
    """Whether `text` holds a control character other than tabulator and line end, or one that turns what follows it."""
    return _CONTROL.search(text) is not None
