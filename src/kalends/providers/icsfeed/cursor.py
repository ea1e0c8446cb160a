"""What is remembered of a feed from one read to the next: no text, no address, nothing of anybody's events but digests."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from kalends.providers.icsfeed.units import DIGEST_BYTES

_FORM = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last good copy.

    etag, modified  what makes the next request conditional
    body            digest of its bytes
    floating        the zone in which its times without one were read
    units           digests of the units in it
    bad             digests of units that could not be read, with why
    pause           until the next read
    stated          the pause that the feed asks for, None if it asks for none
    """

    etag: str
    modified: str
    body: str
    floating: str
    units: frozenset[str]
    bad: dict[str, str] = field(default_factory=dict)
    pause: timedelta | None = None
    stated: timedelta | None = None


def write(cursor: Cursor) -> str:
    packed = b64encode(bytes.fromhex("".join(sorted(cursor.units)))).decode()
    return json.dumps(
        {
            "form": _FORM,
            "etag": cursor.etag,
            "modified": cursor.modified,
            "body": cursor.body,
            "floating": cursor.floating,
            "units": packed,
            "bad": cursor.bad,
            "pause": cursor.pause.total_seconds() if cursor.pause else None,
            "stated": cursor.stated.total_seconds() if cursor.stated else None,
        },
        separators=(",", ":"),
    )


def read(text: str) -> Cursor | None:
    """None for one that this version did not write: everything is read again then."""
    try:
        found = json.loads(text)
        if found["form"] != _FORM:
            return None
        digits = b64decode(found["units"]).hex()
        size = 2 * DIGEST_BYTES
        return Cursor(
            found["etag"],
            found["modified"],
            found["body"],
            found["floating"],
            frozenset(digits[at : at + size] for at in range(0, len(digits), size)),
            dict(found["bad"]),
            timedelta(seconds=found["pause"]) if found["pause"] else None,
            timedelta(seconds=found["stated"]) if found["stated"] else None,
        )
    except (ValueError, KeyError, TypeError):
        return None


def problems(text: str) -> dict[str, int]:
    """How many events of the last good copy were set aside, by reason."""
    found = read(text) if text else None
    return dict(Counter(found.bad.values())) if found else {}
