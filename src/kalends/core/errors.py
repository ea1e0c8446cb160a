"""Errors that a person or a program outside may be shown.

KalendsError
├── InvalidInput      what was sent cannot be used; `field` names the part
├── NotFound          there is no such thing, or not for this caller
├── NotAllowed        the caller may not do this
├── Conflict          the state moved on: a slot is taken, a version is stale
└── Unavailable       cannot be answered safely now; trying again may help
"""

from __future__ import annotations


class KalendsError(Exception):
    """`code` is stable and for programs, `message` is for people, `field` names the input at fault."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code


class InvalidInput(KalendsError):
    code = "invalid"


class NotFound(KalendsError):
    code = "not_found"


class NotAllowed(KalendsError):
    code = "not_allowed"


class Conflict(KalendsError):
    code = "conflict"


class Unavailable(KalendsError):
    code = "unavailable"
