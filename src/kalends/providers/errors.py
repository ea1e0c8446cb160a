"""What the providers share when a request fails or its answer is odd: errors of the port, time limits, Retry-After."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from kalends.net.errors import BadRedirect, NetError, Refused, TooLarge
from kalends.net.http import Response
from kalends.sync.port import Ambiguous, Permanent, ProviderError, Temporary

_LONGEST = timedelta(hours=24)


class AnswerTooLarge(Permanent):
    """The answer is larger than we take; asking for less at a time may help."""


def from_net(error: NetError, *, write: bool) -> ProviderError:
    """A write that may have reached the provider is Ambiguous; nothing here is ever evidence about an event."""
    if isinstance(error, Refused):
        return Permanent("address_refused")
    if isinstance(error, BadRedirect):
        return Permanent("redirected")
    if write and error.sent:
        return Ambiguous(type(error).__name__)
    if isinstance(error, TooLarge):
        return AnswerTooLarge("answer_too_large")
    return Temporary(type(error).__name__)


def retry_at(header: str, now: datetime) -> datetime | None:
    """The instant that a Retry-After means (seconds or a date), at most a day ahead; None if there is none."""
    try:
        moment = now + timedelta(seconds=max(0.0, float(header)))
    except (ValueError, OverflowError):
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return min(max(moment, now), now + _LONGEST)


def json_object(response: Response, *, write: bool) -> dict[str, Any]:
    """The object that a success carries. A write whose answer cannot be read was carried out, nobody knows how."""
    try:
        answer = response.json()
    except ValueError as error:
        raise (Ambiguous if write else Temporary)("not_json") from error
    if not isinstance(answer, dict):
        raise (Ambiguous if write else Temporary)("not_an_object")
    return answer


class Deadline:
    """When all requests of one question together must have ended; none unless one is set."""

    def __init__(self) -> None:
        self._at: float | None = None

    def set(self, seconds: float | None) -> None:
        """From now on all requests together end within `seconds`; None: each has the usual time."""
        self._at = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Seconds for the next request; None: the usual time. Raises Temporary when none are left."""
        left = None if self._at is None else self._at - time.monotonic()
        if left is not None and left <= 0:
            raise Temporary("deadline")
        return left
